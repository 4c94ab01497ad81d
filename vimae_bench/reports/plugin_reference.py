"""The reference page of a kind of plugin, from the docstrings, settings and measures of all plugins installed."""

import inspect
import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..analysis.measure_texts import describe_unit
from ..analysis.statements import format_margin
from ..analysis.summary import TOPICS
from ..core.canonical import Json
from ..core.results import Measure
from ..models.model_spec import ModelSpec
from ..plugin.catalog import Catalog, CatalogEntry
from ..plugin.registry import load_factory
from .table_format import format_arrow

KIND_TITLES = {
    "objective": (
        "Objectives",
        "Losses to be minimised: sums over pixels and latent dimensions, means over the batch. SSE is the squared "
        "error of an image in network units, c is `recon_scale`, q(z) the aggregated posterior, p(z) the prior.",
    ),
    "metric": (
        "Metrics",
        "All are measured on the test images, in evaluation mode, in nats and [0, 1] units, unless they say otherwise.",
    ),
    "picture": (
        "Pictures",
        "What is shown of every trained model, on the same images and the same noise for all methods.",
    ),
    "prior": ("Priors", "Distributions p(z) of the codes."),
    "divergence": ("Divergences", "Of the aggregated posterior q(z) from the prior p(z), from the codes of a batch."),
    "dataset": ("Data sets", "Where images come from, and how they are split."),
    "architecture": ("Architectures", "Encoder and decoder for images of a shape."),
}

REFERENCE_MODEL = ModelSpec((1, 28, 28), 8)
"""A model whose costs the overview of metrics states."""
MAX_UNREPORTED_COST = 10.0
"""In seconds."""


def format_plugin_reference(kind: str, catalog: Catalog) -> str:
    """The page in Markdown. Raises KeyError for a kind without such a page."""
    title, text = KIND_TITLES[kind]
    entries = sorted((e for e in catalog.entries if e.kind == kind), key=lambda e: e.name)
    made = f"<!-- Made by `vimae-bench plugins --reference {kind}`: change the docstrings, not this page. -->"
    overview = _format_overview(entries) if kind == "metric" else ()
    parts = [f"# {title}", made, text, *overview, *(_format_section(entry) for entry in entries)]
    return "\n\n".join(parts) + "\n"


def _format_overview(entries: Sequence[CatalogEntry]) -> Iterator[str]:
    """All metrics in a table, by what they are good for."""
    yield (
        "Costs are for a model with 8 latents and 10,000 test images of 28x28 pixels, on one core, where it takes more "
        "than ten seconds."
    )
    rows = sorted(
        (_format_overview_row(entry) for entry in entries),
        key=lambda row: TOPICS.index(row[0]) if row[0] in TOPICS else len(TOPICS),
    )
    lines = ["| topic | metric | what it measures | use it for | cost |", "|---|---|---|---|---|"]
    yield "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _format_overview_row(entry: CatalogEntry) -> tuple[str, ...]:
    metric: Any = load_factory(entry)()
    measures: Sequence[Measure] = metric.measures()
    shown = [measure for measure in measures if measure.better and not measure.is_hidden] or list(measures)
    first = shown[0]
    unit = describe_unit(first)
    what = f"{first.title.replace('|', '&#124;')}{f', {unit}' if unit else ''} {format_arrow(first)}".rstrip()
    cost = metric.cost(REFERENCE_MODEL, "cpu")
    return first.topic, f"[`{entry.name}`](#{entry.name})", what, metric.use_for, _format_seconds(cost)


def _format_seconds(seconds: float) -> str:
    if seconds <= MAX_UNREPORTED_COST:
        return ""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _format_section(entry: CatalogEntry) -> str:
    plugin: Any = load_factory(entry)
    parts = [f"## `{entry.name}`", inspect.getdoc(plugin) or "", *_format_facts(plugin), *_format_settings(entry.form)]
    if entry.kind == "metric":
        parts += _format_measures(plugin().measures(), entry.version)
    return "\n\n".join(part for part in parts if part)


def _format_facts(plugin: Any) -> Iterator[str]:  # noqa: ANN401
    """What the attributes of the class say."""
    named = {"formula": "Minimises", "estimator": "Estimator", "bias": "Bias", "source": "Source"}
    lines = [f"- **{word}:** {getattr(plugin, name)}" for name, word in named.items() if getattr(plugin, name, "")]
    cases: Sequence[str] = getattr(plugin, "special_cases", ())
    lines += [f"- **Special case:** {case}" for case in cases]
    changes: Sequence[str] = getattr(plugin, "changes", ())
    lines += [f"- **Version {version}:** {change}" for version, change in enumerate(changes, start=2)]
    if lines:
        yield "\n".join(lines)


def _format_settings(form: Json) -> Iterator[str]:
    if form["fields"]:
        rows = [
            f"| `{name}` | {_describe_form(inner)} | {_format_default(inner)} |"
            for name, inner in form["fields"].items()
        ]
        yield "\n".join(["| setting | values | default |", "|---|---|---|", *rows])


def _format_measures(measures: Sequence[Measure], version: int) -> Iterator[str]:
    rows = [
        f"| `{m.name}` | {m.unit or '-'} | {m.better or format_arrow(m) or '-'} | "
        f"{format_margin(m, m.margin) if m.margin else '-'} | {m.name.replace(' ', '_')}/v{version} |"
        for m in measures
    ]
    yield "\n".join(["| measure | unit | better | margin | definition |", "|---|---|---|---|---|", *rows])


def _describe_form(form: Json) -> str:
    if "plugin" in form:
        return f"a {form['plugin']}"
    if "list" in form:
        return f"list of: {_describe_form(form['list'])}"
    return _describe_schema(form["schema"])


def _describe_schema(schema: Json) -> str:
    """A JSON schema in words, such as `number > 0`."""
    if "anyOf" in schema:
        return " or ".join(_describe_schema(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    given = str(schema.get("type", "any"))
    kind = {"null": "none", "array": "list"}.get(given, given)
    inner = f" of {_describe_schema(schema['items'])}" if isinstance(schema.get("items"), dict) else ""
    bounds = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return kind + inner + "".join(f" {sign} {schema[name]:g}" for name, sign in bounds.items() if name in schema)


def _format_default(form: Json) -> str:
    if "default" not in form:
        return "required"
    value = form["default"]
    return "none" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"

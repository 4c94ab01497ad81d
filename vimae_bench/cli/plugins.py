"""`vimae-bench plugins`: what is installed."""

import json
from dataclasses import asdict

import click

from ..core.errors import escape_control_characters
from ..plugin.catalog import Catalog, get_catalog
from ..plugin.declarations import Preset
from ..plugin.hookspecs import HOOKS
from ..plugin.manager import PluginOrigin


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Everything, with the settings of each, as JSON.")
@click.option(
    "--reference",
    type=click.Choice(["objective", "metric", "prior", "divergence", "dataset", "architecture"]),
    help="The reference page of a kind in markdown: formulas, sources, settings, measures.",
)
def plugins(as_json: bool, reference: str | None) -> None:
    """List every plugin by kind, preset and schedule, with the distribution it comes from, and what cannot be used.

    \b
    Examples:
      vimae-bench plugins
      vimae-bench plugins --reference objective
    """
    catalog = get_catalog()
    if reference:
        from ..reports import plugin_reference as page

        click.echo(page.format_plugin_reference(reference, catalog), nl=False)
        return
    click.echo(
        json.dumps(_make_json(catalog), indent=1) if as_json else escape_control_characters(_format_text(catalog))
    )


def _format_text(catalog: Catalog) -> str:
    lines: list[str] = []
    for kind in HOOKS:
        entries = sorted((e for e in catalog.entries if e.kind == kind), key=lambda e: e.name)
        lines += [
            f"\n{kind}",
            *(_format_line(e.name, e.summary, e.origin) for e in entries),
        ]
    presets, schedules = sorted(catalog.presets.items()), sorted(catalog.schedules.items())
    lines += ["\npreset"] if presets else []
    lines += [_format_line(name, _describe_preset(preset), catalog.preset_origins[name]) for name, preset in presets]
    lines += ["\nschedule"] if schedules else []
    lines += [_format_line(name, "", origin) for name, origin in schedules]
    lines += ["\ncannot be used", *(f"  {broken}" for broken in catalog.broken)] if catalog.broken else []
    return "\n".join(lines).lstrip("\n")


def _format_line(name: str, summary: str, origin: PluginOrigin) -> str:
    return f"  {name:16} {summary}{'  ' if summary else ''}[{origin.distribution} {origin.version}]"


def _describe_preset(preset: Preset) -> str:
    """What a preset sets, in one line."""
    tables = {"objective": preset.objective, "training": preset.training}
    parts = [f"{table}.{key} = {json.dumps(v)}" for table, settings in tables.items() for key, v in settings.items()]
    if preset.scale_from_sigma:
        parts.append(f"objective.{preset.scale_from_sigma} from sigma")
    if preset.training_by_dataset:
        parts.append(f"more for {', '.join(preset.training_by_dataset)}")
    return "; ".join(parts)


def _make_json(catalog: Catalog) -> dict[str, object]:
    entries = [
        {
            "kind": e.kind,
            "name": e.name,
            "summary": e.summary,
            "version": e.version,
            **_describe_origin(e.origin),
            "settings": e.form["fields"],
            "required": e.form["required"],
        }
        for e in catalog.entries
    ]
    broken = [
        {
            "plugin": b.origin.entry_point,
            "distribution": b.origin.distribution,
            "distribution_version": b.origin.version,
            "kind": b.kind,
            "name": b.name,
            "reason": b.reason,
        }
        for b in catalog.broken
    ]
    presets = [
        {"name": name, **_describe_origin(catalog.preset_origins[name]), **asdict(preset)}
        for name, preset in catalog.presets.items()
    ]
    schedules = [{"name": name, **_describe_origin(origin)} for name, origin in catalog.schedules.items()]
    return {"plugins": entries, "presets": presets, "schedules": schedules, "broken": broken}


def _describe_origin(origin: PluginOrigin) -> dict[str, str]:
    return {
        "distribution": origin.distribution,
        "distribution_version": origin.version,
        "module": origin.module,
    }

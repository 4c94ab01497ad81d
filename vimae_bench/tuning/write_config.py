"""The benchmark file with the settings that were chosen, for `vimae-bench run` to rank on the test images."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..analysis.footnotes import format_count
from ..analysis.trials import TrialResult, TuningResult
from ..config.benchmark import Benchmark, MethodConfig, apply_override
from ..config.file_form import get_file_form
from ..config.search_space import apply_settings
from ..core.canonical import Json
from ..core.errors import BenchError, escape_control_characters
from ..plugin.catalog import Catalog
from .study import Study

SAMPLER_NAMES = {"random": "random search", "tpe": "TPE"}
SCHEMA_COMMENT = "#:schema"


def format_tuned_benchmark(
    benchmark: Benchmark, overrides: Sequence[str], study: Study, tuned: Sequence[TuningResult], command: str
) -> str:
    """The text of the file: that of the benchmark, comments and all, with the best settings of each method.

    Raises BenchError for a method of which all trials are lost.
    """
    import tomlkit

    document: Any = tomlkit.parse(benchmark.source)
    for override in overrides:
        apply_override(document, override, get_file_form(study.catalog))
    chosen = {result.label: _get_best(result).settings for result in tuned}
    for raw in document["method"] if isinstance(document["method"], list) else [document["method"]]:
        raw.pop("search", None)
        method = next(m for m in benchmark.groups[0].methods if m.label == raw["label"])
        _set_values(raw, method, chosen.get(method.label, {}), study.catalog)
    document.pop("tuning", None)
    document["name"] = f"{benchmark.name}-tuned"
    document.setdefault("leaderboard", tomlkit.table())["provenance"] = describe_tuning(study, benchmark)
    head, text = _split_head(tomlkit.dumps(document))
    comments = (
        escape_control_characters(" ".join(line.split())) for line in _list_comments(benchmark, study, tuned, command)
    )
    return head + "".join(f"# {line}\n" for line in comments) + text


def describe_tuning(study: Study, benchmark: Benchmark) -> str:
    """How settings were chosen, in a sentence for the foot of a leaderboard."""
    tuning, others = benchmark.tuning, list_fixed_methods(benchmark)
    how = f"{SAMPLER_NAMES[tuning.sampler]}, seed{'s' * (len(tuning.seeds) > 1)} {', '.join(map(str, tuning.seeds))}"
    as_given = f"; not tuned: {', '.join(others)}" if others else ""
    return f"Tuned, {format_count(tuning.trials, 'trial')} each on validation {study.measure.name} ({how}){as_given}."


def list_fixed_methods(benchmark: Benchmark) -> list[str]:
    """The labels of the methods that stay as the file has them."""
    return [method.label for method in benchmark.groups[0].methods if not method.search and not method.control_of]


def _list_comments(benchmark: Benchmark, study: Study, tuned: Sequence[TuningResult], command: str) -> Iterator[str]:
    yield f"Made by `{command}`."
    yield describe_tuning(study, benchmark)
    for result in tuned:
        best = _get_best(result)
        value = f"{study.measure.name} {best.value:.5g}"
        yield f"{result.label}: trial {best.number}, {value}, {result.describe_choice()}."


def _get_best(result: TuningResult) -> TrialResult:
    if result.best is None:
        raise BenchError(f"{result.label}: all of its {len(result.trials)} trials failed: {result.trials[0].reason}")
    return result.best


def _set_values(raw: Any, method: MethodConfig, values: Mapping[str, Any], catalog: Catalog) -> None:  # noqa: ANN401
    """Put values of settings into a method's table, as its author wrote it: bare names of plugins become tables."""
    chosen = apply_settings(method, values, catalog)
    completed: Json = {"objective": chosen.objective.as_json(), "prior": chosen.prior.as_json(), "training": {}}
    for path in sorted(values, key=lambda path: path.count(".")):
        *parents, last = path.split(".")
        table, spec = raw, completed
        for part in parents:
            spec = spec[part]
            table = _open_table(table, part, spec.get("use"))
        table[last] = values[path]


def _open_table(table: Any, part: str, use: str | None) -> Any:  # noqa: ANN401
    import tomlkit

    if not isinstance(table.get(part), dict):
        inner = tomlkit.inline_table()
        if use is not None:
            inner["use"] = use
        table[part] = inner
    return table[part]


def _split_head(text: str) -> tuple[str, str]:
    """The line that editors want first, if it is there, and the rest."""
    first, end, rest = text.partition("\n")
    return (first + end, rest) if first.startswith(SCHEMA_COMMENT) else ("", text)

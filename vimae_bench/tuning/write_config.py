"""The benchmark file with the settings that were chosen, for `vimae-bench run` to rank on the test images."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..analysis.footnotes import format_count
from ..analysis.trials import TrialResult, TuningResult
from ..config.benchmark import Benchmark, MethodConfig, apply_override
from ..config.file_form import get_file_form
from ..config.search_space import apply_settings
from ..core.canonical import Json
from ..core.errors import BenchError, legible
from ..plugin.catalog import get_catalog
from .study import Study

SEARCHES = {"random": "random search", "tpe": "TPE"}
EDITORS = "#:schema"


def format_tuned_benchmark(
    benchmark: Benchmark, overrides: Sequence[str], sweep: Study, tuned: Sequence[TuningResult], command: str
) -> str:
    """The text of the file: that of the benchmark, comments and all, with the best settings of each method.

    Raises BenchError for a method of which all trials are lost.
    """
    import tomlkit

    document: Any = tomlkit.parse(benchmark.source)
    for given in overrides:
        apply_override(document, given, get_file_form(sweep.known))
    chosen = {one.label: _best(one).settings for one in tuned}
    for raw in document["method"] if isinstance(document["method"], list) else [document["method"]]:
        raw.pop("search", None)
        method = next(m for m in benchmark.groups[0].methods if m.label == raw["label"])
        _set(raw, method, chosen.get(method.label, {}))
    document.pop("tuning", None)
    document["name"] = f"{benchmark.name}-tuned"
    document.setdefault("leaderboard", tomlkit.table())["provenance"] = describe_tuning(sweep, benchmark)
    head, text = _parted(tomlkit.dumps(document))
    comment = (legible(" ".join(line.split())) for line in _comment(benchmark, sweep, tuned, command))
    return head + "".join(f"# {line}\n" for line in comment) + text


def describe_tuning(sweep: Study, benchmark: Benchmark) -> str:
    """How settings were come by, in a sentence for the foot of a leaderboard."""
    tuning, others = benchmark.tuning, list_fixed_methods(benchmark)
    how = f"{SEARCHES[tuning.sampler]}, seed{'s' * (len(tuning.seeds) > 1)} {', '.join(map(str, tuning.seeds))}"
    as_given = f"; not tuned: {', '.join(others)}" if others else ""
    return f"Tuned, {format_count(tuning.trials, 'trial')} each on validation {sweep.measure.name} ({how}){as_given}."


def list_fixed_methods(benchmark: Benchmark) -> list[str]:
    """The labels of the methods that stay as the file has them."""
    return [method.label for method in benchmark.groups[0].methods if not method.search and not method.control_of]


def _comment(benchmark: Benchmark, sweep: Study, tuned: Sequence[TuningResult], command: str) -> Iterator[str]:
    yield f"Made by `{command}`."
    yield describe_tuning(sweep, benchmark)
    for one in tuned:
        best = _best(one)
        yield f"{one.label}: trial {best.number} of {len(one.trials)}, {sweep.measure.name} {best.value:.5g}"


def _best(one: TuningResult) -> TrialResult:
    if one.best is None:
        raise BenchError(f"{one.label}: none of its {len(one.trials)} trials is whole: {one.trials[0].reason}")
    return one.best


def _set(raw: Any, method: MethodConfig, settings: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Put settings into a method's table as its author has it: inner tables and bare names of plugins are entered."""
    made = apply_settings(method, settings, get_catalog())
    whole: Json = {"objective": made.objective.as_json(), "prior": made.prior.as_json(), "training": {}}
    for path in sorted(settings, key=lambda path: path.count(".")):
        *parents, last = path.split(".")
        table, choice = raw, whole
        for part in parents:
            choice = choice[part]
            table = _entered(table, part, choice.get("use"))
        table[last] = settings[path]


def _entered(table: Any, part: str, use: str | None) -> Any:  # noqa: ANN401
    import tomlkit

    if not isinstance(table.get(part), dict):
        inner = tomlkit.inline_table()
        if use is not None:
            inner["use"] = use
        table[part] = inner
    return table[part]


def _parted(text: str) -> tuple[str, str]:
    """The line that editors want first, if it is there, and the rest."""
    first, end, rest = text.partition("\n")
    return (first + end, rest) if first.startswith(EDITORS) else ("", text)

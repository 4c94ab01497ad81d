"""A sweep: rounds of trials, of all methods side by side, as the runs of a benchmark on held-out images.

Nothing is kept but the runs' own records. A sweep that was cut off draws the same settings again, finds the runs that
are done, and so goes on where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..analysis.trials import TrialResult, TuningResult, summarize_trial
from ..config import matrix
from ..config.benchmark import Benchmark, Group, MethodConfig
from ..config.search_space import (
    SearchedMethod,
    apply_settings,
    find_search_problems,
    get_bare_settings,
    list_searched_methods,
)
from ..core.errors import brief, did_you_mean
from ..core.results import Measure
from ..core.spec import MatrixEntry, PluginSpec
from ..plugin import registry
from ..plugin.catalog import Catalog
from ..plugin.interfaces import Metric
from ..plugin.settings import SettingsChecker
from ..storage.metric_file import suffix_of
from ..storage.store import ResultsFolder
from .sampler import Sampler


@dataclass(frozen=True)
class Study:
    """What is to be tried: `benchmark` has the methods that search, on held-out images, from the seeds to tune on."""

    benchmark: Benchmark
    searched: tuple[SearchedMethod, ...]
    measure: Measure
    known: Catalog

    @property
    def group(self) -> Group:
        """The one part of its matrix."""
        return self.benchmark.groups[0]

    def entries(self, trials: Sequence[MethodConfig]) -> list[MatrixEntry]:
        """The runs of some trials."""
        return matrix.list_entries(replace(self.benchmark, groups=(replace(self.group, methods=tuple(trials)),)))


def plan_study(benchmark: Benchmark, known: Catalog) -> Study:
    """The sweep that a benchmark file asks for. Raises Problems with all that is wrong with it, each at its line."""
    metrics, name = _metrics(benchmark), benchmark.tuning.measure or benchmark.leaderboard.rank_by
    found = [*find_search_problems(benchmark, known)]
    found += [(("tuning", "measure"), problem)] if (problem := metrics.problem(name)) else []
    if found:
        raise benchmark.make_error([*dict.fromkeys(found)])
    measure, choices = metrics.needed(name)
    methods, (group,) = list_searched_methods(benchmark, known), benchmark.groups
    seen = replace(
        group,
        seeds=benchmark.tuning.seeds,
        datasets=(_held_out(group.datasets[0], known),),
        methods=tuple(one.method for one in methods),
        metrics=choices,
        leave_out=(),
    )
    return Study(replace(benchmark, name=f"{benchmark.name}-tuning", groups=(seen,)), tuple(methods), measure, known)


def run_study(
    sweep: Study, store: ResultsFolder, work: Callable[[Sequence[MatrixEntry]], object]
) -> list[TuningResult]:
    """Draw and try settings, round by round; `work` has the runs of a round made in the store."""
    tuning, better = sweep.benchmark.tuning, sweep.measure.better or "lower"
    samplers = [Sampler(one.space, better, tuning.sampler, tuning.seed, one.method.label) for one in sweep.searched]
    attempts: list[list[TrialResult]] = [[] for _ in samplers]
    for numbers in _batched(range(tuning.trials), tuning.at_once):
        asked = [[sampler.ask() for _ in numbers] for sampler in samplers]
        work(sweep.entries([*_methods(sweep, numbers, asked)]))
        for sampler, one, settings, made in zip(samplers, sweep.searched, asked, attempts, strict=True):
            for number, values in zip(numbers, settings, strict=True):
                run_results = store.load_results(sweep.entries([_method(sweep, one, number, values)]))
                made.append(summarize_trial(number + 1, values, run_results, sweep.measure))
                sampler.tell(number, made[-1].value)
    return [
        TuningResult(one.method.label, tuple(made), better) for one, made in zip(sweep.searched, attempts, strict=True)
    ]


def _methods(sweep: Study, numbers: Sequence[int], asked: Sequence[Sequence[dict[str, Any]]]) -> Iterator[MethodConfig]:
    """The trials of a round, those of one number side by side."""
    for place, number in enumerate(numbers):
        for one, settings in zip(sweep.searched, asked, strict=True):
            yield _method(sweep, one, number, settings[place])


def _method(sweep: Study, one: SearchedMethod, number: int, settings: dict[str, Any]) -> MethodConfig:
    made = apply_settings(one.method, settings, sweep.known)
    return replace(made, label=f"{one.method.label} #{number + 1}")


def _held_out(dataset: PluginSpec, known: Catalog) -> PluginSpec:
    raw = {"use": "held_out", "of": get_bare_settings(dataset)}
    return PluginSpec.from_json(SettingsChecker(known.get_form).complete({"plugin": "dataset"}, raw))


@dataclass(frozen=True)
class _Metrics:
    """A benchmark's metrics with what each of them measures."""

    choices: tuple[PluginSpec, ...]
    measures: tuple[tuple[Measure, ...], ...]

    def problem(self, name: str) -> str:
        """Why one cannot tune on the measure of this name; empty if one can."""
        directed = [measure.name for few in self.measures for measure in few if measure.better]
        if not name:
            return f"say which measure settings are chosen by{did_you_mean('', directed)}"
        known = name in directed
        return "" if known else f"no measure with a direction is called {brief(name)}{did_you_mean(name, directed)}"

    def needed(self, name: str) -> tuple[Measure, tuple[PluginSpec, ...]]:
        """The measure, and the metrics that it takes: its own, and those that tell collapsed runs it does not rank."""
        pairs = [*zip(self.choices, self.measures, strict=True)]
        use, measure = next((c.name, m) for c, few in pairs for m in few if m.name == name)
        telling = [c for c, few in pairs if not measure.ranks_collapsed and any(m.collapse_below for m in few)]
        return measure, tuple(choice for choice in self.choices if choice.name == use or choice in telling)


def _metrics(benchmark: Benchmark) -> _Metrics:
    choices = benchmark.groups[0].metrics
    return _Metrics(choices, tuple(tuple(_measures(choice, choices)) for choice in choices))


def _measures(metric: PluginSpec, metrics: Sequence[PluginSpec]) -> Iterator[Measure]:
    made: Metric = registry.make_plugin("metric", metric)
    for measure in made.measures():
        yield replace(measure, name=measure.name + suffix_of(metric, metrics))


def _batched(numbers: range, size: int) -> Iterator[range]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]

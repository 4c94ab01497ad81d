"""A study: rounds of trials of all methods, as the runs of a benchmark on held-out images.

Nothing is stored but the runs' own records. A study that was interrupted draws the same settings again, finds the runs
that are done, and so continues where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..analysis.trials import TrialResult, TuningResult, summarize_trial
from ..config.benchmark import Benchmark, Group, MethodConfig
from ..config.matrix import list_entries
from ..config.search_space import (
    SearchedMethod,
    apply_settings,
    find_search_problems,
    get_bare_settings,
    list_searched_methods,
)
from ..core.errors import BenchError, shorten_text, suggest_similar
from ..core.margins import parse_margin
from ..core.results import Measure
from ..core.spec import MatrixEntry, PluginSpec
from ..plugin.catalog import Catalog
from ..plugin.measures import list_measures
from ..plugin.registry import complete_spec
from ..storage.store import ResultsFolder
from .sampler import Sampler


@dataclass(frozen=True)
class Study:
    """What is to be tried: `benchmark` has the methods that search, on held-out images, from the seeds to tune on.

    `dataset` is the data set whose images are held out.
    """

    benchmark: Benchmark
    searched: tuple[SearchedMethod, ...]
    measure: Measure
    dataset: PluginSpec
    catalog: Catalog

    @property
    def group(self) -> Group:
        """The one group of its matrix."""
        return self.benchmark.groups[0]

    def list_entries(self, trials: Sequence[MethodConfig]) -> list[MatrixEntry]:
        """The entries of some trials."""
        return list_entries(replace(self.benchmark, groups=(replace(self.group, methods=tuple(trials)),)))


def plan_study(benchmark: Benchmark, catalog: Catalog) -> Study:
    """The study that a benchmark file asks for. Raises InvalidFileError with all that is wrong, each at its line."""
    metrics = [(metric, list_measures(metric, benchmark.groups[0].metrics)) for metric in benchmark.groups[0].metrics]
    name = benchmark.tuning.measure or benchmark.leaderboard.rank_by
    problems = [*find_search_problems(benchmark, catalog)]
    if problem := _explain_untunable(name, metrics):
        problems.append((("tuning", "measure"), problem))
    if problems:
        raise benchmark.make_error([*dict.fromkeys(problems)])
    measure, chosen = _choose_metrics(name, metrics)
    if name in benchmark.leaderboard.margins:
        try:
            measure = replace(measure, margin=parse_margin(measure, benchmark.leaderboard.margins[name]))
        except ValueError as error:
            raise benchmark.make_error([(("leaderboard", "margins", name), str(error))]) from error
    methods, (group,) = list_searched_methods(benchmark, catalog), benchmark.groups
    dataset = group.datasets[0]
    tuned_group = replace(
        group,
        seeds=benchmark.tuning.seeds,
        datasets=(_hold_out(dataset, catalog),),
        methods=tuple(searched.method for searched in methods),
        metrics=chosen,
        leave_out=(),
    )
    tuned = replace(benchmark, name=f"{benchmark.name}-tuning", groups=(tuned_group,))
    return Study(tuned, tuple(methods), measure, dataset, catalog)


def run_study(
    study: Study, results: ResultsFolder, run: Callable[[Sequence[MatrixEntry]], object]
) -> list[TuningResult]:
    """Draw and try settings, round by round; `run` carries out the entries of a round, into the results folder."""
    tuning, measure = study.benchmark.tuning, study.measure
    better = measure.better or "lower"
    samplers = [Sampler(s.space, better, tuning.sampler, tuning.seed, s.method.label) for s in study.searched]
    trials: list[list[TrialResult]] = [[] for _ in samplers]
    for numbers in _split_batches(range(tuning.trials), tuning.at_once):
        drawn = [[sampler.ask() for _ in numbers] for sampler in samplers]
        run(study.list_entries([*_list_trials(study, numbers, drawn)]))
        for sampler, searched, settings, done in zip(samplers, study.searched, drawn, trials, strict=True):
            for number, values in zip(numbers, settings, strict=True):
                entries = study.list_entries([_make_trial(study, searched, number, values)])
                done.append(summarize_trial(number + 1, values, results.load_results(entries), measure))
                sampler.tell(number, done[-1].value)
    return [TuningResult(s.method.label, tuple(done), measure) for s, done in zip(study.searched, trials, strict=True)]


def _list_trials(
    study: Study, numbers: Sequence[int], drawn: Sequence[Sequence[dict[str, Any]]]
) -> Iterator[MethodConfig]:
    """The trials of a round; those of one number follow each other."""
    for place, number in enumerate(numbers):
        for searched, settings in zip(study.searched, drawn, strict=True):
            yield _make_trial(study, searched, number, settings[place])


def _make_trial(study: Study, searched: SearchedMethod, number: int, settings: dict[str, Any]) -> MethodConfig:
    method = apply_settings(searched.method, settings, study.catalog)
    return replace(method, label=f"{searched.method.label} #{number + 1}")


def _hold_out(dataset: PluginSpec, catalog: Catalog) -> PluginSpec:
    """A data set whose test images are the held-out images of this one. Raises BenchError if no plugin offers that."""
    for name in catalog.list_names("dataset"):
        if setting := catalog.get_entry("dataset", name).validates:
            return complete_spec("dataset", {"use": name, setting: get_bare_settings(dataset)}, catalog)
    raise BenchError("tuning needs a data set that tests on held-out images, and no installed plugin declares one")


def _explain_untunable(name: str, metrics: Sequence[tuple[PluginSpec, Sequence[Measure]]]) -> str:
    """Why one cannot tune on the measure of this name; empty if one can."""
    directed = [measure.name for _, measures in metrics for measure in measures if measure.better]
    if not name:
        return f"say which measure settings are chosen by{suggest_similar('', directed)}"
    if name in directed:
        return ""
    return f"no measure with a direction is called {shorten_text(name)}{suggest_similar(name, directed)}"


def _choose_metrics(
    name: str, metrics: Sequence[tuple[PluginSpec, Sequence[Measure]]]
) -> tuple[Measure, tuple[PluginSpec, ...]]:
    """The measure of this name, and the metrics it takes: its own, and those that detect collapse."""
    own, measure = next((m, measure) for m, measures in metrics for measure in measures if measure.name == name)
    detecting = [m for m, measures in metrics if any(one.collapse_below is not None for one in measures)]
    return measure, tuple(metric for metric, _ in metrics if metric in (own, *detecting))


def _split_batches(numbers: range, size: int) -> Iterator[range]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]

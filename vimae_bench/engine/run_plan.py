"""Which runs of a benchmark are still to be done, where and how: prepared and checked first, then carried out."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from ..config.benchmark import Benchmark
from ..config.secret_settings import mask_settings
from ..core.errors import BenchError, ResultsError
from ..core.spec import EXACT_CONFLICT, MatrixEntry, Run, disambiguating_suffix
from ..execution import signals
from ..execution.interfaces import Executor, PreparedExecutor, Reporter
from ..execution.jobs import Job, NumericsOptions
from ..plugin.catalog import get_catalog
from ..plugin.registry import list_run_origins, make_plugin
from ..plugin.source_digest import HARNESS, list_changed_packages
from ..storage.archive import find_results, unpack_results
from ..storage.locks import check_locks
from ..storage.store import FINISHED_STATES, SET_ASIDE, ResultsFolder, RunState
from .disk_space import check_disk_space
from .runner import DEFAULT_NUMERICS, WORKER_MODULES, list_jobs, run_jobs, share_jobs
from .scheduler import explain_executor_failure
from .step.compiler_cache import reserve_compiler_cache

Report = Callable[[str], object]
"""Shows a line to the user."""


@dataclass(frozen=True)
class RunPlan:
    """Entries of a benchmark's matrix that are to be run, with the state of each when the plan was made.

    `shard` is which of how many shares of the jobs comes first, counted from 1, for several processes on one folder.
    With `retrain`, runs of this state, and those that were made by another source of a plugin than is there now, are
    trained again; otherwise they are left as they are.
    """

    benchmark: Benchmark
    entries: tuple[MatrixEntry, ...]
    states: tuple[RunState, ...]
    results: ResultsFolder
    data: Path
    numerics: NumericsOptions = DEFAULT_NUMERICS
    shard: tuple[int, int] | None = None
    retrain: bool = False

    @cached_property
    def jobs(self) -> list[Job]:
        """What is still to be done."""
        states: list[RunState] = [
            "new" if self._is_retrained(entry, state) else state
            for entry, state in zip(self.entries, self.states, strict=True)
        ]
        jobs = list_jobs(self.results, self.benchmark.name, self.entries, self.data, self.numerics, states=states)
        return share_jobs(jobs, *self.shard) if self.shard else jobs

    @property
    def untrained(self) -> list[Run]:
        """The runs that are still to be trained, each once."""
        pairs = zip(self.entries, self.states, strict=True)
        trained = (*FINISHED_STATES, "measure", "retrain")
        wanted = [entry.run for entry, state in pairs if state not in trained or self._is_retrained(entry, state)]
        return [*{run.key: run for run in wanted}.values()]

    @cached_property
    def other_sources(self) -> dict[str, list[str]]:
        """The packages of plugins whose source is not the one that made a run, by the key of the run."""
        finished = ("done", "diverged", "measure", "retrain")
        pairs = zip(self.entries, self.states, strict=True)
        runs = {entry.run.key: entry.run for entry, state in pairs if state in finished and _has_own_code(entry.run)}
        records = {key: self.results.run_folder(run).read_record() for key, run in runs.items()}
        found = {key: list_changed_packages(record.get("made_by") or {}) for key, record in records.items()}
        return {key: packages for key, packages in found.items() if packages}

    @property
    def outdated(self) -> list[MatrixEntry]:
        """The entries that were made by another source of a plugin, one for each run."""
        return [*{entry.run.key: entry for entry in self.entries if entry.run.key in self.other_sources}.values()]

    def _is_retrained(self, entry: MatrixEntry, state: RunState) -> bool:
        """Whether a run that has been trained is to be trained again."""
        return self.retrain and (state == "retrain" or entry.run.key in self.other_sources)

    @property
    def unmeasurable(self) -> list[MatrixEntry]:
        """The entries that lack a measure and the weights to measure, one for each run."""
        pairs = zip(self.entries, self.states, strict=True)
        return [*{entry.run.key: entry for entry, state in pairs if state == "retrain"}.values()]


def prepare_run(
    benchmark: Benchmark,
    entries: Sequence[MatrixEntry],
    folder: Path,
    data: Path,
    numerics: NumericsOptions = DEFAULT_NUMERICS,
    shard: tuple[int, int] | None = None,
    *,
    retrain: bool = False,
) -> RunPlan:
    """The plan of running these entries into a results folder, or into its archive. Reads states, changes nothing."""
    results = ResultsFolder(find_results(folder))
    states: tuple[RunState, ...] = tuple(results.get_state(entry) for entry in entries)
    return RunPlan(benchmark, tuple(entries), states, results, data, numerics, shard, retrain)


def make_executor(plan: RunPlan, *, prepare: bool, modules: Sequence[str] = ()) -> Executor:
    """The benchmark's executor. With `prepare`, it gets ready now for jobs that are to come.

    `modules` are imported by every process that this one starts, in addition to `WORKER_MODULES`.
    """
    executor: Executor = make_plugin("executor", plan.benchmark.executor)
    if prepare and plan.jobs and isinstance(executor, PreparedExecutor):
        with explain_executor_failure():
            executor.prepare((*modules, *WORKER_MODULES))
    return executor


def check_run(plan: RunPlan, report: Report) -> None:
    """Check data, plugins, models and disk space. Raises BenchError with all that is wrong."""
    if plan.numerics.exact and any(entry.run.training.precision != "float32" for entry in plan.entries):
        raise BenchError(EXACT_CONFLICT)
    reserve_compiler_cache()
    with signals.block():
        from .preflight import check_benchmark
        from .provenance import check_recorded_data

    weights = check_benchmark(plan.benchmark, plan.data, report)
    check_recorded_data(plan.results, plan.entries, [job.entry.run for job in plan.jobs], plan.data)
    for line in describe_costs(plan):
        report(line)
    check_disk_space(plan.results.folder, plan.untrained, weights)


def describe_costs(plan: RunPlan) -> list[str]:
    """How long the metrics of the plan take, where that is minutes; torch is loaded only if there are any."""
    if entries := _list_slow(plan):
        from .cost import list_long_metrics

        return [*list_long_metrics(entries, plan.data, plan.benchmark.executor.settings.get("device", "auto"))]
    return []


def explain_unmeasurable(plan: RunPlan) -> list[str]:
    """Why runs are to `retrain`, and what happens to them: a sentence for each reason."""
    reasons = Counter(", ".join(_describe_missing(plan.results, entry)) for entry in plan.unmeasurable)
    then = "to be trained again" if plan.retrain else "left as they are (`run --retrain` trains them again)"
    return [f"{_count_runs(n)} without weights to measure {missing}: {then}" for missing, n in reasons.items()]


def _describe_missing(results: ResultsFolder, entry: MatrixEntry) -> Iterator[str]:
    for metric, older in results.list_unmeasured(entry):
        name = metric.name + disambiguating_suffix(metric, entry.metrics)
        yield f"{name} version {metric.version} (has version {older})" if older else name


def explain_other_versions(plan: RunPlan) -> list[str]:
    """Which runs are new only because other versions of plugins have made them: a sentence for each."""
    others = plan.results.list_other_versions()
    new = {e.run.key: e.run for e, state in zip(plan.entries, plan.states, strict=True) if state == "new"}
    counts = Counter(filter(None, map(others.describe, new.values())))
    return [
        f"{_count_runs(n)} by {versions}: new, as versions are not compared; the older stay where they are"
        for versions, n in counts.items()
    ]


def explain_other_sources(plan: RunPlan) -> list[str]:
    """Which runs were made by another source of a plugin than is there now: a sentence for each package."""
    counts = Counter(package for packages in plan.other_sources.values() for package in packages)
    then = "to be trained again" if plan.retrain else "raise `version` in it, or train them again with `run --retrain`"
    return [
        f"{_count_runs(n)} made by another source of {package} than is there now, under the same version: {then}"
        for package, n in counts.items()
    ]


def _has_own_code(run: Run) -> bool:
    """Whether some plugin that a training depends on is not built in."""
    return any(origin.distribution != HARNESS for origin in list_run_origins(run))


def _is_outdated(results: ResultsFolder, entry: MatrixEntry) -> bool:
    return bool(list_changed_packages(results.run_folder(entry.run).read_record().get("made_by") or {}))


def _count_runs(n: int) -> str:
    return f"{n} run{'s' * (n != 1)}"


def open_results(plan: RunPlan, matrix: Sequence[MatrixEntry], overrides: Sequence[str], report: Report) -> RunPlan:
    """Save the benchmark without passwords and set damaged files aside; returns the plan after that.

    Runs that are to be trained again are set aside as well. An archive is unpacked first. Raises ResultsError if the
    folder cannot be written, or its file system refuses locks.
    """
    benchmark, results = plan.benchmark, ResultsFolder(unpack_results(plan.results.folder, report))
    source = benchmark.source + "".join(f"# -o {override}\n" for override in overrides)
    shown = mask_settings(source, benchmark.reporters)
    try:
        file = _get_relative_path(Path(benchmark.path), results.path)
        results.write_benchmark(benchmark.name, shown, asdict(benchmark.leaderboard), matrix, file)
    except OSError as error:
        reason = f"cannot be written ({error.strerror}); choose another with --results"
        raise ResultsError(f"{results.path}: {reason}") from error
    check_locks(results.path)
    damaged = results.set_aside_damaged(matrix)
    for path in damaged:
        report(f"{path}: damaged, set aside as {path.with_suffix('.corrupt').name}, and made again")
    old = [results.set_aside_run(entry) for entry in plan.unmeasurable] if plan.retrain else []
    old += [results.set_aside_run(entry, partial(_is_outdated, results)) for entry in plan.outdated if plan.retrain]
    if any(old):
        report(f"{_count_runs(sum(old))} moved to {results.path / SET_ASIDE}, to be trained again")
    if damaged or old:
        return prepare_run(
            benchmark, plan.entries, results.path, plan.data, plan.numerics, plan.shard, retrain=plan.retrain
        )
    return replace(plan, results=results)


def check_earlier_benchmark(plan: RunPlan, matrix: Sequence[MatrixEntry]) -> str:
    """What to say of runs that a results folder has shown until now and are not in the matrix; empty if there are none.

    Raises ResultsError where they are of another file with the same `name`: the folder would change its subject.
    """
    try:
        saved = plan.results.read_benchmark()
    except ResultsError:  # there is none, or it is written again
        return ""
    new = {(entry.label, entry.run.key) for entry in matrix}
    left = sum((entry.label, entry.run.key) not in new for entry in saved.entries)
    folder, file = plan.results.folder, Path(plan.benchmark.path)
    other = Path(os.path.normpath(folder.resolve() / saved.file))
    if left and saved.file and other != file.resolve() and other.is_file():
        raise ResultsError(
            f"{folder}: holds the results of another file of the same name, {other}, which has {_count_runs(left)} "
            f"that {file} has not; give one of the two another `name`, or keep them apart with --results"
        )
    return f"{folder}: no longer shows {_count_runs(left)} of an earlier matrix; their folders stay" if left else ""


def _get_relative_path(file: Path, folder: Path) -> str:
    return os.path.relpath(file.resolve(), folder.resolve())


def carry_out(plan: RunPlan, executor: Executor, reporters: Sequence[Reporter]) -> list[Job]:
    """Run the jobs of a plan; gives those that did not end well.

    Runs of other processes on the same folder are waited for, unless the plan is one of several shares.
    """
    return run_jobs(plan.jobs, executor, reporters, wait=plan.shard is None)


def _list_slow(plan: RunPlan) -> list[MatrixEntry]:
    """The entries with those of their slow metrics that are still to be measured, and no other metric."""
    catalog = get_catalog()
    slow = {m.name for entry in plan.entries for m in entry.metrics if catalog.get_entry("metric", m.name).slow}
    pending: list[MatrixEntry] = []
    for entry in plan.entries:
        folder = plan.results.run_folder(entry.run)
        metrics = tuple(m for m in entry.metrics if m.name in slow and not folder.metric_path(m).exists())
        if metrics:
            pending.append(replace(entry, metrics=metrics))
    return pending

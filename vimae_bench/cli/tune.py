"""`vimae-bench tune`: settings chosen on held-out images."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..config.benchmark import read_benchmark
from ..config.search_space import NumberRange
from ..core.spec import MatrixEntry
from ..engine.runner import list_jobs, run_jobs
from ..execution import signals
from ..plugin.catalog import get_catalog
from ..plugin.registry import make_plugin
from ..storage.archive import unpack_results
from ..storage.atomic import atomic_write, write_json
from ..storage.store import ResultsFolder
from .options import DEFAULT_RESULTS, FILE, data_option, data_root, file_argument, override_option, results_option
from .reporter_guard import dispensable
from .run import SOME_FAILED, Jobs, asked_of_executor, executor_of, open_store, reporters_of

if TYPE_CHECKING:
    from ..analysis.trials import TuningResult
    from ..tuning.study import Study


@click.command()
@file_argument
@override_option
@click.option("--executor", metavar="NAME", help="Who carries out the runs.  [default: the file's]")
@click.option("--jobs", metavar="N|auto", type=Jobs(min=1), help="Runs side by side.  [default: auto]")
@click.option("--device", help="cpu, cuda, cuda:1 ...  [default: the GPUs if there are any]")
@results_option
@data_option
@click.option("--output", type=FILE, help="The file to write.  [default: tuned.toml beside the sweep's runs]")
@click.option("--no-mlflow", is_flag=True, help="Do not mirror the runs to MLflow.")
def tune(
    file: Path,
    overrides: tuple[str, ...],
    executor: str | None,
    jobs: int | None,
    device: str | None,
    results: Path,
    data: Path | None,
    output: Path | None,
    no_mlflow: bool,
) -> None:
    """Choose the settings that methods search, with as many trials for each, on held-out images.

    Writes a benchmark file with the best of them, for `vimae-bench run` to rank on the test images from other seeds.
    Running it again continues what was cut off and repeats nothing.

    \b
    Example:
      vimae-bench tune benchmarks/tuning.toml
    """
    from ..tuning import require_libraries

    require_libraries()
    benchmark = read_benchmark(file, (*overrides, *asked_of_executor(executor, jobs=jobs, device=device)))
    with signals.block():
        from ..core.secrets import mask_secrets
        from ..engine.preflight import check
        from ..reports import trials as attempts
        from ..tuning import study as sweeping
        from ..tuning.write_config import describe_tuning, format_tuned_benchmark, list_fixed_methods

    sweep, root = sweeping.plan_study(benchmark, get_catalog()), data_root(data)
    check(sweep.benchmark, root, click.echo)
    rounds = Rounds(
        sweep,
        ResultsFolder(unpack_results(results.resolve() / sweep.benchmark.name, click.echo)),
        root,
        overrides,
        no_mlflow,
    )
    for line in _beforehand(sweep, list_fixed_methods(benchmark)):
        click.echo(line)
    tuned = sweeping.run_study(sweep, rounds.store, rounds)
    _show(tuned, sweep, describe_tuning(sweep, benchmark))
    folder, again = results / sweep.benchmark.name, shlex.join(["vimae-bench", "tune", str(file), *_given(overrides)])
    write_json(folder / "tuning.json", attempts.tuning_to_json(tuned, sweep.measure))
    text, target = (
        mask_secrets(format_tuned_benchmark(benchmark, overrides, sweep, tuned, again)),
        output or folder / "tuned.toml",
    )
    atomic_write(target, lambda path: path.write_text(text, encoding="utf-8"))
    elsewhere = "" if results == DEFAULT_RESULTS else f" --results {results}"
    places = {"trials": folder / "tuning.json", "chosen": target, "next": f"vimae-bench run {target}{elsewhere}"}
    for name, where in places.items():
        click.echo(f"{name:10} {where}")
    if rounds.failed:
        click.get_current_context().exit(SOME_FAILED)


@dataclass
class Rounds:
    """Has the runs of each round made, as those of any benchmark are; `failed` tells whether some did not end well."""

    sweep: "Study"
    store: ResultsFolder
    data: Path
    overrides: tuple[str, ...]
    no_mlflow: bool
    entries: list[MatrixEntry] = field(default_factory=list[MatrixEntry])
    failed: bool = False

    def __call__(self, entries: Sequence[MatrixEntry]) -> None:
        """Make what is missing of these runs."""
        benchmark = self.sweep.benchmark
        self.entries += entries
        open_store(self.store, benchmark, self.overrides, self.entries)
        if todo := list_jobs(self.store, benchmark.name, entries, self.data):
            choices = reporters_of(benchmark, None, self.no_mlflow)
            looking_on = [dispensable(make_plugin("reporter", choice), choice.name) for choice in choices]
            self.failed |= bool(run_jobs(todo, executor_of(benchmark, needed=True), looking_on))


def _given(overrides: Sequence[str]) -> Iterator[str]:
    for override in overrides:
        yield from ("-o", override)


def _beforehand(sweep: "Study", fixed: Sequence[str]) -> Iterator[str]:
    """What is to be tried, and which methods stay as they are."""
    from ..analysis.footnotes import format_count

    tuning, (dataset,) = sweep.benchmark.tuning, sweep.group.datasets
    for one in sweep.searched:
        yield f"{one.method.label}: {format_count(tuning.trials, 'trial')} over {', '.join(one.space)}"
    for label in fixed:
        yield f"{label}: has no `search`, and stays as it is"
    runs, images = tuning.trials * len(tuning.seeds) * len(sweep.searched), dataset.settings["of"]["use"]
    yield f"{format_count(runs, 'run')}, measured on the held-out images of {images}, not on its test images"


def _remarks(tuned: "Sequence[TuningResult]", sweep: "Study") -> Iterator[str]:
    """Which trials are lost, and which of the settings chosen lie at the edge of what was searched."""
    for one, searched in zip(tuned, sweep.searched, strict=True):
        for attempt in one.trials:
            if attempt.reason:
                yield f"{one.label}, trial {attempt.number}: {attempt.reason}."
        for path, value in one.best.settings.items() if one.best else ():
            span = searched.space[path]
            if isinstance(span, NumberRange) and span.is_edge(value):
                yield f"{one.label}: {path} lies at the edge of its range; a wider one may hold better values."


def _show(tuned: "Sequence[TuningResult]", sweep: "Study", provenance: str) -> None:
    from rich.console import Console

    from ..reports import trials as attempts

    notes = [provenance, *_remarks(tuned, sweep)]
    independent = sweep.benchmark.tuning.sampler == "random"
    Console().print(attempts.render_tuning(tuned, sweep.measure, notes, independent=independent))

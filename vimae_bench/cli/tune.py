"""`vimae-bench tune`: settings chosen on held-out images."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..config.benchmark import LeaderboardConfig, read_benchmark
from ..config.run_options import apply_run_options
from ..config.search_space import NumberRange
from ..core.errors import BenchError
from ..core.spec import MatrixEntry
from ..engine.run_plan import (
    carry_out,
    check_earlier_benchmark,
    explain_unmeasurable,
    make_executor,
    open_results,
    prepare_run,
)
from ..execution import signals
from ..plugin.catalog import get_catalog
from ..storage.archive import unpack_results
from ..storage.atomic import atomic_write, write_json
from ..storage.plain_files import check_still_there
from ..storage.store import ResultsFolder
from .options import (
    FILE,
    data_option,
    data_root,
    executor_option,
    file_argument,
    override_option,
    repeat_results,
    results_option,
)
from .plugin_options import PluginOptionsCommand
from .reporter_guard import make_reporters
from .run import SOME_FAILED

if TYPE_CHECKING:
    from ..analysis.trials import TuningResult
    from ..tuning.study import Study


@click.command(cls=PluginOptionsCommand)
@file_argument
@override_option
@executor_option
@results_option
@data_option
@click.option("--output", type=FILE, help="The file to write.  [default: tuned.toml in the folder of the trials]")
def tune(
    file: Path,
    overrides: tuple[str, ...],
    executor: str | None,
    results: Path,
    data: Path | None,
    output: Path | None,
    **plugin_options: str | bool | None,
) -> None:
    """Choose settings of methods on held-out images.

    Every method with a `search` gets as many trials as the others. Writes a benchmark file with the best of them, for
    `vimae-bench run` to rank on the test images from other seeds. Running it again continues what was cut off and
    repeats nothing.

    \b
    Example:
      vimae-bench tune benchmarks/tuning.toml
    """
    from ..tuning import require_libraries

    require_libraries()
    benchmark = apply_run_options(read_benchmark(file, overrides), plugin_options, get_catalog(), executor)
    with signals.block():
        from ..config.secret_settings import mask_settings
        from ..engine.preflight import check_benchmark
        from ..reports import trials as trial_tables
        from ..tuning.study import plan_study, run_study
        from ..tuning.write_config import describe_tuning, format_tuned_benchmark, list_fixed_methods

    study, root = plan_study(benchmark, get_catalog()), data_root(data)
    # Not all columns of the leaderboard are among the measures of the metrics that trials need.
    check_benchmark(replace(study.benchmark, leaderboard=LeaderboardConfig()), root, click.echo)
    trials = unpack_results(results.resolve() / study.benchmark.name, click.echo)
    rounds = StudyRounds(study, trials, root, overrides)
    for line in _announce(study, list_fixed_methods(benchmark)):
        click.echo(line)
    tuned = run_study(study, ResultsFolder(trials), rounds)
    _show(tuned, study, describe_tuning(study, benchmark))
    folder = results / study.benchmark.name
    check_still_there(folder)
    write_json(folder / "tuning.json", trial_tables.tuning_to_json(tuned, study.measure))
    repeated = [word for override in overrides for word in ("-o", override)]
    command = shlex.join(["vimae-bench", "tune", str(file), *repeated])
    tuned_file = format_tuned_benchmark(benchmark, overrides, study, tuned, command)
    text = mask_settings(tuned_file, benchmark.reporters)
    target = output or folder / "tuned.toml"
    atomic_write(target, lambda path: path.write_text(text, encoding="utf-8"))
    next_command = shlex.join(["vimae-bench", "run", str(target), *repeat_results(results)])
    outputs = {"trials": folder / "tuning.json", "chosen": target, "next": next_command}
    for name, where in outputs.items():
        click.echo(f"{name:10} {where}")
    if rounds.has_failures:
        click.get_current_context().exit(SOME_FAILED)


@dataclass
class StudyRounds:
    """Carries out the runs of each round as those of any benchmark; `has_failures` if some did not end well."""

    study: "Study"
    folder: Path
    data: Path
    overrides: tuple[str, ...]
    entries: list[MatrixEntry] = field(default_factory=list[MatrixEntry])
    has_failures: bool = False

    def __call__(self, entries: Sequence[MatrixEntry]) -> None:
        """Run what is missing of these entries."""
        benchmark = self.study.benchmark
        if self.entries:  # of earlier rounds
            check_still_there(self.folder)
        self.entries += entries
        plan = prepare_run(benchmark, entries, self.folder, self.data)
        if reasons := explain_unmeasurable(plan):
            raise BenchError(f"trials cannot be compared: {reasons[0]}; remove {self.folder} and tune again")
        check_earlier_benchmark(plan, self.entries)
        plan = open_results(plan, self.entries, self.overrides, lambda line: click.echo(line, err=True))
        if plan.jobs:
            executor = make_executor(plan, prepare=True, modules=("vimae_bench.cli",))
            failed = carry_out(plan, executor, make_reporters(benchmark))
            self.has_failures |= bool(failed)


def _announce(study: "Study", fixed: Sequence[str]) -> Iterator[str]:
    """What is to be tried, and which methods stay as they are."""
    from ..analysis.footnotes import format_count

    tuning = study.benchmark.tuning
    for searched in study.searched:
        yield f"{searched.method.label}: {format_count(tuning.trials, 'trial')} over {', '.join(searched.space)}"
    for label in fixed:
        yield f"{label}: has no `search`, and stays as it is"
    runs = tuning.trials * len(tuning.seeds) * len(study.searched)
    images = f"held-out images of {study.dataset.title}, not on its test images"
    yield f"{format_count(runs, 'run')}, measured on the {images}"


def _note_problems(tuned: "Sequence[TuningResult]", study: "Study") -> Iterator[str]:
    """Which trials failed, and which of the chosen settings are at the edge of what was searched."""
    for result, searched in zip(tuned, study.searched, strict=True):
        for trial in result.trials:
            if trial.reason:
                yield f"{result.label}, trial {trial.number}: {trial.reason}."
        for path, value in result.best.settings.items() if result.best else ():
            values = searched.space[path]
            if isinstance(values, NumberRange) and values.is_edge(value):
                yield f"{result.label}: {path} is at the edge of its range; a wider range may contain better values."


def _show(tuned: "Sequence[TuningResult]", study: "Study", provenance: str) -> None:
    from rich.console import Console

    from ..reports import trials as trial_tables

    notes = [provenance, *_note_problems(tuned, study)]
    is_independent = study.benchmark.tuning.sampler == "random"
    Console().print(trial_tables.render_tuning(tuned, study.measure, notes, independent=is_independent))

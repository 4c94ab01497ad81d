"""`vimae-bench run`: train and measure what a benchmark is missing, then compare its methods."""

import shlex
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ..analysis.load import BenchmarkResults, share_results
from ..config.benchmark import read_benchmark
from ..config.matrix import list_entries, select_entries
from ..config.run_options import apply_run_options
from ..core.errors import BenchError
from ..engine.run_plan import (
    RunPlan,
    carry_out,
    check_earlier_benchmark,
    check_run,
    explain_other_sources,
    explain_unmeasurable,
    make_executor,
    open_results,
    prepare_run,
)
from ..execution.jobs import Compile, NumericsOptions
from ..plugin.catalog import get_catalog
from ..storage.plain_files import check_still_there, keep_in_place
from ..storage.store import REPORT_FILE
from .leaderboard import print_leaderboards
from .options import (
    data_option,
    data_root,
    executor_option,
    file_argument,
    filter_option,
    override_option,
    pause_garbage_collection,
    repeat_results,
    results_option,
)
from .plan import show_plan
from .plugin_options import PluginOptionsCommand
from .reporter_guard import make_reporters

SOME_FAILED = 1
REPORT_MODULES = (
    "matplotlib.figure",
    "vimae_bench.reports.leaderboard_files",
    "vimae_bench.reports.leaderboard_terminal",
    "vimae_bench.reports.page.report",
)
"""What shows the results."""


class Shard(click.ParamType[tuple[int, int]]):
    """Which of how many shares, counted from 1."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:  # noqa: ANN401
        share, _, count = str(value).partition("/")
        if not (share.isdigit() and count.isdigit() and 1 <= int(share) <= int(count)):
            self.fail(f"{value!r} is not a share; the second of eight is 2/8", param, ctx)
        return int(share), int(count)


@click.command(cls=PluginOptionsCommand)
@file_argument
@click.option("--dry-run", is_flag=True, help="Check the file, the data and every model, list the runs, start nothing.")
@filter_option
@override_option
@executor_option
@click.option(
    "--shard",
    metavar="I/N",
    type=Shard(),
    help="Begin with the I-th of N shares of the runs, for N processes on one results folder; then help the others.",
)
@click.option("--exact", is_flag=True, help="Keep to float32 where a GPU would multiply in TensorFloat-32.")
@click.option(
    "--compile",
    "compiling",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Compile training steps; auto: those of long runs, where a trial shows that it pays.",
)
@click.option(
    "--batch-seeds", is_flag=True, help="Train the seeds of a method as one model, for GPUs left idle by small nets."
)
@click.option(
    "--retrain",
    is_flag=True,
    help="Train runs again whose weights are gone, or that other code of a plugin has made.",
)
@results_option
@data_option
def run(
    file: Path,
    dry_run: bool,
    words: str,
    overrides: tuple[str, ...],
    executor: str | None,
    shard: tuple[int, int] | None,
    exact: bool,
    compiling: Compile,
    batch_seeds: bool,
    retrain: bool,
    results: Path,
    data: Path | None,
    **plugin_options: str | bool | None,
) -> None:
    """Train and measure a benchmark, and print its leaderboard.

    What is there already is not done again, so that running it again continues what was cut off. Runs that were
    measured by an older version of a metric are measured again; if they have no weights to measure, only `--retrain`
    trains them again.

    \b
    Examples:
      vimae-bench run benchmarks/quickstart.toml
      vimae-bench run benchmarks/fig1.toml -k "vimae s0" -o training.epochs=5 --results try
    """
    benchmark = apply_run_options(read_benchmark(file, overrides), plugin_options, get_catalog(), executor)
    matrix = list_entries(benchmark)
    folder, numerics = results.resolve() / benchmark.name, NumericsOptions(exact, compiling, batch_seeds)
    plan = prepare_run(
        benchmark, select_entries(matrix, words), folder, data_root(data), numerics, shard, retrain=retrain
    )
    chosen = make_executor(plan, prepare=not dry_run, modules=("vimae_bench.cli",))
    left = check_earlier_benchmark(plan, matrix)
    check_run(plan, click.echo)
    if left:
        click.echo(left, err=True)
    if dry_run:
        show_plan(plan)
        return
    plan = open_results(plan, matrix, overrides, lambda line: click.echo(line, err=True))
    click.get_current_context().with_resource(keep_in_place(plan.results.path))
    reporters = make_reporters(benchmark)
    for name in REPORT_MODULES if plan.jobs else ():
        import_module(name)  # while worker processes start: at the end the user would wait for it
    failed = carry_out(plan, chosen, reporters)
    found = BenchmarkResults(plan.results, matrix, **asdict(plan.benchmark.leaderboard))
    has_report = _show_results(found, plan)
    check_still_there(found.store.path)
    for line in (*explain_unmeasurable(plan), *explain_other_sources(plan)):
        click.echo(line)
    outputs = {"report": str(results / benchmark.name / REPORT_FILE)} if has_report else {}
    outputs |= _list_outputs(results / benchmark.name)
    with share_results(found):
        for reporter in reporters:
            outputs |= reporter.publish_results(found.store.path)
    again = shlex.join(["vimae-bench", "leaderboard", str(file), *repeat_results(results)])
    for name, where in {**outputs, "again": again}.items():
        click.echo(f"{name:10} {where}")
    if failed:
        click.get_current_context().exit(SOME_FAILED)


def _show_results(found: BenchmarkResults, plan: RunPlan) -> bool:
    """Save the leaderboards of all and a report, then print those of the plan's methods; all decide over the benchmark.

    Gives whether there is a report: not if nothing was measured.
    """
    from ..reports.leaderboard_files import save_leaderboards

    shown = replace(found, labels=tuple(dict.fromkeys(entry.label for entry in plan.entries)))
    with pause_garbage_collection():
        _ = found.leaderboards
    save_leaderboards(found)  # before anything is printed, which can fail
    has_report = _write_report(found) if any(result.estimates for result in found.run_results) else False
    with pause_garbage_collection():
        print_leaderboards(found if len(plan.entries) == len(found.entries) else shown)
    return has_report


def _write_report(found: BenchmarkResults) -> bool:
    """Write the report next to the results. Gives whether it could be written."""
    from ..reports.page.report import render_report
    from ..storage.atomic import atomic_write

    folder = found.store.path
    try:
        page = render_report([found], page_folder=folder, command=shlex.join(["vimae-bench", "report", str(folder)]))
        atomic_write(folder / REPORT_FILE, lambda path: path.write_text(page, encoding="utf-8"))
    except (BenchError, OSError) as error:
        click.echo(f"No report was written: {error}", err=True)
        return False
    return True


def _list_outputs(folder: Path) -> dict[str, str]:
    """Where the records and pictures in a results folder are."""
    pictures = [str(path) for path in sorted(folder.glob("leaderboard*.png"))]
    return {"records": str(folder / "runs"), "pictures": ", ".join(pictures)}

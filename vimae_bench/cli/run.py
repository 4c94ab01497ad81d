"""`vimae-bench run`: the main job."""

from pathlib import Path

import click

from ..plan.benchmark import Benchmark
from ..plan.matrix import select
from ..records import Cell, Choice
from ..results.store import Store
from .options import (
    data_option,
    data_root,
    file_argument,
    filter_option,
    override_option,
    planned,
    results_option,
)
from .plan import show

SOME_FAILED = 1


@click.command()
@file_argument
@click.option("--dry-run", is_flag=True, help="Check the file, the data and every model, list the runs, start nothing.")
@filter_option
@override_option
@click.option("--jobs", type=click.IntRange(min=1), help="Runs side by side.  [default: as many as fit]")
@click.option("--device", help="cpu, cuda, cuda:1 ...  [default: the GPUs if there are any]")
@results_option
@data_option
@click.option("--mlflow-uri", metavar="URI", help="The MLflow store.  [default: sqlite in the results folder]")
@click.option("--no-mlflow", is_flag=True, help="Do not mirror the runs to MLflow.")
def run(
    file: Path,
    dry_run: bool,
    words: str,
    overrides: tuple[str, ...],
    jobs: int | None,
    device: str | None,
    results: Path,
    data: Path | None,
    mlflow_uri: str | None,
    no_mlflow: bool,
) -> None:
    """Train and measure what a benchmark asks for and is not there yet, then rank it.

    Running it again continues what was cut off and repeats nothing.

    \b
    Examples:
      vimae-bench run benchmarks/quickstart.toml
      vimae-bench run benchmarks/fig1.toml -k "vimae s0" -o training.epochs=5
    """
    asked = [f"executor.{k}={v!r}" for k, v in (("jobs", jobs), ("device", device)) if v is not None]
    benchmark, matrix = planned(file, (*overrides, *asked))
    wanted = select(matrix, words)
    store, root = Store(results / benchmark.name), data_root(data)
    _check(benchmark, root)
    if dry_run:
        show(wanted, store)
        return
    store.write_benchmark(benchmark, overrides, matrix)
    failed = _carry_out(benchmark, store, wanted, root, _reporters(benchmark, mlflow_uri, no_mlflow))
    _conclude(file, results, store)
    if failed:
        click.get_current_context().exit(SOME_FAILED)


def _check(benchmark: Benchmark, data: Path) -> None:
    from ..engine.preflight import check

    check(benchmark, data, click.echo)


def _carry_out(benchmark: Benchmark, store: Store, wanted: list[Cell], data: Path, reporters: list[Choice]) -> bool:
    from ..bench import carry_out, orders
    from ..plan.registry import make

    executor = make("executor", benchmark.executor)
    todo = orders(store, benchmark.name, wanted, data)
    return bool(carry_out(todo, executor, [make("reporter", choice) for choice in reporters]))


def _reporters(benchmark: Benchmark, mlflow_uri: str | None, no_mlflow: bool) -> list[Choice]:
    """The file's reporters, with the command line's word on MLflow."""
    kept = [choice for choice in benchmark.reporters if not (no_mlflow and choice.use == "mlflow")]
    return [
        Choice(c.use, {**c.settings, "uri": mlflow_uri}, c.version) if c.use == "mlflow" and mlflow_uri else c for c in kept
    ]

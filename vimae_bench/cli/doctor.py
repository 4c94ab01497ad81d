"""`vimae-bench doctor`: read every file of a results folder, and name what is damaged."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.errors import ResultsError, legible
from .options import FILE

if TYPE_CHECKING:
    from ..storage.doctor import Fault

DAMAGED = 1


@click.command()
@click.argument("results", type=FILE)
@click.option("--repair", is_flag=True, help="Set aside what is damaged, so that the next `run` makes it again.")
def doctor(results: Path, repair: bool) -> None:
    """Read every file of a results folder and name those that are damaged.

    RESULTS is the folder of a benchmark, or one that holds several. Runs under way are passed over. Leaves with 1 if
    something is damaged and not repaired.

    \b
    Example:
      vimae-bench doctor results/paper-small --repair
    """
    faults = 0
    for fault in _faults(results):
        faults += 1
        click.echo(legible(f"{fault.path}: {fault.what}" + (f": {fault.then}" if repair else "")))
        if repair:
            fault.repair()
    click.echo(_summary(faults, repair))
    if faults and not repair:
        click.get_current_context().exit(DAMAGED)


def _faults(results: Path) -> "Iterator[Fault]":
    from ..storage.doctor import examine, examine_store

    benchmarks = [path.parent for pattern in ("runs", "*/runs") for path in sorted(results.glob(pattern))]
    if not benchmarks:
        raise ResultsError(f"{results}: is no results folder, for there are no runs in it")
    for benchmark in benchmarks:
        yield from examine(benchmark)
    for folder in dict.fromkeys(benchmark.parent for benchmark in benchmarks):
        yield from examine_store(folder / "mlflow.db")


def _summary(faults: int, repaired: bool) -> str:
    if not faults:
        return "nothing is damaged"
    many = "1 file is" if faults == 1 else f"{faults} files are"
    return f"{many} repaired; `run` makes again what is missing" if repaired else f"{many} damaged; --repair mends"

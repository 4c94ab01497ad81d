"""`vimae-bench doctor`: read every file of a results folder, and name what is damaged."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.errors import ResultsError, escape_control_characters
from .options import FILE

if TYPE_CHECKING:
    from ..storage.doctor import Fault
    from ..storage.run_folder import RunFolder

DAMAGED = 1


@click.command()
@click.argument("results", type=FILE)
@click.option("--repair", is_flag=True, help="Set aside what is damaged, so that the next `run` makes it again.")
def doctor(results: Path, repair: bool) -> None:
    """Find the damaged files of a results folder.

    RESULTS is the folder of a benchmark or its archive, or a folder that holds several. Runs in progress are skipped.
    Exits with 1 if something is damaged and not repaired.

    \b
    Example:
      vimae-bench doctor results/paper-small --repair
    """
    faults = 0
    for fault in _find_faults(results, click.echo if repair else None):
        faults += 1
        click.echo(escape_control_characters(f"{fault.path}: {fault.what}" + (f": {fault.then}" if repair else "")))
        if repair:
            fault.repair()
    click.echo(_format_summary(faults, repair))
    if faults and not repair:
        click.get_current_context().exit(DAMAGED)


def _find_faults(results: Path, unpacked: Callable[[str], object] | None) -> "Iterator[Fault]":
    """The faults of all benchmarks; for `unpacked`, which tells of it, an archive is unpacked, to be repaired."""
    from ..storage.archive import unpack_results
    from ..storage.doctor import check_database, find_faults

    benchmarks = _find_benchmarks(results)
    for benchmark in benchmarks:
        yield from find_faults(unpack_results(benchmark, unpacked) if unpacked else benchmark, _verify_state)
    for folder in dict.fromkeys(benchmark.parent for benchmark in benchmarks):
        yield from check_database(Path(folder, "mlflow.db"))


def _verify_state(folder: "RunFolder", path: Path) -> None:
    from ..engine.training.checkpoint import verify_form  # loads torch, which only unfinished runs need

    verify_form(folder, path)


def _find_benchmarks(results: Path) -> list[Path]:
    """The folder or archive itself, or those in it. Raises ResultsError if there is none."""
    from ..storage.archive import SUFFIX, find_results

    inside = (path.with_suffix("") if path.suffix == SUFFIX else path for path in sorted(results.glob("*")))
    places = [find_results(place) for place in dict.fromkeys((results, *inside))]
    if found := [place for place in places if (place / "runs").is_dir()]:
        return found
    raise ResultsError(f"{results}: is not a results folder: there are no runs in it")


def _format_summary(faults: int, repaired: bool) -> str:
    if not faults:
        return "nothing is damaged"
    files = "1 file is" if faults == 1 else f"{faults} files are"
    return f"{files} repaired; `run` makes again what is missing" if repaired else f"{files} damaged; use --repair"

"""`vimae-bench compare`: two methods, or two results folders, seed by seed."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import BenchError
from .options import results_option
from .results import finished

if TYPE_CHECKING:
    from ..results.comparison import Comparison


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("a")
@click.argument("b", required=False)
@results_option
@click.option(
    "--margin", "margins", multiple=True, metavar="MEASURE=VALUE", help="Differences below this are called equivalent."
)
def compare(file: Path, a: str, b: str | None, results: Path, margins: tuple[str, ...]) -> None:
    """Compare method A with method B of a benchmark, or every method of two results folders.

    \b
    Examples:
      vimae-bench compare benchmarks/fig1.toml VIMAE-n VIMAE-l --margin sse=0.5
      vimae-bench compare results/fig1 other/results/fig1
    """
    from rich.console import Console

    from ..render import differences
    from ..results.comparison import compare_methods, compare_results

    first, limits = finished(file, results), dict(_margin(margin) for margin in margins)
    outcomes = first.store.outcomes(first.cells)
    if b is not None:
        found = compare_methods(outcomes, a, b, first.columns, limits)
    else:
        second = finished(Path(a), results)
        found = compare_results(outcomes, second.store.outcomes(second.cells), (str(file), a), first.columns, limits)
    _expect_some(found)
    Console().print(differences.render(found))


def _margin(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise BenchError(f"--margin {text}: must be of the form measure=number, such as sse=0.5") from error


def _expect_some(found: "Sequence[Comparison]") -> None:
    if not found:
        raise BenchError("there is nothing that both sides have: no common method, data set and architecture")

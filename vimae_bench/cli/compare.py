"""`vimae-bench compare`: two methods, or two sets of results, seed by seed."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..core.errors import BenchError
from .comparison_sources import ComparisonSource, SourceLocations, side, sides
from .options import FILE, results_option
from .verdict import written

if TYPE_CHECKING:
    from ..analysis.comparison import Comparison

FORMATS = ("terminal", "markdown", "csv", "json")
ENDINGS = {".html": "page", ".md": "markdown", ".csv": "csv", ".json": "json"}


def _ending(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:  # noqa: ARG001
    """Raises BenchError, before anything is read, for a file whose ending says nothing."""
    if path and path.suffix not in ENDINGS:
        raise BenchError(f"--output {path}: has to end in {', '.join(ENDINGS)}")
    return path


@click.command()
@click.argument("words", nargs=-1, metavar="A B | RESULTS METHOD METHOD")
@results_option
@click.option(
    "--margin", "margins", multiple=True, metavar="MEASURE=VALUE", help="Differences below this are called equivalent."
)
@click.option("--mlflow-uri", default="", help="The MLflow store.  [default: sqlite in the results folder]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How to print.")
@click.option(
    "--output", type=FILE, callback=_ending, help="Write a page (.html), or .md, .csv, .json, to this file instead."
)
def compare(
    words: tuple[str, ...], results: Path, margins: tuple[str, ...], mlflow_uri: str, form: str, output: Path | None
) -> None:
    """Compare two sets of results, or two methods of one, seed by seed.

    A, B and RESULTS are each a results folder, a benchmark file, a results folder as git keeps it at a revision
    (PATH@REVISION), or an experiment in MLflow (mlflow:EXPERIMENT).

    \b
    Examples:
      vimae-bench compare benchmarks/fig1.toml VIMAE-n VIMAE-l --margin sse=0.5
      vimae-bench compare results/fig1 other/results/fig1
      vimae-bench compare results/fig1@HEAD~3 results/fig1 --output compare.html
      vimae-bench compare mlflow:fig1 results/fig1 --mlflow-uri http://localhost:5000
    """
    made = _compared(words, SourceLocations(results, mlflow_uri), dict(map(_margin, margins)))
    if output:
        form = ENDINGS[output.suffix]
        written(output, _page(made, _command(words, margins, output)) if form == "page" else _text(made, form))
        click.echo(output)
    elif form == "terminal":
        _show(made)
    else:
        click.echo(_text(made, form), nl=False)


@dataclass(frozen=True)
class _Compared:
    tables: "Sequence[Comparison]"
    notes: tuple[str, ...]


def _compared(words: Sequence[str], places: SourceLocations, margins: dict[str, float]) -> _Compared:
    if len(words) == 3:
        return _methods(side(words[0], places), words[1], words[2], margins)
    if len(words) == 2:
        a, b = sides(words, places)
        return _results(a, b, margins)
    raise click.UsageError("give two results to compare, or one and two of its methods")


def _methods(given: ComparisonSource, a: str, b: str, margins: dict[str, float]) -> _Compared:
    from ..analysis.comparison import compare_methods

    tables = compare_methods(given.run_results, a, b, given.columns, margins)
    if not tables:
        raise BenchError(f"{given.name}: '{a}' and '{b}' have no seed of one data set and architecture in common")
    return _Compared(tables, given.notes)


def _results(a: ComparisonSource, b: ComparisonSource, margins: dict[str, float]) -> _Compared:
    from ..analysis.comparison import compare_results, describe_unmatched

    tables = compare_results(a.run_results, b.run_results, (a.name, b.name), a.columns or b.columns, margins)
    notes = (*a.notes, *b.notes, *describe_unmatched(a.run_results, b.run_results))
    if not tables:
        raise BenchError("\n".join(["there is nothing that both sides have", *notes]))
    return _Compared(tables, notes)


def _margin(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError as error:
        raise BenchError(f"--margin {text}: must be of the form measure=number, such as sse=0.5") from error


def _show(made: _Compared) -> None:
    from rich.console import Console

    from ..reports import comparison_terminal as differences

    Console().print(differences.render_comparisons(made.tables, made.notes))


def _text(made: _Compared, form: str) -> str:
    from ..reports.formats import COMPARISON_FORMATS

    return COMPARISON_FORMATS[form](made.tables, made.notes)


def _page(made: _Compared, command: str) -> str:
    from ..reports.page.comparison import render_comparison_page

    return render_comparison_page(made.tables, made.notes, command)


def _command(words: Sequence[str], margins: Sequence[str], output: Path) -> str:
    """How a page is made again; where MLflow is may be secret, and is not told."""
    given = [part for margin in margins for part in ("--margin", margin)]
    return shlex.join(["vimae-bench", "compare", *words, *given, "--output", str(output)])

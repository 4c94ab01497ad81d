"""`vimae-bench compare`: two methods, or two sets of results, seed by seed."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from ..analysis.comparison_sources import SourceLoader, compare_methods_in_source, compare_sources
from ..core.errors import BenchError
from ..core.margins import GivenMargin
from ..storage.store import ResultsFolder
from .options import FILE, pause_garbage_collection, results_option, write_output

FORMATS = ("terminal", "markdown", "csv", "json")
ENDINGS = {".html": "html", ".md": "markdown", ".csv": "csv", ".json": "json"}


def _check_ending(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:  # noqa: ARG001
    """Raises BenchError, before anything is read, for an ending that names no format."""
    if path and path.suffix not in ENDINGS:
        raise BenchError(f"--output {path}: must end in {', '.join(ENDINGS)}")
    return path


def _parse_margins(context: click.Context, option: click.Parameter, given: Sequence[str]) -> dict[str, GivenMargin]:  # noqa: ARG001
    margins = dict[str, GivenMargin]()
    for text in given:
        name, _, value = text.rpartition("=")
        if not name or not value.strip():
            raise BenchError(f"--margin {text}: must be of the form measure=value, such as 'svm clean=1' or 'sse=5 %'")
        try:
            margins[name] = float(value)
        except ValueError:
            margins[name] = value
    return margins


@click.command()
@click.argument("words", nargs=-1, metavar="A B | RESULTS METHOD METHOD")
@results_option
@click.option(
    "--margin",
    "margins",
    multiple=True,
    metavar="MEASURE=VALUE",
    callback=_parse_margins,
    help="Also say whether the difference is shown to be smaller than this, such as 'sse=5 %'.",
)
@click.option("--mlflow-uri", default="", help="The MLflow store.  [default: sqlite in the results folder]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How to print.")
@click.option(
    "--output",
    type=FILE,
    callback=_check_ending,
    help="Write to this file instead: a page (.html), or .md, .csv, .json.",
)
@pause_garbage_collection()
def compare(
    words: tuple[str, ...],
    results: Path,
    margins: dict[str, GivenMargin],
    mlflow_uri: str,
    form: str,
    output: Path | None,
) -> None:
    """Compare two methods, or two sets of results, seed by seed.

    A, B and RESULTS are each a results folder, an archive of one, a benchmark file, a results folder at a git revision
    (PATH@REVISION), or an MLflow experiment (mlflow:EXPERIMENT).

    \b
    Examples:
      vimae-bench compare benchmarks/fig1.toml VIMAE-n VIMAE-l --margin 'sse=2 %'
      vimae-bench compare results/fig1 other/results/fig1
      vimae-bench compare results/fig1@HEAD~3 results/fig1 --output compare.html
      vimae-bench compare mlflow:fig1 results/fig1 --mlflow-uri http://localhost:5000
    """

    def import_experiment(name: str, folder: ResultsFolder) -> Sequence[str]:
        from ..tracking.import_runs import import_runs

        return import_runs(name, mlflow_uri, results, folder)

    loader = SourceLoader(results, import_experiment)
    match words:
        case (a, b):
            comparison = compare_sources(loader, a, b, margins)
        case (name, a, b):
            comparison = compare_methods_in_source(loader, name, a, b, margins)
        case _:
            raise click.UsageError("give two results to compare, or one and two of its methods")
    if form == "terminal" and not output:
        from rich.console import Console

        from ..reports.comparison_terminal import render_comparisons

        Console().print(render_comparisons(comparison.tables, comparison.notes))
        return
    from ..reports.formats import format_comparison

    command = _format_command(words, margins, output)
    write_output(format_comparison(comparison, ENDINGS[output.suffix] if output else form, command), output)


def _format_command(words: Sequence[str], margins: dict[str, GivenMargin], output: Path | None) -> str:
    """The command that makes a page again, without the MLflow URI, which may contain a secret."""
    given = [part for name, value in margins.items() for part in ("--margin", f"{name}={value}")]
    return shlex.join(["vimae-bench", "compare", *words, *given, "--output", str(output)])

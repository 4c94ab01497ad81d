"""`vimae-bench report`: everything about some results, as one page."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..analysis.load import BenchmarkResults, load_all_benchmark_results
from ..core.errors import BenchError, ResultsError
from .options import FILE, results_option
from .verdict import written

if TYPE_CHECKING:
    from ..claims.verdict import PaperVerdict
    from ..reports.page.image_grids import ImageGridView
    from ..reports.page.provenance import Provenance
    from ..reports.page.report import FigureView
    from ..storage.store import RunResult

MLFLOW = ("http://", "https://")


@click.command()
@click.argument("sources", metavar="RESULTS...", nargs=-1, required=True, type=FILE)
@results_option
@click.option("--output", type=FILE, default=Path("report.html"), show_default=True, help="The page to be written.")
@click.option("--against", type=FILE, help="A paper's figures and claims.  [default: arXiv 1905.10549, if runs belong]")
@click.option("--mlflow-url", metavar="URL", help="An MLflow server: runs that it has a copy of are linked to it.")
def report(
    sources: tuple[Path, ...], results: Path, output: Path, against: Path | None, mlflow_url: str | None
) -> None:
    """Write a page of all there is to see: tables, figures, a paper's claims, where it comes from.

    RESULTS are results folders, or benchmark files in their place. The page is one file that needs no network: it can
    be mailed and printed. Its links to the folders of runs lead from where it is written.

    \b
    Examples:
      vimae-bench report results/fig1
      vimae-bench report results/fig1 results/paper-small --output report.html
      vimae-bench report results/quickstart --mlflow-url http://localhost:5000
    """
    from ..reports.page.report import ReportContent, render_report

    found = load_all_benchmark_results(sources, results)
    _expect_address(mlflow_url)
    boards = [board for one in found for board in one.leaderboards]
    if not boards:
        raise BenchError(f"{', '.join(map(str, sources))}: has no runs to report")
    text = render_report(
        ReportContent(
            boards,
            list(_titles(found)),
            [_origin(one) for one in found],
            output.absolute().parent,
            _command(sources, {"--against": against, "--mlflow-url": mlflow_url, "--output": output}),
            list(_pictures(found)),
            list(_walls(found)),
            _verdict(found, against),
            _address_of(mlflow_url),
        )
    )
    written(output, text)
    click.echo(output)


def _titles(found: Sequence[BenchmarkResults]) -> "Iterator[str]":
    """The titles of all tables; with the benchmark's name where there are several."""
    for one in found:
        for board in one.leaderboards:
            yield f"{one.store.name}: {board.title}" if len(found) > 1 else board.title


def _origin(found: BenchmarkResults) -> "Provenance":
    from ..reports.page.provenance import build_provenance

    try:
        kept = found.store.read_benchmark()
    except ResultsError:  # of a benchmark file nothing need be kept yet
        return build_provenance(found.store.name, "", found.run_results)
    return build_provenance(kept.name, kept.source, found.run_results)


def _command(sources: Sequence[Path], given: Mapping[str, object]) -> str:
    options = [str(word) for option, value in given.items() if value is not None for word in (option, value)]
    return shlex.join(["vimae-bench", "report", *map(str, sources), *options])


def _pictures(found: Sequence[BenchmarkResults]) -> "Iterator[FigureView]":
    """All figures that the results support."""
    from ..reports.all_figures import draw_figures
    from ..reports.page.inline_figures import figure_to_svg
    from ..reports.page.report import FigureView

    drawn = (drawn for one in found for drawn in draw_figures(one.leaderboards, one.run_results))
    for n, (title, caption, figure) in enumerate(drawn, 1):
        yield FigureView(title, caption, figure_to_svg(figure, title, f"figure-{n}"))


def _walls(found: Sequence[BenchmarkResults]) -> "Iterator[ImageGridView]":
    from ..reports.page.image_grids import build_image_grids

    for one in found:
        yield from build_image_grids(one.leaderboards, one.run_results)


def _verdict(found: Sequence[BenchmarkResults], against: Path | None) -> "PaperVerdict | None":
    """The verdict on a paper: on the one that is named, or on the shipped one if some runs belong to it."""
    from ..claims.paper import default_paper_path, read_paper
    from ..claims.verdict import evaluate_paper

    made = evaluate_paper(
        read_paper(against or default_paper_path()), [result for one in found for result in one.run_results]
    )
    return made if against or made.evidence else None


def _expect_address(url: str | None) -> None:
    """Raises BenchError for what is no address of a server, or one with a secret in it: a page may be mailed."""
    from ..core.secrets import mask_secrets

    if url is None:
        return
    if not url.startswith(MLFLOW):
        raise BenchError(
            f"--mlflow-url {mask_secrets(url)}: must begin with http:// or https://, such as http://localhost:5000"
        )
    if url != mask_secrets(url):
        raise BenchError("--mlflow-url: must hold no password or token, for whoever reads the page would have it")


def _address_of(url: str | None) -> "Callable[[RunResult], str]":
    """Where MLflow shows its copy of a run; empty where there is none."""
    from urllib.parse import quote

    from ..storage.run_folder import RunFolder
    from ..tracking.sync_state import read_mlflow_run_id

    def address(result: "RunResult") -> str:
        run_id = read_mlflow_run_id(RunFolder(result.folder).sync_state) if url else ""
        return f"{url.rstrip('/')}/#/runs/{quote(run_id, safe='')}" if url and run_id else ""

    return address

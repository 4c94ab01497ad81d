"""`vimae-bench report`: everything about some results, as one page."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ..analysis.load import load_all_benchmark_results
from ..core.errors import BenchError
from .options import FILE, pause_garbage_collection, results_option, write_output


def _check_url(context: click.Context, option: click.Parameter, url: str | None) -> str | None:  # noqa: ARG001
    from ..tracking.server_links import check_server_url

    if url is not None:
        try:
            check_server_url(url)
        except BenchError as error:
            raise BenchError(f"--mlflow-url: {error}") from error
    return url


@click.command()
@click.argument("sources", metavar="RESULTS...", nargs=-1, required=True, type=FILE)
@results_option
@click.option("--output", type=FILE, default=Path("report.html"), show_default=True, help="The HTML file to write.")
@click.option(
    "--against",
    type=FILE,
    help="A file with a paper's values and claims.  [default: arXiv 1905.10549, if any run belongs to it]",
)
@click.option(
    "--mlflow-url", metavar="URL", callback=_check_url, help="Link runs to their copies in this MLflow server."
)
def report(
    sources: tuple[Path, ...], results: Path, output: Path, against: Path | None, mlflow_url: str | None
) -> None:
    """Write everything on some results to one HTML page.

    It has tables, figures, pictures, a paper's claims and provenance. RESULTS are results folders, archives of them, or
    benchmark files. The page is a single file that needs no network, so it can be mailed and printed. Its links to the
    folders of runs are relative to where it is written.

    \b
    Examples:
      vimae-bench report results/fig1
      vimae-bench report results/fig1 results/paper-small --output report.html
      vimae-bench report results/quickstart --mlflow-url http://localhost:5000
    """
    from ..reports.page.report import render_report
    from ..reports.page.runs import find_no_link
    from ..tracking.server_links import make_run_link

    with pause_garbage_collection():
        loaded = load_all_benchmark_results(sources, results)
    page = render_report(
        loaded,
        page_folder=output.absolute().parent,
        command=_format_command(sources, {"--against": against, "--mlflow-url": mlflow_url, "--output": output}),
        paper_path=against,
        find_mlflow_link=make_run_link(mlflow_url) if mlflow_url else find_no_link,
    )
    write_output(page, output)


def _format_command(sources: Sequence[Path], options: Mapping[str, object]) -> str:
    words = [str(word) for option, value in options.items() if value is not None for word in (option, value)]
    return shlex.join(["vimae-bench", "report", *map(str, sources), *words])

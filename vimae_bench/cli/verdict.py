"""`vimae-bench verdict`: check the tables and claims of a paper."""

from collections.abc import Sequence
from pathlib import Path

import click

from ..analysis.load import load_all_benchmark_results
from ..core.errors import BenchError
from .options import FILE, pause_garbage_collection, results_option, write_output

FORMATS = ("terminal", "markdown", "json")


def _parse_methods(context: click.Context, option: click.Parameter, given: Sequence[str]) -> dict[str, str]:  # noqa: ARG001
    methods = dict[str, str]()
    for text in given:
        method, equals, label = text.partition("=")
        if not equals:
            raise BenchError(f"--method {text}: must be of the form id=label, such as vae='VAE, c = 1'")
        methods[method] = label
    return methods


@click.command()
@click.argument("sources", metavar="RESULTS...", nargs=-1, required=True, type=FILE)
@results_option
@click.option("--against", type=FILE, help="The paper's values and claims.  [default: those of arXiv 1905.10549]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How to print.")
@click.option("--output", type=FILE, help="Write to this file instead; links are relative to its folder.")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="ID=LABEL",
    callback=_parse_methods,
    help="The label of the runs to use for a method of the paper.",
)
@pause_garbage_collection()
def verdict(
    sources: tuple[Path, ...],
    results: Path,
    against: Path | None,
    form: str,
    output: Path | None,
    methods: dict[str, str],
) -> None:
    """Check the tables and claims of a paper against finished runs.

    RESULTS are results folders, archives of them, or benchmark files. Every published value is compared with the
    prediction for one run. Every claim is supported, contradicted, not decided (and how many seeds would decide
    it), dependent on what the paper leaves open, or not testable.

    \b
    Examples:
      vimae-bench verdict results/fig1
      vimae-bench verdict results/fig1 results/mnist --format markdown --output verdict.md
      vimae-bench verdict results/sweep --method vae="VAE, c = 1"
    """
    from ..claims.paper import default_paper_path, read_paper
    from ..claims.verdict import evaluate_paper

    paper = read_paper(against or default_paper_path())
    loaded = load_all_benchmark_results(sources, results)
    paper_verdict = evaluate_paper(paper, [result for one in loaded for result in one.run_results], methods)
    if form == "terminal" and not output:
        from rich.console import Console

        from ..reports.verdict_terminal import render_verdict

        Console().print(render_verdict(paper_verdict, Path.cwd()))
        return
    from ..reports.formats import format_verdict

    write_output(format_verdict(paper_verdict, form, output.absolute().parent if output else Path.cwd()), output)

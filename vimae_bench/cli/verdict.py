"""`vimae-bench verdict`: what runs say on a paper's tables and claims."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..analysis.load import load_all_benchmark_results
from ..core.errors import BenchError
from ..storage.atomic import atomic_write
from .options import FILE, results_option

if TYPE_CHECKING:
    from ..claims.verdict import PaperVerdict

FORMATS = ("terminal", "markdown", "json")


@click.command()
@click.argument("sources", metavar="RESULTS...", nargs=-1, required=True, type=FILE)
@results_option
@click.option("--against", type=FILE, help="The paper's figures and claims.  [default: those of arXiv 1905.10549]")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How to print.")
@click.option("--output", type=FILE, help="Write to this file instead; links in it lead from its folder.")
@click.option(
    "--method", "methods", multiple=True, metavar="ID=LABEL", help="The row that stands for a method of the paper."
)
def verdict(
    sources: tuple[Path, ...],
    results: Path,
    against: Path | None,
    form: str,
    output: Path | None,
    methods: tuple[str, ...],
) -> None:
    """Hold a paper's tables and claims against finished runs.

    RESULTS are results folders, or benchmark files in their place. Every printed figure stands beside the measured one.
    Every claim is supported, contradicted, not decided (and by how many seeds it would be) or not testable.

    \b
    Examples:
      vimae-bench verdict results/fig1
      vimae-bench verdict results/fig1 results/mnist --format markdown --output verdict.md
      vimae-bench verdict results/sweep --method vae="VAE, c = 1"
    """
    from ..claims.paper import default_paper_path, read_paper
    from ..claims.verdict import evaluate_paper

    paper = read_paper(against or default_paper_path())
    run_results = [result for one in load_all_benchmark_results(sources, results) for result in one.run_results]
    made = evaluate_paper(paper, run_results, dict(map(_named, methods)))
    if output:
        text = _text(made, form, output.absolute().parent)
        written(output, text)
        click.echo(output)
    elif form == "terminal":
        _show(made)
    else:
        click.echo(_text(made, form, Path.cwd()), nl=False)


def _named(text: str) -> tuple[str, str]:
    method, equals, label = text.partition("=")
    if not equals:
        raise BenchError(f"--method {text}: must be of the form id=label, such as vae='VAE, c = 1'")
    return method, label


def _show(made: "PaperVerdict") -> None:
    from rich.console import Console

    from ..reports import verdict_terminal

    Console().print(verdict_terminal.render_verdict(made, Path.cwd()))


def _text(made: "PaperVerdict", form: str, start: Path) -> str:
    if form == "terminal":
        from io import StringIO

        from rich.console import Console

        from ..reports import verdict_terminal

        console = Console(file=StringIO(), width=140)
        with console.capture() as printed:
            console.print(verdict_terminal.render_verdict(made, start))
        return printed.get()
    from ..reports import verdict_json, verdict_markdown

    return (verdict_markdown if form == "markdown" else verdict_json).format_verdict(made, start)


def written(output: Path, text: str) -> None:
    """Write a text whole. Raises BenchError where that cannot be."""
    try:
        atomic_write(output, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"{output}: cannot be written: {error.strerror}") from error

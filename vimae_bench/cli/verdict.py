"""`vimae-bench verdict`: check the tables and claims of a paper."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..analysis.load import load_all_benchmark_results
from ..core.errors import BenchError, suggest_similar
from .options import FILE, pause_garbage_collection, results_option, write_output

if TYPE_CHECKING:
    from ..claims.verdict import PaperVerdict

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
@click.option("--claim", "claims", multiple=True, metavar="ID", help="Everything on this claim, such as C03.")
@click.option("--all", "everything", is_flag=True, help="Everything: published values, claims, rules, runs.")
@pause_garbage_collection()
def verdict(
    sources: tuple[Path, ...],
    results: Path,
    against: Path | None,
    form: str,
    output: Path | None,
    methods: dict[str, str],
    claims: tuple[str, ...],
    everything: bool,
) -> None:
    """Check the tables and claims of a paper against finished runs.

    RESULTS are results folders, archives of them, or benchmark files. Every published value is compared with the
    prediction for one run. Every claim is supported, contradicted, not decided (and how many seeds would decide
    it), dependent on what the paper leaves open, or not testable.

    \b
    Examples:
      vimae-bench verdict results/fig1
      vimae-bench verdict results/paper-small --claim C03
      vimae-bench verdict results/fig1 results/mnist --format markdown --output verdict.md
      vimae-bench verdict results/sweep --method vae="VAE, c = 1"
    """
    from ..claims.paper import default_paper_path, read_paper
    from ..claims.verdict import evaluate_paper

    paper = read_paper(against or default_paper_path())
    if (form != "terminal" or output) and (claims or everything):
        raise click.UsageError("--claim and --all are for the terminal; the other formats contain everything")
    known = {claim.id: claim for claim in paper.claim}
    if unknown := [f"the paper has no claim '{x}'{suggest_similar(x, known)}" for x in claims if x not in known]:
        raise BenchError("\n".join(unknown))
    loaded = load_all_benchmark_results(sources, results)
    paper_verdict = evaluate_paper(paper, [result for one in loaded for result in one.run_results], methods)
    if form == "terminal" and not output:
        _print_verdict(paper_verdict, claims, everything=everything)
        return
    from ..reports.formats import format_verdict

    write_output(format_verdict(paper_verdict, form, output.absolute().parent if output else Path.cwd()), output)


def _print_verdict(paper_verdict: "PaperVerdict", claims: Sequence[str], *, everything: bool) -> None:
    """Print the claims with these ids, or else the summary, or everything."""
    from rich.console import Console

    from ..reports import verdict_terminal as terminal

    if claims:
        chosen = [claim for claim in paper_verdict.claims if claim.claim.id in claims]
        Console().print(terminal.render_claims(paper_verdict, chosen, Path.cwd()))
    elif everything:
        Console().print(terminal.render_verdict(paper_verdict, Path.cwd()))
    else:
        Console().print(terminal.render_verdict_summary(paper_verdict))
        click.echo("--claim ID shows everything on a claim, --all everything")

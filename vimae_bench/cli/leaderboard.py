"""`vimae-bench leaderboard`: what is known about the methods of a benchmark."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from ..analysis.load import BenchmarkResults, load_benchmark_results
from ..core.errors import BenchError, suggest_similar
from .options import file_argument, override_option, pause_garbage_collection, results_option

FORMATS = ("terminal", "markdown", "csv", "json", "latex")


def _split_names(context: click.Context, option: click.Parameter, given: str) -> tuple[str, ...]:  # noqa: ARG001
    return tuple(name.strip() for name in given.split(",") if name.strip())


@click.command()
@file_argument
@results_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How to print.")
@click.option("--all", "everything", is_flag=True, help="Every measure, all tests and notes; other formats have them.")
@click.option(
    "--columns", metavar="NAME,...", default="", callback=_split_names, help="Only these measures, in this order."
)
@click.option("--sort", "sort_by", metavar="NAME", default="", help="Sort methods by this measure, best first.")
@override_option
@pause_garbage_collection()
def leaderboard(
    file: Path,
    results: Path,
    form: str,
    everything: bool,
    columns: tuple[str, ...],
    sort_by: str,
    overrides: tuple[str, ...],
) -> None:
    """Print which methods of a benchmark are best at what.

    FILE is a benchmark file, a results folder, or an archive of one. The terminal shows what is decided, and the most
    important measures that it has room for.

    \b
    Examples:
      vimae-bench leaderboard benchmarks/quickstart.toml
      vimae-bench leaderboard results/fig1 --columns sse,rate --sort sse
      vimae-bench leaderboard results/fig1 --format latex
    """
    found = load_benchmark_results(file, results, overrides)
    _check_names(found, columns, sort_by, overrides)
    found = replace(found, columns=columns or found.columns, sort_by=sort_by)
    if form == "terminal":
        print_leaderboards(found, everything=everything, were_named=bool(columns))
        return
    from ..reports.formats import format_leaderboards

    click.echo(format_leaderboards(found.leaderboards, form), nl=False)


def _check_names(found: BenchmarkResults, columns: Sequence[str], sort_by: str, overrides: Sequence[str]) -> None:
    """Raises BenchError for a measure that no result has, or that methods cannot be sorted by."""
    measures = {name: measure for result in found.run_results for name, measure in result.measures.items()}
    given = dict.fromkeys(columns, "--columns") | ({sort_by: "--sort"} if sort_by else {})
    changed = {override.partition("=")[0].strip() for override in overrides}
    if measures and changed & {"leaderboard", "leaderboard.columns"}:
        given |= dict.fromkeys(found.columns, "leaderboard.columns")
    if measures and found.rank_by and changed & {"leaderboard", "leaderboard.rank_by"}:
        given[found.rank_by] = "leaderboard.rank_by"
    problems = [
        f"{option}: no measure is called '{name}'{suggest_similar(name, measures)}"
        for name, option in given.items()
        if name not in measures
    ]
    if sort_by in measures and measures[sort_by].better is None:
        problems.append(f"--sort: neither high nor low values of '{sort_by}' are better")
    if problems:
        raise BenchError("\n".join(problems))


def print_leaderboards(found: BenchmarkResults, *, everything: bool = False, were_named: bool = False) -> None:
    """Print the leaderboards: what matters most, all columns if they `were_named`, or everything."""
    from rich.console import Console

    from ..reports.leaderboard_terminal import LeaderboardScreen

    Console().print(LeaderboardScreen(tuple(found.leaderboards), were_named, everything))

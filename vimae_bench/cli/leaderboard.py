"""`vimae-bench leaderboard`: what is known about the methods of a benchmark."""

from pathlib import Path

import click

from ..analysis.load import BenchmarkResults, load_benchmark_results
from .options import file_argument, override_option, pause_garbage_collection, results_option

FORMATS = ("terminal", "markdown", "csv", "json", "latex")


@click.command()
@file_argument
@results_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How to print.")
@override_option
@pause_garbage_collection()
def leaderboard(file: Path, results: Path, form: str, overrides: tuple[str, ...]) -> None:
    """Print which methods of a benchmark are best at what.

    FILE is a benchmark file, a results folder, or an archive of one.

    \b
    Examples:
      vimae-bench leaderboard benchmarks/quickstart.toml
      vimae-bench leaderboard results/fig1 --format latex
    """
    benchmark_results = load_benchmark_results(file, results, overrides)
    if form == "terminal":
        print_leaderboards(benchmark_results)
        return
    from ..reports.formats import format_leaderboards

    click.echo(format_leaderboards(benchmark_results.leaderboards, form), nl=False)


def print_leaderboards(benchmark_results: BenchmarkResults) -> None:
    """Print the leaderboards to the terminal."""
    from rich.console import Console

    from ..reports.leaderboard_terminal import render_leaderboards

    Console().print(render_leaderboards(benchmark_results.leaderboards))

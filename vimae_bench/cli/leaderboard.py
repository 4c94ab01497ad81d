"""`vimae-bench leaderboard`: what the runs show."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..analysis.load import BenchmarkResults, load_benchmark_results
from ..storage.atomic import atomic_write
from .options import file_argument, override_option, results_option

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("terminal", "markdown", "csv", "json", "latex")


@click.command()
@file_argument
@results_option
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", help="How to print.")
@override_option
def leaderboard(file: Path, results: Path, form: str, overrides: tuple[str, ...]) -> None:
    """Rank the methods of a benchmark, and say which differences are real.

    FILE is a benchmark file, or a results folder in its place.

    \b
    Examples:
      vimae-bench leaderboard benchmarks/quickstart.toml
      vimae-bench leaderboard results/fig1 --format latex
    """
    found = load_benchmark_results(file, results, overrides)
    if form == "terminal":
        show(found)
    else:
        click.echo(_text(found, form), nl=False)


def show(found: BenchmarkResults) -> None:
    """Print the leaderboards to the terminal."""
    from rich.console import Console

    from ..reports import leaderboard_terminal as terminal

    Console().print(terminal.render_leaderboards(found.leaderboards))


def keep(found: BenchmarkResults) -> None:
    """Write the leaderboards beside the runs: a table, the intervals, and the codes where they have two dimensions."""
    folder = found.store.path
    for old in (*folder.glob("leaderboard*.png"), *folder.glob("codes*.png")):
        old.unlink(missing_ok=True)  # there may have been another number of tables
    atomic_write(folder / "leaderboard.md", lambda path: path.write_text(_text(found, "markdown"), encoding="utf-8"))
    _save(_intervals(found), folder / "leaderboard.png")
    if any((found.store.run_folder(entry.run).pictures / "codes.npz").exists() for entry in found.entries):
        _save(_codes(found), folder / "codes.png")


def _text(found: BenchmarkResults, form: str) -> str:
    from ..reports.formats import LEADERBOARD_FORMATS

    return LEADERBOARD_FORMATS[form](found.leaderboards)


def _intervals(found: BenchmarkResults) -> "list[Figure]":
    from ..reports import intervals

    boards = found.leaderboards
    having = [board for board in boards if board.columns]  # a table of which nothing is measured yet shows nothing
    return [intervals.draw_intervals(board) for board in having or boards]


def _codes(found: BenchmarkResults) -> "list[Figure]":
    from ..analysis.leaderboard import group_by_table
    from ..reports import latent_codes as codes

    tables = list(group_by_table(found.store.load_results(found.entries)).values())
    having = [table for table in tables if any(map(codes.has_codes, table))]
    return [codes.draw_codes(table) for table in having or tables]


def _save(figures: "Sequence[Figure]", path: Path) -> None:
    """Write one PNG for each table, numbered where there are several."""
    from ..reports.plot_style import encode_figure

    for n, figure in enumerate(figures, 1):
        data = encode_figure(figure, "png")
        target = path if len(figures) == 1 else path.with_stem(f"{path.stem}-{n}")
        atomic_write(target, lambda temporary, data=data: temporary.write_bytes(data))

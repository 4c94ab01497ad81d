"""The leaderboards of a benchmark as files in its results folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..analysis.leaderboard import group_by_table
from ..analysis.load import BenchmarkResults
from ..storage.atomic import atomic_write
from . import intervals, latent_code_figure
from .leaderboard_markdown import format_leaderboards
from .plot_style import encode_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def save_leaderboards(benchmark_results: BenchmarkResults) -> None:
    """Write leaderboard.md, leaderboard.png (the intervals) and codes.png (codes of two dimensions, if there are any).

    Several tables have numbered pictures, such as leaderboard-1.png. Pictures of an earlier call are removed.
    """
    folder = benchmark_results.store.path
    for old in (*folder.glob("leaderboard*.png"), *folder.glob("codes*.png")):
        old.unlink(missing_ok=True)  # there may have been another number of tables
    text = format_leaderboards(benchmark_results.leaderboards)
    atomic_write(folder / "leaderboard.md", lambda path: path.write_text(text, encoding="utf-8"))
    _save_figures(_draw_intervals(benchmark_results), folder / "leaderboard.png")
    _save_figures(_draw_codes(benchmark_results), folder / "codes.png")


def _draw_intervals(benchmark_results: BenchmarkResults) -> "list[Figure]":
    boards = benchmark_results.leaderboards
    measured = [board for board in boards if board.columns]
    return [intervals.draw_intervals(board) for board in measured or boards]


def _draw_codes(benchmark_results: BenchmarkResults) -> "list[Figure]":
    tables = group_by_table(benchmark_results.run_results).values()
    return [latent_code_figure.draw_codes(table) for table in tables if any(map(latent_code_figure.has_codes, table))]


def _save_figures(figures: "Sequence[Figure]", path: Path) -> None:
    for n, figure in enumerate(figures, 1):
        data = encode_figure(figure, "png")
        target = path if len(figures) == 1 else path.with_stem(f"{path.stem}-{n}")
        atomic_write(target, lambda temporary, data=data: temporary.write_bytes(data))

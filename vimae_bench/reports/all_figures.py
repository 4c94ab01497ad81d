"""All figures that the results of a comparison support. Nothing is drawn of what was not measured."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..analysis.leaderboard import format_table_title, group_by_table
from ..analysis.leaderboard_data import Leaderboard
from ..storage.store import RunResult
from . import image_grid_figure as wall
from . import intervals, robustness
from . import latent_codes as codes
from . import rate_distortion as plane
from . import training_curves as curves
from . import win_rates as wins
from .plot_style import Looks, looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Drawn(NamedTuple):
    """A figure, what it is of, and a sentence or two on what to look for in it."""

    title: str
    caption: str
    figure: "Figure"


def figures(boards: Sequence[Leaderboard], run_results: Sequence[RunResult]) -> Iterator[Drawn]:
    """The figures of each table in turn, drawn when they are asked for; a method looks the same in all of them.

    `run_results` are those that the boards were made of.
    """
    shown = looks(result.cell.label for result in run_results)
    for board, group in zip(boards, group_by_table(run_results).values(), strict=True):
        for made in _figures(board, group, shown):
            yield made._replace(title=f"{made.title}, {board.title}")


def walls(run_results: Sequence[RunResult]) -> Iterator[Drawn]:
    """A wall of reconstructions and samples for each table of which some run has drawn any."""
    for name, table in _tables(run_results):
        if hung := wall.hang(table):
            yield Drawn(f"Reconstructions and samples, {name}", wall.caption(hung), wall.draw(hung, name))


def without_pictures(run_results: Sequence[RunResult]) -> list[str]:
    """The titles of tables that have no wall, since no run of theirs has kept pictures that can be read."""
    return [name for name, table in _tables(run_results) if not wall.hang(table)]


def _tables(run_results: Sequence[RunResult]) -> list[tuple[str, list[RunResult]]]:
    """The title of each table and its results."""
    groups = list(group_by_table(run_results).values())
    runs = [group[0].cell.table for group in groups]
    return [(format_table_title(run, runs), group) for run, group in zip(runs, groups, strict=True)]


def _figures(board: Leaderboard, run_results: Sequence[RunResult], shown: Looks) -> Iterator[Drawn]:
    if board.columns:
        yield Drawn("Every measure", intervals.caption(board), intervals.draw(board))
    if plane.rows(board):
        yield Drawn("Rate and distortion", plane.caption(board), plane.draw(board, shown))
    if robustness.found(board):
        yield Drawn("Accuracy under corruption", robustness.caption(board), robustness.draw(board, shown))
    if wins.measures(board):
        yield Drawn("Who beats whom", wins.caption(board), wins.draw(board))
    if histories := curves.read(board):
        yield Drawn("Training", curves.caption(board), curves.draw(board, shown, histories))
    if any(map(codes.kept_by, run_results)):
        yield Drawn("Codes", codes.CAPTION, codes.draw(run_results))

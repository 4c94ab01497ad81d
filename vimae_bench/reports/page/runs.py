"""Every run of a leaderboard: how it ended, what was measured of it, where its folder and its copy in MLflow are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ...core.results import Estimate
from ...storage.store import RunResult
from ..table_format import COLLAPSED, decimals, number, plain
from .cost import Cost, spelt

Link = Callable[[RunResult], str]
"""Where something about a run is to be found; empty where there is nothing."""


def no_link(result: RunResult) -> str:  # noqa: ARG001 - it is a Link
    """Nowhere."""
    return ""


@dataclass(frozen=True)
class Value:
    """A number of one run; `order` is what it sorts by, `id` where the leaderboard's number leads."""

    text: str = ""
    order: float | None = None
    id: str = ""


@dataclass(frozen=True)
class Run:
    """One run; `flags` are what is to be said of it."""

    seed: int
    state: str
    flags: tuple[str, ...]
    cells: tuple[Value, ...]
    folder: str = ""
    mlflow: str = ""


@dataclass(frozen=True)
class Runs:
    """The runs of one method."""

    id: str
    label: str
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Links:
    """Where to find a run's folder, and its copy in MLflow."""

    folder: Link
    mlflow: Link = no_link


def method_id(table: str, row: int) -> str:
    """The name of a method's runs in a page, by the name of its table."""
    return f"{table}-m{row}"


def cell_id(method: str, column: int) -> str:
    """The name of a cell among them."""
    return f"{method}-c{column}"


def runs(
    board: Leaderboard, table: str, costs: Sequence[Cost], old: Mapping[Path, str], links: Links
) -> Iterator[Runs]:
    """The seeds of every method in order; `old` says what is stale about which folder."""
    places = {name: digits(board, name) for name in board.columns}
    for i, row in enumerate(board.rows):
        found = [_run(seed, result, places, costs, old, links) for seed, result in row.run_results.items()]
        found += _absent(row, len(places) + len(costs))
        first, *others = sorted(found, key=lambda run: run.seed)
        name = method_id(table, i)
        cells = tuple(replace(cell, id=cell_id(name, j)) for j, cell in enumerate(first.cells))
        yield Runs(name, plain(row.label), (replace(first, cells=cells), *others))


def digits(board: Leaderboard, name: str) -> int:
    """The decimals of a measure's values of single runs: two significant digits of the standard error."""
    found = [e for row in board.rows if name in row.summaries for e in row.summaries[name].estimates.values()]
    return decimals([e.se for e in found if e.se], [e.value for e in found])


def _run(
    seed: int,
    result: RunResult,
    places: Mapping[str, int],
    costs: Sequence[Cost],
    old: Mapping[Path, str],
    links: Links,
) -> Run:
    collapsed = f"{COLLAPSED} collapsed" if result.collapsed else ""
    stale = f"stale: {old[result.folder]}" if result.folder in old else ""
    measured = (_value(result.estimates.get(name), n) for name, n in places.items())
    cost = (Value() if (value := one.of(result)) is None else Value(spelt(value), value) for one in costs)
    return Run(
        seed,
        result.status,
        tuple(filter(None, (result.reason, collapsed, stale))),
        (*measured, *cost),
        links.folder(result) if result.status != "missing" else "",
        links.mlflow(result),
    )


def _absent(row: LeaderboardRow, cells: int) -> list[Run]:
    return [Run(seed, "not in the benchmark", (), (Value(),) * cells) for seed in row.missing_seeds]


def _value(estimate: Estimate | None, places: int) -> Value:
    if estimate is None:
        return Value()
    spread = f" ± {number(estimate.se, places)}" if estimate.se is not None else ""
    return Value(number(estimate.value, places) + spread, estimate.value)

"""Every run of a leaderboard: how it ended, what was measured of it, where its folder and its copy in MLflow are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ...core.results import Estimate
from ...storage.store import RunResult
from ..table_format import COLLAPSED, choose_decimals, clean_text, format_number
from .cost import CostColumn, format_cost

FindLink = Callable[[RunResult], str]
"""Where something about a run is to be found; empty where there is nothing."""


def find_no_link(result: RunResult) -> str:  # noqa: ARG001 - it is a Link
    """Nowhere."""
    return ""


@dataclass(frozen=True)
class RunValue:
    """A number of one run; `order` is what it sorts by, `id` where the leaderboard's number leads."""

    text: str = ""
    order: float | None = None
    id: str = ""


@dataclass(frozen=True)
class RunView:
    """One run; `flags` are what is to be said of it."""

    seed: int
    state: str
    flags: tuple[str, ...]
    cells: tuple[RunValue, ...]
    folder: str = ""
    mlflow: str = ""


@dataclass(frozen=True)
class MethodRuns:
    """The runs of one method."""

    id: str
    label: str
    runs: tuple[RunView, ...]


@dataclass(frozen=True)
class RunLinks:
    """Where to find a run's folder, and its copy in MLflow."""

    folder: FindLink
    mlflow: FindLink = find_no_link


def make_method_id(table: str, row: int) -> str:
    """The name of a method's runs in a page, by the name of its table."""
    return f"{table}-m{row}"


def make_cell_id(method: str, column: int) -> str:
    """The name of a cell among them."""
    return f"{method}-c{column}"


def list_method_runs(
    leaderboard: Leaderboard, table: str, costs: Sequence[CostColumn], old: Mapping[Path, str], links: RunLinks
) -> Iterator[MethodRuns]:
    """The seeds of every method in order; `old` says what is stale about which folder."""
    places = {name: choose_run_decimals(leaderboard, name) for name in leaderboard.columns}
    for i, row in enumerate(leaderboard.rows):
        found = [_build_run_view(seed, result, places, costs, old, links) for seed, result in row.run_results.items()]
        found += _list_absent_runs(row, len(places) + len(costs))
        first, *others = sorted(found, key=lambda run: run.seed)
        name = make_method_id(table, i)
        cells = tuple(replace(cell, id=make_cell_id(name, j)) for j, cell in enumerate(first.cells))
        yield MethodRuns(name, clean_text(row.label), (replace(first, cells=cells), *others))


def choose_run_decimals(leaderboard: Leaderboard, name: str) -> int:
    """The decimals of a measure's values of single runs: two significant digits of the standard error."""
    found = [e for row in leaderboard.rows if name in row.summaries for e in row.summaries[name].estimates.values()]
    return choose_decimals([e.se for e in found if e.se], [e.value for e in found])


def _build_run_view(
    seed: int,
    result: RunResult,
    places: Mapping[str, int],
    costs: Sequence[CostColumn],
    old: Mapping[Path, str],
    links: RunLinks,
) -> RunView:
    collapsed = f"{COLLAPSED} collapsed" if result.collapsed else ""
    stale = f"stale: {old[result.folder]}" if result.folder in old else ""
    measured = (_format_estimate(result.estimates.get(name), n) for name, n in places.items())
    cost = (RunValue() if (value := one.read(result)) is None else RunValue(format_cost(value), value) for one in costs)
    return RunView(
        seed,
        result.status,
        tuple(filter(None, (result.reason, collapsed, stale))),
        (*measured, *cost),
        links.folder(result) if result.status != "missing" else "",
        links.mlflow(result),
    )


def _list_absent_runs(row: LeaderboardRow, cells: int) -> list[RunView]:
    return [RunView(seed, "not in the benchmark", (), (RunValue(),) * cells) for seed in row.missing_seeds]


def _format_estimate(estimate: Estimate | None, places: int) -> RunValue:
    if estimate is None:
        return RunValue()
    spread = f" ± {format_number(estimate.se, places)}" if estimate.se is not None else ""
    return RunValue(format_number(estimate.value, places) + spread, estimate.value)

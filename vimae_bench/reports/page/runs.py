"""Every run of a leaderboard: its state, its measures, and links to its folder and its copy in MLflow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ...core.results import Estimate
from ...storage.store import RunResult
from ..table_format import COLLAPSED, choose_decimals, clean_text, format_number
from .cost import CostColumn, format_cost

FindLink = Callable[[RunResult], str]
"""Gives the address of something about a run, or an empty text if there is none."""


def find_no_link(result: RunResult) -> str:  # noqa: ARG001 - it is a FindLink
    """No address."""
    return ""


@dataclass(frozen=True)
class RunValue:
    """A number of one run; `order` is its sort key, `id` the target of the link from the leaderboard."""

    text: str = ""
    order: float | None = None
    id: str = ""


@dataclass(frozen=True)
class RunView:
    """One run; `flags` are remarks on it."""

    seed: int
    state: str
    flags: tuple[str, ...]
    cells: tuple[RunValue, ...]
    folder: str = ""
    mlflow: str = ""


@dataclass(frozen=True)
class MethodRunsView:
    """The runs of one method."""

    id: str
    label: str
    runs: tuple[RunView, ...]


@dataclass(frozen=True)
class RunLinks:
    """Find the address of a run's folder, and of its copy in MLflow."""

    folder: FindLink
    mlflow: FindLink = find_no_link


def make_method_id(table: str, row: int) -> str:
    """The id of a method's runs in the page."""
    return f"{table}-m{row}"


def make_cell_id(method: str, column: int) -> str:
    """The id of a cell of a method's first run."""
    return f"{method}-c{column}"


def list_method_runs(
    leaderboard: Leaderboard, table: str, costs: Sequence[CostColumn], stale: Mapping[Path, str], links: RunLinks
) -> Iterator[MethodRunsView]:
    """The runs of every method, by seed; `stale` has the reason for each folder of a stale run."""
    decimals = {name: choose_run_decimals(leaderboard, name) for name in leaderboard.columns}
    for i, row in enumerate(leaderboard.rows):
        runs = [
            _build_run_view(seed, result, decimals, costs, stale, links) for seed, result in row.run_results.items()
        ]
        runs += _list_absent_runs(row, len(decimals) + len(costs))
        first, *others = sorted(runs, key=lambda run: run.seed)
        name = make_method_id(table, i)
        cells = tuple(replace(cell, id=make_cell_id(name, j)) for j, cell in enumerate(first.cells))
        yield MethodRunsView(name, clean_text(row.label), (replace(first, cells=cells), *others))


def choose_run_decimals(leaderboard: Leaderboard, name: str) -> int:
    """The decimals of a measure's values of single runs: two significant digits of the standard error."""
    estimates = [e for row in leaderboard.rows if name in row.summaries for e in row.summaries[name].estimates.values()]
    return choose_decimals([e.se for e in estimates if e.se], [e.value for e in estimates])


def _build_run_view(
    seed: int,
    result: RunResult,
    decimals: Mapping[str, int],
    costs: Sequence[CostColumn],
    stale: Mapping[Path, str],
    links: RunLinks,
) -> RunView:
    collapsed = f"{COLLAPSED} collapsed" if result.collapsed else ""
    stale_reason = f"stale: {stale[result.folder]}" if result.folder in stale else ""
    values = (_format_estimate(result.estimates.get(name), n) for name, n in decimals.items())
    cost_values = (
        RunValue() if (value := cost.read(result)) is None else RunValue(format_cost(value), value) for cost in costs
    )
    return RunView(
        seed,
        result.status,
        tuple(filter(None, (result.reason, collapsed, stale_reason))),
        (*values, *cost_values),
        links.folder(result) if result.status != "missing" else "",
        links.mlflow(result),
    )


def _list_absent_runs(row: LeaderboardRow, cells: int) -> list[RunView]:
    return [RunView(seed, "not in the benchmark", (), (RunValue(),) * cells) for seed in row.missing_seeds]


def _format_estimate(estimate: Estimate | None, digits: int) -> RunValue:
    if estimate is None:
        return RunValue()
    spread = f" ± {format_number(estimate.se, digits)}" if estimate.se is not None else ""
    return RunValue(format_number(estimate.value, digits) + spread, estimate.value)

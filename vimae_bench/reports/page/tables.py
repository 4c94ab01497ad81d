"""Leaderboards as a page shows them: every number with the key it sorts by and a link to its runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ...analysis.versions import find_version_outliers
from ...core.results import Estimate, Measure
from ..table_format import UNDEFINED, TableCell, TableLine, clean_text, format_heading, format_lines, format_unit
from .cost import CostColumn, format_cost, list_cost_notes, select_costs
from .runs import MethodRuns, RunLinks, list_method_runs, make_cell_id, make_method_id


@dataclass(frozen=True)
class ColumnView:
    """A column; its button first sorts the `better` values to the top."""

    name: str
    label: str
    unit: str
    better: str = "lower"


@dataclass(frozen=True)
class NumberView:
    """A number of a leaderboard; `order` is its sort key, `target` the id of the cell of its first run."""

    shown: TableCell
    order: float | None = None
    ranks: str = ""
    target: str = ""


@dataclass(frozen=True)
class MethodRow:
    """A row of a leaderboard; `flags` count seeds with a problem, `target` is the id of the method's runs."""

    section: str
    label: str
    rank: str
    seeds: str
    done: int
    flags: tuple[str, ...]
    cells: tuple[NumberView, ...]
    target: str = ""


@dataclass(frozen=True)
class LeaderboardView:
    """A leaderboard with all its runs."""

    id: str
    title: str
    columns: tuple[ColumnView, ...]
    rows: tuple[MethodRow, ...]
    methods: tuple[MethodRuns, ...]
    notes: tuple[str, ...]


def build_leaderboard_view(name: str, leaderboard: Leaderboard, title: str, links: RunLinks) -> LeaderboardView:
    """A leaderboard with this title; `name` is its id in the page, from which those of its parts are made."""
    run_results = [result for row in leaderboard.rows for result in row.run_results.values()]
    costs, stale = select_costs(run_results), find_version_outliers(run_results)
    columns = (
        *(_build_measure_column(leaderboard.measures[column]) for column in leaderboard.columns),
        *map(_build_cost_column, costs),
    )
    notes = (*leaderboard.notes, *list_cost_notes(costs, run_results), *_list_stale_notes(leaderboard, stale))
    rows = (*_build_method_rows(name, leaderboard, costs, stale), *_build_baseline_rows(leaderboard, costs))
    return LeaderboardView(
        name, title, columns, rows, tuple(list_method_runs(leaderboard, name, costs, stale, links)), notes
    )


def _build_measure_column(measure: Measure) -> ColumnView:
    return ColumnView(
        clean_text(measure.name), format_heading(measure), format_unit(measure), measure.better or "lower"
    )


def _build_cost_column(cost: CostColumn) -> ColumnView:
    return ColumnView(cost.name, cost.name, cost.unit)


def _build_method_rows(
    table: str, leaderboard: Leaderboard, costs: Sequence[CostColumn], stale: Mapping[Path, str]
) -> Iterator[MethodRow]:
    for i, (row, line) in enumerate(zip(leaderboard.rows, format_lines(leaderboard), strict=False)):
        target = make_method_id(table, i)
        cells = (
            *_build_measure_cells(leaderboard, row, line, target),
            *_build_cost_cells(row, costs, target, len(leaderboard.columns)),
        )
        flags = tuple(_list_flags(row, stale))
        yield MethodRow(line.section, line.label, line.rank, line.seeds, row.count_seeds("done"), flags, cells, target)


def _build_baseline_rows(leaderboard: Leaderboard, costs: Sequence[CostColumn]) -> Iterator[MethodRow]:
    rows = list(format_lines(leaderboard))[len(leaderboard.rows) :]
    for estimates, line in zip(leaderboard.baselines.values(), rows, strict=True):
        cells = (
            *_build_baseline_cells(leaderboard, estimates, line),
            *(NumberView(TableCell(UNDEFINED)) for _ in costs),
        )
        yield MethodRow(line.section, line.label, "", line.seeds, 0, (), cells)


def _build_measure_cells(
    leaderboard: Leaderboard, row: LeaderboardRow, line: TableLine, target: str
) -> Iterator[NumberView]:
    for j, (name, cell) in enumerate(zip(leaderboard.columns, line.cells, strict=True)):
        if summary := row.summaries.get(name):
            interval = summary.shared_rank.interval if summary.shared_rank else None
            yield NumberView(
                cell, summary.mean, _format_rank_range(interval) if interval else "", make_cell_id(target, j)
            )
        else:
            yield NumberView(cell)


def _format_rank_range(interval: tuple[int, int]) -> str:
    """Such as `1-3` (with an en dash), or `2`."""
    return "–".join(map(str, dict.fromkeys(interval)))  # noqa: RUF001


def _build_cost_cells(
    row: LeaderboardRow, costs: Sequence[CostColumn], target: str, first: int
) -> Iterator[NumberView]:
    for j, cost in enumerate(costs, start=first):
        mean = cost.mean(row)
        yield (
            NumberView(TableCell())
            if mean is None
            else NumberView(TableCell(format_cost(mean)), mean, "", make_cell_id(target, j))
        )


def _build_baseline_cells(
    leaderboard: Leaderboard, estimates: Mapping[str, Estimate], line: TableLine
) -> Iterator[NumberView]:
    for name, cell in zip(leaderboard.columns, line.cells, strict=True):
        yield NumberView(cell, estimates[name].value if name in estimates else None)


def _list_flags(row: LeaderboardRow, stale: Mapping[Path, str]) -> Iterator[str]:
    counts = {word: row.count_seeds(word) for word in ("diverged", "failed", "missing")}
    counts["collapsed"] = len(row.collapsed_seeds)
    counts["stale"] = sum(result.folder in stale for result in row.run_results.values())
    yield from (f"{n} {word}" for word, n in counts.items() if n)


def _list_stale_notes(leaderboard: Leaderboard, stale: Mapping[Path, str]) -> Iterator[str]:
    """Which seeds are stale and reason, with one sentence for each method and reason."""
    for row in leaderboard.rows:
        seeds_by_reason: dict[str, list[str]] = {}
        for seed, result in row.run_results.items():
            if result.folder in stale:
                seeds_by_reason.setdefault(stale[result.folder], []).append(str(seed))
        for reason, seeds in seeds_by_reason.items():
            yield f"{row.label}: stale on seed{'s' * (len(seeds) > 1)} {', '.join(seeds)} ({reason})."

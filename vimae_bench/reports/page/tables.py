"""Leaderboards as a page shows them: every number with what it sorts by and where its runs are told."""

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
    """A column: `better` says in which order its button sorts first."""

    name: str
    label: str
    unit: str
    better: str = "lower"


@dataclass(frozen=True)
class NumberView:
    """A number of a leaderboard; `order` is what it sorts by, `target` the cell of its first run."""

    shown: TableCell
    order: float | None = None
    ranks: str = ""
    target: str = ""


@dataclass(frozen=True)
class MethodRow:
    """A row of a leaderboard; `flags` are what is wrong with some of its seeds, `target` is where these are told."""

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
    """A leaderboard under a name of its own in the page, and a title."""
    run_results = [result for row in leaderboard.rows for result in row.run_results.values()]
    costs, old = select_costs(run_results), find_version_outliers(run_results)
    heads = (
        *(_build_measure_column(leaderboard.measures[column]) for column in leaderboard.columns),
        *map(_build_cost_column, costs),
    )
    notes = (*leaderboard.notes, *list_cost_notes(costs, run_results), *_list_stale_notes(leaderboard, old))
    rows = (*_build_method_rows(name, leaderboard, costs, old), *_build_baseline_rows(leaderboard, costs))
    return LeaderboardView(
        name, title, heads, rows, tuple(list_method_runs(leaderboard, name, costs, old, links)), notes
    )


def _build_measure_column(measure: Measure) -> ColumnView:
    return ColumnView(
        clean_text(measure.name), format_heading(measure), format_unit(measure), measure.better or "lower"
    )


def _build_cost_column(cost: CostColumn) -> ColumnView:
    return ColumnView(cost.name, cost.name, cost.unit)


def _build_method_rows(
    table: str, leaderboard: Leaderboard, costs: Sequence[CostColumn], old: Mapping[Path, str]
) -> Iterator[MethodRow]:
    for i, (row, line) in enumerate(zip(leaderboard.rows, format_lines(leaderboard), strict=False)):
        target = make_method_id(table, i)
        cells = (
            *_build_measure_cells(leaderboard, row, line, target),
            *_build_cost_cells(row, costs, target, len(leaderboard.columns)),
        )
        flags = tuple(_list_flags(row, old))
        yield MethodRow(line.section, line.label, line.rank, line.seeds, row.count("done"), flags, cells, target)


def _build_baseline_rows(leaderboard: Leaderboard, costs: Sequence[CostColumn]) -> Iterator[MethodRow]:
    rows = list(format_lines(leaderboard))[len(leaderboard.rows) :]
    for estimates, line in zip(leaderboard.references.values(), rows, strict=True):
        cells = (
            *_build_baseline_cells(leaderboard, estimates, line),
            *(NumberView(TableCell(UNDEFINED)) for _ in costs),
        )
        yield MethodRow(line.section, line.label, "", line.seeds, 0, (), cells)


def _build_measure_cells(
    leaderboard: Leaderboard, row: LeaderboardRow, line: TableLine, target: str
) -> Iterator[NumberView]:
    for j, (name, cell) in enumerate(zip(leaderboard.columns, line.cells, strict=True)):
        if entry := row.summaries.get(name):
            between = entry.shared_rank.interval if entry.shared_rank else None
            yield NumberView(cell, entry.mean, _format_rank_range(between) if between else "", make_cell_id(target, j))
        else:
            yield NumberView(cell)


def _format_rank_range(between: tuple[int, int]) -> str:
    """Such as `1-3`, with a dash, or `2`."""
    return "–".join(map(str, dict.fromkeys(between)))  # noqa: RUF001


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


def _list_flags(row: LeaderboardRow, old: Mapping[Path, str]) -> Iterator[str]:
    counts = {word: row.count(word) for word in ("diverged", "failed", "missing")}
    counts["collapsed"] = len(row.collapsed_seeds)
    counts["stale"] = sum(result.folder in old for result in row.run_results.values())
    yield from (f"{n} {word}" for word, n in counts.items() if n)


def _list_stale_notes(leaderboard: Leaderboard, old: Mapping[Path, str]) -> Iterator[str]:
    """Which seeds are stale, and in what: those that differ alike in one sentence."""
    for row in leaderboard.rows:
        found: dict[str, list[str]] = {}
        for seed, result in row.run_results.items():
            if result.folder in old:
                found.setdefault(old[result.folder], []).append(str(seed))
        for why, seeds in found.items():
            yield f"{row.label}: stale on seed{'s' * (len(seeds) > 1)} {', '.join(seeds)} ({why})."

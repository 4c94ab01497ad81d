"""Leaderboards as a page shows them: every number with the key it sorts by and a link to its runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...analysis.decision import MeasureDecision, PairDecision
from ...analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ...analysis.statements import describe_outcome, describe_state, format_p
from ...analysis.versions import find_version_outliers
from ...core.results import Estimate, Measure
from ..table_format import (
    UNDEFINED,
    TableCell,
    TableLine,
    choose_decimals,
    clean_text,
    format_heading,
    format_lines,
    format_number,
    format_unit,
)
from .cost import CostColumn, format_cost, list_cost_notes, select_costs
from .runs import MethodRunsView, RunLinks, list_method_runs, make_cell_id, make_method_id


@dataclass(frozen=True)
class ColumnView:
    """A column; its button first sorts the `better` values to the top."""

    name: str
    label: str
    unit: str
    better: str = "lower"


@dataclass(frozen=True)
class NumberView:
    """A number of a leaderboard; `order` is its sort key, `target` the id of the cell of its first run.

    `state` says in words what its marks mean.
    """

    shown: TableCell
    order: float | None = None
    state: str = ""
    target: str = ""


@dataclass(frozen=True)
class MethodRow:
    """A row of a leaderboard; `flags` count seeds with a problem, `target` is the id of the method's runs.

    `section` is a class of the style sheet.
    """

    section: str
    label: str
    seeds: str
    done: int
    flags: tuple[str, ...]
    cells: tuple[NumberView, ...]
    target: str = ""


@dataclass(frozen=True)
class LeaderboardView:
    """A leaderboard with all its pairs and runs."""

    id: str
    title: str
    columns: tuple[ColumnView, ...]
    rows: tuple[MethodRow, ...]
    pairs: tuple[tuple[str, ...], ...]
    methods: tuple[MethodRunsView, ...]
    notes: tuple[str, ...]
    pair_heads: tuple[str, ...] = ("measure", "A", "B", "A - B", "95 % interval", "p, adjusted", "decision")


def build_leaderboard_view(name: str, leaderboard: Leaderboard, title: str, links: RunLinks) -> LeaderboardView:
    """A leaderboard with this title; `name` is its id in the page, from which those of its parts are made."""
    run_results = [result for row in leaderboard.rows for result in row.run_results.values()]
    costs, stale = select_costs(run_results), find_version_outliers(run_results)
    columns = (
        *(_build_measure_column(leaderboard.measures[column]) for column in leaderboard.columns),
        *map(_build_cost_column, costs),
    )
    own = (note for note in leaderboard.notes if note not in leaderboard.software_notes)  # those are in Provenance
    notes = (*own, *list_cost_notes(costs, run_results))
    rows = (*_build_method_rows(name, leaderboard, costs), *_build_baseline_rows(leaderboard, costs))
    pairs = tuple(row for decision in leaderboard.column_decisions for row in _list_pairs(decision))
    runs = tuple(list_method_runs(leaderboard, name, costs, stale, links))
    return LeaderboardView(name, title, columns, rows, pairs, runs, notes)


def _list_pairs(decision: MeasureDecision) -> Iterator[tuple[str, ...]]:
    """Every pair of methods, then each method with each baseline."""
    against = [pair for method in decision.methods.values() for pair in method.baselines.values()]
    for pair in (*decision.pairs.values(), *against):
        measure, shown = decision.measure, describe_outcome(pair, decision.measure, decision.margin)
        yield (
            format_heading(measure),
            clean_text(pair.a),
            clean_text(pair.b),
            *_format_difference(pair),
            clean_text(shown),
        )


def _format_difference(pair: PairDecision) -> tuple[str, str, str]:
    """The difference, its interval, and p; a ratio is marked as one."""
    half = (pair.interval[1] - pair.interval[0]) / 2 if pair.interval else 0.0
    digits = choose_decimals([half] if half else [], [pair.difference])
    kind = "A / B = " if pair.is_ratio else ""
    bounds = [format_number(bound, digits) for bound in pair.interval or ()]
    return f"{kind}{format_number(pair.difference, digits)}", " to ".join(bounds), format_p(pair.p)


def _build_measure_column(measure: Measure) -> ColumnView:
    return ColumnView(
        clean_text(measure.name), format_heading(measure), format_unit(measure), measure.better or "lower"
    )


def _build_cost_column(cost: CostColumn) -> ColumnView:
    return ColumnView(cost.name, cost.name, cost.unit)


def _build_method_rows(table: str, leaderboard: Leaderboard, costs: Sequence[CostColumn]) -> Iterator[MethodRow]:
    for i, (row, line) in enumerate(zip(leaderboard.rows, format_lines(leaderboard), strict=False)):
        target = make_method_id(table, i)
        cells = (
            *_build_measure_cells(leaderboard, row, line, target),
            *_build_cost_cells(row, costs, target, len(leaderboard.columns)),
        )
        flags = tuple(_list_flags(row))
        section = "control" if line.is_control else line.section.replace(" ", "-")
        yield MethodRow(section, line.label, line.seeds, row.count_seeds("done"), flags, cells, target)


def _build_baseline_rows(leaderboard: Leaderboard, costs: Sequence[CostColumn]) -> Iterator[MethodRow]:
    rows = list(format_lines(leaderboard))[len(leaderboard.rows) :]
    for estimates, line in zip(leaderboard.baselines.values(), rows, strict=True):
        cells = (
            *_build_baseline_cells(leaderboard, estimates, line),
            *(NumberView(TableCell(UNDEFINED)) for _ in costs),
        )
        yield MethodRow(line.section, line.label, line.seeds, 0, (), cells)


def _build_measure_cells(
    leaderboard: Leaderboard, row: LeaderboardRow, line: TableLine, target: str
) -> Iterator[NumberView]:
    for j, (name, cell) in enumerate(zip(leaderboard.columns, line.cells, strict=True)):
        if summary := row.summaries.get(name):
            state = describe_state(leaderboard.decisions[name], row.label) if summary.decision else ""
            yield NumberView(cell, summary.mean, clean_text(state), make_cell_id(target, j))
        else:
            yield NumberView(cell)


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


def _list_flags(row: LeaderboardRow) -> Iterator[str]:
    counts = {word: row.count_seeds(word) for word in ("diverged", "failed", "missing")}
    counts["collapsed"] = len(row.collapsed_seeds)
    yield from (f"{n} {word}" for word, n in counts.items() if n)

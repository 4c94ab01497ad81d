"""Leaderboards as a page shows them: every number with what it sorts by and where its runs are told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ...analysis.versions import find_version_outliers
from ...core.results import Estimate, Measure
from ..table_format import UNDEFINED, Cell, Line, heading, lines, plain, unit
from . import cost as costing
from .cost import Cost
from .runs import Links, Runs, cell_id, method_id, runs


@dataclass(frozen=True)
class Head:
    """A column: `better` says in which order its button sorts first."""

    name: str
    label: str
    unit: str
    better: str = "lower"


@dataclass(frozen=True)
class Number:
    """A number of a leaderboard; `order` is what it sorts by, `target` the cell of its first run."""

    shown: Cell
    order: float | None = None
    ranks: str = ""
    target: str = ""


@dataclass(frozen=True)
class Method:
    """A row of a leaderboard; `flags` are what is wrong with some of its seeds, `target` is where these are told."""

    part: str
    label: str
    rank: str
    seeds: str
    done: int
    flags: tuple[str, ...]
    cells: tuple[Number, ...]
    target: str = ""


@dataclass(frozen=True)
class Table:
    """A leaderboard with all its runs."""

    id: str
    title: str
    heads: tuple[Head, ...]
    rows: tuple[Method, ...]
    methods: tuple[Runs, ...]
    notes: tuple[str, ...]


def table(name: str, board: Leaderboard, title: str, links: Links) -> Table:
    """A leaderboard under a name of its own in the page, and a title."""
    run_results = [result for row in board.rows for result in row.run_results.values()]
    costs, old = costing.costs_of(run_results), find_version_outliers(run_results)
    heads = (*(_head(board.measures[column]) for column in board.columns), *map(_cost_head, costs))
    notes = (*board.notes, *costing.notes(costs, run_results), *_stale_notes(board, old))
    rows = (*_methods(name, board, costs, old), *_references(board, costs))
    return Table(name, title, heads, rows, tuple(runs(board, name, costs, old, links)), notes)


def _head(measure: Measure) -> Head:
    return Head(plain(measure.name), heading(measure), unit(measure), measure.better or "lower")


def _cost_head(cost: Cost) -> Head:
    return Head(cost.name, cost.name, cost.unit)


def _methods(table: str, board: Leaderboard, costs: Sequence[Cost], old: Mapping[Path, str]) -> Iterator[Method]:
    for i, (row, line) in enumerate(zip(board.rows, lines(board), strict=False)):
        target = method_id(table, i)
        cells = (*_measured(board, row, line, target), *_costs(row, costs, target, len(board.columns)))
        flags = tuple(_flags(row, old))
        yield Method(line.part, line.label, line.rank, line.seeds, row.count("done"), flags, cells, target)


def _references(board: Leaderboard, costs: Sequence[Cost]) -> Iterator[Method]:
    rows = list(lines(board))[len(board.rows) :]
    for estimates, line in zip(board.references.values(), rows, strict=True):
        cells = (*_referred(board, estimates, line), *(Number(Cell(UNDEFINED)) for _ in costs))
        yield Method(line.part, line.label, "", line.seeds, 0, (), cells)


def _measured(board: Leaderboard, row: LeaderboardRow, line: Line, target: str) -> Iterator[Number]:
    for j, (name, cell) in enumerate(zip(board.columns, line.cells, strict=True)):
        if entry := row.summaries.get(name):
            between = entry.shared_rank.interval if entry.shared_rank else None
            yield Number(cell, entry.mean, _range(between) if between else "", cell_id(target, j))
        else:
            yield Number(cell)


def _range(between: tuple[int, int]) -> str:
    """Such as `1-3`, with a dash, or `2`."""
    return "–".join(map(str, dict.fromkeys(between)))  # noqa: RUF001


def _costs(row: LeaderboardRow, costs: Sequence[Cost], target: str, first: int) -> Iterator[Number]:
    for j, cost in enumerate(costs, start=first):
        mean = cost.mean(row)
        yield Number(Cell()) if mean is None else Number(Cell(costing.spelt(mean)), mean, "", cell_id(target, j))


def _referred(board: Leaderboard, estimates: Mapping[str, Estimate], line: Line) -> Iterator[Number]:
    for name, cell in zip(board.columns, line.cells, strict=True):
        yield Number(cell, estimates[name].value if name in estimates else None)


def _flags(row: LeaderboardRow, old: Mapping[Path, str]) -> Iterator[str]:
    counts = {word: row.count(word) for word in ("diverged", "failed", "missing")}
    counts["collapsed"] = len(row.collapsed_seeds)
    counts["stale"] = sum(result.folder in old for result in row.run_results.values())
    yield from (f"{n} {word}" for word, n in counts.items() if n)


def _stale_notes(board: Leaderboard, old: Mapping[Path, str]) -> Iterator[str]:
    """Which seeds are stale, and in what: those that differ alike in one sentence."""
    for row in board.rows:
        found: dict[str, list[str]] = {}
        for seed, result in row.run_results.items():
            if result.folder in old:
                found.setdefault(old[result.folder], []).append(str(seed))
        for why, seeds in found.items():
            yield f"{row.label}: stale on seed{'s' * (len(seeds) > 1)} {', '.join(seeds)} ({why})."

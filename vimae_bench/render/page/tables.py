"""Leaderboards as a page shows them: every number with what it sorts by and where its runs are told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from ...records import Estimate, Measure
from ...results.board import Board, Row
from ...results.stale import stale
from ...results.store import Outcome
from ..layout import COLLAPSED, UNDEFINED, Cell, Line, decimals, heading, lines, number, plain, unit

Link = Callable[[Outcome], str]
"""Where something about a run is to be found; empty where there is nothing."""


def no_link(outcome: Outcome) -> str:  # noqa: ARG001 - it is a Link
    """Nowhere."""
    return ""


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
class Value:
    """A number of one run."""

    text: str
    order: float | None = None
    id: str = ""


@dataclass(frozen=True)
class RunRow:
    """One run: how it ended, what is to be said of it, where its folder and its copy in MLflow are."""

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
    runs: tuple[RunRow, ...]


@dataclass(frozen=True)
class Table:
    """A leaderboard with all its runs."""

    id: str
    title: str
    heads: tuple[Head, ...]
    rows: tuple[Method, ...]
    methods: tuple[Runs, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """What a run costs: how its record tells it."""

    head: Head
    of: Callable[[Outcome], float | None]


def _seconds(outcome: Outcome) -> float | None:
    told = outcome.record.get("seconds")
    value = told.get("training") if isinstance(told, dict) else None
    return float(value) if isinstance(value, int | float) else None


def _parameters(outcome: Outcome) -> float | None:
    value = outcome.record.get("parameters")
    return float(value) if isinstance(value, int | float) else None


COSTS = (
    Cost(Head("training", "training", "s"), _seconds),
    Cost(Head("parameters", "parameters", ""), _parameters),
)


def table(n: int, board: Board, title: str, folder: Link, mlflow: Link) -> Table:
    """The n-th leaderboard of a page."""
    outcomes = [outcome for row in board.rows for outcome in row.outcomes.values()]
    costs = [cost for cost in COSTS if any(cost.of(outcome) is not None for outcome in outcomes)]
    heads = (*(_head(board.measures[name]) for name in board.columns), *(cost.head for cost in costs))
    name, old = f"table-{n}", stale(outcomes)
    shown = _Shown(board, name, costs, old, folder, mlflow)
    notes = (*board.notes, *_said_of_costs(costs, outcomes), *_said_of_stale(board, old))
    return Table(name, title, heads, tuple(shown.methods()), tuple(shown.runs()), notes)


@dataclass(frozen=True)
class _Shown:
    board: Board
    id: str
    costs: Sequence[Cost]
    stale: Mapping[Path, str]
    folder: Link
    mlflow: Link
    digits: Mapping[str, int] = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "digits", {name: digits(self.board, name) for name in self.board.columns})

    def methods(self) -> Iterator[Method]:
        """The rows of the leaderboard, references last."""
        rows = list(lines(self.board))
        for i, (row, line) in enumerate(zip(self.board.rows, rows, strict=False)):
            target = f"{self.id}-m{i}"
            cells = (*self._cells(row, line, target), *self._costs(row, target))
            flags = tuple(self._flags(row))
            yield Method(line.part, line.label, line.rank, line.seeds, row.count("done"), flags, cells, target)
        for (_, estimates), line in zip(self.board.references.items(), rows[len(self.board.rows) :], strict=True):
            cells = (*_referred(self.board, estimates, line), *(Number(Cell(UNDEFINED)) for _ in self.costs))
            yield Method(line.part, line.label, "", UNDEFINED, 0, (), cells)

    def runs(self) -> Iterator[Runs]:
        """Every seed of every method."""
        for i, row in enumerate(self.board.rows):
            target = f"{self.id}-m{i}"
            found = [self._run(outcome, seed) for seed, outcome in row.outcomes.items()]
            absent = [RunRow(seed, "not in the benchmark", (), self._nothing()) for seed in row.absent]
            first, *others = sorted([*found, *absent], key=lambda run: run.seed)
            yield Runs(target, plain(row.label), (_anchored(first, target), *others))

    def _cells(self, row: Row, line: Line, target: str) -> Iterator[Number]:
        for j, (name, cell) in enumerate(zip(self.board.columns, line.cells, strict=True)):
            entry = row.entries.get(name)
            between = entry.place.interval if entry and entry.place else None
            ranks = "–".join(map(str, dict.fromkeys(between))) if between else ""  # noqa: RUF001 - a range's dash
            yield Number(cell, entry.mean if entry else None, ranks, f"{target}-c{j}" if entry else "")

    def _costs(self, row: Row, target: str) -> Iterator[Number]:
        for j, cost in enumerate(self.costs, start=len(self.board.columns)):
            values = [value for outcome in row.outcomes.values() if (value := cost.of(outcome)) is not None]
            yield Number(Cell(_cost(fmean(values))), fmean(values), "", f"{target}-c{j}") if values else Number(Cell())

    def _flags(self, row: Row) -> Iterator[str]:
        old = sum(outcome.folder in self.stale for outcome in row.outcomes.values())
        counts = {word: row.count(word) for word in ("diverged", "failed", "missing")}
        counts |= {"collapsed": len(row.collapsed), "stale": old}
        yield from (f"{n} {word}" for word, n in counts.items() if n)

    def _run(self, outcome: Outcome, seed: int) -> RunRow:
        flags = (
            outcome.reason,
            f"{COLLAPSED} collapsed" if outcome.collapsed else "",
            f"stale: {self.stale[outcome.folder]}" if outcome.folder in self.stale else "",
        )
        values = [_value(outcome.estimates.get(name), self.digits[name]) for name in self.board.columns]
        costs = [Value(_cost(value), value) if value is not None else Value("") for value in self._costs_of(outcome)]
        there = self.folder(outcome) if outcome.status != "missing" else ""
        return RunRow(seed, outcome.status, tuple(filter(None, flags)), (*values, *costs), there, self.mlflow(outcome))

    def _costs_of(self, outcome: Outcome) -> list[float | None]:
        return [cost.of(outcome) for cost in self.costs]

    def _nothing(self) -> tuple[Value, ...]:
        return tuple(Value("") for _ in (*self.board.columns, *self.costs))


def _anchored(run: RunRow, target: str) -> RunRow:
    """A method's first run, whose cells are where the numbers of the leaderboard lead."""
    cells = tuple(Value(cell.text, cell.order, f"{target}-c{j}") for j, cell in enumerate(run.cells))
    return RunRow(run.seed, run.state, run.flags, cells, run.folder, run.mlflow)


def _head(measure: Measure) -> Head:
    return Head(plain(measure.name), heading(measure), unit(measure), measure.better or "lower")


def _referred(board: Board, estimates: Mapping[str, Estimate], line: Line) -> Iterator[Number]:
    for name, cell in zip(board.columns, line.cells, strict=True):
        yield Number(cell, estimates[name].value if name in estimates else None)


def digits(board: Board, name: str) -> int:
    """The decimals of a measure's values of single runs: two digits of the standard error, as in a table."""
    found = [e for row in board.rows if name in row.entries for e in row.entries[name].estimates.values()]
    return decimals([e.se for e in found if e.se], [e.value for e in found])


def _value(estimate: Estimate | None, digits: int) -> Value:
    if estimate is None:
        return Value("")
    spread = f" ± {number(estimate.se, digits)}" if estimate.se is not None else ""
    return Value(number(estimate.value, digits) + spread, estimate.value)


def _cost(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _said_of_costs(costs: Sequence[Cost], outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What keeps seconds from being compared."""
    if not any(cost.head.name == "training" for cost in costs):
        return
    made = [outcome.record.get("made_by") or {} for outcome in outcomes if _seconds(outcome) is not None]
    devices = {str(told.get("device", "")) for told in made}
    shared = any(told.get("sharing", 1) != 1 for told in made)
    why = [*(["on several kinds of device"] if len(devices) > 1 else []), *(["on shared devices"] if shared else [])]
    yield "Training: mean seconds of a run over the seeds it is known of" + (
        f"; these ran {' and '.join(why)}, so that seconds do not compare." if why else "."
    )


def _said_of_stale(board: Board, old: Mapping[Path, str]) -> Iterator[str]:
    for row in board.rows:
        found: dict[str, list[int]] = {}
        for seed, outcome in row.outcomes.items():
            if outcome.folder in old:
                found.setdefault(old[outcome.folder], []).append(seed)
        for why, seeds in found.items():
            yield f"{row.label}: stale on seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))} ({why})."

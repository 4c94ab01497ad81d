"""Results as tidy pandas frames. What each column holds is in docs/reference/python.md."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..analysis.comparison import Comparison
from ..analysis.leaderboard_data import Leaderboard
from ..core.canonical import Json, is_number
from ..reports.leaderboard_csv import rows as board_rows
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .components import identity

if TYPE_CHECKING:
    import pandas as pd

TEXT, WHOLE, NUMBER, TRUTH = "string", "Int64", "float64", "boolean"
"""Types of columns that know of missing values."""
TABLE = {"benchmark": TEXT, "table": TEXT}
METHOD = {**TABLE, "method": TEXT, "seed": WHOLE, "key": TEXT}
RUNS = {
    **METHOD,
    **dict.fromkeys(("dataset", "architecture", "objective", "prior"), TEXT),
    "latent": WHOLE,
    "epochs": WHOLE,
    "settings": "object",
    "status": TEXT,
    "reason": TEXT,
    "collapsed": TRUTH,
    "parameters": WHOLE,
    "steps": WHOLE,
    "seconds": NUMBER,
    "seconds_steps": NUMBER,
    **dict.fromkeys(("device", "precision", "step", "version", "torch", "commit", "folder"), TEXT),
}
MEASURES = {
    **METHOD,
    "measure": TEXT,
    "value": NUMBER,
    "se": NUMBER,
    "n": WHOLE,
    "unit": TEXT,
    "better": TEXT,
    "version": WHOLE,
}
CURVES = {**METHOD, "epoch": WHOLE, "term": TEXT, "value": NUMBER, "seconds": NUMBER}
LEADERBOARD = {
    **TABLE,
    "dataset": TEXT,
    "architecture": TEXT,
    "latent": WHOLE,
    "epochs": WHOLE,
    "kind": TEXT,
    "method": TEXT,
    **dict.fromkeys(("done", "diverged", "failed", "missing", "collapsed"), WHOLE),
    "measure": TEXT,
    "unit": TEXT,
    "better": TEXT,
    "version": WHOLE,
    "n": WHOLE,
    "mean": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
    "rank": WHOLE,
    "rank_low": WHOLE,
    "rank_high": WHOLE,
    "letters": TEXT,
    "top": TRUTH,
}
COMPARISON = {
    "table": TEXT,
    "a": TEXT,
    "b": TEXT,
    "measure": TEXT,
    "unit": TEXT,
    "better": TEXT,
    "n": WHOLE,
    **dict.fromkeys(("mean_a", "mean_b", "difference", "low", "high", "shift", "shift_low", "shift_high"), NUMBER),
    "wins": NUMBER,
    "p": NUMBER,
    "margin": NUMBER,
    "verdict": TEXT,
}


@dataclass(frozen=True)
class Placed:
    """What came of a run, and where it stands: in which benchmark's table of which title."""

    benchmark: str
    table: str
    result: RunResult

    def head(self) -> Json:
        """The columns that say which run it is."""
        cell = self.result.cell
        where = {"benchmark": self.benchmark, "table": self.table}
        return {**where, "method": cell.label, "seed": cell.seed, "key": identity(cell.run)}


def runs(placed: Sequence[Placed]) -> "pd.DataFrame":
    """A row for each run, whatever became of it."""
    return _frame(({**one.head(), **_run(one.result)} for one in placed), RUNS)


def measures(placed: Sequence[Placed]) -> "pd.DataFrame":
    """A row for each run and measure that is defined for it."""
    return _frame(({**one.head(), **row} for one in placed for row in _measures(one.result)), MEASURES)


def curves(placed: Sequence[Placed]) -> "pd.DataFrame":
    """A row for each run, epoch and term of its loss."""
    return _frame(({**one.head(), **row} for one in placed for row in _epochs(one.result)), CURVES)


def estimates(result: RunResult) -> "pd.DataFrame":
    """A row for each measure of one run."""
    columns = {name: MEASURES[name] for name in ("measure", "value", "se", "n", "unit", "better")}
    return _frame(_measures(result), columns).set_index("measure")


def history(result: RunResult) -> "pd.DataFrame":
    """A row for each epoch of one run, a column for each term."""
    rows = _frame(_epochs(result), {name: CURVES[name] for name in ("epoch", "term", "value")})
    return rows.pivot(index="epoch", columns="term", values="value").reindex(columns=rows["term"].unique())


def leaderboard(boards: Sequence[tuple[str, Leaderboard]]) -> "pd.DataFrame":
    """A row for each table, method and measure."""
    rows = ({"benchmark": name, **row} for name, board in boards for row in board_rows(board))
    return _frame(rows, LEADERBOARD)


def comparisons(found: Sequence[Comparison]) -> "pd.DataFrame":
    """A row for each table and measure."""
    return _frame((row for comparison in found for row in _differences(comparison)), COMPARISON)


def _frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> "pd.DataFrame":
    """A frame of exactly these columns and types, without rows too."""
    import pandas as pd

    kept = list(rows)
    return pd.DataFrame({name: _column(kept, name, kind) for name, kind in columns.items()})


def _column(rows: Sequence[Mapping[str, Any]], name: str, kind: str) -> "pd.Series":
    import pandas as pd

    values = [row.get(name) for row in rows]
    if kind == WHOLE:
        values = [value if type(value) is int and abs(value) < 2**63 else None for value in values]
    return pd.Series(values, dtype=kind)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _run(result: RunResult) -> Json:
    run, record = result.cell.run, result.record
    made_by, seconds = _table(record, "made_by"), _table(record, "seconds")
    parts = {name: getattr(run, name).use for name in ("dataset", "architecture", "objective", "prior")}
    return {
        **parts,
        "latent": run.latent,
        "epochs": run.training.epochs,
        "settings": dict(run.objective.settings),
        "status": result.status,
        "reason": result.reason,
        "collapsed": result.collapsed,
        "parameters": record.get("parameters"),
        "steps": record.get("steps"),
        "seconds": _number(seconds.get("training")),
        "seconds_steps": _number(seconds.get("steps")),
        **{name: _word(made_by.get(name)) for name in ("device", "precision", "step", "torch", "commit")},
        "version": _word(made_by.get("vimae-bench")),
        "folder": str(result.folder),
    }


def _measures(result: RunResult) -> Iterable[Json]:
    for name, estimate in result.estimates.items():
        measure = result.measures[name]
        told = {"measure": name, "unit": measure.unit, "better": measure.better, "version": measure.version}
        yield {**told, "value": estimate.value, "se": estimate.se, "n": estimate.n}


def _epochs(result: RunResult) -> Iterable[Json]:
    for line in RunFolder(result.folder).read_history():
        for term, value in line["terms"].items():
            yield {"epoch": line["epoch"], "term": term, "value": value, "seconds": line["seconds"]}


def _differences(comparison: Comparison) -> Iterable[Json]:
    for row in comparison.rows:
        means = [sum(side) / len(side) for side in (row.a, row.b)]
        (low, high), (shift_low, shift_high) = (bounds or (None, None) for bounds in (row.interval, row.shift.interval))
        yield {
            "table": comparison.title,
            "a": comparison.a,
            "b": comparison.b,
            "measure": row.measure.name,
            "unit": row.measure.unit,
            "better": row.measure.better,
            "n": len(row.a),
            "mean_a": means[0],
            "mean_b": means[1],
            "difference": means[0] - means[1],
            "low": low,
            "high": high,
            "shift": row.shift.value,
            "shift_low": shift_low,
            "shift_high": shift_high,
            "wins": row.wins,
            "p": row.p,
            "margin": row.margin,
            "verdict": row.verdict,
        }


def _table(record: Json, name: str) -> Json:
    """A table of a record, empty where there is none: a damaged record may hold anything."""
    found: object = record.get(name)
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportReturnType]


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> float | None:
    return float(value) if is_number(value) else None  # pyright: ignore[reportArgumentType]

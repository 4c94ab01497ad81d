"""Results as tidy pandas frames. What each column holds is in docs/reference/python.md."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..analysis.comparison_data import Comparison
from ..analysis.leaderboard_data import Leaderboard
from ..core.canonical import Json, is_number
from ..reports.comparison_csv import list_rows as list_differences
from ..reports.leaderboard_csv import list_pairs, list_rows
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .components import get_run_key

if TYPE_CHECKING:
    import pandas as pd

TEXT, INTEGER, NUMBER, BOOLEAN = "string", "Int64", "float64", "boolean"
"""Types of columns that may have missing values."""
TABLE = {"benchmark": TEXT, "table": TEXT}
METHOD = {**TABLE, "method": TEXT, "seed": INTEGER, "key": TEXT}
RUNS = {
    **METHOD,
    **dict.fromkeys(("dataset", "architecture", "objective", "prior"), TEXT),
    "latent": INTEGER,
    "epochs": INTEGER,
    "settings": "object",
    "status": TEXT,
    "reason": TEXT,
    "collapsed": BOOLEAN,
    "parameters": INTEGER,
    "steps": INTEGER,
    "seconds": NUMBER,
    "seconds_steps": NUMBER,
    **dict.fromkeys(("device", "precision", "step", "version", "torch", "commit", "folder"), TEXT),
}
MEASURES = {
    **METHOD,
    "measure": TEXT,
    "value": NUMBER,
    "se": NUMBER,
    "n": INTEGER,
    "unit": TEXT,
    "better": TEXT,
    "version": INTEGER,
}
CURVES = {**METHOD, "epoch": INTEGER, "term": TEXT, "value": NUMBER, "seconds": NUMBER}
DECIDED = {
    **TABLE,
    "dataset": TEXT,
    "architecture": TEXT,
    "latent": INTEGER,
    "epochs": INTEGER,
    "kind": TEXT,
    "method": TEXT,
}
MEASURE = {"measure": TEXT, "unit": TEXT, "better": TEXT, "scale": TEXT, "version": INTEGER, "n": INTEGER}
LEADERBOARD = {
    **DECIDED,
    **dict.fromkeys(("done", "diverged", "failed", "missing", "collapsed"), INTEGER),
    **MEASURE,
    **dict.fromkeys(("mean", "low", "high"), NUMBER),
    **dict.fromkeys(("covers", "state", "qualification", "caution"), TEXT),
    **dict.fromkeys(("better_than", "worse_than", "equivalent_to", "undecided_with"), TEXT),
    "seeds_needed": INTEGER,
}
PAIRS = {
    **DECIDED,
    "other": TEXT,
    **MEASURE,
    **dict.fromkeys(("difference", "low", "high"), NUMBER),
    "covers": TEXT,
    **dict.fromkeys(("p", "equivalence_p", "margin"), NUMBER),
    "outcome": TEXT,
    "winner": TEXT,
    "seeds_needed": INTEGER,
}
COMPARISON = {
    **dict.fromkeys(("table", "a", "b", "measure", "unit", "better", "scale"), TEXT),
    "n": INTEGER,
    "draws": INTEGER,
    **dict.fromkeys(("mean_a", "mean_b", "difference", "low", "high"), NUMBER),
    "ratio": BOOLEAN,
    **dict.fromkeys(("wins", "p", "equivalence_p"), NUMBER),
    "family": INTEGER,
    "margin": NUMBER,
    "outcome": TEXT,
    "seeds_needed": INTEGER,
    "given_margin": NUMBER,
    "given_outcome": TEXT,
    "statement": TEXT,
}


@dataclass(frozen=True)
class TableRun:
    """The result of a run, with the benchmark and the title of the table that it belongs to."""

    benchmark: str
    table: str
    result: RunResult

    def identify(self) -> Json:
        """The columns that identify the run."""
        entry = self.result.entry
        where = {"benchmark": self.benchmark, "table": self.table}
        return {**where, "method": entry.label, "seed": entry.seed, "key": get_run_key(entry.run)}


def build_runs(runs: Sequence[TableRun]) -> "pd.DataFrame":
    """A row for each run, whatever its state."""
    return _build_frame(({**run.identify(), **_describe_run(run.result)} for run in runs), RUNS)


def build_measures(runs: Sequence[TableRun]) -> "pd.DataFrame":
    """A row for each run and measure that is defined for it."""
    return _build_frame(({**run.identify(), **row} for run in runs for row in _list_measures(run.result)), MEASURES)


def build_curves(runs: Sequence[TableRun]) -> "pd.DataFrame":
    """A row for each run, epoch and term of its loss."""
    return _build_frame(({**run.identify(), **row} for run in runs for row in _list_epochs(run.result)), CURVES)


def build_estimates(result: RunResult) -> "pd.DataFrame":
    """A row for each measure of run run."""
    columns = {name: MEASURES[name] for name in ("measure", "value", "se", "n", "unit", "better")}
    return _build_frame(_list_measures(result), columns).set_index("measure")


def build_history(result: RunResult) -> "pd.DataFrame":
    """A row for each epoch of run run, a column for each term."""
    rows = _build_frame(_list_epochs(result), {name: CURVES[name] for name in ("epoch", "term", "value")})
    return rows.pivot(index="epoch", columns="term", values="value").reindex(columns=rows["term"].unique())


def build_leaderboard(leaderboards: Sequence[tuple[str, Leaderboard]]) -> "pd.DataFrame":
    """A row for each table, method and measure."""
    rows = ({"benchmark": name, **row} for name, leaderboard in leaderboards for row in list_rows(leaderboard))
    return _build_frame(rows, LEADERBOARD)


def build_pairs(leaderboards: Sequence[tuple[str, Leaderboard]]) -> "pd.DataFrame":
    """A row for each table, measure and pair of methods, or of a method and a baseline."""
    rows = ({"benchmark": name, **row} for name, leaderboard in leaderboards for row in list_pairs(leaderboard))
    return _build_frame(rows, PAIRS)


def build_comparisons(found: Sequence[Comparison]) -> "pd.DataFrame":
    """A row for each table and measure."""
    return _build_frame((row for comparison in found for row in list_differences(comparison)), COMPARISON)


def _build_frame(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> "pd.DataFrame":
    """A frame of exactly these columns and types, even if there are no rows."""
    import pandas as pd

    all_rows = list(rows)
    return pd.DataFrame({name: _build_column(all_rows, name, kind) for name, kind in columns.items()})


def _build_column(rows: Sequence[Mapping[str, Any]], name: str, kind: str) -> "pd.Series":
    import pandas as pd

    values = [row.get(name) for row in rows]
    if kind == INTEGER:
        values = [value if type(value) is int and abs(value) < 2**63 else None for value in values]
    return pd.Series(values, dtype=kind)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _describe_run(result: RunResult) -> Json:
    run, record = result.entry.run, result.record
    made_by, seconds = _get_table(record, "made_by"), _get_table(record, "seconds")
    parts = {name: getattr(run, name).title for name in ("dataset", "architecture", "objective", "prior")}
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
        "seconds": _get_number(seconds.get("training")),
        "seconds_steps": _get_number(seconds.get("steps")),
        **{name: _get_text(made_by.get(name)) for name in ("device", "precision", "step", "torch", "commit")},
        "version": _get_text(made_by.get("vimae-bench")),
        "folder": str(result.folder),
    }


def _list_measures(result: RunResult) -> Iterable[Json]:
    for name, estimate in result.estimates.items():
        measure = result.measures[name]
        fields = {"measure": name, "unit": measure.unit, "better": measure.better, "version": measure.version}
        yield {**fields, "value": estimate.value, "se": estimate.se, "n": estimate.n}


def _list_epochs(result: RunResult) -> Iterable[Json]:
    for line in RunFolder(result.folder).read_history():
        for term, value in line["terms"].items():
            yield {"epoch": line["epoch"], "term": term, "value": value, "seconds": line["seconds"]}


def _get_table(record: Json, name: str) -> Json:
    """A table of a record, empty if there is none: a damaged record may contain anything."""
    found: object = record.get(name)
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportReturnType]


def _get_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _get_number(value: object) -> float | None:
    return float(value) if is_number(value) else None  # pyright: ignore[reportArgumentType]

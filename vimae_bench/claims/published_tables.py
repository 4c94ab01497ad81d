"""A paper's printed figures beside those measured."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..analysis.per_draw import per_draw_table
from ..analysis.statistics import Interval, confidence_interval, prediction_interval
from .matching import Evidence
from .paper import Paper, PaperTable

Match = Literal["compatible", "not compatible", "not decided", "not measured", "not comparable"]


@dataclass(frozen=True)
class PublishedValue:
    """One figure: as printed (None: there is none), and as measured over n seeds.

    `compatible` if the 95 % prediction interval for one further run meets the printed figure +- its rounding: a
    printed figure without an interval is taken for that of one run. One seed has no such interval, and decides
    nothing. `collapsed` are the seeds whose model ignores its data, `lost` those that diverged or failed.
    """

    method: str
    condition: str
    measure: str
    printed: float | None
    n: int = 0
    mean: float | None = None
    interval: Interval | None = None
    prediction: Interval | None = None
    match: Match = "not measured"
    collapsed: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()


@dataclass(frozen=True)
class PublishedTable:
    """A printed table beside one table of runs, or beside nothing."""

    table: PaperTable
    evidence: Evidence | None
    values: tuple[PublishedValue, ...]


def compare_tables(paper: Paper, found: Sequence[Evidence]) -> list[PublishedTable]:
    """Each table of the paper beside every table of runs that belongs to its setup, or alone where none does."""
    return [
        PublishedTable(table, evidence, tuple(_compare_values(table, evidence)))
        for table in paper.table
        for evidence in [e for e in found if e.setup.id == table.setup] or [None]
    ]


def _compare_values(table: PaperTable, evidence: Evidence | None) -> list[PublishedValue]:
    return [
        _add_match(measure_value(evidence, method, measure, condition, printed), table)
        for method in table.values
        for condition, measure, printed in zip(
            table.conditions or ("",), table.list_measures(), table.get_values(method), strict=True
        )
    ]


def measure_value(
    evidence: Evidence | None, method: str, measure: str, condition: str = "", printed: float | None = None
) -> PublishedValue:
    """What a method reaches under a measure, not yet judged."""
    side = (evidence.methods.get(method) if evidence else None) or {}
    having = {seed: result for seed, result in side.items() if measure in result.estimates}
    lost = tuple(seed for seed, result in side.items() if result.status in ("diverged", "failed"))
    if not having:
        return PublishedValue(method, condition, measure, printed, lost=lost)
    estimates = [result.estimates[measure] for result in having.values()]
    values = [estimate.value for estimate in estimates]
    return PublishedValue(
        method,
        condition,
        measure,
        printed,
        n=len(values),
        mean=float(np.mean(values)),
        interval=confidence_interval(values, per_draw_table(estimates)),
        prediction=prediction_interval(values),
        match="not decided",
        collapsed=tuple(seed for seed, result in having.items() if result.collapsed),
        lost=lost,
    )


def _add_match(found: PublishedValue, table: PaperTable) -> PublishedValue:
    if found.n and table.only_order:
        return replace(found, match="not comparable")
    if found.prediction is None or found.printed is None:
        return found
    low, high = found.prediction
    meets = low <= found.printed + table.half_width and high >= found.printed - table.half_width
    return replace(found, match="compatible" if meets else "not compatible")

"""Compare the published values of a paper with measured ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..analysis.legacy_statistics import Interval, confidence_interval, prediction_interval
from ..analysis.per_draw import per_draw_table
from .matching import Evidence
from .paper import Paper, PaperTable

Match = Literal["compatible", "not compatible", "not decided", "not measured", "not comparable"]


@dataclass(frozen=True)
class PublishedValue:
    """A published value (`printed`, None if there is none) and what was measured over n seeds.

    They are `compatible` if the 95 % prediction interval for one further run overlaps the published value +- its
    rounding: a published value without an interval is taken to be that of a single run. With one seed there is no such
    interval and no decision. `collapsed` are the seeds whose model ignores its data, `lost` those that diverged or
    failed.
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
    """A published table compared with one table of results; `evidence` is None if there are no results."""

    table: PaperTable
    evidence: Evidence | None
    values: tuple[PublishedValue, ...]


def compare_tables(paper: Paper, found: Sequence[Evidence]) -> list[PublishedTable]:
    """Each table of the paper compared with every table of results that belongs to its setup, if any."""
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
    """The value of a method under a measure, not yet compared with the published one."""
    by_seed = (evidence.methods.get(method) if evidence else None) or {}
    measured = {seed: result for seed, result in by_seed.items() if measure in result.estimates}
    lost = tuple(seed for seed, result in by_seed.items() if result.status in ("diverged", "failed"))
    if not measured:
        return PublishedValue(method, condition, measure, printed, lost=lost)
    estimates = [result.estimates[measure] for result in measured.values()]
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
        collapsed=tuple(seed for seed, result in measured.items() if result.collapsed),
        lost=lost,
    )


def _add_match(found: PublishedValue, table: PaperTable) -> PublishedValue:
    if found.n and table.only_order:
        return replace(found, match="not comparable")
    if found.prediction is None or found.printed is None:
        return found
    low, high = found.prediction
    overlaps = low <= found.printed + table.half_width and high >= found.printed - table.half_width
    return replace(found, match="compatible" if overlaps else "not compatible")

"""Compare the published values of a paper with measured ones.

A published value without an interval is taken to be that of a single run with a single draw of labels, noise or
episodes. The measured values predict such a run: from the variation between seeds, between draws that all seeds share,
and what is left, each with that of its estimated mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..analysis.decision import MIN_TESTED_SEEDS
from ..analysis.per_draw import per_draw_table
from ..analysis.statistics import Interval, confidence_interval, prediction_interval, prediction_p_value
from .matching import Evidence
from .paper import Paper, PaperTable, ReadingOption

Match = Literal["compatible", "not compatible", "cannot tell", "no prediction", "not measured", "not comparable"]


@dataclass(frozen=True)
class PublishedValue:
    """A published value (`printed`, None if there is none) and what was measured over n seeds.

    compatible       the 95 % prediction interval overlaps the published value +- its rounding
    not compatible   it does not
    cannot tell      it does, but is wider than the published values of that condition are apart
    no prediction    fewer than three seeds, or no values over each draw: `interval` is over seeds only

    `difference` is the mean minus the published value and `p` the two-sided p-value that it is compatible. `collapsed`
    are the seeds whose model ignores its data, `lost` those that diverged or failed.
    """

    method: str
    condition: str
    measure: str
    printed: float | None
    n: int = 0
    draws: int = 0
    mean: float | None = None
    interval: Interval | None = None
    prediction: Interval | None = None
    p: float | None = None
    match: Match = "not measured"
    collapsed: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()


@dataclass(frozen=True)
class PublishedTable:
    """A published table compared with one table of results; `evidence` is None if there are no results.

    `reading` is the one of the paper's readings under which it is measured, `unmeasured` are those that are not.
    """

    table: PaperTable
    evidence: Evidence | None
    values: tuple[PublishedValue, ...]
    reading: ReadingOption | None = None
    unmeasured: tuple[ReadingOption, ...] = ()


def compare_tables(paper: Paper, found: Sequence[Evidence]) -> list[PublishedTable]:
    """Each table of the paper compared with every table of results that belongs to its setup, if any.

    One comparison for each reading that is measured, or one without values if none is.
    """
    return [
        compared
        for table in paper.table
        for evidence in [e for e in found if e.setup.id == table.setup] or [None]
        for compared in _compare_readings(paper, table, evidence)
    ]


def _compare_readings(paper: Paper, table: PaperTable, evidence: Evidence | None) -> list[PublishedTable]:
    readings = paper.find_readings([table.measure])
    if readings is None or evidence is None:
        return [PublishedTable(table, evidence, compare_values(table, evidence))]
    measured = [option for option in readings.option if any(map(evidence.has_measure, table.list_measures(option)))]
    unmeasured = tuple(option for option in readings.option if option not in measured)
    return [
        PublishedTable(table, evidence, compare_values(table, evidence, option), option, unmeasured)
        for option in measured or readings.option[:1]
    ]


def compare_values(
    table: PaperTable, evidence: Evidence | None, option: ReadingOption | None = None
) -> tuple[PublishedValue, ...]:
    """All values of a table, under one of several readings."""
    return tuple(
        _add_match(measure_value(evidence, method, measure, condition, printed), table, evidence, i)
        for method in table.values
        for i, (condition, measure, printed) in enumerate(
            zip(table.conditions or ("",), table.list_measures(option), table.get_values(method), strict=True)
        )
    )


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
    per_draw, n = per_draw_table(estimates), len(estimates)
    values = np.array([estimate.value for estimate in estimates])
    return PublishedValue(
        method,
        condition,
        measure,
        printed,
        n=n,
        draws=per_draw.shape[1] if per_draw is not None else 0,
        mean=float(values.mean()),
        interval=confidence_interval(values, per_draw) if n >= MIN_TESTED_SEEDS else None,
        match="no prediction",
        collapsed=tuple(seed for seed, result in measured.items() if result.collapsed),
        lost=lost,
    )


def _add_match(found: PublishedValue, table: PaperTable, evidence: Evidence | None, column: int) -> PublishedValue:
    if found.n and table.only_order:
        return replace(found, match="not comparable")
    if evidence and evidence.has_several_definitions(found.measure):
        return replace(found, match="not comparable", interval=None)
    if evidence is None or found.printed is None or found.n < MIN_TESTED_SEEDS:
        return found
    by_seed, noise = evidence.methods[found.method].values(), _binomial_variance(found, table)
    per_draw = per_draw_table([r.estimates[found.measure] for r in by_seed if found.measure in r.estimates])
    interval = prediction_interval(per_draw, noise) if per_draw is not None else None
    if per_draw is None or interval is None:
        return found
    low, high = interval
    if table.unit == "%":
        low, high = max(low, 0.0), min(high, 100.0)
    overlaps = low <= found.printed + table.half_width and high >= found.printed - table.half_width
    column_values = [table.get_values(method)[column] for method in table.values]
    match: Match = "not compatible"
    if overlaps:
        match = "cannot tell" if high - low > max(column_values) - min(column_values) else "compatible"
    nearest = float(np.clip(per_draw.mean(), found.printed - table.half_width, found.printed + table.half_width))
    return replace(found, prediction=(low, high), match=match, p=prediction_p_value(per_draw, nearest, noise))


def _binomial_variance(found: PublishedValue, table: PaperTable) -> float:
    """The variance of an accuracy in percent over the test images of the paper, where these are few."""
    if table.images is None or found.mean is None:
        return 0.0
    return found.mean * (100 - found.mean) / table.images

"""The sentences below a comparison: how to read it, and warnings."""

from collections.abc import Iterator, Sequence

from ..core.results import Measure
from .comparison_data import Difference
from .decision import MIN_SEEDS, MIN_TESTED_SEEDS
from .footnotes import count_tested_measures, format_count, note_collapsed, note_unfinished
from .leaderboard_data import LeaderboardRow
from .statements import format_margin
from .statistics import ALPHA


def explain_comparison(seeds: int, rows: Sequence[Difference], among: str, control: str) -> Iterator[str]:
    """What intervals, p-values and outcomes mean; `among` says what the family of tests consists of.

    `control` is the label of an A/A control that is compared.
    """
    if seeds < MIN_TESTED_SEEDS:
        yield f"{format_count(seeds, 'common seed')}: no intervals and no tests. Tests need three seeds."
        return
    over = (
        "over seeds, and over draws where all runs share them" if any(row.draws for row in rows) else "over seeds only"
    )
    ratio = ", or of A / B where there is an x" if any(row.is_ratio for row in rows) else ""
    yield f"[low, high]: the 95 % interval of this one comparison, of A - B{ratio} (Student's t, {over})."
    if any(row.decision for row in rows):
        yield _explain_control(control) if control else _explain_family(rows, among)
    if seeds < MIN_SEEDS:
        yield f"{seeds} seeds explore: an outcome to be quoted needs five."
    yield from (f"{row.measure.label} {row.measure.caution}." for row in rows if row.decision and row.measure.caution)
    yield from _note_given_margins(rows)


def _explain_control(label: str) -> str:
    return f"p: not adjusted. {label} is an A/A control and in no family of tests: this is one comparison alone."


def _explain_family(rows: Sequence[Difference], among: str) -> str:
    sizes = sorted({row.family for row in rows if row.decision})
    number = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    over = f"Holm-adjusted within each measure over the {number} {among}"
    adjusted = over if sizes[-1] > 1 else "not adjusted, since nothing else is tested within a measure"
    measures = count_tested_measures(sum(row.decision is not None for row in rows))
    return f"p: {adjusted}. If none differ, some difference is found in at most {100 * ALPHA:g} % of cases{measures}."


def _note_given_margins(rows: Sequence[Difference]) -> Iterator[str]:
    """Which margins were given for this comparison, and what they are not."""
    given = [
        f"{row.measure.label} {format_margin(row.measure, row.given_margin)} "
        f"(the benchmark's: {format_margin(row.measure, row.margin)})"
        for row in rows
        if row.given_margin
    ]
    if given:
        yield (
            f"Margins of this call: {', '.join(given)}. No leaderboard goes by them: a margin that is chosen after the "
            "data were seen shows nothing."
        )


def note_rows(a: LeaderboardRow, b: LeaderboardRow, columns: Sequence[Measure]) -> Iterator[str]:
    """What the results of A and B lack: measures, runs, models that use their data."""
    for side, row, other in (("A", a, b), ("B", b, a)):
        if only := [m.label for m in columns if m.name in row.summaries and m.name not in other.summaries]:
            yield f"Only {side} has values of {', '.join(only)}."
    yield from note_unfinished((a, b))
    yield from note_collapsed((a, b), columns)

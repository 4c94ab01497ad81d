"""What all formats of a comparison share: how its numbers and outcomes are written."""

from dataclasses import dataclass, replace

from ..analysis.comparison_data import Comparison, Difference
from ..analysis.decision import PairDecision
from ..analysis.footnotes import format_count
from ..analysis.marks import QUALIFIED
from ..analysis.statements import describe_outcome, format_margin
from .table_format import choose_decimals, clean_text, format_number, join_words

OWN_OUTCOMES = ("better", "worse")
"""Those that are said of A."""


@dataclass(frozen=True)
class DifferenceText:
    """A row's numbers as text, empty where it has none.

    `digits` are the decimals of numbers in the measure's unit, `effect_digits` those of the difference or ratio.
    """

    digits: int
    effect_digits: int
    a: str
    b: str
    difference: str
    interval: str
    wins: str
    p: str
    outcome: str
    given: str


def format_difference(row: Difference) -> DifferenceText:
    """The texts of a row."""
    half = (row.interval[1] - row.interval[0]) / 2 if row.interval else 0.0
    means = [sum(values) / len(values) for values in (row.a, row.b)]
    spread = half * abs(means[1]) if row.is_ratio else half
    # Two significant digits of the interval, and of the larger mean, which it may exceed by far.
    largest = max(map(abs, means))
    digits = (
        max(choose_decimals([spread], []), choose_decimals([largest], [])) if spread else choose_decimals([], means)
    )
    own_digits = choose_decimals([half] if half else [], [row.difference]) if row.is_ratio else digits
    return DifferenceText(
        digits,
        own_digits,
        *(format_number(mean, digits) for mean in means),
        difference=format_effect(row, row.difference, own_digits),
        interval=_format_interval(row, own_digits),
        wins="" if row.wins is None else f"{row.wins:.2f}",
        p="" if row.p is None else f"{row.p:.2g}" if row.p >= 0.001 else "< 0.001",
        outcome=format_outcome(row),
        given=format_given_outcome(row),
    )


def format_effect(row: Difference, value: float, digits: int) -> str:
    """A difference, or a ratio with an x."""
    return f"{format_number(value, digits)} x" if row.is_ratio else format_number(value, digits)


def format_outcome(row: Difference) -> str:
    """The outcome in words."""
    if row.outcome == "equal":
        return "equal on every seed"
    if row.decision:
        outcome = describe_outcome(_rename(row.decision), row.measure, row.margin)
        return f"{outcome} {QUALIFIED}" if row.is_qualified else outcome
    if row.is_comparable:
        return f"{row.untested}: {row.reason}" if row.reason else row.untested
    return f"not comparable: {row.reason}"


def format_given_outcome(row: Difference) -> str:
    """The outcome by a margin that was given for this comparison; empty if there was none."""
    if row.given_decision is None:
        return ""
    outcome = describe_outcome(_rename(row.given_decision), row.measure, row.given_margin)
    return f"with this call's margin of {format_margin(row.measure, row.given_margin)}: {outcome}"


def format_methods(comparison: Comparison) -> str:
    """Such as `A = VAE, B = VIMAE-n, 5 seeds`."""
    seeds = format_count(len(comparison.seeds), "seed")
    return f"A = {clean_text(comparison.a)}, B = {clean_text(comparison.b)}, {seeds}"


def _rename(pair: PairDecision) -> PairDecision:
    """The pair under the names by which a comparison calls its sides."""
    return replace(pair, a="A", b="B", better={"": "", pair.a: "A"}.get(pair.better, "B"))


def summarize_comparison(comparison: Comparison) -> str:
    """Such as `A is better in sse and svm clean, worse in mmd2; undecided in fid.`"""
    if not comparison.rows:
        return "No measure is common to A and B."
    if not any(row.effects.any() for row in comparison.rows):
        return "A and B are equal in every measure."
    measures: dict[str, list[str]] = {}
    for row in comparison.rows:
        if row.sign:
            outcome = row.outcome if row.is_comparable else f"not comparable ({row.reason})"
            name = f"{row.measure.label} {QUALIFIED}" if row.is_qualified and row.decision else row.measure.label
            measures.setdefault(outcome, []).append(clean_text(name))
    own = [f"{outcome} in {join_words(measures[outcome])}" for outcome in OWN_OUTCOMES if outcome in measures]
    others = [f"{outcome} in {join_words(names)}" for outcome, names in measures.items() if outcome not in OWN_OUTCOMES]
    text = "; ".join([*([f"A is {', '.join(own)}"] if own else []), *others])
    return f"{text[:1].upper()}{text[1:]}." if text else "No measure has a direction."


def _format_interval(row: Difference, digits: int) -> str:
    return (
        f"[{format_number(row.interval[0], digits)}, {format_number(row.interval[1], digits)}]" if row.interval else ""
    )

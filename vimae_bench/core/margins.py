"""Margins of equivalence as users write them: `1.0`, `"0.5 nats"` or `"5 %"`."""

import re

from .canonical import is_number
from .errors import shorten_text
from .results import Measure

NUMBER_WITH_UNIT = re.compile(r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*(.*?)\s*")

GivenMargin = float | str
"""A margin as it is written: a number in the measure's unit, or text with the unit."""


def parse_margin(measure: Measure, given: GivenMargin) -> float:
    """A margin in the measure's unit, or relative on a log scale: 0.05 for `"5 %"`.

    Raises ValueError, with what a margin of this measure looks like, for anything else.
    """
    number, unit = _split_unit(given)
    if measure.scale == "log":
        if number is None or unit != "%":
            remedy = f"such as '5 %', since {measure.name} is compared by ratios"
            raise ValueError(f"must be relative, {remedy}, not {shorten_text(given)}")
        number /= 100
    elif number is None or unit not in (None, measure.unit):
        form = f"in {measure.unit}, such as 0.5 or '0.5 {measure.unit}'" if measure.unit else "a number without a unit"
        raise ValueError(f"must be {form}, not {shorten_text(given)}")
    if not number > 0:
        raise ValueError(f"must be positive, not {shorten_text(given)}")
    if measure.scale == "log" and number >= 1:
        raise ValueError(f"must be less than 100 %, not {shorten_text(given)}")
    return number


def _split_unit(given: GivenMargin) -> tuple[float | None, str | None]:
    """The number and the unit of a text; a number by itself has None as its unit, and what is neither None as both."""
    if is_number(given):
        return float(given), None
    found = NUMBER_WITH_UNIT.fullmatch(given) if isinstance(given, str) else None
    return (float(found[1]), found[2]) if found and is_number(float(found[1])) else (None, None)

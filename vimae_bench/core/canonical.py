"""Canonical JSON, fingerprints of it, and checks of plain values."""

import hashlib
import json
from collections.abc import Sequence
from math import isfinite
from typing import Any

Json = dict[str, Any]


LARGEST_NUMBER = 1e100
"""Larger numbers are refused: their squares overflow."""
NUMBER_TYPES = frozenset((float, int))


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical_json(value: object) -> str:
    """JSON with sorted keys, without spaces, in ASCII. Raises ValueError for NaN and infinities."""
    return _CANONICAL.encode(value)


def is_number(value: object) -> bool:
    """Whether a value is a number whose sums and squares are finite."""
    return (type(value) is float or type(value) is int) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether each of some values is a number in this sense; of thousands, in a fraction of the time."""
    if not NUMBER_TYPES.issuperset(map(type, values)):
        return False
    # The sum is NaN if a value is, which no comparison would show.
    return not values or (min(values) >= -LARGEST_NUMBER and max(values) <= LARGEST_NUMBER and isfinite(sum(values)))


def is_valid_name(text: object) -> bool:
    """Whether a text can be part of a file's name: printable, short, and not a path."""
    return isinstance(text, str) and 0 < len(text) <= 64 and text.isprintable() and "/" not in text and text[0] != "."


def fingerprint(value: object) -> str:
    """The first twelve hexadecimal digits of the sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:12]


def check_type(name: str, value: object, kind: type) -> None:
    """Raises TypeError for a value that is not of this type; an integer is accepted as a `float`."""
    if not (is_number(value) if kind is float else type(value) is kind):
        raise TypeError(f"{name} is {value!r}")

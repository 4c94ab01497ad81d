"""Canonical JSON, fingerprints made of it, and checks of plain values."""

import hashlib
import json
from typing import Any

Json = dict[str, Any]


LARGEST_NUMBER = 1e100
"""Beyond this a number is as good as none."""


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical_json(value: object) -> str:
    """JSON in one spelling: sorted keys, no spaces, ASCII, no NaN. Raises ValueError for NaN and infinities."""
    return _CANONICAL.encode(value)


def is_number(value: object) -> bool:
    """Whether a value is a number of which sums and squares are numbers too."""
    return (type(value) is float or type(value) is int) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER


def is_valid_name(text: object) -> bool:
    """Whether a text can be a part of a file's name: printable, short, and no path."""
    return isinstance(text, str) and 0 < len(text) <= 64 and text.isprintable() and "/" not in text and text[0] != "."


def fingerprint(value: object) -> str:
    """The first twelve hexadecimal digits of the sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:12]


def check_type(name: str, value: object, kind: type) -> None:
    """Raises TypeError for a value that is not of a kind; a whole number stands for a `float` too."""
    if not (is_number(value) if kind is float else type(value) is kind):
        raise TypeError(f"{name} is {value!r}")

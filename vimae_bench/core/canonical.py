"""Canonical JSON, fingerprints of it, and checks of plain values."""

import hashlib
import json
from typing import Any

Json = dict[str, Any]


LARGEST_NUMBER = 1e100
"""Larger numbers are refused: their squares overflow."""


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical_json(value: object) -> str:
    """JSON with sorted keys, without spaces, in ASCII. Raises ValueError for NaN and infinities."""
    return _CANONICAL.encode(value)


def is_number(value: object) -> bool:
    """Whether a value is a number whose sums and squares are finite."""
    return (type(value) is float or type(value) is int) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER


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

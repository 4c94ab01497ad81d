"""On which line of a TOML file a value stands."""

import tomllib
from typing import Any

from .settings import Where


def line_of(text: str, where: Where) -> int | None:
    """The first line whose prefix of the file, parsed, holds the path; that of its table if it is not there at all.

    The standard library's parser gives no positions: parsing prefixes needs no second parser.
    """
    lines = text.splitlines()
    for depth in range(len(where), 0, -1):
        for n in range(1, len(lines) + 1):
            if holds(_parsed(lines[:n]), where[:depth]):
                return n
    return None


def _parsed(lines: list[str]) -> Any:  # noqa: ANN401
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return {}


def holds(value: Any, where: Where) -> bool:  # noqa: ANN401
    """Whether parsed tables hold a value at a path."""
    for part in where:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            # `dataset = "mnist"` stands for a list of one.
            if part == 0 and not isinstance(value, list):
                continue
            return False
    return True

"""On which line of a TOML file a value stands."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..core.canonical import Json
from ..plugin.settings import SettingPath

TOKENS = re.compile(
    r'#[^\n]*|"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}'
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'|[\[\]{}\n]',
    re.DOTALL,
)
"""What decides where a statement of valid TOML ends: comments, strings, brackets, ends of lines."""


@dataclass(frozen=True)
class _Statement:
    """A header, or a key with its value: its first line, the table it stands in, what it says there."""

    line: int
    table: SettingPath
    says: Json

    def holds(self, where: SettingPath) -> bool:
        if self.table[: len(where)] == where:
            return True
        inside = where[: len(self.table)] == self.table
        return inside and has_value(self.says, where[len(self.table) :])


def find_line(text: str, where: SettingPath) -> int | None:
    """The line on which the statement begins that holds a path of a valid file; that of its table if it is not there.

    The standard library's parser gives no positions: parsing statements one by one needs no second parser.
    """
    for depth in range(len(where), 0, -1):
        found = (statement.line for statement in _statements(text) if statement.holds(where[:depth]))
        if line := next(found, None):
            return line
    return None


@lru_cache(maxsize=1)
def _statements(text: str) -> tuple[_Statement, ...]:
    table, last, found = SettingPath(), dict[SettingPath, int](), list[_Statement]()
    for line, source in _split(text):
        says = _parsed(source)
        if source.lstrip().startswith("["):
            table, says = _entered(says, last), {}
        found.append(_Statement(line, table, says))
    return tuple(found)


def _split(text: str) -> Iterator[tuple[int, str]]:
    """The statements, each with the line on which it begins."""
    line, begin, depth = 1, 0, 0
    for token in TOKENS.finditer(text + "\n"):
        depth += (token[0] in ("[", "{")) - (token[0] in ("]", "}"))
        if token[0] == "\n" and not depth:
            if source := text[begin : token.end()].strip():
                yield line, source
            line += text.count("\n", begin, token.end())
            begin = token.end()


def _entered(header: Json, last: dict[SettingPath, int]) -> SettingPath:
    """The table that a header opens; `last` counts the tables of each array."""
    where, inner = SettingPath(), header
    while isinstance(inner, dict) and inner:
        ((key, inner),) = inner.items()
        where = (*where, key)
        if isinstance(inner, list):
            last[where] = last.get(where, -1) + 1
        where = (*where, last[where]) if where in last else where
    return where


def _parsed(source: str) -> Any:  # noqa: ANN401
    try:
        return tomllib.loads(source)
    except (RecursionError, ValueError):  # a header may repeat what a key of its own table says elsewhere
        return {}


def has_value(value: Any, where: SettingPath) -> bool:  # noqa: ANN401
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

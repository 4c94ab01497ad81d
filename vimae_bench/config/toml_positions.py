"""On which line of a TOML file a value is."""

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
    """A header, or a key with its value: its first line, the table it belongs to, its content there."""

    line: int
    table: SettingPath
    content: Json

    def contains(self, where: SettingPath) -> bool:
        if self.table[: len(where)] == where:
            return True
        inside = where[: len(self.table)] == self.table
        return inside and has_value(self.content, where[len(self.table) :])


def find_line(text: str, where: SettingPath) -> int | None:
    """The line on which the statement for a path of a valid file begins; that of its table if the path is missing.

    Neither the standard library's parser nor tomlkit gives positions, and tomlkit takes six times as long. So the text
    is split into statements, and the standard library parses each.
    """
    for depth in range(len(where), 0, -1):
        found = (statement.line for statement in _parse_statements(text) if statement.contains(where[:depth]))
        if line := next(found, None):
            return line
    return None


@lru_cache(maxsize=1)
def _parse_statements(text: str) -> tuple[_Statement, ...]:
    table, array_ends, found = SettingPath(), dict[SettingPath, int](), list[_Statement]()
    for line, source in _split_statements(text):
        content = _parse_statement(source)
        if source.lstrip().startswith("["):
            table, content = _open_header(content, array_ends), {}
        found.append(_Statement(line, table, content))
    return tuple(found)


def _split_statements(text: str) -> Iterator[tuple[int, str]]:
    """The statements, each with the line on which it begins."""
    line, begin, depth = 1, 0, 0
    for token in TOKENS.finditer(text + "\n"):
        depth += (token[0] in ("[", "{")) - (token[0] in ("]", "}"))
        if token[0] == "\n" and not depth:
            if source := text[begin : token.end()].strip():
                yield line, source
            line += text.count("\n", begin, token.end())
            begin = token.end()


def _open_header(header: Json, array_ends: dict[SettingPath, int]) -> SettingPath:
    """The table that a header opens; `array_ends` holds the last index of each array of tables."""
    where, inner = SettingPath(), header
    while isinstance(inner, dict) and inner:
        ((key, inner),) = inner.items()
        where = (*where, key)
        if isinstance(inner, list):
            array_ends[where] = array_ends.get(where, -1) + 1
        where = (*where, array_ends[where]) if where in array_ends else where
    return where


def _parse_statement(source: str) -> Any:  # noqa: ANN401
    try:
        return tomllib.loads(source)
    except (RecursionError, ValueError):  # a header may repeat a key of its own table
        return {}


def has_value(value: Any, where: SettingPath) -> bool:  # noqa: ANN401
    """Whether parsed tables have a value at a path."""
    for part in where:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            # `dataset = "mnist"` is short for a list of one.
            if part == 0 and not isinstance(value, list):
                continue
            return False
    return True

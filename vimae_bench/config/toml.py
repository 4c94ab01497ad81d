"""A TOML file read: its text and its tables, refused where no one can have meant what it says."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..core.canonical import Json
from ..core.errors import MAX_PROBLEMS, BenchError, InvalidFileError, Problem
from ..plugin.settings import SettingPath, spell
from .toml_positions import find_line

LARGEST = 2**18
"""Bytes of a file."""
DEEPEST = 32
MOST = 1000
"""Values in one table or list."""
LONGEST = 4096
"""Characters of a text, as of a path."""
PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
LONG_KEY = re.compile(rf"(?<![\w-]){PART}(?:[ \t]*+\.[ \t]*+{PART}){{{DEEPEST}}}")
"""A key of more parts than tables may be deep: the parser's memory grows with the square of their number."""


def read_toml(path: Path) -> tuple[str, Json]:
    """The text and the tables of a file. Raises BenchError where it cannot be read, Problems where it is not TOML."""
    text = _text(path)
    raw = _parsed(path, text)
    check_limits(path, text, raw)
    return text, raw


def make_error(path: Path, text: str, found: Sequence[tuple[SettingPath, str]]) -> InvalidFileError:
    """What is wrong with the values of a file, each told once, in the order of the lines."""
    made = [Problem(spell(where), what, find_line(text, where)) for where, what in dict.fromkeys(found)]
    return InvalidFileError(str(path), sorted(made, key=lambda p: (p.line or 0, p.where)))


def check_limits(path: Path, text: str, raw: Json) -> None:
    """Raises Problems for what no setting can be: too deep, too long, too many, or beyond 64 bits."""
    if found := [*islice(_implausible(raw), MAX_PROBLEMS)]:
        raise make_error(path, text, found)


def _parsed(path: Path, text: str) -> Json:
    if LONG_KEY.search(text):
        raise InvalidFileError(str(path), [Problem("", f"holds a key of more than {DEEPEST} parts")])
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = f"is not TOML: {error}"
    except RecursionError:
        what = f"is nested too deeply; {DEEPEST} levels are the most"
    except ValueError:  # Python reads no integer of more than some thousand digits
        what = "holds a number of too many digits; 64 bits are the most"
    raise InvalidFileError(str(path), [Problem("", what)])


def _implausible(value: Any, where: SettingPath = ()) -> Iterator[tuple[SettingPath, str]]:  # noqa: ANN401
    if isinstance(value, str):
        yield from _of_text(value, where)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield where, "is too large a number; 64 bits are the most"
    elif isinstance(value, dict | list):
        yield from _of_many(value, where)


def _of_text(value: str, where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    if len(value) > LONGEST:
        yield where, f"holds {len(value):,} characters; {LONGEST:,} are the most"
    elif any("\ud800" <= c <= "\udfff" for c in value):
        yield where, "is no text in UTF-8"


def _of_many(value: dict[str, Any] | list[Any], where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    if len(where) >= DEEPEST:
        yield where, f"is nested too deeply; {DEEPEST} levels are the most"
    elif len(value) > MOST:
        yield where, f"holds {len(value):,} values; {MOST:,} are the most"
    else:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _implausible(inner, (*where, key))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BenchError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BenchError(f"{path}: is no name of a file") from error
    if len(data) > LARGEST:
        raise BenchError(f"{path}: is too large; {LARGEST // 1024} KiB are the most, so split it into several files")
    try:
        # An editor may have put a mark of the byte order first.
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BenchError(f"{path}: is not a text file in UTF-8") from error

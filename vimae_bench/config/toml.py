"""Reads TOML files, within limits that no sensible file exceeds."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ..core.canonical import Json
from ..core.errors import MAX_PROBLEMS, BenchError, InvalidFileError, Problem
from ..plugin.settings import SettingPath, format_path
from .toml_positions import find_line

MAX_BYTES = 2**18
"""Bytes of a file."""
MAX_DEPTH = 32
MAX_ITEMS = 1000
"""Values in one table or list."""
MAX_STRING = 4096
"""Characters of a text, as of a path."""
KEY_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
LONG_KEY = re.compile(rf"(?<![\w-]){KEY_PART}(?:[ \t]*+\.[ \t]*+{KEY_PART}){{{MAX_DEPTH}}}")
"""A key of more parts than tables may be deep: the parser's memory grows with the square of their number."""


def read_toml(path: Path) -> tuple[str, Json]:
    """The text and the tables of a file.

    Raises BenchError if it cannot be read, InvalidFileError if it is not TOML or exceeds a limit.
    """
    text = _read_text(path)
    raw = _parse(path, text)
    check_limits(path, text, raw)
    return text, raw


def make_error(path: Path, text: str, problems: Sequence[tuple[SettingPath, str]]) -> InvalidFileError:
    """The error for problems with the values of a file: each once, in the order of the lines."""
    located = [Problem(format_path(where), what, find_line(text, where)) for where, what in dict.fromkeys(problems)]
    return InvalidFileError(str(path), sorted(located, key=lambda problem: (problem.line or 0, problem.where)))


def check_limits(path: Path, text: str, raw: Json) -> None:
    """Raises InvalidFileError for what no setting can be: too deep, too long, too many, or beyond 64 bits."""
    if problems := [*islice(_find_excesses(raw), MAX_PROBLEMS)]:
        raise make_error(path, text, problems)


def parse_value(text: str) -> Any:  # noqa: ANN401
    """A value as TOML writes it; whatever is not one value and nothing else is a string."""
    try:
        alone, closed = tomllib.loads(f"x = {text}"), tomllib.loads(f"x = [{text}]")
    except (RecursionError, ValueError):
        return text
    # Neither a second line nor a comment, which would hide the bracket, may take a part of the text away.
    return alone["x"] if closed == {"x": [alone["x"]]} else text


def _parse(path: Path, text: str) -> Json:
    if LONG_KEY.search(text):
        raise InvalidFileError(str(path), [Problem("", f"holds a key of more than {MAX_DEPTH} parts")])
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what = f"is not TOML: {error}"
    except RecursionError:
        what = f"is nested too deeply; {MAX_DEPTH} levels are the most"
    except ValueError:  # Python reads no integer of more than some thousand digits
        what = "holds a number of too many digits; 64 bits are the most"
    raise InvalidFileError(str(path), [Problem("", what)])


def _find_excesses(value: Any, where: SettingPath = ()) -> Iterator[tuple[SettingPath, str]]:  # noqa: ANN401
    if isinstance(value, str):
        yield from _find_string_excesses(value, where)
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield where, "is too large a number; 64 bits are the most"
    elif isinstance(value, dict | list):
        yield from _find_container_excesses(value, where)


def _find_string_excesses(value: str, where: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    if len(value) > MAX_STRING:
        yield where, f"holds {len(value):,} characters; {MAX_STRING:,} are the most"
    elif any("\ud800" <= c <= "\udfff" for c in value):
        yield where, "is not text in UTF-8"


def _find_container_excesses(
    value: dict[str, Any] | list[Any], where: SettingPath
) -> Iterator[tuple[SettingPath, str]]:
    if len(where) >= MAX_DEPTH:
        yield where, f"is nested too deeply; {MAX_DEPTH} levels are the most"
    elif len(value) > MAX_ITEMS:
        yield where, f"holds {len(value):,} values; {MAX_ITEMS:,} are the most"
    else:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _find_excesses(inner, (*where, key))


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BenchError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BenchError(f"{path}: is not the name of a file") from error
    if len(data) > MAX_BYTES:
        raise BenchError(f"{path}: is too large; {MAX_BYTES // 1024} KiB are the most, so split it into several files")
    try:
        # An editor may have put a byte order mark first.
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise BenchError(f"{path}: is not a text file in UTF-8") from error

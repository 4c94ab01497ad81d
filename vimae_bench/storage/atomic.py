"""Files that survive a crash at any moment: a file is complete or not there, a line complete or ignored."""

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from ..core.canonical import Json
from ..core.errors import ResultsError

NO_SPACE_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
MAX_JSON_DEPTH = 64
"""Levels of nesting, far more than any file of ours has."""
MIN_FREE_BYTES = 2**20
"""A disk with less than this is full."""


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file under a temporary name, then put it in place by fsync and rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write(temporary)
        _sync_to_disk(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_to_disk(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write indented JSON atomically. Raises ValueError for NaN and infinities, which JSON does not have."""
    text = format_json(value)
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def format_json(value: object) -> str:
    """Indented JSON that can be encoded in UTF-8: bytes of a file's name that are not text become question marks."""
    return _replace_unencodable(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def read_json(path: Path) -> Json:
    """Read a JSON object. Raises ResultsError, naming the file, if it is missing or damaged."""
    try:
        with path.open("rb", buffering=0) as file:
            value = _parse_json(file.read())
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read as JSON ({error}); remove it and run again") from error
    if not isinstance(value, dict):
        raise ResultsError(f"{path}: is not a JSON object; remove it and run again")
    return value


def _parse_json(data: bytes) -> Any:  # noqa: ANN401
    """The value of a JSON text. Raises ValueError for what `write_json` never writes: NaN, infinities, deep nesting."""
    value = orjson.loads(data)
    if data.count(b"[") + data.count(b"{") > MAX_JSON_DEPTH and not _is_nested_within(value, MAX_JSON_DEPTH):
        raise ValueError("nested too deeply")
    return value


def _is_nested_within(value: object, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_is_nested_within(item, depth - 1) for item in inner if isinstance(item, dict | list))


def _replace_unencodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def append_json_line(path: Path, value: Json) -> None:
    """Add one line of JSON by a single write, so that a reader never sees half of a line followed by another.

    A line that an earlier writer did not finish is ended first.
    """
    is_unfinished = path.exists() and not _ends_with_newline(path)
    text = _replace_unencodable(json.dumps(value, ensure_ascii=False, allow_nan=False))
    with path.open("ab", buffering=0) as file:
        file.write(("\n" * is_unfinished + text + "\n").encode())


def read_json_lines(path: Path, offset: int = 0) -> Iterator[tuple[Json, int]]:
    """Complete lines of JSON objects from a byte offset on, each with the offset of its end; others are skipped."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            if (value := parse_json_object(line)) is not None:
                yield value, offset


def parse_json_object(text: bytes) -> Json | None:
    """The JSON object in a text; None if it is damaged or something else."""
    try:
        value = _parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def compute_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_temporary_files(folder: Path) -> None:
    """Remove what writers that were killed left behind."""
    for path in folder.rglob(".*.tmp"):
        path.unlink(missing_ok=True)


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether an error was caused by a full disk, or by a quota that is used up.

    torch and safetensors raise errors of their own, without a number: then the free space of the disk decides.
    """
    if is_no_space_error(error):
        return True
    is_write_error = any(
        sign in str(error) for sign in ("PytorchStreamWriter", "inline_container", "os error", "I/O error")
    )
    return is_write_error and shutil.disk_usage(folder).free < MIN_FREE_BYTES


def is_no_space_error(error: BaseException) -> bool:
    """Whether the system itself said that there is no space, in this error or in one that caused it."""
    chain = [error, *(cause for cause in (error.__cause__, error.__context__) if cause)]
    return any(isinstance(one, OSError) and one.errno in NO_SPACE_ERRNOS for one in chain)


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _sync_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Files that survive being cut off at any moment: a file is either whole or not there, a line whole or ignored."""

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
DEEPEST = 64
"""Levels of JSON, far more than any file of ours has."""
MIN_FREE_BYTES = 2**20
"""Bytes: a disk with less than this is full."""


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file under a temporary name, then put it in place by fsync and rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write(temporary)
        _fsync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _fsync(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write readable JSON whole. Raises ValueError for NaN and infinities, which JSON does not have."""
    text = format_json(value)
    atomic_write(path, lambda p: p.write_text(text, encoding="utf-8"))


def format_json(value: object) -> str:
    """Lines of JSON in UTF-8, with a question mark for what it does not have: bytes of a name that are no text."""
    return _encodable(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def read_json(path: Path) -> Json:
    """An object read back. Raises ResultsError, naming the file, if it is damaged."""
    try:
        with path.open("rb", buffering=0) as file:
            value = _loaded(file.read())
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read as JSON ({error}); remove it and run again") from error
    if not isinstance(value, dict):
        raise ResultsError(f"{path}: holds no JSON object; remove it and run again")
    return value


def _loaded(data: bytes) -> Any:  # noqa: ANN401
    """What JSON says. Raises ValueError for what `write_json` writes nowhere: NaN, infinities, depths without end."""
    value = orjson.loads(data)
    if data.count(b"[") + data.count(b"{") > DEEPEST and not _within(value, DEEPEST):
        raise ValueError("nested too deeply")
    return value


def _within(value: object, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_within(item, depth - 1) for item in inner if isinstance(item, dict | list))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def append_json_line(path: Path, value: Json) -> None:
    """Add one line of JSON by a single write, so that a reader never sees half of a line followed by another.

    What an earlier, cut-off writer left of a line is ended first.
    """
    torn = path.exists() and not _ends_whole(path)
    line = ("\n" if torn else "") + _encodable(json.dumps(value, ensure_ascii=False, allow_nan=False)) + "\n"
    with path.open("ab", buffering=0) as file:
        file.write(line.encode())


def read_json_lines(path: Path, offset: int = 0) -> Iterator[tuple[Json, int]]:
    """Whole lines of JSON objects from a byte offset on, each with the offset behind it; others are passed over."""
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


def parse_json_object(line: bytes) -> Json | None:
    """The JSON object that a line holds; None if it holds none."""
    try:
        value = _loaded(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def compute_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_temporary_files(folder: Path) -> None:
    """Remove what writers that were killed left behind."""
    for left in folder.rglob(".*.tmp"):
        left.unlink(missing_ok=True)


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether an error came of a full disk, or of a quota that is used up.

    torch and safetensors say so by errors of their own, without a number: there the disk itself is asked.
    """
    if is_no_space_error(error):
        return True
    writing = any(sign in str(error) for sign in ("PytorchStreamWriter", "inline_container", "os error", "I/O error"))
    return writing and shutil.disk_usage(folder).free < MIN_FREE_BYTES


def is_no_space_error(error: BaseException) -> bool:
    """Whether the system itself said that there is no space, in this error or in one that it came of."""
    chain = [error, *(cause for cause in (error.__cause__, error.__context__) if cause)]
    return any(isinstance(one, OSError) and one.errno in NO_SPACE_ERRNOS for one in chain)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

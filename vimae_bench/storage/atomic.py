"""Files that survive a crash at any moment: a file is complete or not there, a line complete or ignored."""

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from ..core.canonical import Json
from ..core.errors import ResultsError
from .plain_files import (
    PARTS_OF_RUNS,
    get_size_limit,
    list_plain_folder,
    make_folder_of,
    open_for_appending,
    open_plain_file,
    read_plain_file,
)

MAX_HASHED = 4 * 2**30
"""The most bytes of a file whose sha256 is computed."""
NO_SPACE_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNWRITABLE_ERRNOS = (*NO_SPACE_ERRNOS, errno.EACCES, errno.EPERM, errno.EROFS)
MAX_JSON_DEPTH = 64
"""Levels of nesting, far more than any file of ours has."""
LARGE_JSON, MAX_JSON_MEMORY = 2**20, 200 * 2**20
"""Texts of more than so many bytes are refused if their values could take more than so many."""
MIN_FREE_BYTES = 2**20
"""A disk with less than this is full."""


def atomic_write(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file under a temporary name, then put it in place by fsync and rename.

    An OSError that does not say of which file it is gets the name of this one.
    """
    make_folder_of(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        write(temporary)
        _sync_to_disk(temporary)
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None:  # else its message is all it has
            error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
    _sync_to_disk(path.parent)


def write_json(path: Path, value: object) -> None:
    """Write indented JSON atomically.

    Raises ValueError for NaN and infinities, which JSON does not have, and ResultsError for what is too large to be
    read again.
    """
    text = format_json(value)
    if _has_too_many_values(data := text.encode()) or len(data) > get_size_limit(path):
        raise ResultsError(f"{path}: would be too large to be read again; a benchmark can be split into several")
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def format_json(value: object) -> str:
    """Indented JSON that can be encoded in UTF-8: bytes of a file's name that are not text become question marks."""
    return _replace_unencodable(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def read_json(path: Path, data: bytes | None = None) -> Json:
    """Read a JSON object; `data` are the bytes of the file, if they have been read.

    Raises ResultsError, naming the file, if it is missing or damaged.
    """
    try:
        value = parse_json(read_plain_file(path) if data is None else data)
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read as JSON ({error}); remove it and run again") from error
    if not isinstance(value, dict):
        raise ResultsError(f"{path}: is not a JSON object; remove it and run again")
    return value


def parse_json(data: bytes) -> Any:  # noqa: ANN401
    """The value of a JSON text. Raises ValueError for what `write_json` never writes: NaN, infinities, deep nesting."""
    if _has_too_many_values(data):
        raise ValueError("it has too many values")
    value = orjson.loads(data)
    if data.count(b"[") + data.count(b"{") > MAX_JSON_DEPTH and not _is_nested_within(value, MAX_JSON_DEPTH):
        raise ValueError("nested too deeply")
    return value


def _has_too_many_values(data: bytes) -> bool:
    return len(data) > LARGE_JSON and _estimate_memory(data) > MAX_JSON_MEMORY


def _estimate_memory(data: bytes) -> int:
    """The most bytes that the values of a JSON text take in Python."""
    texts = len(data) * (1 if data.isascii() else 4)
    return texts + 240 * data.count(b"{") + 64 * (data.count(b"[") + data.count(b","))


def _is_nested_within(value: object, depth: int) -> bool:
    level: list[Any] = [value]
    for _ in range(depth + 1):
        containers = [item for item in level if type(item) is dict or type(item) is list]
        if not containers:
            return True
        level = [*chain.from_iterable(item.values() if type(item) is dict else item for item in containers)]
    return False


def _replace_unencodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def append_json_line(path: Path, value: Json) -> None:
    """Add one line of JSON by a single write, so that a reader never sees half of a line followed by another.

    A line that an earlier writer did not finish is ended first. Raises ResultsError for what is not a regular file.
    """
    text = _replace_unencodable(json.dumps(value, ensure_ascii=False, allow_nan=False))
    with os.fdopen(open_for_appending(path), "ab", buffering=0) as file:
        is_unfinished = not _ends_with_newline(file.fileno())
        file.write(("\n" * is_unfinished + text + "\n").encode())


def read_json_lines(path: Path, offset: int = 0) -> Iterator[tuple[Json, int]]:
    """Complete lines of JSON objects from a byte offset on, each with the offset of its end; others are skipped.

    Raises ResultsError for what is not a regular file, or larger than any run's.
    """
    try:
        opened = open_plain_file(path)
    except FileNotFoundError:
        return
    with opened as file:
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
        value = parse_json(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def compute_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal digits; it is not held in memory, so that it may be large."""
    with open_plain_file(path, MAX_HASHED) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_temporary_files(folder: Path) -> None:
    """Remove what writers that were killed left behind in the folder of a run."""
    for path in list_temporary_files(folder):
        path.unlink(missing_ok=True)


def list_temporary_files(folder: Path) -> list[Path]:
    """What writers that were killed left behind in the folder of a run."""
    places = (folder, *(folder / name for name in PARTS_OF_RUNS))
    return [path for place in places for path in list_plain_folder(place, ".*.tmp") if not path.is_dir()]


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether an error was caused by the disk of a folder being full, or by a quota that is used up.

    torch and safetensors raise errors of their own, without a number: then the free space of the disk decides.
    """
    if full := _find_os_error(error, NO_SPACE_ERRNOS):
        return not full.filename or _get_disk(Path(str(full.filename))) == _get_disk(folder)
    is_write_error = any(
        sign in str(error) for sign in ("PytorchStreamWriter", "inline_container", "os error", "I/O error")
    )
    return is_write_error and shutil.disk_usage(folder).free < MIN_FREE_BYTES


def is_no_space_error(error: BaseException) -> bool:
    """Whether the system itself said that there is no space, in this error or in one that caused it."""
    return _find_os_error(error, NO_SPACE_ERRNOS) is not None


def is_write_error(error: BaseException) -> bool:
    """Whether an error was caused by a place that cannot be written to, also where another program says so."""
    said = any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS))
    return said or _find_os_error(error, UNWRITABLE_ERRNOS) is not None


def _find_os_error(error: BaseException, numbers: Sequence[int]) -> OSError | None:
    """The error of the system with one of these numbers: an error itself, or what caused it."""
    seen: list[BaseException] = []
    while error not in seen:
        if isinstance(error, OSError) and error.errno in numbers:
            return error
        seen.append(error)
        error = error.__cause__ or error.__context__ or error
    return None


def _get_disk(path: Path) -> int:
    """The device that a path is on, or would be."""
    return next(place for place in (path, *path.absolute().parents) if place.exists()).stat().st_dev


def _ends_with_newline(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return not size or os.pread(handle, 1, size - 1) == b"\n"


def _sync_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

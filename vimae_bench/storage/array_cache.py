"""Arrays that a machine makes once and keeps on disk for all its processes, named by all that decides them.

`$VIMAE_BENCH_CACHE`, or the user's cache folder, holds a file for each. The name is a hash of everything the arrays
follow from, and the file repeats it in full: another data set, other weights, another version is another file.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import platformdirs
from filelock import FileLock

from ..core.canonical import canonical_json
from .atomic import atomic_write

NamedArrays = Mapping[str, np.ndarray]
ORIGIN = "made from"


def get_cache_folder() -> Path:
    """`$VIMAE_BENCH_CACHE`, or the user's cache folder."""
    named = os.environ.get("VIMAE_BENCH_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("vimae-bench"))


def cached_arrays(folder: str, origin: object, make: Callable[[], NamedArrays]) -> NamedArrays:
    """The arrays that follow from `origin` (JSON values), by name and read-only: read if they are there, else made.

    Of several processes that ask at once one makes them. A damaged file is made again; where nothing can be written
    the arrays are made and not kept.
    """
    name = canonical_json(origin)
    path = get_cache_folder() / folder / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npz"
    found = _found(path, name)
    if found is not None:
        return found
    lock = FileLock(path.with_suffix(".lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError:
        return _read_only(make())
    try:
        found = _found(path, name)
        return _made(path, name, make) if found is None else found
    finally:
        lock.release()


def array_sha256(array: np.ndarray) -> str:
    """The sha256 of an array's shape, type and values."""
    digest = hashlib.sha256(f"{array.shape} {array.dtype.str} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _made(path: Path, name: str, make: Callable[[], NamedArrays]) -> NamedArrays:
    arrays = _read_only(make())

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **{ORIGIN: np.array(name)}, **arrays)

    with contextlib.suppress(OSError):  # a full disk costs time and nothing else
        atomic_write(path, write)
    return arrays


def _found(path: Path, name: str) -> NamedArrays | None:
    """What a file holds; None for one that is missing, damaged or made from something else."""
    try:
        return _read(path, name, path.stat().st_mtime_ns)
    except Exception:  # a damaged archive fails in many ways
        return None


@lru_cache(maxsize=8)
def _read(path: Path, name: str, written: int) -> NamedArrays:  # noqa: ARG001
    """Read once in a process, and again if the file was written since. Raises ValueError for another origin."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}  # a zip file checks the sum of each
    if str(arrays.pop(ORIGIN)) != name:
        raise ValueError(f"{path} was made from something else")
    return _read_only(arrays)


def _read_only(arrays: NamedArrays) -> NamedArrays:
    for array in arrays.values():
        array.flags.writeable = False
    return arrays

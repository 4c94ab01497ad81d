"""Arrays that are computed once on a machine and kept on disk for all its processes, named by all that decides them.

`$VIMAE_BENCH_CACHE`, or the user's cache folder, holds a file for each. The name is a hash of everything the arrays
follow from, and the file repeats it in full: another data set, other weights, another version is another file.
"""

import contextlib
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from ..core.canonical import canonical_json
from ..core.errors import ResultsError
from .atomic import atomic_write
from .cache_folder import get_cache_folder, make_cache_folder
from .locks import wait_for_lock
from .plain_files import open_plain_file

MAX_BYTES = 2**34
NamedArrays = Mapping[str, np.ndarray]
KEY = "made from"
"""The name in a file of the key that its arrays follow from."""


def cached_arrays(namespace: str, key: object, compute: Callable[[], NamedArrays]) -> NamedArrays:
    """The arrays that follow from `key` (JSON values), by name and read-only: read if they are there, else computed.

    `namespace` is a folder of the cache. Of several processes that ask at once one computes them. A damaged file is
    made again; where nothing can be written, or others may write, the arrays are computed and not kept.
    """
    name = canonical_json(key)
    path = get_cache_folder() / namespace / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npz"
    with contextlib.ExitStack() as held:
        try:
            make_cache_folder(path.parent)
            if (found := _read_if_valid(path, name)) is not None:
                return found
            held.enter_context(wait_for_lock(path.with_suffix(".lock")))
        except (OSError, ResultsError):
            return _make_read_only(compute())
        found = _read_if_valid(path, name)
        return _compute_and_write(path, name, compute) if found is None else found


def array_sha256(array: np.ndarray) -> str:
    """The sha256 of an array's shape, type and values."""
    digest = hashlib.sha256(f"{array.shape} {array.dtype.str} ".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _compute_and_write(path: Path, name: str, compute: Callable[[], NamedArrays]) -> NamedArrays:
    arrays = _make_read_only(compute())

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **{KEY: np.array(name)}, **arrays)

    with contextlib.suppress(OSError):  # a full disk costs time and nothing else
        atomic_write(path, write)
    return arrays


def _read_if_valid(path: Path, name: str) -> NamedArrays | None:
    """What a file holds; None for one that is missing, damaged or of another key."""
    try:
        with open_plain_file(path, MAX_BYTES) as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}  # a zip file checks the sum of each
    except Exception:  # a damaged archive fails in many ways
        return None
    return _make_read_only(arrays) if str(arrays.pop(KEY, "")) == name else None


def _make_read_only(arrays: NamedArrays) -> NamedArrays:
    for array in arrays.values():
        array.flags.writeable = False
    return arrays

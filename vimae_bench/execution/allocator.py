"""The allocator of worker processes, which keeps the memory that a training step frees for the next one.

As glibc comes, it gives large blocks back to the kernel and asks for them again at every step, and the kernel clears
each page: of a float32 step of convolutions that is a third of the time.
"""

import ctypes
import os
import platform
import resource
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

MALLOC_VARIABLES = {
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
    "MALLOC_ARENA_MAX": "1",
}
"""What glibc reads when a process starts; other allocators do not. The thresholds hold for the first arena alone."""


@contextmanager
def keep_freed_memory() -> Generator[None]:
    """Processes that are started in this block keep what they free; what the user has set stays."""
    added = {name: value for name, value in MALLOC_VARIABLES.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def is_glibc() -> bool:
    """Whether this process has the allocator that the variables are for."""
    return platform.libc_ver()[0] == "glibc"


def release_freed_memory() -> None:
    """Give back to the kernel what this process has freed and kept; does nothing where the allocator is not glibc's."""
    if library := _load_glibc():
        library.malloc_trim(0)


def count_page_faults() -> int:
    """How many pages of memory the kernel has given this process so far, those of given-back memory once more."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


@cache
def _load_glibc() -> Any | None:  # noqa: ANN401
    return ctypes.CDLL(None) if is_glibc() else None

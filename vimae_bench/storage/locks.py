"""Kernel locks on files of a results folder; a process that dies releases its own."""

import os
import stat
import tempfile
from pathlib import Path

from filelock import FileLock

from ..core.errors import ResultsError
from .plain_files import check_folders


def make_lock(path: Path, seconds: float) -> FileLock:
    """The lock of a file, which is waited for so many seconds when it is taken.

    Raises ResultsError where the file is a link, a pipe or anything else but a regular file.
    """
    check_folders(path)
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise ResultsError(f"{path}: is not a regular file; remove it and run again")
    return FileLock(path, timeout=seconds)


def check_locks(folder: Path) -> None:
    """Lock a file without a name in a folder for a moment.

    Raises ResultsError where its file system refuses that: without locks, processes would do each other's runs.
    """
    import fcntl  # not on every system, on which the commands that only read work

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ResultsError(
            f"{folder}: its file system refuses locks ({error.strerror}); choose a folder on another with --results, "
            "or have it mounted with flock"
        ) from error

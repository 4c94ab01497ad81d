"""Kernel locks on files of a results folder; a process that dies releases its own."""

import contextlib
import errno
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock, Timeout

from ..core.errors import ResultsError
from .plain_files import check_folders, check_still_there

REFUSALS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system says that has no locks, or none at the moment."""
FIRST_LINE_SECONDS, NEXT_LINE_SECONDS = 5.0, 600.0
"""After how long it is said what a process waits for, and how long after that it is said again."""


class KernelLock(FileLock):
    """A lock that raises ResultsError where its file system refuses it, be it in the middle of a run."""

    def acquire(self, *given: Any, **named: Any) -> AcquireReturnProxy:  # noqa: ANN401
        try:
            return super().acquire(*given, **named)
        except (OSError, NotImplementedError) as error:
            if isinstance(error, OSError) and error.errno not in REFUSALS:
                raise
            raise ResultsError(_describe_refusal(Path(self.lock_file).parent, error)) from error


def make_lock(path: Path, seconds: float) -> KernelLock:
    """The lock of a file, which is waited for so many seconds when it is taken.

    Raises ResultsError where the file is a link, a pipe or anything else but a regular file, and where its folder is
    not there: the lock would make it. To take it does so where the file system refuses locks.
    """
    check_folders(path)
    check_still_there(path.parent)
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise ResultsError(f"{path}: is not a regular file; remove it and run again")
    return KernelLock(path, timeout=seconds)


@contextlib.contextmanager
def wait_for_lock(path: Path, report: Callable[[str], object] | None = None) -> Generator[None]:
    """Hold the lock of a file, however long another process holds it; that is reported, by default on stderr.

    Raises what `make_lock` raises, and OSError where there can be no such file.
    """
    lock, seconds = make_lock(path, -1), FIRST_LINE_SECONDS
    while True:
        try:
            lock.acquire(timeout=seconds)
            break
        except Timeout:
            line = f"waiting for {path}, which {describe_lock_holder(path)} holds"
            report(line) if report else print(line, file=sys.stderr, flush=True)
            seconds = NEXT_LINE_SECONDS
    try:
        yield
    finally:
        lock.release()


def describe_lock_holder(path: Path) -> str:
    """Who holds the lock of a file, such as `process 4711`, as far as that can be known here."""
    pid = find_lock_holder(path)
    if pid is None:
        return "another process"
    return f"process {pid}" + f" (it is stopped; `kill -CONT {pid}` lets it go on)" * _is_stopped(pid)


def find_lock_holder(path: Path) -> int | None:
    """The process of this machine that holds the lock of a file, as Linux lists it; None if that is not known."""
    try:
        status, lines = path.stat(), Path("/proc/locks").read_text().splitlines()
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    held = re.compile(rf"[0-9]+: FLOCK +[A-Z]+ +WRITE +([1-9][0-9]*) {place} .*")
    return next((int(match[1]) for line in lines if (match := held.fullmatch(line))), None)


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:  # it has ended
        return False


def check_locks(folder: Path) -> None:
    """Lock a file without a name in a folder for a moment.

    Raises ResultsError where its file system refuses that: without locks, processes would do each other's runs.
    """
    import fcntl  # not on every system, on which the commands that only read work

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ResultsError(_describe_refusal(folder, error)) from error


def _describe_refusal(folder: Path, error: OSError | NotImplementedError) -> str:
    reason = error.strerror if isinstance(error, OSError) else error
    remedy = "choose a folder on another with --results, or have it mounted with flock"
    return f"{folder}: its file system refuses locks ({reason}); {remedy}"

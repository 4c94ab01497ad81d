"""Performs a job in a worker process: its output goes to the log of the run, and how it ends becomes an exit code."""

import contextlib
import io
import os
import sys
import threading
import traceback
from collections.abc import Callable, Generator
from pathlib import Path

from ..core.errors import BenchError
from ..storage.atomic import is_disk_full
from ..storage.plain_files import check_still_there, make_folder_of, open_for_appending
from ..storage.run_folder import RunFolder
from . import signals
from .events import ExitCode
from .jobs import Job


def perform_job(work: Callable[[Job], int], job: Job) -> int:
    """Do a job with everything that the process prints in the log of its run; gives its exit code.

    A signal gives `ExitCode.INTERRUPTED`, if `signals.handle_in_worker` handles it, and a full disk `NO_SPACE`.
    Whatever else is raised is raised again, with its message or its traceback in the log.
    """
    folder = RunFolder(job.folder)
    try:
        check_still_there(folder.benchmark)
        with redirect_output(folder.log):
            try:
                return work(job)
            except signals.Interrupted:
                raise
            except BenchError as error:
                print(error, file=sys.stderr)
                raise
            except BaseException:
                traceback.print_exc()
                raise
    except signals.Interrupted:
        return ExitCode.INTERRUPTED
    except OSError as error:
        if not is_disk_full(error, job.folder):
            raise
        return ExitCode.NO_SPACE


MAX_LOG, KEPT_LOG = 16 * 2**20, 8 * 2**20
"""Bytes of a log above which it is cut, and of its beginning, which stays."""
LOOK_SECONDS = 0.5
"""Between two looks at the size of a log."""


@contextlib.contextmanager
def redirect_output(path: Path) -> Generator[None]:
    """Append to a file what this process prints, and what its libraries print without asking Python.

    Of a file that becomes larger than `MAX_LOG` the beginning and the newest lines are kept.
    """
    make_folder_of(path)
    with os.fdopen(open_for_appending(path), "a", buffering=1) as log:
        before = os.dup(1), os.dup(2)
        try:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            _replace_unknown_characters()
            with _limit_size(log.fileno()):
                yield
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:  # the disk of the log may be full
                for number, original in enumerate(before, 1):
                    os.dup2(original, number)
                    os.close(original)


@contextlib.contextmanager
def _limit_size(log: int) -> Generator[None]:
    """Cut a log, given by its descriptor, that has become too large, now and then and at the end."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            _cut_log(log)

    thread = threading.Thread(target=look, name="log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _cut_log(log)


def _cut_log(log: int) -> None:
    with contextlib.suppress(OSError):  # the disk may be full
        if (size := os.fstat(log).st_size) > MAX_LOG:
            os.ftruncate(log, KEPT_LOG)
            os.write(log, f"\n... {size - KEPT_LOG:,} bytes of this log were left out here ...\n".encode())


def _replace_unknown_characters() -> None:
    """What a plugin prints never fails its run, whatever the encoding of the terminal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")

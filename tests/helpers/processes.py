"""The processes that a command has started, as /proc lists them."""

import contextlib
import os
import signal
from pathlib import Path


def list_children(pid: int) -> list[int]:
    """Those of all threads of a process; none of one that has ended."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def list_descendants(pid: int) -> list[int]:
    """Children, their children and so on."""
    return [found for child in list_children(pid) for found in (child, *list_descendants(child))]


def send_to_all(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def find_fork_server(pid: int) -> int | None:
    """The process that forks the workers of a command; None where there is none."""
    for child in list_children(pid):
        with contextlib.suppress(OSError):  # it has ended
            if b"multiprocessing.forkserver" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
    return None

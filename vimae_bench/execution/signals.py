"""SIGINT, SIGTERM, SIGHUP: the first lets a training write its checkpoint, the second ends everything at once.

Schedulers send a signal to every process of a job, some of them more than once: `timeout` to its child and then to the
group that the child is in, `srun` to its tasks and to itself, which passes it on.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
REPEAT_SECONDS = 0.5
"""A signal that comes again within this time is the same one, sent twice."""


class Interrupted(KeyboardInterrupt):
    """A signal that asks this process to end, raised so that everything is cleaned up on the way out."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass
class _SignalState:
    """The signals received: they are sent to a process, so there is one state for all of it."""

    pending: int = 0
    """The signal that waits for the end of the blocks in progress, or 0."""
    deferring: int = 0
    """How many `defer` blocks are in progress, one inside the other."""
    first_at: float = float("-inf")
    """When the process that a user watches got its first signal, in monotonic seconds."""


_state = _SignalState()


def handle_in_worker(number: int, _frame: FrameType | None = None) -> None:
    """The handler of a worker: raises Interrupted at every call, unless a `defer` block is in progress."""
    if not _state.deferring:
        raise Interrupted(number)
    _state.pending = number


def handle_in_main(number: int, frame: FrameType | None = None) -> None:
    """The handler of a process that a user watches: as `handle_in_worker` at first, and it raises the second time.

    What follows within `REPEAT_SECONDS` is no second signal.
    """
    now = time.monotonic()
    if now - _state.first_at < REPEAT_SECONDS:
        return
    if _state.pending:
        raise Interrupted(number)
    _state.first_at = now
    handle_in_worker(number, frame)


@contextlib.contextmanager
def install_handlers() -> Generator[None]:
    """In this block `handle_in_main` handles `STOP_SIGNALS`. Only the main thread may enter it.

    SIGHUP stays ignored where it is: under `nohup`.
    """
    kept = [number for number in STOP_SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handle_in_main) for number in kept}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def pending() -> int:
    """The number of the signal that has come during a `defer` block which is not over; 0 if none has."""
    return _state.pending


def raise_if_pending() -> None:
    """Raises Interrupted if such a signal has come."""
    if _state.pending:
        raise Interrupted(_state.pending)


@contextlib.contextmanager
def defer() -> Generator[None]:
    """A block in which a first signal waits, for code that asks `pending` wherever it can be interrupted.

    Raises Interrupted at the end of the block if a signal has come.
    """
    _state.deferring += 1
    try:
        yield
        raise_if_pending()
    finally:
        _state.deferring -= 1
        if not _state.deferring:
            _state.pending = 0


@contextlib.contextmanager
def mask() -> Generator[None]:
    """A block in which this thread gets none of `STOP_SIGNALS`, and what it starts gets none until it calls `unmask`.

    Those that come meanwhile wait for the end of the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def unmask() -> None:
    """Let this thread get `STOP_SIGNALS`: those that have waited since the process was started come at once."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


@contextlib.contextmanager
def block() -> Generator[None]:
    """A block in which all signals wait: an exception in Python that C++ parts of torch call would abort the process.

    They are not masked: a mask belongs to one thread, and a signal goes to any thread that accepts it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)

"""SIGINT and SIGTERM. Whoever trains lets the first wait for a checkpoint; the second ends everything at once."""

import contextlib
import signal
import threading
from collections.abc import Generator
from dataclasses import dataclass
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal that asks this process to end, raised so that everything is put away on the way out."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclass
class _Known:
    """What this process knows of signals, which are the process's and no object's."""

    asked: int = 0
    patient: int = 0


_known = _Known()


def handle_in_worker(number: int, _frame: FrameType | None = None) -> None:
    """The handler of a worker, however often it is asked: raises Interrupted, unless a `patient` block is under way."""
    if not _known.patient:
        raise Interrupted(number)
    _known.asked = number


def handle_in_main(number: int, frame: FrameType | None = None) -> None:
    """The handler of a process with a user before it: as `ask` at first, and at the second time it raises."""
    if _known.asked:
        raise Interrupted(number)
    handle_in_worker(number, frame)


@contextlib.contextmanager
def install_handlers() -> Generator[None]:
    """In this block SIGINT and SIGTERM go to `handle`. Only the main thread may enter it."""
    before = {number: signal.signal(number, handle_in_main) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def pending() -> int:
    """The signal that has come in a `patient` block which is not over; 0 if none has."""
    return _known.asked


def raise_if_pending() -> None:
    """Raises Interrupted if such a signal has come."""
    if _known.asked:
        raise Interrupted(_known.asked)


@contextlib.contextmanager
def defer() -> Generator[None]:
    """A block that looks at `asked` wherever it can be broken off: a first signal waits until then, or until its end.

    Raises Interrupted at its end if a signal has come.
    """
    _known.patient += 1
    try:
        yield
        raise_if_pending()
    finally:
        _known.patient -= 1
        if not _known.patient:
            _known.asked = 0


@contextlib.contextmanager
def block() -> Generator[None]:
    """Signals wait for the end of the block: where C++ parts of torch call Python, an exception would abort it all.

    They are not masked, as a mask is one thread's, and a signal goes to any thread that takes it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)

"""Interrupts that wait for a better moment."""

import contextlib
import signal
from collections.abc import Generator


@contextlib.contextmanager
def later() -> Generator[None]:
    """Ctrl-C waits: where C++ parts of torch call Python, it would abort the process."""
    if not hasattr(signal, "pthread_sigmask"):  # not on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""A function that continues only on request: lets a trainer's own, unmodified loop take turns with others."""

import contextlib
from collections.abc import Callable
from threading import Semaphore, Thread


class Closed(BaseException):
    """Raised inside the function at its pause to end it."""


class PausedFunction:
    """Runs `work(pause)` in a separate thread, only while the caller waits in `advance`, so never two at once."""

    def __init__(self, work: Callable[[Callable[[], None]], object]):
        self._go, self._paused = Semaphore(0), Semaphore(0)
        self._closed, self._error = False, None
        self._thread = Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def advance(self) -> None:
        """Let the function continue to its next pause. Raises what it raises, and RuntimeError if it has ended."""
        self._go.release()
        self._paused.acquire()
        if self._error:
            raise self._error

    def close(self) -> None:
        """End the function at its pause, and wait for its thread."""
        self._closed = True
        self._go.release()
        self._thread.join()

    def _pause(self) -> None:
        self._paused.release()
        self._wait()

    def _wait(self) -> None:
        self._go.acquire()
        if self._closed:
            raise Closed

    def _run(self, work: Callable[[Callable[[], None]], object]) -> None:
        with contextlib.suppress(Closed):
            try:
                self._wait()
                work(self._pause)
                self._error = RuntimeError("ended before its last turn")
            except Exception as error:  # it is the caller's to see
                self._error = error
        self._paused.release()

"""The two kinds of plugin that deal in orders and events. Nothing here needs torch, which takes a second to load."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from .records import Event, Order

DONE, FAILED, NO_SPACE, LEFT = 0, 1, 74, 75
"""Exit codes of an order. NO_SPACE (EX_IOERR): nothing more can be written. LEFT (EX_TEMPFAIL): it was interrupted and
can be taken up again, or another process is at it."""


class Executor(Protocol):
    """A way to carry out orders. `work` does one and gives its exit code; ends are told in the order they come.

    It may have a method `prepare()`, which is called before data and models are checked: what takes time and needs no
    orders, such as a server of workers, can be started there.
    """

    def __call__(self, orders: Sequence[Order], work: Callable[[Order], int], /) -> Iterator[Event]: ...


class Reporter(Protocol):
    """A stage in the stream of events: it looks at them, does its work, and passes every one of them on."""

    def __call__(self, orders: Sequence[Order], events: Iterator[Event], /) -> Iterator[Event]: ...

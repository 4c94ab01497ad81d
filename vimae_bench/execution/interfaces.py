"""The two kinds of plugin that deal in jobs and events. Nothing here needs torch, which takes a second to load."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from .jobs import Event, Order


class Executor(Protocol):
    """A way to carry out orders. `work` does one and gives its exit code; ends are told in the order they come.

    It may have a method `prepare()`, which is called before data and models are checked: what takes time and needs no
    orders, such as a server of workers, can be started there.
    """

    def __call__(self, orders: Sequence[Order], work: Callable[[Order], int], /) -> Iterator[Event]: ...


class Reporter(Protocol):
    """A stage in the stream of events: it looks at them, does its work, and passes every one of them on."""

    def __call__(self, orders: Sequence[Order], events: Iterator[Event], /) -> Iterator[Event]: ...

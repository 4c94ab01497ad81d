"""Executors and reporters at work: what is wrong with one of them is told, and no traceback."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

import click

from ..errors import BenchError, legible
from ..plan.plugins import FAULTS
from ..records import Event, Order
from ..streams import Executor, Reporter


class Upstream(Iterator[Event]):
    """Events on their way to a reporter, which know whether it was they that failed."""

    def __init__(self, events: Iterator[Event]):
        self.events, self.failed = events, False

    def __next__(self) -> Event:
        try:
            return next(self.events)
        except StopIteration:
            raise
        except BaseException:
            self.failed = True
            raise


@contextmanager
def blamed(name: str) -> Generator[None]:
    """What an executor raises, made into a message."""
    try:
        yield
    except BenchError:
        raise
    except FAULTS as error:
        raise BenchError(f"executor '{name}' failed, {type(error).__name__}: {error}") from error


def told(executor: Executor, name: str) -> Executor:
    """The executor, what it raises at work made into a message."""

    def events(orders: Sequence[Order], work: Callable[[Order], int]) -> Iterator[Event]:
        with blamed(name):
            yield from executor(orders, work)

    return events


def dispensable(reporter: Reporter, name: str) -> Reporter:
    """The reporter, without which the runs go on where it fails or stops to pass events on."""

    def passed(orders: Sequence[Order], events: Iterator[Event]) -> Iterator[Event]:
        upstream = Upstream(events)
        try:
            yield from reporter(orders, upstream)
        except FAULTS as error:
            if upstream.failed or isinstance(error, BenchError):
                raise
            line = f"reporter '{name}' failed, {type(error).__name__}: {error}; the runs go on without it"
            click.echo(legible(line), err=True)
        yield from upstream

    return passed

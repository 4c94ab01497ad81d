"""Reporters at work: one that fails is told, and the runs go on without it."""

import traceback
from collections.abc import Iterator, Sequence

import click

from ..core.errors import BenchError, legible
from ..execution.interfaces import Reporter
from ..execution.jobs import Event, Job
from ..plugin.manager import PLUGIN_ERRORS


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


def dispensable(reporter: Reporter, name: str) -> Reporter:
    """The reporter, without which the runs go on where it fails or stops to pass events on."""

    def passed(jobs: Sequence[Job], events: Iterator[Event]) -> Iterator[Event]:
        upstream = Upstream(events)
        try:
            yield from reporter(jobs, upstream)
        except PLUGIN_ERRORS as error:
            if upstream.failed or isinstance(error, BenchError):
                raise
            line = f"reporter '{name}' failed, and the runs go on without it:\n{traceback.format_exc()}"
            click.echo(legible(line), err=True)
        yield from upstream

    return passed

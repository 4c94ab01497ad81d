"""Reporters at work: one that fails is reported, and the runs go on without it."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from ..config.benchmark import Benchmark
from ..config.secret_settings import find_secrets
from ..core.errors import BenchError, escape_control_characters
from ..core.secrets import mask_secrets
from ..execution import Event, Job
from ..execution.interfaces import PublishesResults, Reporter
from ..plugin.manager import PLUGIN_ERRORS
from ..plugin.registry import make_plugin


class _TrackedStream(Iterator[Event]):
    """Events on their way to a reporter, which know whether they themselves failed."""

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


@dataclass(frozen=True)
class GuardedReporter:
    """A reporter without which the runs go on where it fails, or stops passing events on."""

    reporter: Reporter
    name: str
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is shown in the place of each setting that holds a secret."""

    def __call__(self, jobs: Sequence[Job], events: Iterator[Event]) -> Iterator[Event]:
        """The events, past the reporter."""
        stream = _TrackedStream(events)
        try:
            yield from self.reporter(jobs, stream)
        except PLUGIN_ERRORS as error:
            if stream.failed or isinstance(error, BenchError):
                raise
            self._report_failure("the runs go on without it")
        yield from stream

    def publish_results(self, benchmark: Path) -> Mapping[str, str]:
        """Let the reporter publish the results, if it does; gives what it says of where they are."""
        if not isinstance(self.reporter, PublishesResults):
            return {}
        try:
            return self.reporter.publish_results(benchmark)
        except PLUGIN_ERRORS:
            self._report_failure("the results are not published")
            return {}

    def _report_failure(self, consequence: str) -> None:
        error = traceback.format_exc()
        for value in sorted(self.secrets, key=len, reverse=True):
            error = error.replace(value, self.secrets[value])
        error = mask_secrets(error, *self.secrets)  # pieces of addresses
        line = f"reporter '{self.name}' failed, and {consequence}:\n{error}"
        click.echo(escape_control_characters(line), err=True)


def make_reporters(benchmark: Benchmark) -> list[GuardedReporter]:
    """The reporters of a benchmark, guarded."""
    specs = benchmark.reporters
    return [GuardedReporter(make_plugin("reporter", spec), spec.name, find_secrets(spec)) for spec in specs]

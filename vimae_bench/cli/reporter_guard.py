"""Reporters at work: one that fails is reported, and the runs go on without it."""

import sys
import traceback
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import click

from ..config.benchmark import Benchmark
from ..config.secret_settings import find_secrets
from ..core.errors import BenchError, escape_control_characters
from ..core.secrets import mask_secrets
from ..execution import Event, Job
from ..execution.interfaces import PublishesResults, Reporter
from ..plugin.isolation import GlobalState, preserve_global_state
from ..plugin.manager import PLUGIN_ERRORS
from ..plugin.registry import make_plugin


class _GuardedStream(Iterator[Event]):
    """Events on their way to a reporter, which know how they themselves failed.

    What the reporter changes for the whole process is put back as soon as it asks for an event or passes one on, and
    what it prints meanwhile is no output of the command.
    """

    def __init__(self, events: Iterator[Event]):
        self.events = events
        self.begun = False
        self.error: BaseException | None = None
        self._output = sys.stdout
        self._state = GlobalState(environment=False)

    def __next__(self) -> Event:
        self._leave_reporter()
        self.begun = True
        try:
            return next(self.events)
        except StopIteration:
            raise
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._enter_reporter()

    @contextmanager
    def visit_reporter(self) -> Generator[None]:
        """A block in which code of the reporter runs."""
        self._enter_reporter()
        try:
            yield
        finally:
            self._leave_reporter()

    def _enter_reporter(self) -> None:
        self._output, sys.stdout = sys.stdout, sys.stderr
        self._state = GlobalState(environment=False)

    def _leave_reporter(self) -> None:
        sys.stdout = self._output
        self._state.restore()


@dataclass(frozen=True)
class GuardedReporter:
    """A reporter without which the runs go on where it fails, or stops passing events on."""

    reporter: Reporter
    name: str
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is shown in the place of each setting that holds a secret."""

    def __call__(self, jobs: Sequence[Job], events: Iterator[Event]) -> Iterator[Event]:
        """The events, past the reporter. Raises what they raise, and a BenchError of the reporter before the first."""
        stream = _GuardedStream(events)
        try:
            yield from self._pass_on(jobs, stream)
        except PLUGIN_ERRORS as error:
            if not stream.error and not stream.begun and isinstance(error, BenchError):
                raise
            if not stream.error:
                self._report_failure(error, "the runs go on without it")
        if stream.error:  # which the reporter may have caught
            raise stream.error
        yield from events

    def _pass_on(self, jobs: Sequence[Job], stream: _GuardedStream) -> Iterator[Event]:
        with stream.visit_reporter():
            passed = iter(self.reporter(jobs, stream))
        try:
            while True:
                with stream.visit_reporter():
                    try:
                        event = next(passed)
                    except StopIteration:
                        return
                yield event
        finally:
            if isinstance(passed, Generator):
                with stream.visit_reporter():
                    passed.close()

    def publish_results(self, benchmark: Path) -> Mapping[str, str]:
        """Let the reporter publish the results, if it does; gives what it says of where they are."""
        if not isinstance(self.reporter, PublishesResults):
            return {}
        try:
            with redirect_stdout(sys.stderr), preserve_global_state(environment=False):
                said = self.reporter.publish_results(benchmark)
                return {str(name): str(where) for name, where in said.items()}
        except PLUGIN_ERRORS as error:
            self._report_failure(error, "the results are not published")
            return {}

    def _report_failure(self, error: BaseException, consequence: str) -> None:
        """Print a user's mistake in a line, and anything else with its traceback."""
        text = f" {error}" if isinstance(error, BenchError) else f"\n{traceback.format_exc()}"
        for value in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(value, self.secrets[value])
        text = mask_secrets(text, *self.secrets)  # pieces of addresses
        line = f"reporter '{self.name}' failed, and {consequence}:{text}"
        click.echo(escape_control_characters(line), err=True)


def make_reporters(benchmark: Benchmark) -> list[GuardedReporter]:
    """The reporters of a benchmark, guarded."""
    specs = benchmark.reporters
    return [GuardedReporter(make_plugin("reporter", spec), spec.name, find_secrets(spec)) for spec in specs]

"""Whatever a reporter does, the runs go on as they would without it; its failures are reported without secrets."""

import random
import sys

import numpy as np
import pytest
import torch

from vimae_bench.cli.reporter_guard import GuardedReporter
from vimae_bench.config.secret_settings import find_secrets
from vimae_bench.core.errors import BenchError, ResultsError
from vimae_bench.core.spec import PluginSpec
from vimae_bench.execution import Tick
from vimae_bench.execution.signals import Interrupted


class Failing:
    def __init__(self, text: str):
        self.text = text

    def __call__(self, jobs, events):
        raise RuntimeError(f"the server refused {self.text}")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"token": "abcdef123456"}, "abcdef123456"),
        ({"api_key": "short"}, "the key short"),
        ({"uri": "https://me:hunter2@host/db"}, "hunter2 of https://me:hunter2@host/db"),
    ],
)
def test_the_reason_has_no_secret(settings, text, capsys):
    guarded = GuardedReporter(Failing(text), "mine", find_secrets(PluginSpec("mine", settings)))
    assert list(guarded([], iter(()))) == []
    shown = capsys.readouterr().err
    assert "RuntimeError: the server refused" in shown
    for secret in ("abcdef123456", "key short", "hunter2"):
        assert secret not in shown


def guard(reporter):
    return GuardedReporter(reporter, "mine")


def read_state():
    return torch.get_default_dtype(), torch.initial_seed(), random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002


def change_state():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    sys.stdout = None
    return Tick()


class Changing:
    """Changes what all share, at every point at which it has control."""

    def __call__(self, jobs, events):
        change_state()
        try:
            for event in events:
                change_state()
                yield event
                change_state()
        finally:
            change_state()

    def publish_results(self, benchmark):
        change_state()
        return {}


def test_what_a_reporter_changes_for_all_is_put_back_whenever_others_have_control():
    before, output, seen = read_state(), sys.stdout, []

    def check():
        assert (read_state(), sys.stdout) == (before, output)
        seen.append(1)

    def events():
        for _ in range(3):
            check()
            yield Tick()
        check()

    reporter = guard(Changing())
    for _ in guard(Changing())([], reporter([], events())):
        check()
    reporter.publish_results(None)
    check()
    ended_early = reporter([], events())
    next(ended_early)
    ended_early.close()
    check()
    assert len(seen) == 10


def test_what_others_change_meanwhile_stays():
    """An executor, say, that works in this process."""

    def events():
        yield Tick()
        torch.manual_seed(11)
        yield Tick()

    assert list(guard(Changing())([], events())) == [Tick()] * 2
    assert torch.initial_seed() == 11


def test_what_a_reporter_prints_is_no_output_of_the_command(capsys):
    def printing(jobs, events):
        for event in events:
            print("a word")
            yield event

    for _ in guard(printing)([], iter([Tick()])):
        print("a result")
    assert capsys.readouterr() == ("a result\n", "a word\n")


@pytest.mark.parametrize("error", [RuntimeError("on purpose"), SystemExit(3), BenchError("on purpose")])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_reporter_that_raises_holds_up_no_event(error, after, capsys):
    """But for a mistake of the user that it finds before anything is started."""

    def failing(jobs, events):
        for count, event in enumerate(events):
            if count == after:
                raise error
            yield event
        raise error

    assert len(list(guard(failing)([], iter([Tick()] * 2)))) == (1 if after < 2 else 2)
    shown = capsys.readouterr().err
    assert shown.startswith("reporter 'mine' failed, and the runs go on without it:")
    assert ("Traceback" in shown) == (not isinstance(error, BenchError))


def test_a_mistake_of_the_user_that_a_reporter_finds_at_once_ends_the_command():
    def refusing(jobs, events):
        raise BenchError("there is no such server")
        yield from events

    with pytest.raises(BenchError, match="no such server"):
        list(guard(refusing)([], iter([Tick()])))


def swallow(jobs, events):
    try:
        yield from events
    except BaseException:
        return


def replace_error(jobs, events):
    try:
        yield from events
    except BaseException as error:
        raise RuntimeError("something else") from error


@pytest.mark.parametrize("error", [ResultsError("no space left"), Interrupted(15)])
@pytest.mark.parametrize("reporter", [swallow, replace_error])
def test_a_reporter_cannot_hide_why_the_runs_ended(reporter, error):
    def events():
        yield Tick()
        raise error

    with pytest.raises(type(error), match=str(error)):
        list(guard(reporter)([], events()))


class Publisher:
    def __init__(self, answer):
        self.answer = answer

    def __call__(self, jobs, events):
        yield from events

    def publish_results(self, benchmark):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [None, 3, "a text", BenchError("no answer"), SystemExit(2)])
def test_a_reporter_that_cannot_publish_costs_a_message(answer, capsys):
    assert guard(Publisher(answer)).publish_results(None) == {}
    assert "reporter 'mine' failed, and the results are not published:" in capsys.readouterr().err

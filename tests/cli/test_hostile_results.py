"""Whatever is in the place of a file of a results folder: commands end soon, with little memory, and touch no other.

A damaged run is shown as that, and the others as before. The fast tests are a part of the whole matrix of places,
kinds and commands; the chaos tests try a sample of it, which another `--seed` draws again.
"""

import random
import shutil
import signal
import time

import pytest
import torch
from click.testing import CliRunner

from helpers.benchmarks import AE, VAE, make_benchmark
from helpers.hostile_files import HOSTILE, PLACES, RUN, describe_folder, find_place
from vimae_bench.cli import main
from vimae_bench.engine.training.peak_memory import read_peak_memory, reset_peak_memory

pytestmark = pytest.mark.medium

MAX_SECONDS, MAX_BYTES = 5, 300e6
"""More than a command takes of an honest folder."""
READING = {
    "leaderboard": ("leaderboard", "{results}"),
    "json": ("leaderboard", "{results}", "--format", "json"),
    "compare": ("compare", "{results}", "AE", "VAE"),
    "compare itself": ("compare", "{results}", "{results}"),
    "verdict": ("verdict", "{results}"),
    "plan": ("plan", "{file}", "--results", "{parent}"),
    "doctor": ("doctor", "{results}"),
    "pack": ("pack", "{results}"),
}
SLOW = {
    "repair": ("doctor", "{results}", "--repair"),
    "figures": ("figures", "{results}", "--output", "{output}"),
    "report": ("report", "{results}", "--output", "{output}/report.html"),
    "sync": ("sync", "{results}"),
    "run": ("run", "{file}", "--results", "{parent}", "--data", "{data}"),
}
COMMANDS = READING | SLOW


class TimeLimitReached(BaseException):
    """A command did not end."""


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A benchmark of two runs with everything that a folder may have."""
    folder = tmp_path_factory.mktemp("honest")
    (folder / "small.toml").write_text(make_benchmark(method=[AE, VAE], reporters=["mlflow"]))
    words = ["run", folder / "small.toml", "--results", folder / "results", "--data", folder / "data"]
    assert CliRunner().invoke(main, [*map(str, words)]).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def costs():
    """What each command takes of the honest folder, in seconds and bytes."""
    return {}


class Case:
    """A copy of the honest folder, changed in one place, and a folder outside that nothing may touch."""

    def __init__(self, honest, folder, costs):
        self.honest, self.folder, self.costs = honest, folder, costs

    def change(self, place, kind):
        """Whether there is such a place."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.honest, self.folder)
        (self.outside / "folders").mkdir(parents=True)
        (self.outside / "private").write_text("private")
        path = find_place(self.folder / "results" / "small", place) if place else None
        if not path:
            return not place
        try:
            HOSTILE[kind](path, self.outside)
        except PermissionError:
            pytest.skip("only root makes devices")
        return True

    @property
    def outside(self):
        return self.folder / "outside"

    def call(self, command):
        """Run a command; gives its output, seconds and bytes. Nothing outside is touched, and there is no traceback."""
        where = {"results": self.folder / "results/small", "parent": self.folder / "results"}
        where |= {"output": self.folder / "output", "file": self.folder / "small.toml", "data": self.folder / "data"}
        words = [word.format(**where) for word in COMMANDS[command]]
        before, device = describe_folder(self.outside), torch.device("cpu")
        reset_peak_memory(device)
        used = read_peak_memory(device) or 0
        began, previous = time.monotonic(), signal.signal(signal.SIGALRM, stop)
        signal.alarm(60)
        try:
            done = CliRunner().invoke(main, words)
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)
        seconds, memory = time.monotonic() - began, (read_peak_memory(device) or 0) - used
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        assert "Traceback" not in done.output
        assert describe_folder(self.outside) == before
        return done.output, seconds, memory

    def check(self, place, kind, command):
        """The command ends soon and with little memory, compared with what it takes of the honest folder."""
        if command not in self.costs:
            self.change("", "")
            self.call(command)
            _, *self.costs[command] = self.call(command)
        if not self.change(place, kind):
            return
        _, seconds, memory = self.call(command)
        assert seconds < self.costs[command][0] * 2 + MAX_SECONDS
        assert memory < max(self.costs[command][1], 0) + MAX_BYTES


def stop(*_):
    raise TimeLimitReached


@pytest.fixture
def case(honest, tmp_path, costs):
    return Case(honest, tmp_path / "case", costs)


@pytest.mark.parametrize("kind", HOSTILE)
def test_reading_commands_end_soon_with_little_memory(case, kind):
    """A third of the places of each kind, each with one of the commands."""
    shift = list(HOSTILE).index(kind)
    for number in range(shift % 3, len(PLACES), 3):
        case.check(PLACES[number], kind, list(READING)[(number + shift) % len(READING)])


@pytest.mark.parametrize("name", ["record.json", "spec.json", "events.jsonl", "metrics", "pictures"])
@pytest.mark.parametrize("kind", ["a link to what was there", "a pipe", "20 GiB of nothing", "a folder"])
def test_one_damaged_run_is_named_and_the_others_are_shown_as_before(case, name, kind):
    if kind == "a folder" and "." not in name:
        return  # which it is
    case.change("", "")
    before = [line for line in case.call("leaderboard")[0].splitlines() if line.startswith("VAE")]
    case.change(f"{RUN}/{name}", kind)
    shown, *_ = case.call("leaderboard")
    assert "AE" in shown
    assert before[0].split()[:2] == next(line for line in shown.splitlines() if line.startswith("VAE")).split()[:2]
    doctor, *_ = case.call("doctor")
    assert f"/{name}" in doctor


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["a link to what was there", "a link to a folder", "a pipe", "20 GiB of nothing"])
@pytest.mark.parametrize("place", [place for place in PLACES if place.startswith(RUN)])
def test_run_sets_aside_what_is_no_file_and_makes_it_again(case, place, kind):
    if not case.change(place, kind):
        return
    case.call("run")
    shown, *_ = case.call("leaderboard")
    assert "failed" not in shown
    assert "not finished" not in shown
    assert case.call("doctor")[0] == "nothing is damaged\n"


@pytest.mark.chaos
def test_a_sample_of_every_place_kind_and_command(case, request):
    generator = random.Random(request.config.getoption("--seed"))
    every = [(place, kind, command) for place in PLACES for kind in HOSTILE for command in COMMANDS]
    for place, kind, command in generator.sample(every, 300):
        try:
            case.check(place, kind, command)
        except (AssertionError, TimeLimitReached) as error:
            raise AssertionError(f"{command} with {kind} in place of {place}") from error

"""The process that starts workers is killed, as by a kernel without memory: while it loads, later, every time."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from helpers.benchmarks import AE, make_benchmark
from helpers.chaos_harness import Scenario
from helpers.processes import find_fork_server, list_children

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes through /proc"),
]
DEADLINE = 200.0
"""Seconds for what takes a few where nothing else runs."""


@pytest.fixture
def scenario(tmp_path) -> Scenario:
    given = {"executor": "local", "reporters": ["console"], "training": {"epochs": 300}}
    text = make_benchmark(name="storm", seeds=[0, 1], method=[AE], **given)
    return Scenario(tmp_path / "scenario", text, tmp_path / "data")


def run_and_strike(scenario: Scenario, kills: int = 0, *, busy: bool = False) -> tuple[int, str]:
    """Kill so many servers, or every one, as soon as they are there or, if `busy`, once their runs have made epochs."""
    words = [sys.executable, "-m", "vimae_bench", *scenario.words("--jobs", "2")]
    going = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    killed, deadline = set[int](), time.monotonic() + DEADLINE
    while (not kills or len(killed) < kills) and going.poll() is None and time.monotonic() < deadline:
        server = find_fork_server(going.pid)
        if server and server not in killed and (not busy or are_runs_in_progress(scenario, server)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)
            killed.add(server)
        time.sleep(0.02)
    output, _ = going.communicate(timeout=DEADLINE)
    assert len(killed) >= max(kills, 1), output
    assert "Traceback" not in output + "".join(path.read_text() for path in scenario.path.rglob("log.txt"))
    assert "Aborted" not in output
    return going.returncode, output


def are_runs_in_progress(scenario: Scenario, server: int) -> bool:
    events = [path.read_text() for path in scenario.path.rglob("events.jsonl")]
    return len(list_children(server)) == 2 and sum('"epoch"' in text for text in events) == 2


def test_a_server_killed_while_it_loads_is_started_again(scenario, count):
    code, output = run_and_strike(scenario, 1)
    assert (code, len(scenario.finished())) == (0, 2), output
    count["servers of workers killed while they load"] += 1


def test_runs_of_a_killed_server_go_on_from_their_checkpoints(scenario, count):
    code, output = run_and_strike(scenario, 2, busy=True)
    what = "the process that starts workers was killed and is started again; the runs in progress go on"
    assert output.count(what) == 2, output
    assert (code, len(scenario.finished())) == (0, 2), output
    assert set(scenario.starts().values()) == {1}, "none began anew"
    assert "255" not in output
    count["servers of workers killed with their workers at work"] += 2


def test_a_server_that_is_killed_every_time_ends_the_command_in_a_line(scenario, count):
    code, output = run_and_strike(scenario)
    assert code == 2, output
    assert "the process that starts workers was killed 3 times (was the machine out of memory?)" in output
    assert not list(scenario.path.rglob("record.json")), "no run has failed for it"
    count["servers of workers killed every time"] += 1

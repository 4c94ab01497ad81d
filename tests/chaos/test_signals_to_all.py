"""Signals as schedulers send them: to every process of a job, more than once, and with steps that take long."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from helpers.benchmarks import make_benchmark
from helpers.chaos_harness import Scenario
from helpers.processes import list_children, list_descendants, send_to_all
from vimae_bench.storage.run_folder import RunFolder, read_events

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes through /proc"),
]

PLUGIN = """
import time
from dataclasses import dataclass

from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Loss, Objective, hookimpl

@dataclass(frozen=True)
class Slow(Objective):
    '''An autoencoder whose steps take long.'''
    seconds: float = 0.5
    def posterior(self): return Deterministic()
    def __call__(self, model, batch):
        print("a step", flush=True)
        time.sleep(self.seconds)
        sse = squared_error(batch.x, model.decode(model.encode(batch.x).mean)).mean()
        return Loss(sse, {"distortion": sse})

@hookimpl
def vimae_objectives():
    return {"slow": Slow}
"""
SLOW = {"label": "slow", "objective": {"use": "slow"}, "prior": "normal"}
DEADLINE = 120.0
"""Seconds for what takes a few where nothing else runs."""


@pytest.fixture
def scenario(tmp_path, install) -> Scenario:
    """Two runs whose first epoch would take minutes."""
    install("slow", PLUGIN)
    text = make_benchmark(
        name="storm", seeds=[0, 1], executor="local", training={"epochs": 2, "batch": 8}, method=[SLOW]
    )
    return Scenario(tmp_path / "scenario", text, tmp_path / "data")


def start(scenario: Scenario, *before: str, **options: object) -> subprocess.Popen[str]:
    """The command behind other words, such as those of `timeout`."""
    words = [*before, sys.executable, "-m", "vimae_bench", *scenario.words("--jobs", "2")]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)  # type: ignore[call-overload]


def wait_until(happened, going: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not happened() and time.monotonic() < deadline and going.poll() is None:
        time.sleep(0.05)
    if not happened():
        going.kill()
        pytest.fail(f"it never happened: {going.communicate()[0]}")


def wait_for_steps(scenario: Scenario, going: subprocess.Popen[str], since: int = 0) -> None:
    """Until both runs have taken steps."""
    wait_until(lambda: len(logs := list_logs(scenario)) == 2 and min(map(len, logs)) > since + 1, going)


def list_logs(scenario: Scenario) -> list[list[str]]:
    return [path.read_text().splitlines() for path in scenario.path.rglob("log.txt")]


def check_interrupted(scenario: Scenario, output: str) -> None:
    """That every run has saved what it had done of its epoch, and that nothing is called failed."""
    folders = [RunFolder(scenario.store.run_folder(entry.run).path) for entry in scenario.entries]
    last = [[line for line, _ in read_events(folder.events)][-1] for folder in folders]
    assert [(line["event"], line.get("epoch")) for line in last] == [("interrupted", 1)] * 2, output
    assert all(line["steps"] for line in last)
    assert all(any(folder.checkpoints.iterdir()) for folder in folders)
    assert not any(folder.record.exists() for folder in folders)
    assert "failed" not in output
    assert "Traceback" not in output + "".join(map(str, list_logs(scenario)))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_to_every_process_leaves_checkpoints_within_an_epoch(scenario, number, code, count):
    going = start(scenario)
    wait_for_steps(scenario, going)
    send_to_all([*reversed(list_descendants(going.pid)), going.pid], number)
    output, _ = going.communicate(timeout=DEADLINE)
    assert going.returncode == code, output
    assert "interrupted; the same command continues where this one stopped" in output
    check_interrupted(scenario, output)
    count["signals to every process of a job"] += 1


def test_the_end_of_a_time_limit_leaves_checkpoints_and_the_next_slot_goes_on(scenario, count):
    seen = []
    for slot in range(2):  # `timeout` signals its child and then the group that the child is in
        going = start(scenario, shutil.which("timeout"), "--preserve-status", "600")
        wait_for_steps(scenario, going, since=max(map(len, list_logs(scenario)), default=0))
        going.send_signal(signal.SIGTERM)
        output, _ = going.communicate(timeout=DEADLINE)
        assert going.returncode == 143, output
        check_interrupted(scenario, output)
        count[f"time limits of slot {slot + 1}"] += 1
        newest = [[line for line, _ in read_events(path)][-1]["steps"] for path in scenario.path.rglob("events.jsonl")]
        seen.append(min(newest))
    assert seen[1] > seen[0], "an epoch longer than a slot is gone on with"


def test_a_terminal_that_is_closed_leaves_checkpoints(scenario, count):
    mine, its = os.openpty()
    words = ["setsid", "--ctty", "--wait", sys.executable, "-m", "vimae_bench", *scenario.words("--jobs", "2")]
    going = subprocess.Popen(words, stdin=its, stdout=its, stderr=its)
    os.close(its)
    wait_for_steps(scenario, going)
    os.close(mine)
    assert going.wait(timeout=DEADLINE) == 129
    check_interrupted(scenario, "")
    count["terminals closed"] += 1


def test_a_second_signal_to_every_process_ends_them_at_once(scenario, count):
    scenario.file.write_text(scenario.text.replace('use = "slow"', 'use = "slow", seconds = 60.0'))
    going = start(scenario)
    wait_until(lambda: len(logs := list_logs(scenario)) == 2 and all(logs), going)
    every = [*reversed(list_descendants(going.pid)), going.pid]
    send_to_all(every, signal.SIGTERM)
    time.sleep(2)
    assert going.poll() is None, "it waits for the steps in progress"
    send_to_all(every, signal.SIGTERM)
    output, _ = going.communicate(timeout=15)  # much less than a step
    assert going.returncode == 143, output
    count["second signals to every process of a job"] += 1


def test_stopped_workers_of_a_killed_scheduler_are_named_and_waited_for(scenario, count):
    scenario.file.write_text(scenario.text.replace("reporters = []", 'reporters = ["console"]'))
    first = start(scenario)
    wait_for_steps(scenario, first)
    workers = [worker for child in list_children(first.pid) for worker in list_children(child)]
    send_to_all(workers, signal.SIGSTOP)
    try:
        first.kill()
        first.wait()
        second = start(scenario)
        held = [rf"slow s{seed}, which process \d+ \(it is stopped; `kill -CONT \d+` .*\) holds" for seed in (0, 1)]
        expected, line = re.compile(rf"waiting for {'; '.join(held)}\n"), "the first"
        while line and not expected.fullmatch(line):
            line = second.stdout.readline()
        assert line, "it never said what it waits for"
    finally:
        send_to_all(workers, signal.SIGCONT)  # they see that their scheduler has ended
    wait_for_steps(scenario, second, since=max(map(len, list_logs(scenario))))
    second.send_signal(signal.SIGTERM)
    output, _ = second.communicate(timeout=DEADLINE)
    first.stdout.close()
    check_interrupted(scenario, output)
    count["workers stopped under a killed scheduler"] += 2

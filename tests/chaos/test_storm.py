"""kill -9 of schedulers, Ray drivers and workers at random moments, hundreds of times."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from helpers.chaos_harness import Scenario, benchmark_text

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes through /proc"),
]
BUSY = b"ray::run_remotely"
"""The process name of a Ray worker that carries out a run."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Scenario:
    """A benchmark that finished without faults."""
    folder = tmp_path_factory.mktemp("undisturbed")
    scenario = Scenario(folder / "scenario", benchmark_text(seeds=10, epochs=40), folder / "data")
    assert start(scenario, "local").wait(timeout=300) == 0
    return scenario


@pytest.fixture(autouse=True)
def checkpoints_after_each_epoch(tmp_path, monkeypatch):
    """In every process, since these trainings end before the first checkpoint would be due."""
    text = "from vimae_bench.engine.training import checkpoint\ncheckpoint.INTERVAL_SECONDS = 0.0\n"
    (tmp_path / "sitecustomize.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.parametrize(("executor", "kills"), [("local", 165), ("ray", 40)])
def test_kills_at_random_moments_lose_nothing(executor, kills, undisturbed, tmp_path, count, chance):
    struck, round_ = Counter[str](), 0
    while struck.total() < kills:
        round_ += 1
        scenario = Scenario(tmp_path / str(round_), undisturbed.text, undisturbed.data)
        seen: dict[str, dict] = {}
        while struck.total() < kills and len(scenario.finished()) < len(scenario.entries):
            strike(start(scenario, executor), executor, chance, struck)
            scenario.readable()
            seen = scenario.finished() | seen
        while start(scenario, executor).wait(timeout=300):
            assert len(scenario.finished()) < len(scenario.entries), (scenario.path / "output.txt").read_text()
        scenario.check(seen, undisturbed, count)
    count.update({f"kills of a {who} at random moments ({executor})": number for who, number in struck.items()})
    assert all(struck[who] for who in ("scheduler", "worker")), struck


def start(scenario: Scenario, executor: str) -> subprocess.Popen:
    words = [sys.executable, "-m", "vimae_bench", *scenario.words("--executor", executor)]
    with (scenario.path / "output.txt").open("a") as output:
        return subprocess.Popen(words, stdout=output, stderr=output)


def strike(going: subprocess.Popen, executor: str, chance: random.Random, struck: Counter[str]) -> None:
    """Kill some workers of a scheduler, then usually the scheduler itself, sometimes before it has workers."""
    early = chance.random() < 0.15
    for _ in range(0 if early else chance.randint(8, 16)):
        found = wait_for_workers(going, executor)
        time.sleep(chance.uniform(0, 0.2))
        if found and kill(chance.choice(found)):
            struck["worker"] += 1
    time.sleep(chance.uniform(0, 5.0 if early else 0.5))
    if chance.random() < 0.8:
        struck["scheduler"] += kill(going.pid) if going.poll() is None else 0
    else:
        going.send_signal(signal.SIGTERM)
    going.wait(timeout=120)


def wait_for_workers(going: subprocess.Popen, executor: str) -> list[int]:
    """The workers of a scheduler as soon as there are any; none if it ends before."""
    while going.poll() is None:
        if found := ray_workers(going.pid) if executor == "ray" else local_workers(going.pid):
            return found
        time.sleep(0.02)
    return []


def kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def local_workers(scheduler: int) -> list[int]:
    """The fork server is a child of the scheduler, and so is a resource tracker without children."""
    return [worker for child in children(scheduler) for worker in children(child)]


def ray_workers(driver: int) -> list[int]:
    below, found = [driver], list[int]()
    while below:
        inner = children(below.pop())
        below += inner
        found += [pid for pid in inner if BUSY in name(pid)]
    return found


def children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:  # it has ended
        return []


def name(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_two_schedulers_and_a_ray_driver_share_sixty_runs(undisturbed, tmp_path, count):
    scenario = Scenario(tmp_path / "shared", benchmark_text(seeds=30, epochs=20), undisturbed.data)
    going = [start(scenario, "ray")]
    assert wait_for_workers(going[0], "ray"), (scenario.path / "output.txt").read_text()
    going += [start(scenario, "local"), start(scenario, "local")]
    codes = [one.wait(timeout=600) for one in going]
    assert codes == [0, 0, 0], (scenario.path / "output.txt").read_text()
    assert len(scenario.finished()) == 60
    assert set(scenario.starts().values()) == {1}, "a run was begun more than once"
    assert (scenario.trained_twice(), scenario.tracebacks()) == ([], [])
    count["runs shared by two schedulers and a Ray driver"] += len(scenario.starts())

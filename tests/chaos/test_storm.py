"""kill -9 at random moments, of schedulers, Ray drivers and workers, until hundreds have died."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from arena import Arena, text

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes through /proc"),
]
BUSY = b"ray::carry"
"""What Ray calls a process that is at a run."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> Arena:
    """What nothing disturbs."""
    folder = tmp_path_factory.mktemp("calm")
    arena = Arena(folder / "arena", text(seeds=10, epochs=40), folder / "data")
    assert start(arena, "local").wait(timeout=300) == 0
    return arena


@pytest.fixture(autouse=True)
def checkpoints_after_each_epoch(tmp_path, monkeypatch):
    """In every process: these trainings are over before the first checkpoint would be due."""
    (tmp_path / "sitecustomize.py").write_text("from vimae_bench.engine import checkpoint\ncheckpoint.EVERY = 0.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.mark.parametrize(("executor", "kills"), [("local", 165), ("ray", 40)])
def test_kills_at_random_moments_lose_nothing(executor, kills, calm, tmp_path, count, chance):
    struck, round_ = Counter[str](), 0
    while struck.total() < kills:
        round_ += 1
        arena = Arena(tmp_path / str(round_), calm.text, calm.data)
        seen: dict[str, dict] = {}
        while struck.total() < kills and len(arena.finished()) < len(arena.cells):
            strike(start(arena, executor), executor, chance, struck)
            arena.readable()
            seen = arena.finished() | seen
        while start(arena, executor).wait(timeout=300):
            assert len(arena.finished()) < len(arena.cells), (arena.path / "told.txt").read_text()
        arena.check(seen, calm, count)
    count.update({f"kills of a {who} at random moments ({executor})": number for who, number in struck.items()})
    assert all(struck[who] for who in ("scheduler", "worker")), struck


def start(arena: Arena, executor: str) -> subprocess.Popen:
    words = [sys.executable, "-m", "vimae_bench", *arena.words("--executor", executor)]
    with (arena.path / "told.txt").open("a") as told:
        return subprocess.Popen(words, stdout=told, stderr=told)


def strike(going: subprocess.Popen, executor: str, chance: random.Random, struck: Counter[str]) -> None:
    """Kill some workers of a scheduler, then in most cases the scheduler itself; at times before it has any."""
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
    """Those of a scheduler, as soon as there are any; none if it ends before."""
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
    """The server that forks workers is a child of the scheduler, and so is a tracker that has none."""
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


def test_two_schedulers_and_a_ray_driver_share_sixty_runs(calm, tmp_path, count):
    arena = Arena(tmp_path / "shared", text(seeds=30, epochs=20), calm.data)
    going = [start(arena, "ray")]
    assert wait_for_workers(going[0], "ray"), (arena.path / "told.txt").read_text()
    going += [start(arena, "local"), start(arena, "local")]
    codes = [one.wait(timeout=600) for one in going]
    assert codes == [0, 0, 0], (arena.path / "told.txt").read_text()
    assert len(arena.finished()) == 60
    assert set(arena.starts().values()) == {1}, "a run was begun more than once"
    assert (arena.trained_twice(), arena.tracebacks()) == ([], [])
    count["runs shared by two schedulers and a Ray driver"] += len(arena.starts())

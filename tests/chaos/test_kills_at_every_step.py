"""kill -9 just before each change that a process makes to its files, one after the other."""

import pytest
from arena import Arena, KillAt, command, forked, steps, text, work

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]
KILLED = -9


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> Arena:
    """What nothing disturbs."""
    folder = tmp_path_factory.mktemp("calm")
    arena = Arena(folder / "arena", text(reporters=("console",), another=False), folder / "data")
    assert forked(command, arena.words(), arena.path / "told.txt") == 0
    return arena


def test_a_worker_killed_at_any_step_loses_nothing(calm, tmp_path, count):
    step, code = 0, KILLED
    while code == KILLED:
        step += 1
        arena = Arena(tmp_path / str(step), calm.text, calm.data)
        for order in arena.orders()[:1]:
            code = forked(work, order, arena.path / "told.txt", KillAt(step, str(arena.store.path)))
        end(arena, calm, count)
        count["kills of a worker, one at each step"] += code == KILLED
    assert code == 0
    assert step > 30


def test_a_scheduler_killed_at_any_step_loses_nothing(calm, tmp_path, count, chance):
    whole = Arena(tmp_path / "whole", calm.text, calm.data)
    assert forked(steps, whole.words(), tmp_path / "steps", str(whole.path / "results")) == 0
    last = int((tmp_path / "steps").read_text())
    for step in sorted(chance.sample(range(1, last), 30)):
        arena = Arena(tmp_path / str(step), calm.text, calm.data)
        killed = forked(command, arena.words(), arena.path / "told.txt", KillAt(step, str(arena.path / "results")))
        assert killed == KILLED
        end(arena, calm, count)
        count["kills of a scheduler, each at another step"] += 1


def end(arena: Arena, calm: Arena, count) -> None:
    """After a kill all is readable; the same command ends it, and ends it as if nothing had been."""
    arena.readable()
    before = arena.finished()
    assert forked(command, arena.words(), arena.path / "told.txt") == 0, (arena.path / "told.txt").read_text()
    arena.check(before, calm, count)

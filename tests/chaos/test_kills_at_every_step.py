"""kill -9 before each single change that a process makes to its files."""

import pytest

from helpers.chaos_harness import KillAt, Scenario, benchmark_text, count_changes, run_command, run_in_fork, run_job

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1200)]
KILLED = -9


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Scenario:
    """A benchmark that finished without faults."""
    folder = tmp_path_factory.mktemp("undisturbed")
    scenario = Scenario(folder / "scenario", benchmark_text(reporters=("console",), another=False), folder / "data")
    assert run_in_fork(run_command, scenario.words(), scenario.path / "output.txt") == 0
    return scenario


def test_worker_killed_at_any_step_loses_nothing(undisturbed, tmp_path, count):
    step, code = 0, KILLED
    while code == KILLED:
        step += 1
        scenario = Scenario(tmp_path / str(step), undisturbed.text, undisturbed.data)
        for job in scenario.jobs()[:1]:
            code = run_in_fork(run_job, job, scenario.path / "output.txt", KillAt(step, str(scenario.store.path)))
        end(scenario, undisturbed, count)
        count["kills of a worker, one at each step"] += code == KILLED
    assert code == 0
    assert step > 30


def test_scheduler_killed_at_any_step_loses_nothing(undisturbed, tmp_path, count, chance):
    whole = Scenario(tmp_path / "whole", undisturbed.text, undisturbed.data)
    assert run_in_fork(count_changes, whole.words(), tmp_path / "steps", str(whole.path / "results")) == 0
    last = int((tmp_path / "steps").read_text())
    for step in sorted(chance.sample(range(1, last), 30)):
        scenario = Scenario(tmp_path / str(step), undisturbed.text, undisturbed.data)
        killed = run_in_fork(
            run_command, scenario.words(), scenario.path / "output.txt", KillAt(step, str(scenario.path / "results"))
        )
        assert killed == KILLED
        end(scenario, undisturbed, count)
        count["kills of a scheduler, each at another step"] += 1


def end(scenario: Scenario, undisturbed: Scenario, count) -> None:
    """After a kill everything is readable, and the same command finishes with the same result."""
    scenario.readable()
    before = scenario.finished()
    assert run_in_fork(run_command, scenario.words(), scenario.path / "output.txt") == 0, (
        scenario.path / "output.txt"
    ).read_text()
    scenario.check(before, undisturbed, count)

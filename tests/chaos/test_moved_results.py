"""Results that are moved or removed while runs are in progress: these end, and nothing is written in the old place."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.benchmarks import AE, VAE, make_benchmark
from helpers.chaos_harness import Scenario

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]
DEADLINE = 200.0
"""Seconds for what takes a few where nothing else runs."""
SEARCHED = VAE | {"search": {"objective.beta": {"low": 0.5, "high": 2.0}}}


@pytest.fixture
def scenario(tmp_path) -> Scenario:
    given = {"reporters": ["console", "mlflow"], "training": {"epochs": 100_000}, "method": [AE]}
    return Scenario(tmp_path / "scenario", make_benchmark(name="storm", seeds=[0, 1], **given), tmp_path / "data")


def strike_in_progress(scenario: Scenario, words: list[str], strike) -> tuple[int, str]:
    """Do something to the results once every run has made epochs; gives the command's exit code and output."""
    going = subprocess.Popen(
        [sys.executable, "-m", "vimae_bench", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + DEADLINE
    while going.poll() is None and time.monotonic() < deadline and not has_epochs(scenario.path / "results"):
        time.sleep(0.05)
    assert going.poll() is None, going.communicate()
    strike()
    output, _ = going.communicate(timeout=DEADLINE)
    return going.returncode, output


def has_epochs(results: Path) -> bool:
    return any('"epoch"' in path.read_text() for path in results.rglob("events.jsonl"))


def check_ended(scenario: Scenario, code: int, output: str, gone: Path) -> None:
    assert code == 4, output
    assert "was moved or removed, and nothing more is written there" in output
    assert "Traceback" not in output
    assert scenario.tracebacks() == []
    time.sleep(1.0)  # for a worker that is still there
    assert not gone.exists(), sorted(gone.rglob("*"))


@pytest.mark.parametrize("executor", ["local", "inline", "ray"])
def test_runs_of_a_moved_benchmark_end_and_go_on_where_it_is_now(scenario, tmp_path, executor, count):
    folder = scenario.store.path
    code, output = strike_in_progress(
        scenario, scenario.words("--executor", executor), lambda: folder.rename(tmp_path / "elsewhere")
    )
    check_ended(scenario, code, output, folder)
    records = list((tmp_path / "elsewhere").rglob("record.json"))
    assert not records, "no run has failed"
    count["results folders moved"] += 1


def test_all_results_moved_take_the_store_of_mlflow_with_them(scenario, tmp_path, count):
    folder = scenario.path / "results"
    code, output = strike_in_progress(scenario, scenario.words(), lambda: folder.rename(tmp_path / "elsewhere"))
    check_ended(scenario, code, output, folder)
    count["results folders moved"] += 1


def test_runs_of_a_removed_benchmark_end(scenario, count):
    folder = scenario.store.path
    code, output = strike_in_progress(scenario, scenario.words(), lambda: remove(folder))
    check_ended(scenario, code, output, folder)
    count["results folders removed"] += 1


def test_trials_of_a_moved_study_end(scenario, tmp_path, count):
    pytest.importorskip("optuna")
    held_out = {"use": "digits", "validation": 300}
    given = {"dataset": held_out, "training": {"epochs": 100_000}, "tuning": {"trials": 2, "measure": "sse"}}
    scenario.file.write_text(make_benchmark(name="storm", executor="local", method=[SEARCHED], **given))
    folder = scenario.path / "results" / "storm-tuning"
    words = ["tune", *scenario.words()[1:]]
    code, output = strike_in_progress(scenario, words, lambda: folder.rename(tmp_path / "elsewhere"))
    check_ended(scenario, code, output, folder)
    count["results folders moved"] += 1


def remove(folder: Path) -> None:
    """As `rm -r`, while others write: moved away first, so that it is gone at one moment."""
    shutil.rmtree(folder.rename(folder.with_name("to be removed")))

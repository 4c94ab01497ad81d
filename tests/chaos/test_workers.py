"""Failures of a process are recorded and affect no other run; jumping clocks change nothing."""

import json
import subprocess
import sys

import pytest

from helpers.benchmarks import AE, make_benchmark
from helpers.chaos_harness import Scenario, benchmark_text, run_command, run_in_fork

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

PLUGIN = """
import ctypes, os, resource, signal, sys, time
from dataclasses import dataclass

import torch
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Loss, Objective, hookimpl

def exhaust():
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, resource.getrlimit(resource.RLIMIT_AS)[1]))
    torch.zeros(2**32)

def interrupt():
    raise KeyboardInterrupt

ENDINGS = {
    "ends well": lambda: None,
    "raises": lambda: 1 / 0,
    "raises SystemExit": lambda: sys.exit(0),
    "raises KeyboardInterrupt": interrupt,
    "exits with 0": lambda: os._exit(0),
    "crashes": lambda: ctypes.string_at(0),
    "is killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hangs": lambda: [signal.signal(signal.SIGTERM, signal.SIG_IGN), time.sleep(600)],
    "has no memory": exhaust,
}

@dataclass(frozen=True)
class OddEnding(Objective):
    '''An autoencoder whose training ends in some way.'''
    ending: str = "ends well"
    def posterior(self): return Deterministic()
    def __call__(self, model, batch):
        ENDINGS[self.ending]()
        sse = squared_error(batch.x, model.decode(model.encode(batch.x).mean)).mean()
        return Loss(sse, {"distortion": sse})

@hookimpl
def vimae_objectives():
    return {"odd_ending": OddEnding}
"""
REASONS = {
    "raises": "ZeroDivisionError: division by zero",
    "raises SystemExit": "SystemExit: 0",
    "raises KeyboardInterrupt": "exit code 1 without a record",
    "exits with 0": "exit code 0 without a record",
    "crashes": "was stopped by SIGSEGV",
    "is killed": "was stopped by SIGKILL (was the machine out of memory?)",
    "hangs": "stopped after 15 s, its time",
    "has no memory": "can't allocate memory",
}
RAY_REASONS = REASONS | {
    "raises KeyboardInterrupt": "",
    "exits with 0": "died",
    "crashes": "died",
    "is killed": "died",
}


def run(scenario: Scenario, *more: str) -> tuple[int, str]:
    words = [sys.executable, "-m", "vimae_bench", *scenario.words(*more)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("executor", "reasons"), [("local", REASONS), ("ray", RAY_REASONS)])
def test_failed_process_is_recorded_and_affects_no_other_run(tmp_path, install, executor, reasons, count):
    install("odd_ending", PLUGIN)
    endings = ("ends well", *reasons)
    methods = [AE | {"label": ending, "objective": {"use": "odd_ending", "ending": ending}} for ending in endings]
    text = make_benchmark(name="storm", training={"epochs": 2}, method=methods)
    scenario = Scenario(tmp_path / "scenario", text, tmp_path / "data")
    code, said = run(scenario, "--executor", executor, "--timeout", "15")
    assert (code, "Traceback" in said) == (1, False), said
    found = {
        entry.label: json.loads(scenario.store.run_folder(entry.run).record.read_text()) for entry in scenario.entries
    }
    assert found.pop("ends well")["status"] == "done"
    assert {record["status"] for record in found.values()} == {"failed"}
    wrong = {ending: record["reason"] for ending, record in found.items() if reasons[ending] not in record["reason"]}
    assert not wrong
    assert all(record["reason"] for record in found.values())
    count[f"ends of a worker's process ({executor})"] += len(found)


CLOCK = """
import random, time
real, chance, day = time.time, random.Random({seed}), 86400
time.time = lambda: real() + chance.choice([-day, 0, day])
"""


def test_jumping_clocks_change_nothing(tmp_path, monkeypatch, request, count):
    undisturbed = Scenario(tmp_path / "undisturbed", benchmark_text(epochs=20), tmp_path / "data")
    assert run_in_fork(run_command, undisturbed.words(), tmp_path / "output.txt") == 0
    seed = request.config.getoption("--seed")
    (tmp_path / "sitecustomize.py").write_text(CLOCK.format(seed=seed))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    scenario = Scenario(
        tmp_path / "scenario", benchmark_text(epochs=20, reporters=("console", "mlflow")), undisturbed.data
    )
    code, said = run(scenario, "--executor", "local", "--timeout", "100")
    assert (code, "not yet mirrored" in said) == (0, False), said
    for path in scenario.store.path.glob("runs/*/.mlflow*"):
        path.unlink()
    scenario.check({}, undisturbed, count)
    seconds = [record["seconds"] for record in scenario.finished().values()]
    assert all(0 <= one["steps"] <= one["training"] < 100 for one in seconds)
    count["clocks that jump by a day at each look"] += 1

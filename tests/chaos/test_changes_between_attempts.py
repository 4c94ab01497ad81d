"""Code or data that change between two attempts at a run: no number is made by both, and none from both."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from helpers.benchmarks import AE, make_benchmark
from helpers.chaos_harness import Scenario
from vimae_bench.storage.run_folder import read_events

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

PLUGIN = """
import os, signal
from dataclasses import dataclass

from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Loss, Objective, hookimpl

STEPS = []

@dataclass(frozen=True)
class Stops(Objective):
    '''An autoencoder that is asked to end in its third epoch.'''
    def posterior(self): return Deterministic()
    def __call__(self, model, batch):
        STEPS.append(1)
        if os.environ.get("STOP_AT") == str(len(STEPS)):
            os.kill(os.getpid(), signal.SIGTERM)
        sse = squared_error(batch.x, model.decode(model.encode(batch.x).mean)).mean() * 1.0
        return Loss(sse, {"distortion": sse})

@hookimpl
def vimae_objectives():
    return {"stops": Stops}
"""
OTHER_CODE = PLUGIN.replace("* 1.0", "* 2.0")
METHOD = AE | {"objective": "stops"}
CODE = {
    "version": lambda install: install("stops", OTHER_CODE, "1.1"),
    "source": lambda install: install("stops", OTHER_CODE),
}


def run(scenario: Scenario, monkeypatch, steps: int = 0) -> tuple[int, str]:
    """Run it all, or until a step."""
    monkeypatch.setenv("STOP_AT", str(steps))
    words = [sys.executable, "-m", "vimae_bench", *scenario.words()]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def make_scenario(folder, name: str, **given: object) -> Scenario:
    text = make_benchmark(name="storm", method=[METHOD], training={"epochs": 5}, reporters=["console"], **given)
    return Scenario(folder / name, text, folder / "data")


@pytest.mark.parametrize("what", CODE)
def test_a_training_under_other_code_is_made_by_that_alone(tmp_path, install, monkeypatch, what, count):
    path = install("stops", PLUGIN)
    scenario, undisturbed = (make_scenario(tmp_path, name) for name in ("scenario", "undisturbed"))
    code, output = run(scenario, monkeypatch, steps=50)
    assert (code, scenario.finished()) == (143, {}), output
    for info in path.parent.glob("*.dist-info"):
        shutil.rmtree(info)
    CODE[what](install)
    code, output = run(scenario, monkeypatch)
    assert code == 0, output
    assert "its training starts over" in output
    assert run(undisturbed, monkeypatch)[0] == 0
    scenario.check({}, undisturbed, count)
    (events,) = scenario.store.path.glob("runs/*/events.jsonl")
    assert any(line["event"] == "restarted" for line, _ in read_events(events))
    count["trainings under other code"] += 1


def test_a_training_on_other_data_is_refused_and_goes_on_with_the_old_ones(tmp_path, install, monkeypatch, count):
    install("stops", PLUGIN)
    mine = tmp_path / "mine"
    assert run(make_scenario(tmp_path, "undisturbed"), monkeypatch)[0] == 0  # prepares digits
    mine.mkdir()
    for array in (tmp_path / "data" / "digits").glob("*.npy"):
        shutil.copy(array, mine)
    own = {"dataset": {"use": "arrays", "path": str(mine)}}
    scenario, undisturbed = (make_scenario(tmp_path, name, **own) for name in ("scenario", "own"))
    assert run(undisturbed, monkeypatch)[0] == 0
    assert run(scenario, monkeypatch, steps=50)[0] == 143
    kept = (mine / "train_x.npy").read_bytes()
    np.save(mine / "train_x.npy", np.load(mine / "train_x.npy")[::-1])
    os.utime(mine / "train_x.npy", (1.0, 1.0))
    code, output = run(scenario, monkeypatch)
    assert code in (1, 2), output
    assert "train_x.npy has changed since" in output
    assert scenario.finished() == {}
    (mine / "train_x.npy").write_bytes(kept)
    code, output = run(scenario, monkeypatch)
    assert code == 0, output
    scenario.check({}, undisturbed, count)
    assert set(scenario.starts().values()) == {1}, "it goes on from its checkpoint"
    count["trainings on other data"] += 1

"""A checkpoint whose sum is right and that its training cannot go on from is set aside, and costs no other run."""

import os
import shutil
from copy import deepcopy

import pytest
import torch
from click.testing import CliRunner
from filelock import FileLock

from helpers.benchmarks import make_benchmark
from vimae_bench.cli.doctor import doctor
from vimae_bench.cli.run import run
from vimae_bench.engine.record import read_status
from vimae_bench.engine.runner import _write_death_record
from vimae_bench.engine.training import checkpoint
from vimae_bench.execution import Job, RunFolder, redirect_output
from vimae_bench.execution import worker as execution_worker
from vimae_bench.storage.atomic import read_json, write_json
from vimae_bench.storage.store import ResultsFolder

pytestmark = pytest.mark.medium


def call(command, *words):
    return CliRunner().invoke(command, [*map(str, words)], catch_exceptions=False)


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A folder with a benchmark of one run of three epochs, and the state after the first of them."""
    folder, states = tmp_path_factory.mktemp("ended"), list[dict]()
    (folder / "small.toml").write_text(make_benchmark(training={"epochs": 3}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "INTERVAL_SECONDS", 0.0)
        patch.setattr(checkpoint, "save_checkpoint", lambda _, epoch, state, steps=0: states.append(deepcopy(state)))
        assert call(run, *find_words(folder)).exit_code == 0
    return folder, states[0]


@pytest.fixture
def begun(ended, tmp_path):
    """A copy of it in which the run has not ended: its folder, its record when it had, and the state."""
    shutil.copytree(ended[0], tmp_path / "copy")
    (path,) = (tmp_path / "copy/results/small/runs").iterdir()
    folder = RunFolder(path)
    record = read_json(folder.record)
    folder.record.unlink()
    folder.weights.unlink()
    return folder, record, ended[1], find_words(tmp_path / "copy")


def find_words(folder):
    return [folder / "small.toml", "--results", folder / "results", "--data", folder / "data"]


STATES = {
    "nothing": lambda _: {},
    "no weights": lambda _: {"model": {}, "optimisers": [], "step": "eager"},
    "another model": lambda state: state | {"model": {"w": torch.zeros(3)}},
    "weights of another shape": lambda state: state | {"model": {name: torch.zeros(2, 2) for name in state["model"]}},
    "texts for weights": lambda state: state | {"model": dict.fromkeys(state["model"], "x")},
    "no moments": lambda state: state | {"optimisers": []},
    "a number for the step": lambda state: state | {"step": 5},
    "a part that is none": lambda state: state | {"part": {"steps": -1}},
    "odd origins": lambda state: state | {"made_from": {"x": 1}},
    "data that are a number": lambda state: state | {"made_from": state["made_from"] | {"data": 3}},
    "a list": lambda _: [1, 2],
}


@pytest.mark.parametrize("kind", STATES)
def test_a_checkpoint_that_does_not_fit_is_set_aside_and_training_starts_over(begun, kind):
    folder, record, state, words = begun
    checkpoint.save_checkpoint(folder.checkpoints, 1, STATES[kind](state))
    (path,) = folder.checkpoints.iterdir()
    if kind not in ("a number for the step", "a part that is none", "odd origins", "data that are a number"):
        done = call(doctor, folder.benchmark)
        assert (done.exit_code, f"{path}: " in done.output) == (1, True)
    assert call(run, *words).exit_code == 0
    assert read_json(folder.record)["weights"] == record["weights"]


def test_an_epoch_after_the_last_one_is_no_reason_to_stop(begun):
    folder, record, state, words = begun
    checkpoint.save_checkpoint(folder.checkpoints, 1, state)
    (path,) = folder.checkpoints.iterdir()
    path.rename(path.with_name(path.name.replace("00001", "99999")))
    assert call(run, *words).exit_code == 0
    assert read_json(folder.record)["weights"] == record["weights"]


def test_a_state_that_fits_is_gone_on_from(begun):
    folder, record, state, words = begun
    checkpoint.save_checkpoint(folder.checkpoints, 1, state)
    assert call(doctor, folder.benchmark).output == "nothing is damaged\n"
    assert call(run, *words).exit_code == 0
    assert read_json(folder.record)["weights"] == record["weights"]
    assert '"resumed_from": 1' in folder.events.read_text()


def test_a_death_is_not_recorded_where_another_process_has_the_run(finished):
    entry = finished.entries[0]
    folder = finished.store.run_folder(entry.run)
    job = Job("fig1", entry, folder.path, folder.path)
    folder.record.unlink()
    with FileLock(folder.lock):
        _write_death_record(job, -9, "")
    assert read_status(folder) is None
    _write_death_record(job, -9, "")
    assert read_status(folder) == "failed"
    write_json(folder.record, read_json(folder.record) | {"status": "done"})
    _write_death_record(job, -9, "")
    assert read_status(folder) == "done"


def test_a_log_has_a_bound_and_keeps_its_ends(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(execution_worker, "MAX_LOG", 10_000)
    monkeypatch.setattr(execution_worker, "KEPT_LOG", 5_000)
    for _ in range(3):
        with redirect_output(tmp_path / "log.txt"):
            os.write(1, b"first\n")
            os.write(1, b"x" * 20_000)
    with redirect_output(tmp_path / "log.txt"):
        os.write(1, b"last\n")
    text = (tmp_path / "log.txt").read_text()
    assert len(text) < 10_200
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert "bytes of this log were left out here" in text


def test_a_log_that_is_a_link_is_not_written_to(finished, tmp_path):
    folder = finished.store.run_folder(finished.entries[0].run)
    (tmp_path / "private").write_text("private")
    folder.log.symlink_to(tmp_path / "private")
    with pytest.raises(Exception, match="is a link"), redirect_output(folder.log):
        print("more")
    assert (tmp_path / "private").read_text() == "private"
    assert ResultsFolder(finished.store.path).get_state(finished.entries[0]) is not None

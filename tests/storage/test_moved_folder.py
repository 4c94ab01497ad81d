"""A results folder that was moved or removed is not made again by those who are still at work in it."""

import shutil

import pytest

from helpers.hostile_files import describe_folder
from vimae_bench.core.errors import ResultsError
from vimae_bench.engine.training.checkpoint import save_checkpoint
from vimae_bench.execution import redirect_output
from vimae_bench.storage.atomic import atomic_write, write_json
from vimae_bench.storage.locks import make_lock
from vimae_bench.storage.run_folder import RunFolder

WRITES = {
    "an event": lambda run: run.append_event("epoch", time=0.0),
    "the record": lambda run: write_json(run.record, {}),
    "a metric": lambda run: write_json(run.path / "metrics" / "a.json", {}),
    "baselines": lambda run: write_json(run.benchmark / "references" / "a.json", {}),
    "a checkpoint": lambda run: save_checkpoint(run.checkpoints, 1, {}),
    "the log": lambda run: redirect_output(run.log).__enter__(),
    "the weights": lambda run: atomic_write(run.weights, lambda path: path.write_bytes(b"")),
}


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "results" / "small" / "runs" / "a")
    folder.path.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("what", WRITES)
@pytest.mark.parametrize("fate", ["moved", "removed", "replaced by a file", "moved with its parent"])
def test_nothing_is_written_in_the_place_of_a_folder_that_is_gone(run, tmp_path, what, fate):
    gone = run.benchmark.parent if fate == "moved with its parent" else run.benchmark
    with run.claim():
        gone.rename(tmp_path / "elsewhere")
        if fate == "removed":
            shutil.rmtree(tmp_path / "elsewhere")
        if fate == "replaced by a file":
            gone.write_text("mine")
        before = describe_folder(tmp_path)
        with pytest.raises(ResultsError, match="small: was moved or removed, and nothing more is written there"):
            WRITES[what](run)
        assert not run.is_claimed()
        assert describe_folder(tmp_path) == before
    assert describe_folder(tmp_path) == before


@pytest.mark.parametrize("what", [what for what in WRITES if what != "baselines"])
def test_nothing_is_written_in_the_place_of_a_run_that_is_gone(run, what):
    with run.claim():
        shutil.rmtree(run.path)
        with pytest.raises(ResultsError, match="runs/a: was moved or removed"):
            WRITES[what](run)
    assert not run.path.exists()


def test_a_folder_is_made_for_those_who_begin(run):
    with run.claim():
        shutil.rmtree(run.benchmark)
    run.append_event("started", time=0.0)
    assert run.events.exists()


def test_what_waits_for_a_run_of_another_process_does_not_make_its_folder_again(run):
    shutil.rmtree(run.benchmark)
    assert not run.is_claimed()
    with pytest.raises(ResultsError, match="was moved or removed"):
        make_lock(run.sync_lock, 0)
    assert not run.benchmark.exists()

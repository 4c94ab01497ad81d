"""What was made from other data, or by other code, than what is there now."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from vimae_bench.core.spec import PluginSpec
from vimae_bench.data.layout import load_arrays
from vimae_bench.engine.provenance import describe_training
from vimae_bench.engine.worker import execute_job
from vimae_bench.execution import ExitCode
from vimae_bench.plugin.source_digest import compute_source_digest
from vimae_bench.storage.atomic import read_json, write_json
from vimae_bench.storage.doctor import find_faults
from vimae_bench.storage.run_folder import RunFolder, baseline_path
from vimae_bench.storage.store import ResultsFolder

pytestmark = pytest.mark.medium

RATE = PluginSpec("active_units", {"threshold": 0.01})


@pytest.fixture
def own(tmp_path, data):
    """Arrays of the user's own, without a card: images and labels of digits."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name, array in load_arrays(data / "digits").items():
        np.save(folder / f"{name}.npy", array)
    return folder


@pytest.fixture
def own_job(job, own):
    """A job on the user's own arrays, in a folder named after its run."""

    def made(**changes):
        one = job()
        run = replace(
            one.entry.run, dataset=PluginSpec("arrays", {"path": str(own), "pixel_range": "unit", "validation": 0})
        )
        folder = one.folder.with_name(run.name)
        return replace(one, entry=replace(one.entry, run=run, **changes), folder=folder)

    return made


def change(own, name="test_x"):
    array = np.load(own / f"{name}.npy")
    np.save(own / f"{name}.npy", array[::-1])


def last_reason(job):
    return json.loads(RunFolder(job.folder).events.read_text().splitlines()[-1])["reason"]


@pytest.mark.parametrize("name", ["test_x", "train_x", "test_y"])
def test_a_run_is_not_measured_on_other_data_than_it_was_trained_on(own_job, own, name):
    one = own_job()
    assert execute_job(one) == ExitCode.DONE
    change(own, name)
    more = own_job(metrics=(*one.entry.metrics, RATE))
    assert execute_job(more) == ExitCode.FAILED
    assert f"was made from other data: {name}.npy has changed since; put back what was there" in last_reason(more)
    folder = RunFolder(one.folder)
    assert folder.read_record()["status"] == "done"
    assert not folder.metric_path(RATE).exists()


def test_pictures_are_not_drawn_again_from_other_data(own_job, own):
    one = own_job()
    execute_job(one)
    pictures = RunFolder(one.folder).pictures
    pictures.rename(pictures.with_suffix(".corrupt"))
    change(own)
    assert execute_job(one) == ExitCode.FAILED
    assert not pictures.exists()


def test_labels_that_are_added_later_are_no_other_data(own_job, own):
    labels = {name: (own / f"{name}.npy").read_bytes() for name in ("train_y", "test_y")}
    for name in labels:
        (own / f"{name}.npy").unlink()
    one = own_job()
    execute_job(one)
    for name, content in labels.items():
        (own / f"{name}.npy").write_bytes(content)
    assert execute_job(own_job(metrics=(*one.entry.metrics, RATE))) == ExitCode.DONE


def test_baselines_of_other_data_are_measured_again(own_job, own):
    one = own_job()
    execute_job(one)
    path = baseline_path(RunFolder(one.folder).benchmark, one.entry.run.dataset, 2, one.entry.metrics[0])
    kept = read_json(path)
    assert kept["made_from"]["data"].keys() == {"train_x", "train_y", "test_x", "test_y"}
    kept["made_from"]["data"]["test_x"] = "of other images"
    write_json(path, kept)
    again = replace(one.entry.run, seed=1)
    other = replace(one, entry=replace(one.entry, run=again), folder=one.folder.with_name(again.name))
    assert execute_job(other) == ExitCode.DONE
    assert read_json(path)["made_from"]["data"] == read_json(RunFolder(one.folder).record)["data"]


def test_a_measure_of_other_data_is_not_shown_and_found_by_doctor(own_job):
    one = own_job()
    execute_job(one)
    folder = RunFolder(one.folder)
    path = folder.metric_path(one.entry.metrics[0])
    kept = read_json(path)
    kept["made_from"]["data"]["test_x"] = "of other images"
    write_json(path, kept)
    (result,) = ResultsFolder(folder.benchmark).load_results([one.entry])
    assert not result.estimates
    assert "was measured on other data (test_x) than the run was trained on" in result.reason
    assert path in [fault.path for fault in find_faults(folder.benchmark)]


def test_records_and_measures_say_what_they_were_made_from_and_by(own_job):
    one = own_job()
    execute_job(one)
    folder = RunFolder(one.folder)
    measured, record = read_json(folder.metric_path(one.entry.metrics[0])), folder.read_record()
    assert measured["made_from"]["data"] == record["data"]
    for name in ("torch", "device"):
        assert measured["made_from"][name] == record["made_by"][name]
    assert measured["made_from"]["plugins"]["vimae-bench"] == record["made_by"]["vimae-bench"]
    assert "sources" not in record["made_by"], "built-ins have a version and a commit"


OWN_PRIOR = """
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import hookimpl

class Mine(StandardNormal):
    '''The standard normal.'''

@hookimpl
def vimae_priors(): return {"mine": Mine}
"""


def test_the_source_of_a_third_party_plugin_is_kept_and_no_part_of_identity(install, job):
    install("mylab", OWN_PRIOR)
    run = replace(job().entry.run, prior=PluginSpec("mine"))
    before = describe_training(run, {}, torch.device("cpu"))
    assert before.plugins["mylab"] == "1.0"
    key = run.key
    install("mylab", OWN_PRIOR + "# changed\n")
    compute_source_digest.cache_clear()
    after = describe_training(run, {}, torch.device("cpu"))
    assert before.sources.keys() == after.sources.keys() == {"mylab"}
    assert before.sources != after.sources
    assert replace(run).key == key

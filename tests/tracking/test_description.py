"""The description of an experiment in MLflow."""

import pytest

from vimae_bench.tracking.sync import SyncSummary, sync_benchmark, sync_summary

pytestmark = pytest.mark.medium

NOTE = "mlflow.note.content"


@pytest.fixture
def mirrored(bench):
    bench.store.write_benchmark("toy", 'name = "toy"\n# ``` a fence\n', {}, bench.entries)
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    assert sync_summary(bench.path) == ""
    return bench


def experiment(bench):
    return bench.open_client().get_experiment_by_name("toy")


def test_it_has_the_benchmark_file_and_how_to_run_it_again(mirrored):
    note = experiment(mirrored).tags[NOTE]
    assert "vimae-bench run toy.toml" in note
    assert 'name = "toy"' in note
    assert note.count("````") == 2, "a fence inside of the file does not end its block"


def test_it_says_how_a_model_is_loaded_from_a_store_that_is_not_mlflows_default(mirrored):
    note = experiment(mirrored).tags[NOTE]
    assert note.index("mlflow.set_tracking_uri(") < note.index('mlflow.pyfunc.load_model("runs:/RUN_ID/model")')


def test_it_begins_with_a_link_to_the_ranked_methods(mirrored):
    there = f"#/experiments/{experiment(mirrored).experiment_id}/runs?workflowType=machine_learning"
    assert experiment(mirrored).tags[NOTE].startswith(f"[Ranked methods]({there}&viewStateShareKey=methods)")


def test_what_a_user_has_written_stays(mirrored):
    mirrored.open_client().set_experiment_tag(experiment(mirrored).experiment_id, NOTE, "mine")
    (mirrored.path / "report.html").write_text("")
    assert sync_summary(mirrored.path) == ""
    assert experiment(mirrored).tags[NOTE] == "mine"


@pytest.mark.parametrize("damage", [None, "{"])
def test_runs_without_a_benchmark_are_mirrored_without_a_description(bench, damage):
    bench.add_finished_run(bench.entries[0])
    kept = bench.path / "benchmark.json"
    kept.unlink() if damage is None else kept.write_text(damage)
    assert sync_benchmark(bench.path, entries=bench.entries) == SyncSummary(1, 0)
    assert "benchmark.json" in sync_summary(bench.path)
    assert NOTE not in experiment(bench).tags


def test_the_data_set_of_a_run_is_known_to_mlflow(bench):
    from vimae_bench.storage.atomic import read_json, write_json

    bench.add_finished_run(bench.entries[0])
    record = bench.folder(bench.entries[0]).record
    write_json(record, {**read_json(record), "data": {"train_x": "0" * 64}})
    for _ in range(2):
        sync_benchmark(bench.path)
        (bench.folder(bench.entries[0]).path / ".mlflow.json").unlink()
    (run,) = bench.open_client().search_runs([experiment(bench).experiment_id], "tags.`vb.seed` = '0'")
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == "digits"

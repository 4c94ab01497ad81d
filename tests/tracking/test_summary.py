"""Methods, views and the report in MLflow, in a real store."""

import base64
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from vimae_bench.core.spec import PluginSpec
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.tracking.appearance import plan_appearance
from vimae_bench.tracking.method_runs import MethodRuns
from vimae_bench.tracking.server_links import describe_view
from vimae_bench.tracking.store import default_store_uri, open_experiment
from vimae_bench.tracking.sync import SyncSummary, sync_benchmark, sync_summary

from .conftest import make_entry

pytestmark = pytest.mark.medium

NOTE = "mlflow.note.content"
SEEDS = range(5)


@pytest.fixture
def ranked(bench):
    """Two methods, of which VAE is better by about 0.3 on each of five seeds."""
    bench.entries = [make_entry(seed, label) for label in ("AE", "VAE") for seed in SEEDS]
    for entry in bench.entries:  # the same run under two labels would be one run
        if entry.label == "AE":
            ae = replace(entry.run, objective=PluginSpec("ae"))
            bench.entries[bench.entries.index(entry)] = replace(entry, run=ae)
    bench.store.write_benchmark("toy", "", {}, bench.entries)
    for entry in bench.entries:
        bench.add_finished_run(entry)
        bench.measure_run(entry, 0.9 + 0.001 * entry.seed**2 if entry.label == "VAE" else 0.6 + 0.002 * entry.seed)
    assert sync_benchmark(bench.path) == SyncSummary(10, 0)
    assert sync_summary(bench.path) == ""
    return bench


def experiment(bench):
    return bench.open_client().get_experiment_by_name("toy")


def methods(bench):
    return {run.info.run_name: run for run in bench.find_methods()}


def test_seeds_are_children_of_their_method_and_have_its_colour(ranked):
    by_id = {run.info.run_id: run for run in ranked.find_methods()}
    assert len(by_id) == 2
    for run in ranked.read_mlflow_runs():
        parent = by_id[run["tags"]["mlflow.parentRunId"]]
        assert parent.info.run_name == run["tags"]["vb.method"]
        assert run["tags"]["mlflow.runName"] == f"{run['tags']['vb.method']} s{run['tags']['vb.seed']}"
        assert run["tags"]["mlflow.runColor"] == parent.data.tags["mlflow.runColor"]


def test_a_method_has_the_means_and_what_is_decided(ranked):
    found = methods(ranked)
    mean = sum(0.9 + 0.001 * seed**2 for seed in SEEDS) / 5
    assert found["VAE"].data.metrics["accuracy"] == pytest.approx(mean, rel=1e-4)
    assert found["VAE"].info.status == "FINISHED"
    assert "accuracy (higher is better)** 0.906 ± " in found["VAE"].data.tags[NOTE]
    assert "better than every other method" in found["VAE"].data.tags[NOTE]
    assert "worse than VAE" in found["AE"].data.tags[NOTE]


def read_view(bench, key):
    """The name of a view and what it shows."""
    saved = json.loads(experiment(bench).tags[f"mlflow.sharedViewState.{key}"])
    return saved["name"], json.loads(zlib.decompress(base64.b64decode(saved["state"].removeprefix("deflate;"))))


def test_a_view_has_the_pictures_of_one_seed_of_each_method(ranked):
    name, state = read_view(ranked, "pictures")
    assert name == "Pictures"
    found = ranked.open_client().search_runs([experiment(ranked).experiment_id], state["searchFilter"])
    assert {run.info.run_name for run in found} == {"VAE s0", "AE s0"}
    shown = [chart["imageKeys"] for chart in state["compareRunCharts"]]
    assert shown == [[name] for name in get_catalog().list_names("picture")]


def test_the_view_ranks_the_methods(ranked):
    name, state = read_view(ranked, "methods")
    assert name == "Ranked methods"
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`accuracy`", False)
    assert state["selectedColumns"][0] == "metrics.`accuracy`"
    assert state["compareRunCharts"][0]["metricKey"] == "accuracy"
    order = [f"{state['orderByKey']} DESC"]
    found = ranked.open_client().search_runs([experiment(ranked).experiment_id], state["searchFilter"], order_by=order)
    assert [run.info.run_name for run in found] == ["VAE", "AE"]


def test_the_address_of_the_view_is_printed(ranked):
    there = f"/#/experiments/{experiment(ranked).experiment_id}/runs?workflowType=machine_learning"
    printed = describe_view(ranked.path)
    assert printed["MLflow"] == f"mlflow ui --backend-store-uri {default_store_uri(ranked.path.parent)}"
    assert printed[""] == f"then open http://localhost:5000{there}&viewStateShareKey=methods"
    assert describe_view(ranked.path, "http://host") == {"MLflow": "http://host"}, "not this store's experiment"


def test_a_summary_sent_again_changes_nothing(ranked, monkeypatch):
    for name in ("create_run", "log_batch", "log_artifact", "set_terminated", "update_run", "set_experiment_tag"):
        monkeypatch.setattr(MlflowClient, name, None)
    assert sync_summary(ranked.path) == ""


def test_the_report_is_an_artifact_and_linked(ranked):
    (ranked.path / "report.html").write_text("first")
    assert sync_summary(ranked.path) == ""
    (ranked.path / "report.html").write_text("second, longer")
    assert sync_summary(ranked.path) == ""
    client = ranked.open_client()
    where = "tags.`vb.kind` = 'report'"
    (run,) = client.search_runs([experiment(ranked).experiment_id], where)
    note = experiment(ranked).tags[NOTE]
    assert note.startswith("[Report](")
    assert f"/runs/{run.info.run_id}/artifacts/report.html?" in note.splitlines()[0]
    (report,) = (ranked.path.parent / "mlflow-artifacts").rglob("report.html")
    assert report.read_text() == "second, longer"


def test_what_users_have_written_stays(ranked):
    client = ranked.open_client()
    for run in ranked.find_methods():
        client.set_tag(run.info.run_id, NOTE, "mine")
    client.set_experiment_tag(experiment(ranked).experiment_id, "mlflow.sharedViewState.methods", "mine")
    ranked.measure_run(ranked.entries[0], 0.1)
    sync_benchmark(ranked.path)
    assert sync_summary(ranked.path) == ""
    assert {run.data.tags[NOTE] for run in ranked.find_methods()} == {"mine"}
    assert experiment(ranked).tags["mlflow.sharedViewState.methods"] == "mine"
    mean = (sum(0.6 + 0.002 * seed for seed in SEEDS) - 0.6 + 0.1) / 5
    assert methods(ranked)["AE"].data.metrics["accuracy"] == pytest.approx(mean, rel=1e-3)


def test_a_method_with_other_settings_leaves_the_table(ranked):
    kept = [entry for entry in ranked.entries if entry.label == "VAE"]
    ranked.store.write_benchmark("toy", "", {}, kept)
    assert sync_summary(ranked.path) == ""
    found = methods(ranked)
    assert found.keys() == {"VAE", "AE (earlier settings)"}
    assert not found["AE (earlier settings)"].data.tags.get("vb.table")


def test_an_unfinished_method_says_so(bench):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    assert sync_summary(bench.path) == ""
    (run,) = bench.find_methods()
    assert (run.info.run_name, run.info.status) == ("VIMAE-n (incomplete)", "RUNNING")


def test_the_note_says_what_is_missing_before_what_is_decided(ranked):
    lines = [line for line in experiment(ranked).tags[NOTE].splitlines() if line.startswith("- ")]
    assert lines[0] == "- 5 seeds."


def test_the_run_of_a_method_has_the_label_of_its_data_set(bench):
    target, entry = open_experiment(bench.path, default_store_uri(bench.path.parent)), bench.entries[0]
    entry = replace(entry, run=replace(entry.run, dataset=replace(entry.run.dataset, label="small")))
    found = MethodRuns(target, plan_appearance([entry])).find_or_create(entry, 1000)
    assert found.data.tags["vb.dataset"] == "small"


def test_processes_at_the_same_time_make_one_run_for_a_method(bench):
    target = open_experiment(bench.path, default_store_uri(bench.path.parent))
    appearance = plan_appearance(bench.entries)

    def find(_):
        return MethodRuns(target, appearance).find_or_create(bench.entries[0], 1000).info.run_id

    with ThreadPoolExecutor(4) as pool:
        found = {*pool.map(find, range(4))}
    assert len(found) == len(bench.find_methods()) == 1


def test_runs_sent_by_an_older_version_get_names_and_parents(ranked):
    """They had no parent and other names, and their states know nothing of parents."""
    client = ranked.open_client()
    for run in ranked.find_methods():
        client.delete_run(run.info.run_id)
    for entry in ranked.entries:
        state = ranked.folder(entry).sync_state
        content = json.loads(state.read_text())
        del content["sent"]["parent"]
        state.write_text(json.dumps({**content, "sent": {**content["sent"], "tags": ""}}))
    assert sync_benchmark(ranked.path) == SyncSummary(10, 0)
    assert sync_summary(ranked.path) == ""
    ids = {run.info.run_id for run in ranked.find_methods()}
    runs = ranked.read_mlflow_runs()
    assert (len(ids), len(runs)) == (2, 10)
    assert {run["tags"]["mlflow.parentRunId"] for run in runs} == ids


def test_a_store_that_is_down_is_a_reason(ranked, monkeypatch):
    def down(*_, **__):
        raise MlflowException("connection refused by http://me:secret@host")

    monkeypatch.setattr(MlflowClient, "search_runs", down)
    assert sync_summary(ranked.path) == "MlflowException: connection refused by http://***@host"

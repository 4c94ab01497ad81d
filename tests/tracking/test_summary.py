"""Methods, views and the report in MLflow, in a real store."""

import base64
import json
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import isnan
from pathlib import Path
from urllib.parse import urlparse

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from vimae_bench.core.spec import PluginSpec
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.storage.atomic import write_json
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


@pytest.mark.parametrize(("seconds", "said"), [({"training": 2.0}, "; one training took 2 s on average."), (3.0, ".")])
def test_a_method_says_how_long_one_training_took(ranked, seconds, said: str):
    for entry in ranked.entries:
        record = ranked.folder(entry).record
        write_json(record, {**json.loads(record.read_text()), "seconds": seconds})
    assert sync_summary(ranked.path) == ""
    assert f"from first to last{said}" in methods(ranked)["VAE"].data.tags[NOTE]


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


def list_files(run):
    """The artifacts of one of MLflow's runs: their paths, and the content of each."""
    location = Path(urlparse(run.info.artifact_uri).path)
    return {str(path.relative_to(location)): path.read_bytes() for path in location.rglob("*") if path.is_file()}


def test_a_method_has_its_row_and_the_pictures_of_one_seed(ranked):
    run = methods(ranked)["VAE"]
    files = list_files(run)
    assert files.keys() == {"leaderboard-row.json", "pictures/seed-0/samples.png"}
    table = json.loads(files["leaderboard-row.json"])
    line = dict(zip(table["columns"], table["data"][0], strict=True))
    assert (line["name"], line["better"], line["seeds"]) == ("accuracy", "higher", 5)
    assert line["mean"] == pytest.approx(0.906)
    assert line["low"] < line["mean"] < line["high"]
    assert line["state"] == "better than every other method"
    mlflow.set_tracking_uri(default_store_uri(ranked.path.parent))
    where = experiment(ranked).experiment_id, "leaderboard-row.json", [run.info.run_id]
    shown = ranked.open_client().load_table(*where)
    assert list(shown.columns) == table["columns"], "as MLflow reads its own tables"


def test_files_are_sent_again_only_when_they_change(ranked, monkeypatch):
    ranked.measure_run(ranked.entries[0], 0.1)
    sync_benchmark(ranked.path)
    sent = []
    monkeypatch.setattr(MlflowClient, "log_artifacts", lambda _, run_id, folder: sent.append(run_id))
    assert sync_summary(ranked.path) == ""
    assert sent == [methods(ranked)["AE"].info.run_id], "VAE is better than AE as before"
    assert sync_summary(ranked.path) == ""
    assert len(sent) == 1


def measure_collapse(bench, label, *, there: bool):
    """Give the runs of a method a sign of collapse, or of the contrary."""
    rate = {"name": "rate", "unit": "nats", "better": None, "collapse_below": 0.1}
    for entry in bench.entries:
        if entry.label == label:
            path = bench.folder(entry).metric_path(entry.metrics[0])
            content = json.loads(path.read_text())
            content["measures"] = [rate, *(one for one in content["measures"] if one["name"] != "rate")]
            content["estimates"]["rate"] = {"value": 0.0 if there else 5.0, "n": 100, "se": None}
            write_json(path, content)
    assert sync_summary(bench.path) == ""


def rank_methods(bench):
    """Methods from the best accuracy on, as `mlflow.search_runs` gives them, with their accuracies."""
    found = mlflow.search_runs(
        [experiment(bench).experiment_id],
        "tags.`vb.kind` = 'method'",
        order_by=["metrics.`accuracy` DESC"],
        output_format="list",
    )
    return [(run.info.run_name, run.data.metrics.get("accuracy")) for run in found]


def test_a_collapsed_method_is_not_sorted_among_the_others(ranked):
    """Even if MLflow had its means before: it deletes no metric."""
    mlflow.set_tracking_uri(default_store_uri(ranked.path.parent))
    assert [name for name, _ in rank_methods(ranked)] == ["VAE", "AE"]
    measure_collapse(ranked, "VAE", there=True)
    (first, _), (last, accuracy) = rank_methods(ranked)
    assert (first, last) == ("AE", "VAE (collapsed)")
    assert isnan(accuracy)
    run = methods(ranked)["VAE (collapsed)"]
    assert run.data.metrics["not comparable/accuracy"] == pytest.approx(0.906)
    assert run.data.metrics["rate"] == 0.0, "no method is ranked by it"
    plain = {name for name, value in run.data.metrics.items() if not (name.startswith("not ") or isnan(value))}
    assert plain == {"rate"}
    assert run.data.tags["vb.not_comparable"] == "collapsed on seeds 0, 1, 2, 3, 4"
    assert run.data.tags[NOTE].startswith("**Not comparable: collapsed on seeds 0, 1, 2, 3, 4.**")
    measure_collapse(ranked, "VAE", there=False)
    assert [name for name, _ in rank_methods(ranked)] == ["VAE", "AE"]
    run = methods(ranked)["VAE"]
    assert isnan(run.data.metrics["not comparable/accuracy"])
    assert run.data.tags["vb.not_comparable"] == ""


def test_the_address_of_the_view_is_printed(ranked):
    there = f"/#/experiments/{experiment(ranked).experiment_id}/runs?workflowType=machine_learning"
    printed = describe_view(ranked.path)
    assert printed["MLflow"] == f"mlflow ui --backend-store-uri {default_store_uri(ranked.path.parent)}"
    assert printed[""] == f"then open http://localhost:5000{there}&viewStateShareKey=methods"
    assert describe_view(ranked.path, "http://host") == {"MLflow": "http://host"}, "not this store's experiment"


def test_a_summary_sent_again_changes_nothing(ranked, monkeypatch):
    runs = "create_run", "log_batch", "log_artifact", "log_artifacts", "set_terminated", "update_run"
    for name in (*runs, "set_experiment_tag"):
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

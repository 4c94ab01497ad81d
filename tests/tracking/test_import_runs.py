"""Experiments imported from MLflow: what was mirrored is read as from the results folder."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from vimae_bench.cli import main
from vimae_bench.core.errors import BenchError
from vimae_bench.core.spec import PluginSpec
from vimae_bench.storage.store import ResultsFolder
from vimae_bench.tracking.import_runs import import_runs
from vimae_bench.tracking.store import default_store_uri
from vimae_bench.tracking.sync import SyncSummary, sync_benchmark, sync_summary

pytestmark = pytest.mark.medium


@pytest.fixture
def fetched(bench, tmp_path):
    """What an experiment gives: the outcomes, and what was left out."""

    def imported(experiment="toy", uri=""):
        store = ResultsFolder(tmp_path / "fetched")
        notes = import_runs(experiment, uri, bench.path.parent, store)
        return store.load_results(store.read_benchmark().entries), notes

    return imported


def test_methods_are_no_runs_of_the_matrix_and_not_foreign(bench, fetched):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    sync_benchmark(bench.path)
    (bench.path / "report.html").write_text("")
    assert sync_summary(bench.path) == ""
    run_results, notes = fetched()
    assert (len(run_results), notes) == (2, [])


def alike(fetched, bench, entries):
    """Whether outcomes are those of a results folder, but for where their files lie."""
    there = bench.store.load_results(entries)
    return [replace(a, folder=b.folder) for a, b in zip(fetched, there, strict=True)] == there


def test_outcomes_come_back_as_they_are_in_the_results_folder(bench, fetched, capfd):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    assert sync_benchmark(bench.path) == SyncSummary(2, 0)
    run_results, notes = fetched()
    assert run_results[0].estimates["accuracy"].se == 0.03
    assert run_results[0].measures["accuracy"].better == "higher"
    assert alike(run_results, bench, bench.entries)
    assert notes == []
    assert capfd.readouterr() == ("", ""), "MLflow shows no bars"


def test_controls_and_metrics_under_several_settings_come_back(bench, fetched):
    control = replace(
        bench.entries[1], label="A/A", paired_seed=0, control_of="VIMAE-n", metrics=(*twins(), PluginSpec("rate"))
    )
    entries = [replace(bench.entries[0], metrics=twins()), control]
    bench.store.write_benchmark("toy", "", {}, entries)
    for at, entry in enumerate(entries, 1):
        bench.begin_run(entry, at * 1e9)
        for value, metric in zip((0.8, 0.9), twins(), strict=True):
            bench.measure_run(entry, value, metric)
        bench.end_run(entry)
    assert sync_benchmark(bench.path, entries=entries) == SyncSummary(2, 0)
    run_results, _ = fetched()
    assert alike(run_results, bench, entries)
    assert run_results[1].entry.seed == 0
    assert run_results[1].estimates["accuracy"].value == 0.8
    assert run_results[1].estimates["accuracy images=500"].value == 0.9


def twins():
    return (
        PluginSpec("svm", {"images": 1000}, changed={}),
        PluginSpec("svm", {"images": 500}, changed={"images": 500}),
    )


def test_runs_that_failed_and_runs_in_progress_come_back_as_they_are(bench, fetched):
    failed, in_progress = bench.entries
    bench.begin_run(failed)
    bench.end_run(failed, "failed", "no memory")
    bench.begin_run(in_progress)
    sync_benchmark(bench.path)
    run_results, _ = fetched()
    assert [(o.status, o.reason) for o in run_results] == [("failed", "no memory"), ("missing", "not finished")]
    assert alike(run_results, bench, bench.entries)


def test_a_metric_measured_later_is_there_after_the_next_sync(bench, fetched):
    entry = bench.entries[0]
    bench.begin_run(entry)
    bench.end_run(entry)
    sync_benchmark(bench.path)
    assert fetched()[0][0].estimates == {}
    bench.measure_run(entry)
    sync_benchmark(bench.path)
    assert fetched()[0][0].estimates["accuracy"].value == 0.9


def test_of_a_method_and_seed_run_with_other_settings_before_the_last_run_counts(bench, fetched):
    old = bench.entries[0]
    new = replace(old, run=replace(old.run, objective=PluginSpec("vimae", {"weight": 20.0})))
    for entry, value, at in ((new, 0.7, 2e9), (old, 0.6, 1e9)):  # mirrored in the other order
        bench.begin_run(entry, at)
        bench.measure_run(entry, value)
        bench.end_run(entry)
    sync_benchmark(bench.path, entries=[new, old])
    (result,), notes = fetched()
    assert (result.entry, result.estimates["accuracy"].value) == (new, 0.7)
    assert notes == ["1 run left out, since a later run has the same method and seed."]


def test_runs_of_others_are_left_out_and_counted(bench, fetched):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    experiment = bench.open_client().get_experiment_by_name("toy").experiment_id
    bench.open_client().create_run(experiment, tags={"vb.run_key_of_another": "x"})
    run_results, notes = fetched()
    assert len(run_results) == 1
    assert notes == ["1 run of the experiment not mirrored by vimae-bench: left out."]


def test_foreign_empty_and_missing_experiments_have_different_messages(bench, fetched):
    bench.add_finished_run(bench.entries[0])
    sync_benchmark(bench.path)
    client = bench.open_client()
    client.create_run(client.create_experiment("foreign"))
    client.create_experiment("empty")
    for name, message in (
        ("foreign", "mlflow:foreign: has 1 run, none of them mirrored by vimae-bench (by the tag vb.run_key)"),
        ("empty", "mlflow:empty: has no runs"),
        ("tooy", "is called 'tooy'; did you mean 'toy'?"),
    ):
        with pytest.raises(BenchError) as raised:
            fetched(name)
        assert message in str(raised.value)


def test_runs_mirrored_without_their_entries_are_reported_with_a_remedy(bench, fetched):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    sync_benchmark(bench.path)
    first, second = sorted((bench.path.parent / "mlflow-artifacts").rglob("cell.json"))
    first.unlink()
    run_results, notes = fetched()
    assert len(run_results) == 1
    assert notes == ["1 run without cell.json as an artifact left out; `vimae-bench sync` uploads it."]
    second.unlink()
    with pytest.raises(BenchError, match=r"toy: has 2 runs without cell.json .*; run `vimae-bench sync` on toy"):
        fetched()
    for entry in bench.entries:
        (bench.folder(entry).path / ".mlflow.json").unlink()
    sync_benchmark(bench.path)
    assert len(fetched()[0]) == 2


def test_a_damaged_artifact_affects_its_run_only_and_a_damaged_entry_is_named(bench, fetched):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    sync_benchmark(bench.path)
    artifacts = bench.path.parent / "mlflow-artifacts"
    record = next(path for path in artifacts.rglob("record.json") if bench.entries[0].run.key in path.read_text())
    record.write_text("{")
    run_results, _ = fetched()
    assert [result.status for result in run_results] == ["failed", "done"]
    assert "record.json: cannot be read as JSON" in run_results[0].reason
    for damage in ('{"label": "VAE", "run": {"dataset": "../../etc"}, "metrics": []}', "{", "[]"):
        next(artifacts.rglob("cell.json")).write_text(damage)
        with pytest.raises(BenchError, match=r"/artifacts/cell\.json: is not as `sync` writes it"):
            fetched()


@pytest.mark.parametrize("uri", ["sqlite:////nowhere/at/all.db", "http://me:secret@127.0.0.1:9"])
def test_a_missing_store_is_reported_without_its_password_and_not_created(fetched, uri):
    with pytest.raises(BenchError, match=r"no MLflow store is there|MLflow cannot be read") as raised:
        fetched(uri=uri)
    assert "secret" not in str(raised.value)


def test_no_store_is_created_by_reading(fetched, bench, tmp_path):
    (tmp_path / "mlflow.db").unlink()
    with pytest.raises(BenchError, match=r"mlflow\.db: no MLflow store is there"):
        fetched()
    assert not (tmp_path / "mlflow.db").exists()
    assert default_store_uri(bench.path.parent).endswith("/mlflow.db")


def test_an_experiment_is_compared_with_the_folder_it_is_a_copy_of(bench):
    for entry in bench.entries:
        bench.add_finished_run(entry)
    sync_benchmark(bench.path)
    words = ("compare", "mlflow:toy", str(bench.path))
    done = CliRunner().invoke(main, [*words, "--results", str(bench.path.parent)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "A = mlflow:toy" in done.output
    assert "All values of 2 pairs of runs are identical in A and B." in done.output
    done = CliRunner().invoke(main, [*words, "--mlflow-uri", "http://me:secret@127.0.0.1:9"], catch_exceptions=False)
    assert done.exit_code == 2
    assert "secret" not in done.output

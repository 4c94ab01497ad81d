"""The results folder, undamaged and damaged."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vimae_bench.core.errors import ResultsError
from vimae_bench.execution import PluginSpec
from vimae_bench.plugin import Measure
from vimae_bench.storage.atomic import read_json, write_json
from vimae_bench.storage.run_folder import RunFolder


def test_a_run_goes_from_new_to_done(results):
    store = results.store
    results.add("VAE", 0, "missing")
    (entry,) = results.entries
    assert store.get_state(entry) == "new"
    store.run_folder(entry.run).write_spec(entry.run)
    assert store.get_state(entry) == "resume"
    results.entries.clear()
    folder = results.add("VAE", 0, sse=1.0, rate=2.0, mmd2=3.0)
    assert store.get_state(entry) == "retrain"
    folder.weights.touch()
    assert store.get_state(entry) == "measure"
    folder.weights.unlink()
    results.entries.clear()
    results.add("VAE", 0, sse=1.0, rate=2.0, mmd2=3.0, **{"svm clean": 4.0})
    assert store.get_state(entry) == "done"


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_run_that_did_not_end_well_says_so(results, status: str):
    results.add("VAE", 0, status, "out of memory")
    (entry,) = results.entries
    assert results.store.get_state(entry) == status
    (result,) = results.store.load_results([entry])
    assert (result.status, result.reason) == (status, "out of memory")


def test_outcomes_hold_measures_and_estimates_also_where_one_is_undefined(results):
    results.add("AE", 0, sse=25.0, rate=None)
    (result,) = results.store.load_results(results.entries)
    assert result.estimates["sse"].value == 25
    assert result.estimates["sse"].n == 1000
    assert "rate" in result.measures
    assert "rate" not in result.estimates
    assert "mmd2" not in result.measures


@pytest.mark.parametrize(("rate", "collapsed"), [(0.02, True), (0.1, False), (6.0, False), (None, False)])
def test_a_rate_below_a_tenth_of_a_nat_is_a_collapse(results, rate: float | None, collapsed: bool):
    results.add("VAE", 0, sse=52.7, rate=rate)
    (result,) = results.store.load_results(results.entries)
    assert result.collapsed is collapsed


def test_a_run_without_a_record_is_missing(results):
    results.add("VAE", 0, "missing")
    (result,) = results.store.load_results(results.entries)
    assert result.status == "missing"


@pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"status": "done", "key": "another"}', "\x00\xff"])
def test_a_damaged_record_is_named_and_its_neighbours_are_read(results, damage: str):
    folder = results.add("VAE", 0, sse=1.0)
    results.add("VAE", 1, sse=2.0)
    folder.record.write_text(damage)
    first, second = results.store.load_results(results.entries)
    assert first.status == "failed"
    assert str(folder.record) in first.reason
    assert "remove it and run again" in first.reason
    assert second.estimates["sse"].value == 2
    assert results.store.get_state(results.entries[0]) == "failed"


@pytest.mark.parametrize(
    "damage",
    ["", "{}", '{"measures": [{}], "estimates": {}}', '{"measures": [], "estimates": {"sse": {"value": NaN, "n": 1}}}'],
)
def test_a_damaged_metric_is_named_and_the_others_are_read(results, damage: str):
    folder = results.add("VAE", 0, sse=1.0, rate=2.0)
    path = folder.metric_path(PluginSpec("reconstruction"))
    path.write_text(damage)
    (result,) = results.store.load_results(results.entries)
    assert result.status == "done"
    assert str(path) in result.reason
    assert list(result.estimates) == ["rate"]


def test_damaged_files_are_set_aside_and_nothing_else_is_touched(results):
    record = results.add("VAE", 0, sse=1.0).record
    metric = results.add("VAE", 1, sse=2.0).metric_path(PluginSpec("reconstruction"))
    undamaged = results.add("VAE", 2, sse=3.0)
    undamaged.weights.touch()
    reference = results.refer("svm", {"raw pixels": 88.0})
    for path in (record, metric, reference):
        path.write_text("{")
    assert set(results.store.set_aside_damaged(results.entries)) == {record, metric, reference}
    assert record.with_suffix(".corrupt").read_text() == "{"
    assert [results.store.get_state(entry) for entry in results.entries] == ["resume", "retrain", "measure"]
    assert undamaged.record.exists()
    assert results.store.set_aside_damaged(results.entries) == []


def test_references_belong_to_the_data_set(results):
    results.add("VAE", 0, sse=1.0)
    results.refer("svm", {"raw pixels": 88.0, "PCA": 41.0})
    (reference,) = results.store.load_baselines(results.entries)
    assert {label: row["svm clean"].value for label, row in reference.rows.items()} == {"raw pixels": 88, "PCA": 41}
    entry = results.entries[0]
    assert results.store.load_baselines([replace(entry, run=replace(entry.run, latent=8))]) == []


def test_a_damaged_reference_is_named(results):
    results.add("VAE", 0, sse=1.0)
    path = results.refer("svm", {"raw pixels": 88.0})
    path.write_text("{}")
    (reference,) = results.store.load_baselines(results.entries)
    assert not reference.rows
    assert str(path) in reference.reason


def test_one_metric_with_two_settings_gives_two_measures(results):
    folder = results.add("VAE", 0, sse=1.0)
    metrics = tuple(PluginSpec("svm", {"labels": n, "kernel": "rbf"}) for n in (100, 1000))
    for n, metric in zip((70.0, 90.0), metrics, strict=True):
        results.measure(folder, "svm", Measure("svm", "%", "higher"), n)
        folder.metric_path(PluginSpec("svm")).rename(folder.metric_path(metric))
    (result,) = results.store.load_results([replace(results.entries[0], metrics=metrics)])
    assert {name: e.value for name, e in result.estimates.items()} == {"svm labels=100": 70, "svm labels=1000": 90}


def test_two_metrics_with_a_measure_of_one_name_are_refused(results):
    folder = results.add("VAE", 0, sse=1.0)
    other = PluginSpec("copy")
    write_json(folder.metric_path(other), read_json(folder.metric_path(PluginSpec("reconstruction"))))
    entry = replace(results.entries[0], metrics=(PluginSpec("reconstruction"), other))
    with pytest.raises(ResultsError, match="another metric gives 'sse' too"):
        results.store.load_results([entry])


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "a/b"])
def test_a_name_cannot_lead_out_of_the_results_folder(results, name: str):
    results.add("VAE", 0, "missing")
    with pytest.raises(ResultsError, match="has to be"):
        results.store.run_folder(replace(results.entries[0].run, objective=PluginSpec(name)))


def test_a_link_in_place_of_a_run_costs_that_run_alone(results, tmp_path: Path):
    folder = results.add("VAE", 0, sse=1.0)
    results.add("AE", 0, sse=2.0)
    folder.path.rename(tmp_path / "elsewhere")
    folder.path.symlink_to(tmp_path / "elsewhere")
    linked, other = results.store.load_results(results.entries)
    assert (linked.status, linked.estimates, other.status) == ("failed", {}, "done")
    assert linked.reason.startswith(f"{folder.path}: is a link in place of a folder")


def test_a_benchmark_is_read_back_as_it_was_written(results):
    results.add("β_H-VAE", 0, "missing")
    results.store.write_benchmark("fig1", "name = 'fig1'\n", {"rank_by": "sse", "columns": ["sse"]}, results.entries)
    kept = results.store.read_benchmark()
    assert (kept.name, kept.source) == ("fig1", "name = 'fig1'\n")
    assert kept.leaderboard == {"rank_by": "sse", "columns": ["sse"]}
    assert [entry.run.key for entry in kept.entries] == [entry.run.key for entry in results.entries]
    assert kept.entries == tuple(results.entries)


def test_a_folder_without_a_benchmark_is_not_a_results_folder(results):
    with pytest.raises(ResultsError, match="is not a results folder"):
        results.store.read_benchmark()


@pytest.mark.parametrize(
    "damage",
    [
        "",
        '{"name": "fig1"}',
        '{"name": "", "source": "", "leaderboard": {}, "cells": [{}]}',
        '{"name": 3, "source": "", "leaderboard": {}, "cells": []}',
        '{"name": "", "source": "", "leaderboard": {"rank_by": 3}, "cells": []}',
        '{"name": "", "source": "", "leaderboard": {"columns": null}, "cells": []}',
        '{"name": "", "source": "", "leaderboard": {"margins": {"sse": [1]}}, "cells": []}',
        '{"name": "", "source": "", "leaderboard": {"margins": 3}, "cells": []}',
    ],
)
def test_a_damaged_benchmark_is_named(results, damage: str):
    results.store.path.mkdir()
    (results.store.path / "benchmark.json").write_text(damage)
    with pytest.raises(ResultsError, match=r"benchmark\.json.*run again"):
        results.store.read_benchmark()


def measure_cpu(work: Callable[[], object]) -> float:
    began = time.process_time()  # other processes may keep the machine busy
    work()
    return time.process_time() - began


def test_reading_results_costs_little_more_than_parsing_their_files(results):
    for i in range(300):
        results.add(f"method {i % 100}", i // 100, sse=1.0, rate=2.0)
    files = sorted(results.store.path.rglob("*.json"))
    assert len(files) == 4 * 300
    rounds = range(5)  # the best of some rounds, as a busy machine slows both
    loading = min(measure_cpu(lambda: results.store.load_results(results.entries)) for _ in rounds)
    parsing = min(measure_cpu(lambda: [json.loads(path.read_bytes()) for path in files]) for _ in rounds)
    assert loading < 6 * parsing


def test_reading_results_imports_nothing_heavy():
    heavy = "torch mlflow matplotlib sklearn pandas scipy numpy pydantic"
    program = f"import sys, vimae_bench.storage.store; print([m for m in '{heavy}'.split() if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_older_version_of_a_wanted_metric_is_read_until_there_is_a_new_one(results):
    folder = results.add("VAE", 0, rate=2.0, mmd2=3.0, **{"svm clean": 4.0})
    results.measure(folder, "reconstruction", Measure("sse", "[0,1]^2", "lower"), 30.0, older=1)
    results.refer("reconstruction", {"PCA": 25.0}, older=1)
    (entry,), (wanted, *_) = results.entries, results.entries[0].metrics
    assert results.store.get_state(entry) == "retrain"
    assert results.store.list_unmeasured(entry) == [(wanted, wanted.version - 1)]
    (result,), (baselines,) = results.store.load_results([entry]), results.store.load_baselines([entry])
    assert (result.estimates["sse"].value, result.measures["sse"].version) == (30, wanted.version - 1)
    assert (baselines.rows["PCA"]["sse"].value, baselines.measures["sse"].version) == (25, wanted.version - 1)
    results.measure(folder, "reconstruction", Measure("sse", "[0,1]^2", "lower"), 20.0)
    (result,) = results.store.load_results([entry])
    assert (result.estimates["sse"].value, result.measures["sse"].version) == (20, wanted.version)
    assert (results.store.get_state(entry), results.store.list_unmeasured(entry)) == ("done", [])


def test_only_a_run_that_cannot_be_measured_is_set_aside(results):
    folder, measurable = results.add("VAE", 0, sse=1.0), results.add("VAE", 1, sse=2.0)
    measurable.weights.touch()
    with folder.claim():
        assert not results.store.set_aside_run(results.entries[0]), "another process is at it"
    assert [results.store.set_aside_run(entry) for entry in results.entries] == [True, False]
    aside = results.store.path / "set-aside" / folder.path.name
    assert RunFolder(aside).read_record()["status"] == "done"
    assert [results.store.get_state(entry) for entry in results.entries] == ["new", "measure"]
    results.entries.clear()
    results.add("VAE", 0, sse=3.0)
    assert results.store.set_aside_run(results.entries[0]), "it takes the place of the first"

"""A variant of a metric has one name everywhere: before a run, in its results, in MLflow and in notebooks."""

from dataclasses import asdict, replace

import pytest

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.core.errors import ResultsError
from vimae_bench.core.results import Measure
from vimae_bench.core.spec import PluginSpec, disambiguating_suffix
from vimae_bench.notebook.components import ComponentReader
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.plugin.measures import list_measures
from vimae_bench.plugin.registry import complete_spec, find_changed_settings
from vimae_bench.storage.atomic import read_json, write_json
from vimae_bench.storage.store import ResultsFolder

VARIANT = {"use": "svm", "labels": 100, "label_draws": 3}
NAMES = ["svm clean", "svm clean labels=100 label_draws=3"]


@pytest.fixture
def benchmark(benchmark_file):
    """A benchmark with a metric at its defaults and a variant of it."""
    return read_benchmark(benchmark_file(metrics=["svm", "rate", VARIANT]))


@pytest.fixture
def store(benchmark, tmp_path):
    """The results folder of the benchmark: a run with both, and their baselines."""
    store, (entry,) = ResultsFolder(tmp_path / "small"), list_entries(benchmark)
    store.write_benchmark("small", "", {}, [entry])
    folder = store.run_folder(entry.run)
    folder.write_spec(entry.run)
    write_json(folder.record, {"schema": 1, "status": "done", "key": entry.run.key, "run": entry.run.as_json()})
    for metric, value in zip((entry.metrics[0], entry.metrics[2]), (90.0, 70.0), strict=True):
        head = {"metric": metric.as_json(), "measures": [asdict(Measure("svm clean", "%", "higher"))]}
        row = {"svm clean": {"value": value, "n": 1000}}
        write_json(folder.metric_path(metric), {**head, "estimates": row})
        write_json(store.baseline_path(entry.run.dataset, 2, metric), {**head, "rows": {"PCA": row}})
    return store


def load_names(store):
    entries = store.read_benchmark().entries
    (result,) = store.load_results(entries)
    baselines = [name for one in store.load_baselines(entries) for name in one.measures]
    assert baselines == list(result.measures)
    assert list(result.estimates.values()) == [result.estimates[name] for name in baselines]
    return baselines


def test_names_before_a_run_are_those_of_its_results(benchmark, store):
    (group,) = benchmark.groups
    assert [list_measures(metric, group.metrics)[0].name for metric in group.metrics] == [NAMES[0], "rate", NAMES[1]]
    assert load_names(store) == NAMES


def test_a_metric_without_variants_has_its_plain_name(benchmark):
    (group,) = benchmark.groups
    assert list_measures(group.metrics[2], group.metrics[1:])[0].name == "svm clean"


def test_names_do_not_depend_on_the_other_variants(benchmark_file):
    metrics = ["svm", {"use": "svm", "labels": 50}, VARIANT]
    (group,) = read_benchmark(benchmark_file(metrics=metrics)).groups
    assert [disambiguating_suffix(m, group.metrics) for m in group.metrics] == [
        "",
        " labels=50",
        " labels=100 label_draws=3",
    ]


def test_all_readings_of_m1_can_stand_in_one_file_under_plain_names(benchmark_file):
    metrics = [
        "svm",
        "svm_tuned",
        "svm_linear",
        "tsvm",
        {"use": "tsvm", "c": 10.0, "conditions": ["clean", "mask_0.5"]},
    ]
    (group,) = read_benchmark(benchmark_file(metrics=metrics)).groups
    names = [measure.name for metric in group.metrics for measure in list_measures(metric, group.metrics)]
    assert len(names) == len(set(names))
    assert [name for name in names if " clean" in name] == [
        "svm clean",
        "svm tuned clean",
        "svm linear clean",
        "tsvm clean",
        "tsvm clean conditions=clean,mask_0.5 c=10",
    ]


def test_results_of_older_versions_keep_their_names(store):
    """They did not say which settings are at their default, so the names had the settings that differ."""
    raw = read_json(store.path / "benchmark.json")
    del raw["changed_settings"]
    write_json(store.path / "benchmark.json", raw)
    assert load_names(store) == ["svm clean labels=1000 label_draws=10", "svm clean labels=100 label_draws=3"]


def test_one_rule_is_used_for_all_variants_of_a_metric():
    """Names by two rules could be equal."""
    new, old = PluginSpec("svm", {"labels": 100}, changed={"labels": 100}), PluginSpec("svm", {"labels": 10})
    assert [disambiguating_suffix(metric, (new, old)) for metric in (new, old)] == [" labels=100", " labels=10"]
    default = replace(new, settings={"labels": 1000}, changed={})
    assert disambiguating_suffix(default, (default, old)) == " labels=1000"
    assert disambiguating_suffix(default, (default, new)) == ""


def test_notebooks_use_the_same_rule():
    reader = ComponentReader()
    metrics = [reader.read_component("metric", given, ("metrics",)).spec for given in ("svm", VARIANT)]
    assert ["svm clean" + disambiguating_suffix(metric, metrics) for metric in metrics] == NAMES


def test_changed_settings_are_part_of_no_identity(benchmark):
    (group,) = benchmark.groups
    assert [metric.changed for metric in group.metrics] == [{}, {}, {"labels": 100, "label_draws": 3}]
    assert [replace(metric, changed=None) for metric in group.metrics] == list(group.metrics)
    assert replace(group.metrics[2], changed=None).key == group.metrics[2].key


def test_settings_without_a_default_count_as_changed():
    catalog = get_catalog()
    spec = complete_spec("objective", {"use": "vimae", "divergence": "mmd", "input_noise": 0.01}, catalog)
    assert find_changed_settings("objective", spec, catalog) == {"divergence": spec.settings["divergence"]}


@pytest.mark.parametrize("damage", [3, ["svm"], {"svm-0a1b2c3d": 3}, {"svm-0a1b2c3d": ["labels"]}, None])
def test_damaged_changed_settings_are_reported(store, damage):
    path = store.path / "benchmark.json"
    write_json(path, {**read_json(path), "changed_settings": damage})
    with pytest.raises(ResultsError, match=r"benchmark\.json.*changed_settings.*run again"):
        store.read_benchmark()

"""The file of a metric is read back with all that its measures declare."""

from dataclasses import asdict, replace

import pytest

from vimae_bench.core.results import Measure, find_measure
from vimae_bench.core.spec import PluginSpec
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.plugin.measures import list_measures
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.atomic import write_json
from vimae_bench.storage.metric_file import read_metric_file

FIGURE_FIELDS = ("display_name", "family", "condition")
METRICS = get_catalog().list_names("metric")


def write_metric_file(path, measures, **more):
    write_json(path, {"metric": {"use": "svm"}, "measures": measures, "estimates": {}, **more})
    return path


@pytest.mark.parametrize("name", METRICS)
def test_measures_are_read_as_they_are_declared(name, tmp_path):
    declared = make_plugin("metric", PluginSpec(name)).measures()
    found = read_metric_file(write_metric_file(tmp_path / "metric.json", [asdict(measure) for measure in declared]))
    assert [asdict(measure) for measure in found.measures.values()] == [asdict(measure) for measure in declared]


@pytest.mark.parametrize("name", METRICS)
def test_old_files_give_figures_the_same_measures(name, tmp_path):
    """They were written before measures declared a family and a condition."""
    declared = make_plugin("metric", PluginSpec(name)).measures()
    old = [{key: value for key, value in asdict(m).items() if key not in FIGURE_FIELDS} for m in declared]
    found = read_metric_file(write_metric_file(tmp_path / "metric.json", old)).measures.values()
    assert list(found) == list(declared)
    for family in ("rate", "distortion", "sampled distortion", "prior mismatch"):
        assert find_measure(found, family) == find_measure(declared, family)
    in_panels = [[(m.family, m.condition) for m in measures if m.condition] for measures in (found, declared)]
    assert in_panels[0] == in_panels[1]


DEFAULT = PluginSpec("svm", {"labels": 1000, "label_draws": 10})
VARIANT = PluginSpec("svm", {"labels": 100, "label_draws": 10})


@pytest.mark.parametrize("metrics", [(DEFAULT, VARIANT), (VARIANT, DEFAULT), (DEFAULT, VARIANT, PluginSpec("rate"))])
def test_only_variants_of_a_metric_have_a_suffix(metrics, tmp_path):
    measures = [asdict(Measure("svm clean", "%", "higher", family="svm", condition="clean"))]
    plain = write_metric_file(tmp_path / "default.json", measures, changed_settings={})
    changed = write_metric_file(tmp_path / "variant.json", measures, changed_settings={"labels": 100})
    (default,) = read_metric_file(plain, DEFAULT, metrics).measures.values()
    (variant,) = read_metric_file(changed, VARIANT, metrics).measures.values()
    assert (default.name, default.family) == ("svm clean", "svm")
    assert (variant.name, variant.label, variant.family) == ("svm clean labels=100",) * 2 + ("svm labels=100",)
    assert variant.condition == "clean"
    assert list(read_metric_file(changed, VARIANT, (VARIANT,)).measures) == ["svm clean"], "there is no other"


def test_names_before_a_run_are_those_of_its_files():
    svm = [PluginSpec("svm", {"labels": 1000}), PluginSpec("svm", {"labels": 100, "label_draws": 3})]
    assert [list_measures(metric, svm)[0].name for metric in svm] == [
        "svm clean",
        "svm clean labels=100 label_draws=3",
    ]
    assert list_measures(svm[1], svm[1:])[0].name == "svm clean"


def test_fields_of_figures_are_no_part_of_a_definition():
    measure = Measure("rate", "nats", None)
    assert replace(measure, display_name="Rate", family="rate") == measure
    assert replace(measure, version=2) != measure

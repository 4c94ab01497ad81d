"""The file of a metric is read back with all that its measures declare."""

from dataclasses import asdict, replace

import pytest

from vimae_bench.core.results import Measure, find_measure
from vimae_bench.core.spec import PluginSpec
from vimae_bench.plugin.catalog import get_catalog
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


def test_names_end_in_the_suffix(tmp_path):
    measures = [asdict(Measure("svm clean", "%", "higher", family="svm", condition="clean"))]
    path = write_metric_file(tmp_path / "metric.json", measures)
    (measure,) = read_metric_file(path, " labels=100").measures.values()
    assert (measure.name, measure.label, measure.family) == ("svm clean labels=100",) * 2 + ("svm labels=100",)
    assert measure.condition == "clean"


def test_fields_of_figures_are_no_part_of_a_definition():
    measure = Measure("rate", "nats", None)
    assert replace(measure, display_name="Rate", family="rate") == measure
    assert replace(measure, version=2) != measure

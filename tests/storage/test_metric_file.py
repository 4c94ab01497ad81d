"""The file of a metric is read back with all that its measures declare."""

from dataclasses import asdict, replace

import pytest

from vimae_bench.core.results import Measure, find_measure
from vimae_bench.core.spec import PluginSpec
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.atomic import write_json
from vimae_bench.storage.metric_file import find_older_version, parse_metric_text, read_metric_file

FIGURE_FIELDS = ("display_name", "family", "condition")
METRICS = get_catalog().list_names("metric")


def write_metric_file(path, measures, **more):
    write_json(path, {"metric": {"use": "svm"}, "measures": measures, "estimates": {}, **more})
    return path


@pytest.mark.parametrize("name", METRICS)
def test_measures_are_read_as_they_are_declared(name, tmp_path):
    declared = make_plugin("metric", PluginSpec(name)).measures()
    path = write_metric_file(tmp_path / "metric.json", [asdict(measure) for measure in declared])
    found = list(read_metric_file(path).measures.values())
    assert [replace(measure, metric="") for measure in found] == list(declared)
    assert {name: [getattr(m, name) for m in found] for name in FIGURE_FIELDS} == {
        name: [getattr(m, name) for m in declared] for name in FIGURE_FIELDS
    }


def test_measures_are_read_with_the_metric_that_measured_them_and_its_version(tmp_path):
    measures = [asdict(Measure("sse", "", "lower"))]
    path = write_metric_file(tmp_path / "metric.json", measures, metric={"use": "reconstruction", "version": 7})
    (measure,) = read_metric_file(path).measures.values()
    assert (measure.metric, measure.version) == ("reconstruction", 7)


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


@pytest.mark.parametrize("more", [{}, {"seconds": 0.1, "made_from": {"data": {"test_x": "ab"}}}, {"rows": {"a": {}}}])
def test_the_text_of_a_file_says_the_same(more, tmp_path):
    measures = [asdict(Measure("sse", "", "lower")), asdict(Measure("rate", "nats", None, is_hidden=True))]
    rows = {"estimates": {"sse": {"value": 1.5, "n": 3, "se": None, "parts": [1, 2]}}}
    path = write_metric_file(tmp_path / "metric.json", measures, **rows, **more)
    assert parse_metric_text(path.read_bytes(), " labels=100") == read_metric_file(path, " labels=100")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (',\n "estimates"', ', "estimates"'),  # laid out otherwise
        ('"estimates": {}', '"estimates": {},\n "measures": []'),  # declared twice
        ('"estimates": {}', '"estimates": {}, "metric": {"use": "fid"}'),
        ('"unit": ""', '"unit": 1'),
        ('"use": "svm"', '"use": ".."'),
        ("}\n", ""),  # cut off
        ("}\n", "}}\n"),
    ],
)
def test_a_text_of_another_form_is_left_to_be_looked_at(old, new, tmp_path):
    path = write_metric_file(tmp_path / "metric.json", [asdict(Measure("sse", "", "lower"))])
    text = path.read_text()
    assert parse_metric_text(text.encode())
    changed = text.replace(old, new)
    assert changed != text
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        parse_metric_text(changed.encode())


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


def write_versions(folder, *specs):
    for spec in specs:
        write_metric_file(folder / f"{spec.key}.json", [], metric=spec.as_json())


def find_version(folder, metric, *others):
    found = find_older_version(folder / f"{metric.key}.json", metric, (metric, *others))
    return found and (found[0], found[1].stem)


def test_the_newest_older_version_is_found_whichever_settings_were_added_or_removed(tmp_path):
    first, second = PluginSpec("svm", {"labels": 10}, 1), PluginSpec("svm", {"labels": 10, "kernel": "rbf"}, 2)
    wanted = PluginSpec("svm", {"labels": 10, "draws": 5}, 3)
    assert find_version(tmp_path / "none", wanted) is None
    write_versions(tmp_path, first)
    assert find_version(tmp_path, wanted) == (1, first.key)
    write_versions(tmp_path, second, PluginSpec("svm_linear", {"labels": 10}, 2), PluginSpec("svm", {}, 4))
    (tmp_path / "svm-damaged.json").write_text("{")
    assert find_version(tmp_path, wanted) == (2, second.key)
    assert find_version(tmp_path, first) is None


def test_a_version_with_other_settings_is_another_measure(tmp_path):
    write_versions(tmp_path, PluginSpec("svm", {"labels": 100}, 1))
    assert find_version(tmp_path, PluginSpec("svm", {"labels": 10}, 2)) is None


def test_an_older_version_that_fits_two_metrics_is_read_for_neither(tmp_path):
    older = PluginSpec("svm", {"labels": 10}, 1)
    write_versions(tmp_path, older)
    one, other = (PluginSpec("svm", {"labels": 10, "cost": cost}, 2) for cost in (1, 10))
    assert find_version(tmp_path, one, other) is None
    assert find_version(tmp_path, one, PluginSpec("svm", {"labels": 20}, 2)) == (1, older.key)

"""Metrics that take minutes are reported before anything begins, with the estimate of the metric itself."""

from dataclasses import replace

import pytest

from vimae_bench.data.prepare import ensure_prepared
from vimae_bench.engine.cost import list_long_metrics
from vimae_bench.execution import MatrixEntry, PluginSpec, Run, Training
from vimae_bench.plugin.registry import make_plugin

DIGITS = PluginSpec("digits", {"pixel_range": "unit", "validation": 0})


def entries(metric, n=6, dataset=DIGITS):
    parts = dataset, PluginSpec("mlp", {"hidden": [32]}), PluginSpec("ae"), PluginSpec("normal")
    return [MatrixEntry("AE", Run(*parts, 2, Training(), seed), (metric,)) for seed in range(n)]


@pytest.fixture
def data(tmp_path):
    ensure_prepared(make_plugin("dataset", DIGITS), tmp_path)
    return tmp_path


def test_metric_of_minutes_is_reported_with_the_time_of_all_models(data):
    (line,) = list_long_metrics(entries(PluginSpec("fid", {"images": 4000})), data, "cpu")
    assert line == "fid on digits takes about 7 min a model on a core, 40 min for 6 models"


def test_a_data_set_is_called_by_its_label(data):
    labelled = replace(DIGITS, label="small digits")
    (line,) = list_long_metrics(entries(PluginSpec("fid", {"images": 4000}), dataset=labelled), data, "cpu")
    assert line.startswith("fid on small digits takes")


def test_more_models_of_one_metric_are_one_line_in_a_unit_of_their_own(data):
    (line,) = list_long_metrics(entries(PluginSpec("fid", {"images": 4000}), 600), data, "cpu")
    assert line.endswith("a core, 2.8 days for 600 models")


def test_what_is_quick_or_of_a_data_set_that_is_not_there_is_passed_over(data, tmp_path):
    assert not [*list_long_metrics(entries(PluginSpec("reconstruction")), data, "cpu")]
    mnist = PluginSpec("mnist", {"pixel_range": "unit", "validation": 0})
    assert not [*list_long_metrics(entries(PluginSpec("fid"), dataset=mnist), tmp_path, "cpu")]

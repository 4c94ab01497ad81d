"""What a metric may give, and what becomes of what it may not."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from vimae_bench.core.spec import PluginSpec
from vimae_bench.engine.measure import compute_estimates, measure_baselines, measure_model
from vimae_bench.models import Gaussian
from vimae_bench.plugin import BenchError, Estimate, Measure, Metric
from vimae_bench.storage.metric_file import read_metric_file
from vimae_bench.testing.fixtures import ReconstructionObjective, example_evaluation

MEASURE = Measure("given", "", "lower")
GOOD = Estimate(1.0, 5, 0.1, (0.5, 1.5))
BAD = {
    "n that is a float": replace(GOOD, n=5.0),
    "n of NumPy": replace(GOOD, n=np.int64(5)),
    "n below 1": replace(GOOD, n=-5),
    "n of 0": replace(GOOD, n=0),
    "n that is a truth value": replace(GOOD, n=True),
    "a value that is a text": replace(GOOD, value="1.0"),
    "a value of float32": replace(GOOD, value=np.float32(1)),
    "a value that is a tensor": replace(GOOD, value=torch.ones(())),
    "a value that is a truth value": replace(GOOD, value=True),
    "a value that is not finite": replace(GOOD, value=float("nan")),
    "a value beyond all bounds": replace(GOOD, value=1e200),
    "a negative error": replace(GOOD, se=-1.0),
    "an error that is not finite": replace(GOOD, se=float("inf")),
    "an error that is a text": replace(GOOD, se="0.1"),
    "a draw that is a text": replace(GOOD, per_draw=("0.5",)),
    "a draw that is not finite": replace(GOOD, per_draw=(0.5, float("nan"))),
    "draws that are one number": replace(GOOD, per_draw=1.0),
    "a bare number": 1.0,
    "a mapping": {"value": 1.0, "n": 5},
}


@dataclass(frozen=True)
class Giving(Metric):
    """Returns the values that it was made with."""

    given: Any
    measure: Any = MEASURE

    def measures(self):
        return (self.measure,)

    def __call__(self, evaluation):
        return self.given

    def references(self, splits, spec, dataset):
        return {"baseline": self.given}


@pytest.fixture
def evaluation():
    return example_evaluation(ReconstructionObjective(Gaussian()), 20)


@pytest.fixture
def keep(monkeypatch, evaluation, tmp_path):
    """Measures with a metric and reads its file back, a baseline's or a model's."""

    def kept(metric, baselines=False):
        monkeypatch.setattr("vimae_bench.plugin.registry.make_plugin", lambda kind, spec: metric)
        path, spec = tmp_path / "metric.json", PluginSpec("giving")
        origin = {"data": {}, "torch": "2", "device": "cpu", "plugins": {}, "sources": {}}
        if baselines:
            measure_baselines(evaluation, spec, path, PluginSpec("toy"), lambda _: origin)
        else:
            measure_model(evaluation, spec, path, lambda _: origin)
        return read_metric_file(path)

    return kept


@pytest.mark.parametrize("baselines", [False, True], ids=["of a model", "of a baseline"])
@pytest.mark.parametrize("what", BAD)
def test_an_estimate_that_could_not_be_read_back_is_refused_by_name(what, baselines, keep, tmp_path):
    with pytest.raises(BenchError, match="'given'"):
        keep(Giving({"given": BAD[what]}), baselines)
    assert not (tmp_path / "metric.json").exists()


def test_what_is_given_in_a_notebook_is_checked_alike(evaluation):
    with pytest.raises(BenchError, match=r"'given' is from n = 5.0 items; it takes an int of 1 or more"):
        compute_estimates(Giving({"given": BAD["n that is a float"]}), evaluation)


@pytest.mark.parametrize("given", [None, [GOOD], "given"], ids=["nothing", "a list", "a text"])
def test_what_is_no_mapping_is_refused(given, evaluation):
    with pytest.raises(BenchError, match="not a mapping of names to Estimates"):
        compute_estimates(Giving(given), evaluation)


@pytest.mark.parametrize(
    "measure",
    [Measure("given", 5, "lower"), Measure("given", "", "up"), Measure("given", "", "lower", margin="1 %")],
    ids=["a unit that is a number", "an unknown direction", "a margin that is a text"],
)
def test_a_measure_that_could_not_be_read_back_is_refused(measure, keep):
    with pytest.raises(BenchError, match="gives what cannot be kept"):
        keep(Giving({"given": GOOD}, measure))


@pytest.mark.parametrize("baselines", [False, True])
def test_good_estimates_are_read_back_as_they_were(baselines, keep):
    estimates = {"given": replace(GOOD, value=np.float64(2.5))}
    (row,) = keep(Giving(estimates), baselines).rows.values()
    assert row["given"] == Estimate(2.5, 5, 0.1, (0.5, 1.5))

"""Every built-in metric on data that it may not be made for: it measures, or refuses before anything is trained."""

import numpy as np
import pytest
import torch

from vimae_bench.core.spec import PluginSpec, Run, Training
from vimae_bench.engine.build import build_model, make_model_spec, make_objective
from vimae_bench.engine.measure import compute_estimates
from vimae_bench.plugin import Evaluation, Examples, Splits, registry
from vimae_bench.plugin.catalog import get_catalog

pytestmark = pytest.mark.medium

SLOW = {"ais", "fd_cnn", "fid", "fid64", "inception_score", "kid", "likelihood"}
"""Metrics that train nets, run long chains or need weights."""
SETTINGS = {"parzen": {"samples": 100}}
METRICS = [entry.name for entry in get_catalog().entries if entry.kind == "metric" and entry.name not in SLOW]
REFUSED = {
    "one test image": {"active_units", "aggregate_mmd", "fd_pca64", "information", "parzen"},
    "three test images": {"information"},
    "a few images": {"information", "parzen", "svm", "svm_linear", "svm_tuned"},
    "one class": {"clustering", "svm", "svm_linear", "svm_tuned", "tsvm"},
    "no labels": {"clustering", "information", "svm", "svm_linear", "svm_tuned", "tsvm"},
    "constant images": set(),
    "one image again and again": set(),
}
"""Metrics that have to refuse data; others may."""


def make_examples(count, classes, kind):
    x = np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8)).astype(np.uint8)
    x = {"constant": np.full_like(x, 128), "repeated": np.repeat(x[:1], count, 0) if count else x}.get(kind, x)
    return Examples(x, np.arange(count) % classes if classes else None)


def make_splits(train, test, classes=10, kind="noise"):
    return Splits(*(make_examples(n, classes, kind) for n in (train, 0, test)))


DATA = {
    "one test image": make_splits(200, 1),
    "three test images": make_splits(200, 3),
    "a few images": make_splits(10, 10),
    "one class": make_splits(200, 100, 1),
    "no labels": make_splits(200, 100, 0),
    "constant images": make_splits(200, 100, kind="constant"),
    "one image again and again": make_splits(200, 100, kind="repeated"),
}


@pytest.mark.filterwarnings("ignore")  # what libraries say of such data is left in the log
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", METRICS)
def test_a_metric_measures_or_refuses_before_training(name, data):
    splits, metric = DATA[data], registry.make_plugin("metric", PluginSpec(name, SETTINGS.get(name, {})))
    for objective in ("ae", "elbo"):
        parts = (PluginSpec(plugin) for plugin in ("digits", "mlp", objective, "normal"))
        run = Run(*parts, 4, Training(), 0)
        spec = make_model_spec(run, splits.shape)
        try:
            metric.check(splits, spec)
        except ValueError as error:
            assert len(str(error).split()) > 5  # noqa: PT017  # a sentence
            continue
        assert name not in REFUSED[data]
        model = build_model(run, spec, make_objective(run), torch.device("cpu")).eval()
        evaluation = Evaluation(model, splits, data, 0, torch.device("cpu"))
        rows = [compute_estimates(metric, evaluation), *metric.references(splits, spec, data).values()]
        assert all(np.isfinite(estimate.value) for row in rows for estimate in row.values())

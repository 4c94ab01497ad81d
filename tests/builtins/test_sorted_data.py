"""Every metric gives of images in the order of their classes what it gives of the same images in another order.

A metric that takes the first images for a sample of all, or makes errors from blocks of neighbours, gives something
else: it sees one class where there are five.
"""

from functools import cache

import numpy as np
import pytest
import torch

from docs.pages.odd_data_trials import list_objectives, make_run
from vimae_bench.core.spec import PluginSpec
from vimae_bench.data.types import Examples, Splits
from vimae_bench.engine.build import build_model, make_objective
from vimae_bench.engine.measure import compute_estimates
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.metrics import WeightsUnavailable
from vimae_bench.models.model_spec import ModelSpec
from vimae_bench.plugin import Estimate, Evaluation
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.plugin.registry import make_plugin

CLASSES, DRAWERS = 5, 20
TRAIN, TEST = 400, 500
SPEC = ModelSpec((1, 8, 8), 4)
SORTED = 0
"""The number of the order by classes; the others are random."""
ORDERS = (SORTED, 1, 2, 3)
STEPS = 400
MAX_ERRORS = 4
"""Between two orders, in standard errors of their difference: the images are the same."""
MAX_RANGES = 3
"""Beyond that, for what depends on the order by chance, in ranges of the values over random orders."""
GRID = 0.1
"""The share of a value, or of one, within which what has no error may differ: widths and constants from a grid."""
SETTINGS = {"labels": 200, "conditions": ("gauss_0.4", "mask_0.5")}
"""Of all metrics that have them: such that they choose among the images, and take less time."""
OWN_SETTINGS = {"ais": {"steps": 50, "chains": 8}, "svm_linear": {"labels": 100}, "svm_subset": {"tests": 300}}
METRICS = [entry.name for entry in get_catalog().entries if entry.kind == "metric"]


class FirstImages:
    """Measures the first images alone."""

    def measures(self):
        return make_plugin("metric", PluginSpec("reconstruction")).measures()

    def check(self, splits, spec):
        pass

    def __call__(self, evaluation):
        error = evaluation.squared_error("test")[:100]
        return {"sse": Estimate(float(error.mean()), 100, float(error.std()) / 10)}

    def references(self, *_):
        return {}


@cache
def make_splits(order):
    """Images of five classes that differ in kind and in contrast, in the order of this number."""
    patterns = np.random.default_rng(7).integers(0, 256, (CLASSES, 1, 8, 8))

    def make_part(n, seed):
        random, y = np.random.default_rng(seed), np.arange(n) * CLASSES // n
        share = 0.3 + 0.12 * y[:, None, None, None]
        x = (share * patterns[y] + (1 - share) * random.integers(0, 256, (n, 1, 8, 8))).astype(np.uint8)
        drawer = np.arange(n) % (n // CLASSES) % DRAWERS
        places = np.arange(n) if order == SORTED else np.random.default_rng(order).permutation(n)
        return Examples(x[places], y[places], {"class": y[places], "drawer": drawer[places]})

    return Splits(make_part(TRAIN, 0), make_part(0, 0), make_part(TEST, 1))


@cache
def train(title):
    """A model of the images, trained for a moment."""
    run = make_run(list_objectives()[title], 20)
    objective = make_objective(run)
    model = build_model(run, SPEC, objective, torch.device("cpu"))
    step = TrainingStep(model.train(), objective, run.training, torch.from_numpy(make_splits(1).train.x))
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        step(torch.randperm(TRAIN, generator=generator)[:20], torch.tensor(0.5))
    return model.eval()


def measure(metric, title, order):
    """All that a metric says of the images in one order, with its baselines."""
    splits = make_splits(order)
    metric.check(splits, SPEC)
    found = dict(compute_estimates(metric, Evaluation(train(title), splits, "sorted", 0, torch.device("cpu"))))
    for label, row in metric.references(splits, SPEC, "sorted").items():
        found |= {f"{name} of {label}": estimate for name, estimate in row.items()}
    return found


def list_differences(metric, title):
    """The measures of which the sorted images give something else than the shuffled ones."""
    ordered, *shuffled = (measure(metric, title, order) for order in ORDERS)
    assert all(one.keys() == ordered.keys() for one in shuffled)
    return [name for name in ordered if is_different(ordered[name], [one[name] for one in shuffled])]


def is_different(ordered, shuffled):
    values = np.array([one.value for one in shuffled])
    slack = MAX_RANGES * np.ptp(values) + 1e-5 * abs(values.mean())
    if ordered.se is None or shuffled[0].se is None:
        return abs(ordered.value - values.mean()) > slack + GRID * max(abs(values.mean()), 1)
    return abs(ordered.value - values.mean()) > slack + MAX_ERRORS * np.hypot(ordered.se, shuffled[0].se)


@pytest.mark.parametrize("title", ["ae", "elbo"])
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in METRICS])
def test_the_order_of_images_changes_no_measure(name, title, shared_cache):
    known = get_catalog().get_entry("metric", name).form["fields"]
    settings = {key: value for key, value in SETTINGS.items() if key in known} | OWN_SETTINGS.get(name, {})
    metric = make_plugin("metric", PluginSpec(name, settings))
    try:
        assert list_differences(metric, title) == []
    except WeightsUnavailable as error:
        pytest.skip(str(error))


def test_a_metric_of_the_first_images_is_found():
    assert list_differences(FirstImages(), "ae") == ["sse"]

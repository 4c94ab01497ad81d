"""Every metric, divergence, objective, prior and architecture on data and sizes that it may not be made for.

A plugin measures or trains, or refuses the data in a sentence before anything is trained. What a refusal says would fit
is tried.
"""

import numpy as np
import pytest
import torch

from docs.pages.odd_data_trials import (
    ODD_DATA,
    ODD_SHAPES,
    ODD_SIZES,
    list_objectives,
    list_priors,
    make_architecture_run,
    make_prior_run,
    make_run,
    try_architecture,
    try_metric,
    try_objective,
    try_prior,
)
from vimae_bench.core.spec import PluginSpec
from vimae_bench.engine.build import build_model, make_objective
from vimae_bench.engine.measure import compute_estimates
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.metrics import WeightsUnavailable
from vimae_bench.models.model_spec import ModelSpec
from vimae_bench.plugin import Evaluation
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.testing.contract import call_with_seed

pytestmark = pytest.mark.medium

QUICK_DATA = ("two test images", "ten images", "grey")
"""The data that plugins are tried on in every run of the tests."""
QUICK_SECONDS, MAX_SECONDS = 3, 60
"""Metrics that take longer than the first, by what they say of themselves, are slow; above the second, not measured."""
ARCHITECTURES = [entry.name for entry in get_catalog().entries if entry.kind == "architecture"]
METRICS = [entry.name for entry in get_catalog().entries if entry.kind == "metric"]
OBJECTIVES = list_objectives()
TRAINED_DATA = {odd.splits.train.x.tobytes(): name for name, odd in reversed(ODD_DATA.items())}
"""The data whose training images differ."""


def each(plugins, data, is_quick=lambda plugin: True):
    pairs = [(plugin, name, is_quick(plugin) and name in QUICK_DATA) for plugin in plugins for name in data]
    return [
        pytest.param(plugin, name, id=f"{plugin} on {name}", marks=() if quick else pytest.mark.slow)
        for plugin, name, quick in pairs
    ]


def is_quick_metric(name):
    return make_plugin("metric", PluginSpec(name)).cost(ODD_DATA["grey"].spec, "cpu") < QUICK_SECONDS


def is_sentence(words):
    return len(words.split()) > 5 and "\n" not in words and not words.endswith(".")


@pytest.mark.parametrize("name", METRICS)
def test_metrics_refuse_data_in_a_sentence(name):
    for trial in (try_metric(name, data) for data in ODD_DATA):
        assert all(map(is_sentence, trial.refusals))


@pytest.mark.parametrize(("name", "data"), each(METRICS, ODD_DATA, is_quick_metric))
def test_a_metric_measures_data_that_it_does_not_refuse(name, data, shared_cache):
    odd, trial = ODD_DATA[data], try_metric(name, data)
    metric = make_plugin("metric", trial.spec)
    if not trial.accepted:
        return
    if metric.cost(odd.spec, "cpu") > MAX_SECONDS:
        pytest.skip(f"takes {metric.cost(odd.spec, 'cpu'):.0f} s")
    measured = set()
    for objective in (spec for title, spec in OBJECTIVES.items() if title in ("ae", "elbo")):
        run = make_run(objective, odd.batch)
        model = build_model(run, odd.spec, make_objective(run), torch.device("cpu")).eval()
        evaluation = Evaluation(model, odd.splits, data, 0, torch.device("cpu"))
        try:
            rows = [compute_estimates(metric, evaluation), *metric.references(odd.splits, odd.spec, data).values()]
        except WeightsUnavailable as error:
            pytest.skip(str(error))
        assert all(np.isfinite(estimate.value) for row in rows for estimate in row.values())
        measured |= {*rows[0]}
    assert measured, "it should have refused the data"


@pytest.mark.parametrize("title", OBJECTIVES)
def test_objectives_refuse_data_in_a_sentence(title):
    for trial in (try_objective(title, data) for data in TRAINED_DATA.values()):
        assert all(map(is_sentence, trial.refusals))


@pytest.mark.parametrize(("title", "data"), each(OBJECTIVES, TRAINED_DATA.values()))
def test_an_objective_trains_on_data_that_it_does_not_refuse(title, data):
    odd, trial = ODD_DATA[data], try_objective(title, data)
    if not trial.accepted:
        return
    train(make_run(trial.spec, odd.batch), odd.splits.train.x)


def train(run, images):
    """A model after three steps, in which nothing has become infinite."""
    objective = make_objective(run)
    spec = ModelSpec(images.shape[1:], run.latent)
    model = build_model(run, spec, objective, torch.device("cpu"))
    step = TrainingStep(model.train(), objective, run.training, torch.from_numpy(images))
    places, half = torch.arange(run.training.batch), torch.tensor(0.5)
    for seed in range(3):
        assert call_with_seed(seed, lambda: step(places, half)).isfinite().all()
    assert all(p.isfinite().all() for p in model.parameters())
    return model.eval()


def draw_images(size):
    return np.random.default_rng(0).integers(0, 256, (40, *size.shape)).astype(np.uint8)


@pytest.mark.parametrize("name", ODD_SIZES)
@pytest.mark.parametrize(("prior", "title"), list_priors())
def test_a_prior_trains_with_the_sizes_that_it_does_not_refuse(prior, title, name):
    trial, size = try_prior(prior, title, name), ODD_SIZES[name]
    assert all(map(is_sentence, trial.refusals))
    if not trial.accepted:
        return
    model = train(make_prior_run(prior, title, size), draw_images(size))
    with torch.no_grad():
        z = model.prior.sample(7)
        assert z.shape == (7, size.latent)
        assert z.isfinite().all()
        log_p = model.prior.log_prob(z)
        assert log_p.shape == (7,)
        assert log_p.isfinite().all()
        assert model.prior.entropy(100).isfinite()


@pytest.mark.parametrize("name", ODD_SHAPES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_architecture_trains_on_the_images_that_it_does_not_refuse(architecture, name):
    trial, size = try_architecture(architecture, name), ODD_SHAPES[name]
    assert all(map(is_sentence, trial.refusals))
    if not trial.accepted:
        return
    images = draw_images(size)
    model = train(make_architecture_run(architecture, size), images)
    with torch.no_grad():
        codes = model.encode(torch.from_numpy(images[:3]) / 255).mean
        assert codes.shape == (3, size.latent)
        decoded = model.decode(codes)
    assert decoded.shape == (3, *size.shape)
    assert ((decoded >= 0) & (decoded <= 1)).all()

"""The forms an objective may have: its own auxiliary networks, several draws, a prior made of the encoder."""

import re
from dataclasses import dataclass

import pytest
import torch

from helpers.step_factories import (
    AdversarialObjective,
    ElboObjective,
    ImportanceWeightedObjective,
    PseudoInputPrior,
)
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.execution import Training
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic, StandardNormal
from vimae_bench.plugin import Batch, BenchError, Loss, ModelSpec, Objective
from vimae_bench.testing import check_objective

SPEC = ModelSpec((1, 4, 4), 2)
PROGRESS = torch.tensor(0.5)


def made(linear, objective, prior=StandardNormal, seed=0):
    model = make_autoencoder(SPEC, linear, prior, objective, seed)
    images = torch.randint(0, 256, (300, *SPEC.shape), dtype=torch.uint8)
    return model, TrainingStep(model, objective, Training(), images)


def weights(module):
    return [p.detach().clone() for p in module.parameters()]


def moved(module, before):
    return [not torch.equal(a, b) for a, b in zip(module.parameters(), before, strict=True)]


def test_each_optimizer_step_trains_its_own_modules_only(linear):
    objective = AdversarialObjective()
    model, step = made(linear, objective)
    first, second = step.steps
    for player, optimiser, own, other in (
        (first, step.optimisers[0], model.encoder, model.auxiliary),
        (second, step.optimisers[1], model.auxiliary, model.encoder),
    ):
        before = weights(own), weights(other)
        loss = player.loss(model, Batch(step.gather_images(torch.arange(100)), PROGRESS, 100)).total
        optimiser.step(torch.autograd.grad(loss, optimiser.weights))
        assert all(moved(own, before[0]))
        assert not any(moved(other, before[1]))


def test_learning_rate_of_an_optimizer_step_is_used(linear):
    _, step = made(linear, AdversarialObjective())
    assert [o.rate for o in step.optimisers] == [1e-3, 5e-4]


def test_terms_of_every_optimizer_step_are_named(linear):
    _, step = made(linear, AdversarialObjective())
    values = step(torch.arange(100), PROGRESS)
    assert step.terms == ("total", "sse", "generator", "total of step 2", "critic")
    assert values.shape == (5,)
    assert not values.requires_grad


def test_terms_of_a_repeated_optimizer_step_are_named_apart(linear):
    @dataclass(frozen=True)
    class Twice(AdversarialObjective):
        def optimizer_steps(self):
            first, second = super().optimizer_steps()
            return first, second, second

    _, step = made(linear, Twice())
    step(torch.arange(100), PROGRESS)
    assert step.terms[3:] == ("total of step 2", "critic", "total of step 3", "critic of step 3")


def test_a_term_called_total_does_not_hide_the_loss(linear):
    @dataclass(frozen=True)
    class Hiding(ElboObjective):
        def __call__(self, model, batch):
            return Loss(super().__call__(model, batch).total * float("nan"), {"total": batch.x.sum() * 0})

    _, step = made(linear, Hiding())
    first, second = step(torch.arange(100), PROGRESS)
    assert step.terms == ("total", "total of step 1")
    assert first.isnan()
    assert second == 0


def test_an_objective_may_take_several_draws(linear):
    _, step = made(linear, ImportanceWeightedObjective())
    assert step(torch.arange(100), PROGRESS).isfinite().all()


def test_a_prior_may_be_made_of_the_encoder_and_train_its_own_parameters(linear):
    model, step = made(linear, ElboObjective(), PseudoInputPrior)
    before = weights(model.prior), weights(model.encoder)
    step(torch.arange(100), PROGRESS)
    assert all(moved(model.prior, before[0]))
    assert all(moved(model.encoder, before[1]))
    names = [name for name, _ in model.named_parameters()]
    assert sum("encoder" in name for name in names) == len(list(model.encoder.parameters()))


@pytest.mark.parametrize("objective", [AdversarialObjective(), ImportanceWeightedObjective(), ElboObjective()])
def test_these_keep_the_contract_of_objectives(objective):
    check_objective(objective)


def test_all_methods_start_from_the_same_weights_wherever_shapes_agree(linear):
    one, _ = made(linear, AdversarialObjective())
    two, _ = made(linear, ElboObjective(), PseudoInputPrior)
    assert torch.equal(one.encoder.heads[0].weight, two.encoder.heads[0].weight)
    for a, b in zip(one.decoder.parameters(), two.decoder.parameters(), strict=True):
        assert torch.equal(a, b)
    other, _ = made(linear, ElboObjective(), seed=1)
    assert not torch.equal(one.encoder.heads[0].weight, other.encoder.heads[0].weight)


def test_loss_that_is_not_a_scalar_is_named_in_the_error(linear):
    @dataclass(frozen=True)
    class Vector(Objective):
        def posterior(self):
            return Deterministic()

        def __call__(self, model, batch):
            sse = squared_error(batch.x, model.decode(model.encode(batch.x).rsample()))
            return Loss(sse.mean(), {"sse": sse})

    _, step = made(linear, Vector())
    with pytest.raises(BenchError, match=r"the objective's 'sse' has shape \(100,\); it has to be a scalar"):
        step(torch.arange(100), PROGRESS)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (None, "the objective gives NoneType; it has to give a Loss"),
        (Loss(3.0, {}), "the objective's 'total' is float; it has to be a scalar tensor"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_result_that_is_not_a_loss_is_an_error(linear, given, what):
    @dataclass(frozen=True)
    class Wrong(Objective):
        def posterior(self):
            return Deterministic()

        def __call__(self, model, batch):
            return given

    _, step = made(linear, Wrong())
    with pytest.raises(BenchError, match=re.escape(what)):
        step(torch.arange(100), PROGRESS)


def test_images_reach_the_network_in_its_range(linear):
    for pixel_range, low in (("unit", 0.0), ("sym", -1.0)):
        model = make_autoencoder(ModelSpec((1, 4, 4), 2, pixel_range), linear, StandardNormal, ElboObjective(), 0)
        images = torch.tensor([0, 255], dtype=torch.uint8).repeat(8).reshape(1, 1, 4, 4)
        x = TrainingStep(model, ElboObjective(), Training(), images).gather_images(torch.tensor([0]))
        assert (float(x.min()), float(x.max())) == (low, 1.0)

"""Objectives with a divergence: the optimiser steps with and without a critic, and the checks before training."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.engine.step.vmapped_step import make_batched_step
from vimae_bench.execution import Training
from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Deterministic, Prior, StandardNormal
from vimae_bench.plugin import (
    Batch,
    Critic,
    Divergence,
    DivergenceContext,
    DivergenceObjective,
    Loss,
    ModelSpec,
)
from vimae_bench.testing import ContractError, check_divergence, check_objective

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 4, 4), 3)


@dataclass(frozen=True)
class LinearWitness(Divergence):
    """The largest difference of means of a linear function, less a quarter of its weights' square: |E z - E p|^2."""

    learning_rate: float = 0.05

    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        return context.critic(z).mean()

    def critic(self) -> Critic:
        return Critic(self.make_network, self.critic_loss, self.learning_rate)

    def make_network(self, spec: ModelSpec) -> nn.Module:
        return nn.Linear(spec.latent, 1, bias=False)

    def critic_loss(self, z: Tensor, prior: Prior, network: nn.Module) -> Tensor:
        difference = network(z).mean() - network(prior.sample(len(z))).mean()
        return network.weight.square().sum() / 4 - difference


class MeanSquare(Divergence):
    """The mean square of all codes."""

    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        return z.square().mean()


@dataclass(frozen=True)
class Matched(DivergenceObjective):
    divergence: Divergence
    weight: float = 2.0

    def posterior(self) -> Deterministic:
        return Deterministic()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        divergence = self.divergence_loss(z, model, q)
        return Loss(sse + self.weight * divergence, {"sse": sse, "divergence": divergence})


def images(n: int = 200) -> Tensor:
    return torch.randint(0, 256, (n, *SPEC.shape), dtype=torch.uint8)


def step_of(objective: Matched, linear, training: Training | None = None) -> TrainingStep:
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    return TrainingStep(model, objective, training or Training(batch=50), images())


def test_divergence_without_a_critic_has_one_step_and_no_weights(linear):
    step = step_of(Matched(MeanSquare()), linear)
    assert len(step.steps) == 1
    assert not [*step.model.auxiliary.parameters()]
    step(torch.arange(50), torch.tensor(0.0))
    assert step.terms == ("total", "sse", "divergence")


def test_a_critic_is_trained_by_a_step_of_its_own_at_its_own_rate(linear):
    step = step_of(Matched(LinearWitness(0.003)), linear)
    mine, its = step.steps
    assert (mine.modules, its.modules) == (("encoder", "decoder", "prior"), ("auxiliary",))
    assert (mine.learning_rate, its.learning_rate) == (None, 0.003)
    step(torch.arange(50), torch.tensor(0.0))
    assert step.terms == ("total", "sse", "divergence", "total of step 2", "critic")


def test_the_penalty_moves_the_encoder_and_the_critics_loss_the_critic_alone(linear):
    objective = Matched(LinearWitness())
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    batch = Batch(torch.rand(50, *SPEC.shape), torch.tensor(0.0), 50)
    mine, its = objective.optimizer_steps()
    reached = {}
    for name, step in (("mine", mine), ("its", its)):
        model.zero_grad()
        step.loss(model, batch).total.backward()
        reached[name] = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached == {"mine": {"encoder", "decoder", "auxiliary"}, "its": {"auxiliary"}}


def test_the_critic_sees_the_codes_of_the_trained_encoder(linear):
    """One step of both players, done by hand with the optimiser's own rule for a first step: lr * sign(gradient)."""
    objective, training = Matched(LinearWitness(0.01)), Training(batch=50, learning_rate=0.1)
    step = step_of(objective, linear, training)
    model, x = step.model, step.gather_images(torch.arange(50))
    before = model.auxiliary.weight.detach().clone()
    torch.manual_seed(3)
    values = step(torch.arange(50), torch.tensor(0.0))
    terms = dict(zip(step.terms, values, strict=True))
    torch.manual_seed(3)
    with torch.no_grad():  # the encoder now has the weights that the critic saw, as its own step does not move them
        after, model.auxiliary.weight[:] = model.auxiliary.weight.clone(), before
        critic = objective.divergence.critic().loss(model.encode(x).mean, model.prior, model.auxiliary)
    torch.testing.assert_close(terms["critic"], critic)
    torch.testing.assert_close(terms["total of step 2"], 2 * critic)
    assert (after - before).abs().flatten().tolist() == pytest.approx([0.01] * 3, rel=1e-3)


@pytest.mark.slow
def test_seeds_can_be_trained_as_one_batch(linear):
    steps = [step_of(Matched(LinearWitness()), linear) for _ in range(2)]
    together = make_batched_step(steps, torch.arange(50).expand(2, -1), torch.tensor(0.0))
    assert together(torch.arange(50).expand(2, -1), torch.tensor(0.0)).shape == (5, 2)


def test_divergence_checks_the_prior_and_the_posteriors(linear):
    class Refusing(MeanSquare):
        def check(self, prior, family):
            raise ValueError(f"no {type(prior).__name__} with {family}, please")

    objective = Matched(Refusing())
    with pytest.raises(ValueError, match=r"no StandardNormal with Deterministic\(\), please"):
        objective.check(make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0))


def test_divergence_without_a_check_accepts_any_model(linear):
    objective = Matched(MeanSquare())
    objective.check(make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0))


def test_passes_the_contracts():
    check_divergence(LinearWitness())
    check_objective(Matched(LinearWitness()))


class IdleWeights(LinearWitness):
    def make_network(self, spec: ModelSpec) -> nn.Module:
        network = super().make_network(spec)
        network.unused = nn.Linear(2, 2)
        return network


class BlindCritic(LinearWitness):
    def critic_loss(self, z: Tensor, prior: Prior, network: nn.Module) -> Tensor:
        return 1 + network.weight.square().sum()


class RepellingLoss(LinearWitness):
    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        return super().loss(2 * z.detach() - z, prior, context)


class LossOfEachCode(LinearWitness):
    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        return context.critic(z)


class InvertedLoss(LinearWitness):
    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        return -context.critic(z).mean()


FAULTS = {
    IdleWeights: "reaches .'unused",
    BlindCritic: "has to halve",
    RepellingLoss: "does not lead",
    LossOfEachCode: "not a scalar",
    InvertedLoss: "for draws of the prior",
}


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_faulty_divergence_with_a_critic_fails(kind):
    with pytest.raises(ContractError, match=FAULTS[kind]):
        check_divergence(kind())

from dataclasses import replace
from math import log

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.engine.step.vmapped_step import make_batched_step
from vimae_bench.execution import Training
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.testing import check_objective
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.factor_vae import FactorVAE, compute_log_ratio, permute_dimensions
from vimae_builtin.priors.logistic import StandardLogistic

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 2, 3), 3)
SMALL = FactorVAE(hidden=16, layers=2)


def batch(n: int = 20) -> Batch:
    return Batch(torch.rand(n, *SPEC.shape), torch.tensor(0.0), n)


@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
def test_at_gamma_zero_it_is_the_vae_to_the_last_bit(linear, prior):
    data, losses = batch(), []
    for objective in (ELBO(recon_scale=0.5), replace(SMALL, gamma=0.0, recon_scale=0.5)):
        model = make_autoencoder(SPEC, linear, prior, objective, seed=0)
        torch.manual_seed(5)
        losses.append(objective(model, data).total)
    assert losses[0] == losses[1]


def test_gamma_weighs_the_log_ratio_of_the_discriminators_probabilities(linear):
    model, data = make_autoencoder(SPEC, linear, StandardNormal, SMALL, seed=0), batch()
    torch.manual_seed(5)
    loss = replace(SMALL, gamma=3.0)(model, data)
    torch.manual_seed(5)
    probability = model.auxiliary(model.encode(data.x).rsample()).softmax(1)
    torch.testing.assert_close(loss.terms["tc"], (probability[:, 0] / probability[:, 1]).log().mean())
    torch.testing.assert_close(loss.total, loss.terms["sse"] + loss.terms["kl"] + 3 * loss.terms["tc"])


def test_the_discriminator_is_that_of_the_paper():
    net = FactorVAE().auxiliary(ModelSpec((1, 4, 4), 10))
    shapes = [tuple(layer.weight.shape) for layer in net if isinstance(layer, nn.Linear)]
    assert shapes == [(1000, 10), *[(1000, 1000)] * 5, (2, 1000)]
    assert {layer.negative_slope for layer in net if isinstance(layer, nn.LeakyReLU)} == {0.2}


def test_its_cost_is_the_cross_entropy_of_two_classes(linear):
    model, data = make_autoencoder(SPEC, linear, StandardNormal, SMALL, seed=0), batch(21)
    torch.manual_seed(5)
    cost = SMALL.discriminator_loss(model, data).total
    torch.manual_seed(5)
    z = model.encode(data.x).rsample()
    drawn, permuted = model.auxiliary(z[:11]), model.auxiliary(permute_dimensions(z[11:]))
    first, second = torch.zeros(11, dtype=torch.int64), torch.ones(10, dtype=torch.int64)
    torch.testing.assert_close(cost, 0.5 * (cross_entropy(drawn, first) + cross_entropy(permuted, second)))


def test_permuted_codes_keep_their_marginals_and_lose_their_dependence():
    first, second = torch.randn(2, 20_000)
    z = torch.stack([first, 0.9 * first + 0.436 * second, -first], 1)
    permuted = permute_dimensions(z)
    assert torch.equal(permuted.sort(0).values, z.sort(0).values)
    assert torch.corrcoef(z.T)[0, 1:].abs().min() > 0.85
    assert (torch.corrcoef(permuted.T) - torch.eye(3)).abs().max() < 0.04


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_trained_discriminator_gives_the_total_correlation_of_a_gaussian(correlation):
    net = replace(SMALL, hidden=64).auxiliary(ModelSpec((1, 4, 4), 2))
    adam = torch.optim.Adam(net.parameters(), lr=2e-3)

    def codes(n: int) -> torch.Tensor:
        first, second = torch.randn(2, n)
        return torch.stack([first, correlation * first + (1 - correlation**2) ** 0.5 * second], 1)

    class Fixed(nn.Module):
        """A model whose codes are drawn from the distribution."""

        auxiliary = net

        def encode(self, x):
            return type("Drawn", (), {"rsample": staticmethod(lambda: codes(2000))})

    for _ in range(400):
        adam.zero_grad()
        SMALL.discriminator_loss(Fixed(), batch()).total.backward()
        adam.step()
    with torch.no_grad():
        found = float(compute_log_ratio(net(codes(20_000))).mean())
    assert found == pytest.approx(-0.5 * log(1 - correlation**2), abs=0.06)


def test_each_step_trains_its_own_player(linear):
    model = make_autoencoder(SPEC, linear, StandardNormal, SMALL, seed=0)
    mine, theirs = SMALL.optimizer_steps()
    assert "auxiliary" not in mine.modules
    assert (theirs.modules, theirs.learning_rate) == (("auxiliary",), SMALL.discriminator_rate)
    theirs.loss(model, batch()).total.backward()
    assert all(p.grad is None for p in model.module_parameters(("encoder", "decoder")))
    assert all(p.grad.any() for p in model.module_parameters(("auxiliary",)))


def test_the_gradient_is_that_of_finite_differences():
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: compute_log_ratio(net(z)).mean(), (z,))


def test_a_larger_gamma_makes_codes_less_dependent(linear):
    """Two pixels that go together, encoded by one each at first."""
    first, second = torch.randn(2, 400)
    x = (255 * torch.stack([first, 0.9 * first + 0.436 * second], 1).mul(0.15).add(0.5).clamp(0, 1)).to(torch.uint8)

    def correlation(gamma: float) -> float:
        objective = FactorVAE(gamma=gamma, recon_scale=200.0, hidden=32, layers=2, discriminator_rate=5e-3)
        model = make_autoencoder(ModelSpec((1, 1, 2), 2), linear, StandardNormal, objective, seed=0)
        with torch.no_grad():
            model.encoder.heads[0].weight.copy_(6 * torch.eye(2))
            model.encoder.heads[0].bias.fill_(-3.0)
            model.encoder.heads[1].weight.zero_()
            model.encoder.heads[1].bias.fill_(-2.0)
        step = TrainingStep(model, objective, Training(batch=400, learning_rate=0.01), x.reshape(400, 1, 1, 2))
        for _ in range(150):
            step(torch.arange(400), torch.tensor(0.0))
        z = model.encode(step.gather_images(torch.arange(400))).rsample().detach()
        return abs(float(torch.corrcoef(z.T)[0, 1]))

    assert correlation(100.0) < 0.6 * correlation(0.0)


def test_passes_the_contract_and_its_seeds_can_be_batched(linear):
    check_objective(SMALL)
    x = (255 * torch.rand(60, *SPEC.shape)).to(torch.uint8)
    models = [make_autoencoder(SPEC, linear, StandardNormal, SMALL, seed) for seed in range(2)]
    steps, index, progress = (
        [TrainingStep(model, SMALL, Training(batch=20), x) for model in models],
        torch.arange(40).reshape(2, 20),
        torch.tensor(0.5),
    )
    terms = make_batched_step(steps, index, progress)(index, progress)
    assert terms.isfinite().all()
    assert terms.shape[1] == 2

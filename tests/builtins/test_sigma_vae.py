from math import log, pi

import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.sigma_vae import SigmaVAE

pytestmark = pytest.mark.medium

SPEC, D = ModelSpec((1, 2, 5), 4), 10
START = torch.tensor(0.0)


def loss_of(objective, model, x):
    torch.manual_seed(7)
    return objective(model, Batch(x, START, len(x)))


@pytest.fixture
def learned(linear):
    """A model whose decoder's log-variance is a parameter, set to a value."""

    def make(variance: float):
        model = make_autoencoder(SPEC, linear, StandardNormal, SigmaVAE("learned"), seed=0)
        with torch.no_grad():
            model.auxiliary.log_variance.fill_(log(variance - 1e-6))  # over the floor of min_std^2
        return model

    return make


@pytest.mark.parametrize("c", [0.5, 3.0])
def test_at_a_fixed_variance_it_is_the_vae_of_that_scale_with_its_constant(learned, c):
    model, x = learned(1 / (2 * c)), torch.rand(9, *SPEC.shape)
    ours, vae = loss_of(SigmaVAE("learned", beta=0.3), model, x), loss_of(ELBO(0.3, c), model, x)
    torch.testing.assert_close(ours.total, vae.total + D / 2 * log(2 * pi / (2 * c)))


def test_the_optimal_variance_is_the_mean_error_of_a_pixel_and_no_other_is_better(learned):
    model, x = learned(1.0), torch.rand(9, *SPEC.shape)
    best = loss_of(SigmaVAE(), model, x)
    variance = best.terms["sse"].item() / D
    assert best.terms["decoder std"].item() == pytest.approx(variance**0.5, rel=1e-6)
    expected = D / 2 * (log(2 * pi * variance) + 1) + best.terms["kl"].item()
    assert best.total.item() == pytest.approx(expected, rel=1e-6)
    for factor in (0.5, 0.9, 1.1, 2.0):
        assert loss_of(SigmaVAE("learned"), learned(factor * variance), x).total > best.total


def test_at_its_optimum_the_learned_variance_gives_the_gradients_of_the_optimal_one(learned):
    """By the envelope theorem; and its own gradient is 0 there."""
    x = torch.rand(9, *SPEC.shape)
    variance = loss_of(SigmaVAE(), learned(1.0), x).terms["sse"].item() / D
    model = learned(variance)
    shared = model.module_parameters(("encoder", "decoder"))
    optimal = torch.autograd.grad(loss_of(SigmaVAE(), model, x).total, shared)
    *same, own = torch.autograd.grad(
        loss_of(SigmaVAE("learned"), model, x).total, [*shared, model.auxiliary.log_variance]
    )
    for one, other in zip(optimal, same, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert own.item() == pytest.approx(0, abs=1e-3)


def test_learned_variance_starts_at_its_initial_value(linear):
    objective = SigmaVAE("learned", initial_std=0.3)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    assert loss_of(objective, model, torch.rand(9, *SPEC.shape)).terms["decoder std"].item() == pytest.approx(0.3, 1e-4)


def test_a_perfect_reconstruction_does_not_make_the_loss_infinite(linear):
    model = make_autoencoder(SPEC, linear, StandardNormal, SigmaVAE(min_std=0.01), seed=0)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    loss = loss_of(SigmaVAE(min_std=0.01), model, torch.zeros(9, *SPEC.shape))
    assert loss.total.item() == pytest.approx(D / 2 * log(2 * pi * 1e-4), rel=1e-5)


@pytest.mark.parametrize("variance", ["optimal", "learned"])
def test_a_linear_one_trained_to_the_end_finds_the_noise_of_probabilistic_pca(linear, variance):
    """The maximum of likelihood has s^2 = the mean of the discarded eigenvalues (Tipping and Bishop, 1999)."""
    eigenvalues = torch.tensor([4.0, 2.0, 1.5, 1.0, 0.3, 0.25, 0.2, 0.2, 0.15, 0.1])
    noise = eigenvalues[4:].mean().item()
    objective, total = SigmaVAE(variance), 1000
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    x = torch.randn(4096, D)
    x = x - x.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T @ x / 4096), x.T, upper=False)
    x = (torch.linalg.qr(torch.randn(D, D)).Q * eigenvalues.sqrt() @ white).T.reshape(-1, *SPEC.shape)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.03, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.03, total_steps=total)
    for step in range(total):
        optimiser.zero_grad()
        objective(model, Batch(x[step % 16 * 256 :][:256], START, len(x))).total.backward()
        optimiser.step()
        schedule.step()
    terms = loss_of(objective, model, x).terms
    assert terms["decoder std"].item() ** 2 == pytest.approx(noise, rel=0.03)
    rate = sum(0.5 * log(e / noise) for e in eigenvalues[:4].tolist())
    assert terms["kl"].item() == pytest.approx(rate, rel=0.02)

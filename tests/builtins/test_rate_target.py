from math import log

import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.rate_target import RateTarget
from vimae_builtin.priors.logistic import StandardLogistic

SPEC = ModelSpec((1, 2, 5), 4)
START = torch.tensor(0.0)


def loss_of(objective, model, x, progress=START):
    torch.manual_seed(7)
    return objective(model, Batch(x, progress, len(x)))


def test_at_a_target_of_zero_it_is_the_beta_vae(linear):
    x, model = torch.rand(9, *SPEC.shape), make_autoencoder(SPEC, linear, StandardNormal, ELBO(), seed=0)
    ours = loss_of(RateTarget(rate=0, gamma=0.3, recon_scale=0.7), model, x)
    assert ours.total == loss_of(ELBO(0.3, 0.7), model, x).total


def test_the_absolute_value_is_of_the_mean_over_the_batch(linear):
    """Half of the images have KL 0 and half 2h: against a target of h the penalty is 0, not h."""
    model = make_autoencoder(SPEC, linear, StandardNormal, RateTarget(), seed=0)
    with torch.no_grad():
        for head in model.encoder.heads:
            head.weight.zero_()
            head.bias.zero_()
        model.encoder.heads[0].weight[0, 0] = 2.0
    x = torch.zeros(8, *SPEC.shape)
    x[:4, 0, 0, 0] = 1.0  # their mean is (2, 0, 0, 0), their KL 2
    loss = loss_of(RateTarget(rate=1.0, gamma=5.0), model, x)
    assert loss.terms["kl"].item() == pytest.approx(1.0, abs=1e-6)
    torch.testing.assert_close(loss.total, loss.terms["sse"])


@pytest.mark.parametrize(("rate", "slope"), [(0.5, 1.0), (1.0, 0.0), (2.0, -1.0)])
def test_the_gradient_of_the_rate_has_the_sign_of_the_gap_and_is_zero_at_equality(linear, rate, slope):
    """d loss / d bias is gamma * sign * m; the gradient of the reconstruction is switched off here."""
    model = make_autoencoder(SPEC, linear, StandardNormal, RateTarget(), seed=0)
    with torch.no_grad():
        for layer in (*model.encoder.heads, model.decoder[0]):
            layer.weight.zero_()
            layer.bias.zero_()
        model.encoder.heads[0].bias.copy_(torch.tensor([1.0, 1.0, 0.0, 0.0]))  # a KL of exactly 1
    loss = loss_of(RateTarget(rate=rate, gamma=0.5), model, torch.rand(8, *SPEC.shape))
    (found,) = torch.autograd.grad(loss.total, model.encoder.heads[0].bias)
    assert found.tolist() == [slope * 0.5, slope * 0.5, 0, 0]


@pytest.mark.parametrize(("progress", "target"), [(0.0, 0.0), (0.1, 4.0), (0.25, 10.0), (0.9, 10.0)])
def test_the_target_grows_from_zero_over_the_first_part_of_training(linear, progress, target):
    model, x = make_autoencoder(SPEC, linear, StandardNormal, RateTarget(), seed=0), torch.rand(9, *SPEC.shape)
    loss = loss_of(RateTarget(anneal=0.25), model, x, torch.tensor(progress))
    assert loss.terms["target"].item() == pytest.approx(target)
    gap = abs(loss.terms["kl"].item() - target)
    assert loss.total.item() == pytest.approx(loss.terms["sse"].item() + gap, rel=1e-6)


def test_without_annealing_the_target_stands_from_the_start(linear):
    model, x = make_autoencoder(SPEC, linear, StandardNormal, RateTarget(), seed=0), torch.rand(9, *SPEC.shape)
    assert loss_of(RateTarget(rate=3), model, x).terms["target"] == 3


def test_a_prior_whose_rate_has_to_be_estimated_is_refused(linear):
    with pytest.raises(ValueError, match=r"StandardLogistic.*biased; use the prior 'normal'"):
        RateTarget().check(make_autoencoder(SPEC, linear, StandardLogistic, RateTarget(), seed=0))
    RateTarget().check(make_autoencoder(SPEC, linear, StandardNormal, RateTarget(), seed=0))


@pytest.mark.slow
def test_training_settles_at_the_target_with_the_distortion_of_that_rate(linear):
    """On Gaussian data a linear model of rate R has all active directions at one distortion s2 (reverse water-filling).

    With gamma = 1 the VAE's own rate of 2.08 nats is below the target of 4, that of the autoencoder is infinite: the
    rate settles there, at s2 = 0.1522 for the four largest eigenvalues.
    """
    eigenvalues = torch.tensor([4.0, 2.0, 1.0, 0.2, 0.02, 0.02, 0.02, 0.01, 0.01, 0.01])
    s2 = 0.1522
    assert sum(0.5 * log(e / s2) for e in eigenvalues[:4].tolist()) == pytest.approx(4, abs=1e-3)
    objective, total = RateTarget(rate=4.0), 2000
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    basis = torch.linalg.qr(torch.randn(10, 10)).Q * eigenvalues.sqrt()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, total_steps=total)
    for _ in range(total):
        optimiser.zero_grad()
        loss_of = objective(model, Batch((torch.randn(500, 10) @ basis.T).reshape(-1, *SPEC.shape), START, 500))
        loss_of.total.backward()
        optimiser.step()
        schedule.step()
    x = (torch.randn(200_000, 10) @ basis.T).reshape(-1, *SPEC.shape)
    with torch.no_grad():
        terms = objective(model, Batch(x, START, len(x))).terms
    assert terms["kl"].item() == pytest.approx(4, abs=0.05)
    assert terms["sse"].item() == pytest.approx(4 * s2 + eigenvalues[4:].sum().item(), rel=0.02)

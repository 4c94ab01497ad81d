from itertools import pairwise
from math import log, pi

import pytest
import torch
from torch.distributions import MultivariateNormal

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_builtin.objectives.elbo import SampledELBO
from vimae_builtin.objectives.iwae import ImportanceWeighted
from vimae_builtin.priors.logistic import StandardLogistic

SPEC, D = ModelSpec((1, 2, 5), 4), 10
START = torch.tensor(0.0)


@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
def test_of_one_draw_it_is_the_evidence_lower_bound_with_its_constant(linear, prior):
    c, x = 0.3, torch.rand(9, *SPEC.shape)
    model, losses = make_autoencoder(SPEC, linear, prior, SampledELBO(), seed=0), []
    for objective in (ImportanceWeighted(1, c), SampledELBO(1.0, c)):
        torch.manual_seed(7)
        losses.append(objective(model, Batch(x, START, len(x))).total)
    torch.testing.assert_close(losses[0], losses[1] + D / 2 * log(2 * pi / (2 * c)))


def exact_model(linear, c: float):
    """A linear-Gaussian model whose encoder is its exact posterior, and the covariance [D, D] of its images."""
    s2 = 1 / (2 * c)
    model = make_autoencoder(SPEC, linear, StandardNormal, ImportanceWeighted(), seed=0)
    basis = torch.linalg.qr(torch.randn(D, 4, dtype=torch.float64)).Q
    w = basis * torch.tensor([2.0, 1.5, 1.0, 0.5], dtype=torch.float64)  # orthogonal: a diagonal posterior
    spread = w.square().sum(0) + s2
    with torch.no_grad():
        model.decoder[0].weight.copy_(w)
        model.decoder[0].bias.zero_()
        mean, log_variance = model.encoder.heads
        mean.weight.copy_((w / spread).T)
        mean.bias.zero_()
        log_variance.weight.zero_()
        log_variance.bias.copy_((s2 / spread).log())
    return model, w @ w.T + s2 * torch.eye(D, dtype=torch.float64)


@pytest.mark.parametrize("draws", [1, 7])
@pytest.mark.parametrize("c", [0.5, 2.0])
def test_with_the_exact_posterior_every_draw_gives_the_exact_likelihood(linear, draws, c):
    model, covariance = exact_model(linear, c)
    distribution = MultivariateNormal(torch.zeros(D, dtype=torch.float64), covariance)
    x = distribution.sample((50,))
    loss = ImportanceWeighted(draws, c)(model, Batch(x.float().reshape(-1, *SPEC.shape), START, len(x)))
    assert loss.total.item() == pytest.approx(-distribution.log_prob(x).mean().item(), rel=1e-5)


def test_the_bound_tightens_with_more_draws_towards_the_likelihood(linear):
    """From an encoder that is off: means over 200 repetitions rise by many standard errors, and stay below log p."""
    model, covariance = exact_model(linear, 0.5)
    with torch.no_grad():
        model.encoder.heads[0].bias.add_(0.4)
        model.encoder.heads[1].bias.add_(0.8)
    distribution = MultivariateNormal(torch.zeros(D, dtype=torch.float64), covariance)
    x = distribution.sample((20,))
    batch, bounds = Batch(x.float().reshape(-1, *SPEC.shape), START, len(x)), []
    for draws in (1, 5, 50):
        with torch.no_grad():
            many = torch.stack([ImportanceWeighted(draws, 0.5)(model, batch).terms["bound"] for _ in range(200)])
        bounds.append((many.mean().item(), many.std().item() / 200**0.5))
    truth = distribution.log_prob(x).mean().item()
    for (low, one), (high, other) in pairwise(bounds):
        assert high - low > 4 * (one**2 + other**2) ** 0.5
    assert bounds[-1][0] < truth + 4 * bounds[-1][1]
    assert bounds[-1][0] == pytest.approx(truth, abs=0.1)
    assert bounds[0][0] < truth - 0.5

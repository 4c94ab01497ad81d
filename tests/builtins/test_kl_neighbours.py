from math import log, sqrt

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial import KDTree
from scipy.special import digamma, gammaln
from torch import Tensor

from helpers.divergences import compute_divergence
from vimae_bench.models import Deterministic, Prior, StandardNormal
from vimae_bench.testing import check_divergence
from vimae_builtin.divergences.kl_neighbours import NeighbourKL
from vimae_builtin.priors.laplace import StandardLaplace
from vimae_builtin.priors.logistic import StandardLogistic
from vimae_builtin.priors.uniform import StandardUniform

pytestmark = pytest.mark.medium


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("d", [1, 2, 8])
def test_is_the_estimate_of_kozachenko_and_leonenko(d, k):
    """d E log r_k + log V_d + digamma(n) - digamma(k) is the entropy, with neighbours found by SciPy."""
    z, prior = 2 * torch.randn(80, d, dtype=torch.float64) + 1, StandardLogistic(d)
    radius = KDTree(z.numpy()).query(z.numpy(), k + 1)[0][:, k]
    ball = d / 2 * np.log(np.pi) - gammaln(d / 2 + 1)
    entropy = d * np.log(radius).mean() + ball + digamma(80) - digamma(k)
    found = compute_divergence(NeighbourKL(k), z, prior).item()
    assert found == pytest.approx(-entropy - prior.log_prob(z).mean().item(), rel=1e-6)


def values(draw, prior: Prior, times: int, k: int = 1) -> Tensor:
    return torch.stack([compute_divergence(NeighbourKL(k), draw(), prior) for _ in range(times)])


@pytest.mark.parametrize(("d", "mean", "v"), [(2, 0.0, 1.0), (2, 1.0, 0.25), (8, 0.5, 0.8)])
def test_finds_the_divergence_of_two_gaussians(d, mean, v):
    found = values(lambda: mean + sqrt(v) * torch.randn(2000, d), StandardNormal(d), 5).mean().item()
    assert found == pytest.approx(d / 2 * (v + mean**2 - 1 - log(v)), abs=0.06)


def test_finds_the_divergence_of_the_normal_from_another_prior():
    """KL(N || logistic) = 0.010497 for each dimension, KL(N || Laplace) = 0.0723 nats by quadrature."""
    x = np.linspace(-12, 12, 200_001)
    p, laplace = stats.norm.pdf(x), stats.laplace(scale=1 / sqrt(2))
    exact = float(np.trapezoid(p * (stats.norm.logpdf(x) - laplace.logpdf(x)), x))
    same = [torch.randn(1500, 2) for _ in range(10)]
    draws = {
        prior: torch.stack([compute_divergence(NeighbourKL(), z, prior(2)) for z in same])
        for prior in (StandardNormal, StandardLogistic, StandardLaplace)
    }
    apart = draws[StandardLaplace] - draws[StandardNormal]  # the error of the entropy is common to both
    assert apart.mean().item() == pytest.approx(2 * exact, abs=4 * stats.sem(apart.double().numpy()))
    apart = draws[StandardLogistic] - draws[StandardNormal]
    assert apart.mean().item() == pytest.approx(2 * 0.010497, abs=4 * stats.sem(apart.double().numpy()))


@pytest.mark.parametrize(("d", "bias"), [(2, 0.05), (8, -0.18), (64, -12.7)])
def test_bias_in_batches_of_a_hundred_is_as_documented(d, bias):
    found = values(lambda: torch.randn(100, d), StandardNormal(d), 100, k=3)
    assert found.mean().item() == pytest.approx(bias, abs=0.05 if d < 64 else 0.3)


@pytest.mark.parametrize("d", [2, 8, 64])
def test_over_scales_it_is_least_where_the_mean_square_is_that_of_the_prior(d):
    """value(s z) = value(z) - d log s + (s^2 - 1) E|z|^2 / 2, so the best scale is exact at any n and d."""
    z, prior = torch.randn(60, d, dtype=torch.float64) * 1.7, StandardNormal(d)
    square = z.square().sum(1).mean()
    at = compute_divergence(NeighbourKL(), z, prior)
    for s in (0.3, 2.0):
        expected = at - d * log(s) + (s**2 - 1) * square / 2
        torch.testing.assert_close(compute_divergence(NeighbourKL(), s * z, prior), expected)
    best = (z * (d / square).sqrt()).requires_grad_()
    (slope,) = torch.autograd.grad(compute_divergence(NeighbourKL(), best, prior), best)
    assert (slope * best).sum().item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("d", [2, 8])
def test_codes_that_follow_it_become_normal(d):
    z = (2 + 0.3 * torch.randn(100, d)).requires_grad_()
    optimiser = torch.optim.Adam([z], 0.05)
    for _ in range(300):
        optimiser.zero_grad()
        compute_divergence(NeighbourKL(), z, StandardNormal(d)).backward()
        optimiser.step()
    assert z.mean(0).abs().max().item() < 0.25
    assert torch.cov(z.T).diagonal().tolist() == pytest.approx([1] * d, abs=0.25)


def test_a_lonely_code_is_drawn_back():
    z = torch.cat([torch.randn(20, 2), torch.full((1, 2), 200.0)]).requires_grad_()
    value = compute_divergence(NeighbourKL(), z, StandardNormal(2))
    (slope,) = torch.autograd.grad(value, z)
    assert value.isfinite()
    assert slope.isfinite().all()
    assert (slope[-1] > 0).all()


def test_coinciding_codes_have_a_finite_value_and_gradient():
    z = torch.ones(20, 2, requires_grad=True)
    value = compute_divergence(NeighbourKL(), z, StandardNormal(2))
    value.backward()
    assert value.isfinite()
    assert z.grad.isfinite().all()


def test_gradient_is_that_of_the_estimate():
    z = torch.randn(8, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: compute_divergence(NeighbourKL(), z, StandardNormal(2)), (z,))


def test_refuses_a_prior_with_bounded_support():
    NeighbourKL().check(StandardLaplace(2), Deterministic())
    with pytest.raises(ValueError, match="positive everywhere"):
        NeighbourKL().check(StandardUniform(2), Deterministic())


def test_refuses_fewer_codes_than_neighbours():
    with pytest.raises(ValueError, match="3 codes do not have 3 neighbours each"):
        compute_divergence(NeighbourKL(3), torch.randn(3, 2), StandardNormal(2))


def test_plugin_passes_its_checks():
    check_divergence(NeighbourKL())

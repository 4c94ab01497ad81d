from math import log, sqrt

import numpy as np
import pytest
import scipy.stats
import torch
from scipy import integrate

from vimae_bench.models.priors import Prior
from vimae_bench.testing import check_prior
from vimae_builtin.priors.laplace import StandardLaplace

LAW = scipy.stats.laplace(scale=1 / sqrt(2))


def prior(latent: int) -> Prior:
    return StandardLaplace(latent)


def test_log_density_is_that_of_independent_laplace_distributions():
    z = torch.randn(50, 8, dtype=torch.float64) * 3
    np.testing.assert_allclose(prior(8).log_prob(z).numpy(), LAW.logpdf(z.numpy()).sum(1), rtol=1e-12)


def test_entropy_is_below_the_normals_by_its_divergence_from_the_normal():
    """At matched moments, so KL(Laplace || normal) = h(normal) - h(Laplace)."""
    apart, _ = integrate.quad(lambda z: LAW.pdf(z) * (LAW.logpdf(z) - scipy.stats.norm.logpdf(z)), -30, 30, points=[0])
    assert prior(1).entropy().item() == pytest.approx(1.346574, abs=1e-6)
    assert prior(1).entropy().item() == pytest.approx(LAW.entropy(), abs=1e-6)
    assert 1.418939 - prior(1).entropy().item() == pytest.approx(apart, abs=1e-6)
    assert prior(8).entropy().item() == pytest.approx(8 * 1.346574, abs=1e-5)


def test_draws_are_laplace_of_unit_variance(device):
    z = prior(2).to(device).sample(100_000)
    assert (z.dtype, z.device, z.shape) == (torch.float32, device, (100_000, 2))
    assert z.mean(0).tolist() == pytest.approx([0, 0], abs=0.015)
    assert torch.cov(z.T).flatten().tolist() == pytest.approx([1, 0, 0, 1], abs=0.03)
    assert z.double().pow(4).mean().item() == pytest.approx(6, abs=0.45)  # four standard errors: mean z^8 is 2520
    assert min(scipy.stats.kstest(column.cpu().numpy(), LAW.cdf).pvalue for column in z.T) > 1e-3


def test_the_most_extreme_draws_are_finite_and_symmetric(monkeypatch):
    ends = torch.tensor([[0.0, 1.0, 0.5]], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: ends)
    low, high, middle = prior(3).sample(1)[0].tolist()
    assert low == -high == pytest.approx(-23 * log(2) / sqrt(2), rel=1e-6)
    assert middle == pytest.approx(0, abs=1e-6)


def test_plugin_passes_its_checks():
    check_prior(StandardLaplace)

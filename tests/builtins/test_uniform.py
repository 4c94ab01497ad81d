from math import inf, log, sqrt

import numpy as np
import pytest
import scipy.stats
import torch

from vimae_bench.models.priors import Prior
from vimae_bench.testing import check_prior
from vimae_builtin.priors.uniform import StandardUniform

LAW = scipy.stats.uniform(-sqrt(3), 2 * sqrt(3))


def prior(latent: int) -> Prior:
    return StandardUniform(latent)


def test_log_density_is_that_of_a_cube_and_minus_infinity_outside():
    z = torch.randn(200, 2, dtype=torch.float64) * 1.5
    expected = LAW.logpdf(z.numpy()).sum(1)
    assert np.isneginf(expected).any()
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(prior(2).log_prob(z).numpy(), expected, rtol=1e-12)


def test_one_coordinate_outside_is_outside():
    assert prior(3).log_prob(torch.tensor([[0.0, 1.8, 0.0]])).item() == -inf


def test_log_density_keeps_leading_dimensions():
    assert prior(3).log_prob(torch.zeros(4, 5, 3)).shape == (4, 5)


def test_entropy_is_known_exactly():
    assert prior(1).entropy().item() == pytest.approx(1.242453, abs=1e-6)
    assert prior(8).entropy().item() == pytest.approx(8 * LAW.entropy(), abs=1e-5)
    assert prior(1).entropy().item() == pytest.approx(log(2 * sqrt(3)))


def test_draws_are_uniform_of_unit_variance(device):
    z = prior(2).to(device).sample(100_000)
    assert (z.dtype, z.device, z.shape) == (torch.float32, device, (100_000, 2))
    assert z.mean(0).tolist() == pytest.approx([0, 0], abs=0.015)
    assert torch.cov(z.T).flatten().tolist() == pytest.approx([1, 0, 0, 1], abs=0.015)
    assert z.double().pow(4).mean().item() == pytest.approx(1.8, abs=0.02)
    assert min(scipy.stats.kstest(column.cpu().numpy(), LAW.cdf).pvalue for column in z.T) > 1e-3


def test_no_draw_lies_outside(monkeypatch):
    ends = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: ends)
    z = prior(2).sample(1)
    assert z.abs().max().item() == pytest.approx(sqrt(3), abs=1e-6)
    assert prior(2).log_prob(z).isfinite().all()
    assert prior(2).log_prob(z.double()).isfinite().all()


def test_plugin_passes_its_checks():
    check_prior(StandardUniform)

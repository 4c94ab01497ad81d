from math import e, log, pi

import pytest
import torch
from torch.distributions import Independent, kl_divergence
from torch.distributions import Normal as Gauss

from vimae_bench.models import DiracPosterior, GaussianPosterior, StandardNormal
from vimae_bench.models.priors import Prior


def prior(latent: int) -> Prior:
    return StandardNormal(latent)


def standard(latent: int) -> Independent:
    return Independent(Gauss(torch.zeros(latent), torch.ones(latent)), 1)


def test_log_density_is_that_of_the_standard_normal():
    z = 3 * torch.randn(4, 50, 8)
    torch.testing.assert_close(prior(8).log_prob(z), standard(8).log_prob(z))


def test_kl_is_that_of_two_gaussians():
    m, l = torch.randn(50, 8), torch.randn(50, 8)  # noqa: E741
    q = GaussianPosterior(m, l)
    expected = kl_divergence(Independent(Gauss(m, (l / 2).exp()), 1), standard(8))
    torch.testing.assert_close(prior(8).kl(q, q.rsample()), expected)


def test_kl_uses_the_log_variance_and_not_the_floored_deviation():
    q = GaussianPosterior(torch.zeros(1, 1), torch.full((1, 1), -50.0))
    assert prior(1).kl(q, q.mean).item() == pytest.approx(0.5 * (50 - 1))


def test_kl_is_the_mean_of_the_one_draw_estimate():
    q = GaussianPosterior(torch.tensor([[1.0, -0.5]]), torch.tensor([[-2.0, 0.5]]))
    p = prior(2)
    draws = Prior.kl(p, q, q.rsample((100_000,)).squeeze(1))
    error = draws.std().item() / len(draws) ** 0.5
    assert p.kl(q, q.mean).item() == pytest.approx(draws.mean().item(), abs=4 * error)


def test_kl_of_a_point_is_refused():
    q = DiracPosterior(torch.zeros(3, 2))
    with pytest.raises(TypeError, match="DiracPosterior has no density"):
        prior(2).kl(q, q.mean)


def test_entropy_is_known_exactly():
    assert prior(8).entropy().item() == pytest.approx(8 * 0.5 * log(2 * pi * e))
    assert prior(1).entropy().item() == pytest.approx(1.418939, abs=1e-6)


def test_draws_are_standard_normal(device):
    z = prior(2).to(device).sample(100_000)
    assert (z.dtype, z.device, z.shape) == (torch.float32, device, (100_000, 2))
    assert z.mean(0).tolist() == pytest.approx([0, 0], abs=0.015)
    assert torch.cov(z.T).flatten().tolist() == pytest.approx([1, 0, 0, 1], abs=0.02)
    assert z.pow(4).mean().item() == pytest.approx(3, abs=0.1)

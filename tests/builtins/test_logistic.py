from math import pi, sqrt

import numpy as np
import pytest
import scipy.stats
import torch

from vimae_bench.models import GaussianPosterior, StandardNormal
from vimae_bench.models.posteriors import Deterministic
from vimae_bench.models.priors import Prior
from vimae_builtin.priors.laplace import StandardLaplace
from vimae_builtin.priors.logistic import StandardLogistic
from vimae_builtin.priors.uniform import StandardUniform

SCALE = sqrt(3) / pi


def prior(latent: int) -> Prior:
    return StandardLogistic(latent)


def test_log_density_is_that_of_independent_logistics():
    z = torch.randn(50, 8, dtype=torch.float64) * 3
    expected = scipy.stats.logistic(scale=SCALE).logpdf(z.numpy()).sum(1)
    np.testing.assert_allclose(prior(8).log_prob(z).numpy(), expected, rtol=1e-12)


def test_log_density_is_finite_far_out():
    assert prior(1).log_prob(torch.tensor([[1e6], [-1e6]])).isfinite().all()


def test_entropy_is_below_the_normals_by_its_divergence_from_the_normal():
    z = torch.linspace(-40, 40, 400_001, dtype=torch.float64)[:, None]
    log_p, dz = prior(1).log_prob(z), 80 / 400_000
    p, log_normal = log_p.exp(), torch.distributions.Normal(0, 1).log_prob(z[:, 0])
    assert (p.sum() * dz).item() == pytest.approx(1, abs=1e-9)
    assert prior(1).entropy().item() == pytest.approx((-p * log_p).sum().item() * dz, abs=1e-6)
    assert prior(1).entropy().item() == pytest.approx(1.404576, abs=1e-6)
    assert (p * (log_p - log_normal)).sum().item() * dz == pytest.approx(0.014362, abs=1e-6)
    assert prior(8).entropy().item() == pytest.approx(8 * 1.404576, abs=1e-5)


def test_draws_are_logistic_of_unit_variance(device):
    z = prior(2).to(device).sample(100_000)
    assert (z.dtype, z.device, z.shape) == (torch.float32, device, (100_000, 2))
    assert z.mean(0).tolist() == pytest.approx([0, 0], abs=0.015)
    assert torch.cov(z.T).flatten().tolist() == pytest.approx([1, 0, 0, 1], abs=0.025)
    assert z.pow(4).mean().item() == pytest.approx(4.2, abs=0.25)
    distribution = scipy.stats.logistic(scale=SCALE).cdf
    assert min(scipy.stats.kstest(column.cpu().numpy(), distribution).pvalue for column in z.T) > 1e-3


def test_the_most_extreme_draws_are_finite_and_symmetric(monkeypatch):
    ends = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    monkeypatch.setattr(torch, "rand", lambda *_, **__: ends)
    low, high = prior(2).sample(1)[0].tolist()
    assert low == -high == pytest.approx(-SCALE * 24 * np.log(2), rel=1e-6)


def test_kl_of_a_gaussian_is_estimated_without_bias():
    q = GaussianPosterior(torch.tensor([[0.5]]), torch.tensor([[-1.0]]))
    estimates = prior(1).kl(q, q.rsample((100_000,)).squeeze(1))
    z = torch.linspace(-30, 30, 300_001)[:, None]
    log_q = q.log_prob(z[:, None])[:, 0]
    exact = (log_q.exp() * (log_q - prior(1).log_prob(z))).double().sum().item() * 60 / 300_000
    assert estimates.mean().item() == pytest.approx(exact, abs=4 * estimates.std().item() / 100_000**0.5)


LAWS = {
    "normal": (StandardNormal, scipy.stats.norm()),
    "logistic": (StandardLogistic, scipy.stats.logistic(scale=SCALE)),
    "laplace": (StandardLaplace, scipy.stats.laplace(scale=1 / sqrt(2))),
    "uniform": (StandardUniform, scipy.stats.uniform(-sqrt(3), 2 * sqrt(3))),
}


@pytest.mark.parametrize("name", LAWS)
def test_generated_images_are_decoded_draws_of_the_models_own_prior(linear_evaluation, noise_images, name):
    """A decoder that shows the code itself, so images have the prior's distribution; 20,000 suffice to see it."""
    show = torch.cat([torch.eye(2), torch.zeros(2, 2)])
    heads = [(torch.zeros(2, 4), torch.zeros(2))]
    evaluation = linear_evaluation(
        noise_images(20), Deterministic(), heads, decoder=(show, torch.zeros(4)), prior=LAWS[name][0]
    )
    shown = evaluation.generate(20_000).flatten(1)[:, :2].flatten().numpy()
    fits = {other: scipy.stats.kstest(shown, distribution.cdf).pvalue for other, (_, distribution) in LAWS.items()}
    assert fits.pop(name) > 1e-3
    assert max(fits.values()) < 1e-3

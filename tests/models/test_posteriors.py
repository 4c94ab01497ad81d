from math import exp, log, sqrt

import pytest
import scipy.stats
import torch
from torch import nn
from torch.distributions import Independent, Normal

from vimae_bench.models import (
    Deterministic,
    DiracPosterior,
    FixedGaussian,
    Flow,
    Gaussian,
    GaussianPosterior,
    ImplicitPosterior,
    NoisyInputEncoder,
    NormalizingFlow,
    NormalizingFlowPosterior,
    TruncatedNormal,
)


class Doubling(nn.Module):
    """An encoder of one head that doubles pixels: what comes out tells what went in."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        return (2 * x.flatten(1),)


def test_log_variance_is_clipped_at_fifty():
    q = Gaussian().from_heads(torch.zeros(1, 3), torch.tensor([[-80.0, 0.5, 80.0]]))
    assert q.l.tolist() == [[-50, 0.5, 50]]


def test_deviation_is_that_of_a_log_variance_over_a_floor():
    q = GaussianPosterior(torch.zeros(1, 2), torch.tensor([[-50.0, 1.0]]))
    assert q.std[0].tolist() == pytest.approx([1e-4, sqrt(1e-8 + exp(1))])


def test_gaussian_density_is_that_of_torch():
    q = GaussianPosterior(torch.randn(5, 3), torch.randn(5, 3))
    z = torch.randn(7, 5, 3)
    torch.testing.assert_close(q.log_prob(z), Independent(Normal(q.m, q.std), 1).log_prob(z))


def test_gaussian_draws_have_the_mean_and_deviation():
    q = GaussianPosterior(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 2.0]]))
    z = q.rsample((100_000,))
    assert z.shape == (100_000, 1, 2)
    assert z.mean(0)[0].tolist() == pytest.approx([1, -2], abs=0.04)
    assert z.std(0)[0].tolist() == pytest.approx([1, exp(1)], rel=0.01)


def test_gaussian_draws_are_differentiable_in_both_heads():
    m, l = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)  # noqa: E741
    GaussianPosterior(m, l).rsample((2,)).square().sum().backward()
    assert m.grad.abs().min() > 0
    assert l.grad.abs().min() > 0


def test_a_draw_of_a_point_is_the_point():
    q = Deterministic().from_heads(torch.randn(5, 3))
    assert isinstance(q, DiracPosterior)
    assert torch.equal(q.rsample((4, 2)), q.mean.expand(4, 2, 5, 3))


def test_truncated_noise_has_the_deviation_of_the_code_of_wae():
    noise = TruncatedNormal(0.01).sample_like(torch.empty(1_000_000))
    assert noise.std().item() == pytest.approx(0.008796, rel=5e-3)
    assert noise.mean().item() == pytest.approx(0, abs=4e-5)


def test_truncated_noise_stays_within_its_cut():
    noise = TruncatedNormal(0.01).sample_like(torch.empty(1_000_000))
    assert 0.0199 < noise.abs().max().item() <= torch.tensor(0.02).item()


@pytest.mark.parametrize("cut", [1.0, 2.0])
def test_truncated_noise_follows_its_distribution(cut):
    noise = TruncatedNormal(0.1, cut).sample_like(torch.empty(100_000)).numpy()
    assert scipy.stats.kstest(noise / 0.1, scipy.stats.truncnorm(-cut, cut).cdf).pvalue > 1e-3


@pytest.mark.parametrize("u", [0.0, 1.0 - 2.0**-24])
def test_truncated_noise_is_finite_at_the_ends_of_the_uniform(monkeypatch, u):
    monkeypatch.setattr(torch, "rand_like", lambda x: torch.full_like(x, u))
    noise = TruncatedNormal(0.01, 8.0).sample_like(torch.empty(1))
    assert noise.abs().item() <= torch.tensor(0.08).item()


def test_input_noise_is_on_the_input_and_fresh_for_every_draw():
    x = torch.rand(6, 1, 2, 2)
    q = NoisyInputEncoder(TruncatedNormal(0.01))(Doubling(), x)
    z = q.rsample((3, 2))
    assert isinstance(q, ImplicitPosterior)
    assert z.shape == (3, 2, 6, 4)
    noise = z / 2 - x.flatten(1)
    assert 0 < noise.abs().max() <= 0.02 + 1e-6
    assert len(noise.flatten(0, 1)[:, 0, 0].unique()) == 6


def test_mean_of_a_noisy_code_is_the_code_of_the_clean_image():
    x = torch.rand(6, 1, 2, 2)
    q = NoisyInputEncoder(TruncatedNormal(0.01))(Doubling(), x)
    assert torch.equal(q.mean, 2 * x.flatten(1))


def test_there_is_no_input_noise_at_evaluation():
    codes = torch.randn(5, 3)
    assert torch.equal(NoisyInputEncoder(TruncatedNormal(0.01)).from_heads(codes).rsample(), codes)


@pytest.mark.parametrize("std", [1e-3, 0.1, 3.0])
def test_a_fixed_gaussian_has_its_deviation_in_training_and_at_evaluation(std):
    x, family = torch.rand(5, 1, 1, 3), FixedGaussian(std)
    for q in (family(Doubling(), x), family.from_heads(2 * x.flatten(1))):
        assert torch.equal(q.mean, 2 * x.flatten(1))
        assert q.std.flatten().tolist() == pytest.approx([std] * 15, rel=1e-5)
        z = q.mean + std * torch.randn(7, 5, 3)
        torch.testing.assert_close(q.log_prob(z), Independent(Normal(q.mean, torch.full((5, 3), std)), 1).log_prob(z))


@pytest.mark.parametrize("std", [0.0, 9e-4, float("nan")])
def test_fixed_deviation_below_the_smallest_is_refused(std):
    with pytest.raises(ValueError, match=r"has to be at least 0\.001"):
        FixedGaussian(std)


class Scaling(Flow):
    """y = 3 z + context + weight: a flow whose distribution is known."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5))

    def forward(self, z, context):
        return 3 * z + context + self.weight, torch.full(z.shape[:-1], z.shape[-1] * log(3))

    def inverse(self, y, context):
        return (y - context - self.weight) / 3, torch.full(y.shape[:-1], y.shape[-1] * log(3))


def flowed() -> NormalizingFlowPosterior:
    return NormalizingFlow().bind(Scaling()).from_heads(*(torch.randn(5, 2) for _ in range(3)))


def test_density_of_a_flow_is_that_of_its_samples():
    """A Gaussian scaled by 3 and shifted is a Gaussian that torch knows."""
    q = flowed()
    law = Independent(Normal(3 * q.base.m + q.context + 0.5, 3 * q.base.std), 1)
    z, log_q = q.rsample_with_log_prob((7,))
    torch.testing.assert_close(log_q, law.log_prob(z))
    torch.testing.assert_close(q.log_prob(z), law.log_prob(z))
    torch.testing.assert_close(q.mean, law.mean)
    many = q.rsample((100_000,))
    torch.testing.assert_close(many.mean(0), law.mean, rtol=0, atol=0.15)
    torch.testing.assert_close(many.std(0), law.stddev, rtol=0.02, atol=0)


def test_a_flow_over_heads_of_inference_mode_is_drawn_from_anywhere():
    family = NormalizingFlow().bind(Scaling())
    with torch.inference_mode():
        q = family.from_heads(*(torch.randn(5, 2) for _ in range(3)))
    z = q.rsample((3,))
    assert not any(t.requires_grad for t in (z, q.mean, q.log_prob(z)))


def test_a_flow_is_trained_through_its_draws():
    q = flowed()
    (slope,) = torch.autograd.grad(q.rsample().sum(), q.flow.weight)
    assert slope == 10


def test_a_flowed_posterior_needs_a_flow():
    with pytest.raises(TypeError, match="needs a Flow as the objective's auxiliary module, not Linear"):
        NormalizingFlow().bind(nn.Linear(2, 2))
    with pytest.raises(TypeError, match="call `bind` first"):
        NormalizingFlow().from_heads(*(torch.randn(5, 2) for _ in range(3)))


@pytest.mark.parametrize("family", [Gaussian(), FixedGaussian(0.1), Deterministic()])
def test_a_family_without_parameters_is_bound_to_none(family):
    assert family.bind(nn.Module()) is family

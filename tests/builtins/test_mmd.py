import pytest
import torch
from scipy.signal import fftconvolve

from helpers.divergences import compute_divergence
from vimae_bench.functional import median_bandwidth, mmd2
from vimae_bench.models import StandardNormal
from vimae_bench.models.priors import Prior
from vimae_builtin.divergences.mmd import MMD
from vimae_builtin.priors.logistic import StandardLogistic

SCALES = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def test_is_the_statistic_of_the_codes_against_as_many_draws_of_the_prior():
    z, normal = torch.randn(30, 4), StandardNormal(4)
    divergence = MMD("rbf", 0.5, "biased")
    torch.manual_seed(1)
    value = compute_divergence(divergence, z, normal)
    torch.manual_seed(1)
    assert value == mmd2(z, normal.sample(30), "rbf", 0.5, "biased")


def test_is_neither_clamped_nor_rooted():
    normal = StandardNormal(2)
    values = torch.stack([compute_divergence(MMD(), normal.sample(20), normal) for _ in range(50)])
    assert values.min() < 0


def test_median_kernel_is_set_by_the_codes_and_the_draws():
    z, normal = 2 * torch.randn(30, 4), StandardNormal(4)
    torch.manual_seed(1)
    value = compute_divergence(MMD("rbf_median"), z, normal)
    torch.manual_seed(1)
    p = normal.sample(30)
    assert value == mmd2(z, p, "rbf", median_bandwidth(z, p))


def test_median_kernel_refuses_a_bandwidth():
    with pytest.raises(ValueError, match="sets its bandwidth itself"):
        MMD("rbf_median", 1.0)


W = torch.arange(0, 60, 0.02, dtype=torch.float64)
X = torch.arange(-30, 4, 0.1, dtype=torch.float64)


def density_of_difference(one: Prior, other: Prior) -> torch.Tensor:
    """The density of Z - Z' at `W`, for two one-dimensional distributions."""
    z = torch.arange(-30, 30, 0.02, dtype=torch.float64)
    p, q = (distribution.log_prob(z[:, None]).exp().numpy() for distribution in (one, other))
    return torch.from_numpy(fftconvolve(p, q[::-1])[len(z) - 1 :] * 0.02)


def mean_kernel(density: torch.Tensor, d: int) -> float:
    """E sum_C C/(C + r^2) = sum_C int_0^inf exp(-t) phi(t/C)^d dt, phi(a) = E exp(-a (Z - Z')^2) in one dimension.

    Both integrals by the trapezoidal rule, the outer one in x = log t, where it converges exponentially.
    """
    t, weights = X.exp(), 0.04 * density
    weights[0] /= 2
    phis = (torch.exp(-torch.outer(t / (scale * 2 * d), W**2)) @ weights for scale in SCALES)
    return sum((t * torch.exp(-t) * phi**d).sum().item() * 0.1 for phi in phis)


@pytest.mark.parametrize(
    ("d", "nn", "ll", "nl", "distance"),
    [
        (2, 4.048338, 4.114102, 4.078918, 4.604e-3),
        (8, 3.643502, 3.674631, 3.658532, 1.0685e-3),
        (64, 3.517806, 3.522888, 3.520332, 2.974e-5),
    ],
)
def test_distance_of_the_two_priors_is_the_known_one(d, nn, ll, nl, distance):
    """At d = 64 five leading digits cancel in the distance."""
    normal, logistic = StandardNormal(1), StandardLogistic(1)
    pairs = ((normal, normal), (logistic, logistic), (normal, logistic))
    means = [mean_kernel(density_of_difference(*pair), d) for pair in pairs]
    assert means == pytest.approx([nn, ll, nl], abs=1e-6)
    assert means[0] + means[1] - 2 * means[2] == pytest.approx(distance, rel=5e-4)


@pytest.mark.parametrize(("d", "distance"), [(2, 7.316e-4), (8, 1.829e-6), (64, 5.90e-12)])
def test_gaussian_kernel_of_infovae_hardly_separates_the_two_priors(d, distance):
    """E exp(-r^2/d^2) is the one-dimensional mean to the power of d; eleven digits cancel at d = 64."""
    normal, logistic = StandardNormal(1), StandardLogistic(1)
    weights = 0.04 * torch.exp(-(W**2) / d**2)
    weights[0] /= 2
    pairs = ((normal, normal), (logistic, logistic), (normal, logistic))
    nn, ll, nl = ((density_of_difference(*pair) @ weights).item() ** d for pair in pairs)
    assert nn == pytest.approx((1 + 4 / d**2) ** (-d / 2), abs=1e-9)
    assert nn + ll - 2 * nl == pytest.approx(distance, rel=0.02)


def test_draws_of_the_two_priors_are_at_their_known_distance():
    normal, logistic = StandardNormal(2), StandardLogistic(2)
    values = torch.stack([compute_divergence(MMD(), logistic.sample(2000), normal) for _ in range(10)])
    error = values.std().item() / 10**0.5
    assert values.mean().item() == pytest.approx(4.604e-3, abs=4 * error)
    assert error < 4.604e-3 / 6

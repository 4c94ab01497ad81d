from math import log, pi, sqrt

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from vimae_bench.testing import check_divergence
from vimae_builtin.divergences.kl_mixture import MixtureKL
from vimae_builtin.priors.laplace import StandardLaplace
from vimae_builtin.priors.normal import StandardNormal
from vimae_builtin.priors.uniform import StandardUniform


def test_is_the_mean_over_codes_of_the_mixture_of_the_others():
    z, h = torch.randn(12, 3, dtype=torch.float64), 0.6
    terms = []
    for i in range(12):
        others = torch.cat([z[:i], z[i + 1 :]])
        law = MixtureSameFamily(Categorical(torch.ones(11)), Independent(Normal(others, h), 1))
        terms.append(law.log_prob(z[i]) - StandardLaplace(3).log_prob(z[i]))
    expected = torch.stack(terms).mean()
    torch.testing.assert_close(MixtureKL(h)(z, StandardLaplace(3)), expected, rtol=1e-6, atol=1e-6)


def gaussian_kl(d: int, mean: float, v: float) -> float:
    """KL(N(mean, v I) || N(0, I)) with the mean the same in every dimension."""
    return d / 2 * (v + mean**2 - 1 - log(v))


def smoothed(d: int, mean: float, v: float, h: float) -> float:
    """E log (q * N(0, h^2))(z) - E log p(z) over q = N(mean, v I), p = N(0, I)."""
    u = v + h**2
    return d / 2 * (v + mean**2 - log(u) - v / u)


CASES = [(2, 0.0, 1.0, 0.25), (2, 1.0, 0.5, 0.2), (8, 0.5, 1.0, 0.9)]


@pytest.mark.parametrize(("d", "mean", "v", "h"), CASES)
def test_finds_the_smoothed_divergence_of_two_gaussians(d, mean, v, h):
    z = mean + sqrt(v) * torch.randn(3000, d)
    assert MixtureKL(h)(z, StandardNormal(d)).item() == pytest.approx(smoothed(d, mean, v, h), abs=0.1)


def test_finds_the_divergence_itself_in_two_dimensions():
    z = 1 + sqrt(0.5) * torch.randn(3000, 2)
    assert MixtureKL(0.15)(z, StandardNormal(2)).item() == pytest.approx(gaussian_kl(2, 1.0, 0.5), abs=0.06)


@pytest.mark.parametrize("n", [30, 100, 1000])
@pytest.mark.parametrize(("d", "mean", "v", "h"), CASES)
def test_its_expectation_is_never_above_the_divergence(d, mean, v, h, n):
    for bandwidth in (None, h, 0.5 * h):
        values = [
            MixtureKL(bandwidth)(mean + sqrt(v) * torch.randn(n, d), StandardNormal(d)).item()
            for _ in range(max(5, 1000 // n))
        ]
        error = np.std(values, ddof=1) / len(values) ** 0.5
        assert np.mean(values) < gaussian_kl(d, mean, v) + 3 * error


def test_its_bias_in_batches_of_a_hundred_is_as_told():
    """At q = p: some tenths of a nat at d = 2, whole nats at d = 8."""
    draws = {d: [MixtureKL()(torch.randn(100, d), StandardNormal(d)).item() for _ in range(60)] for d in (2, 8)}
    values = {d: np.mean(drawn) for d, drawn in draws.items()}
    assert -0.5 < values[2] < -0.05
    assert -3 < values[8] < -0.5


def test_the_variance_at_which_it_is_least_is_as_told():
    """v = (1 + sqrt(1 + 4h^2))/2 - h^2 over Gaussians N(0, v I)."""
    h2 = 0.4
    least = (1 + sqrt(1 + 4 * h2)) / 2 - h2
    at = [smoothed(1, 0, least * f, sqrt(h2)) for f in (0.95, 1.0, 1.05)]
    assert at[1] < min(at[0], at[2])
    noise = torch.randn(1200, 1, dtype=torch.float64)
    values = [MixtureKL(sqrt(h2))(noise / noise.std() * sqrt(v), StandardNormal(1)).item() for v in (0.75, least, 1.1)]
    assert values[1] < min(values[0], values[2])


def test_the_bandwidth_is_that_of_the_rule_for_unit_variance():
    z = torch.randn(50, 3)
    assert MixtureKL()(z, StandardNormal(3)) == MixtureKL((4 / (5 * 50)) ** (1 / 7))(z, StandardNormal(3))


def test_a_lonely_code_has_a_finite_value_and_gradient():
    z = torch.cat([torch.randn(20, 2), torch.full((1, 2), 200.0)]).requires_grad_()
    value = MixtureKL()(z, StandardNormal(2))
    value.backward()
    assert value.isfinite()
    assert z.grad.isfinite().all()


def test_coinciding_codes_have_a_finite_value_and_gradient():
    z = torch.ones(20, 2, requires_grad=True)
    value = MixtureKL(0.5)(z, StandardNormal(2))
    value.backward()
    assert value.item() == pytest.approx(-log(2 * pi * 0.25) + 1 + log(2 * pi), abs=1e-5)
    assert z.grad.isfinite().all()


def test_gradient_is_that_of_the_estimate():
    z = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: MixtureKL()(z, StandardNormal(2)), (z,))


def test_refuses_a_prior_whose_density_ends():
    MixtureKL().check(StandardLaplace(2))
    with pytest.raises(ValueError, match="nowhere 0"):
        MixtureKL().check(StandardUniform(2))


def test_it_keeps_its_contract():
    check_divergence(MixtureKL())

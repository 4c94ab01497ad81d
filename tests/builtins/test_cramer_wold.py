from math import pi, sqrt

import numpy as np
import pytest
import torch
from scipy import integrate, special

from helpers.divergences import compute_divergence
from vimae_bench.models import Deterministic, StandardNormal
from vimae_bench.testing import check_divergence
from vimae_builtin.divergences.cramer_wold import CramerWold, phi
from vimae_builtin.priors.laplace import StandardLaplace
from vimae_builtin.priors.logistic import StandardLogistic

pytestmark = pytest.mark.medium


@pytest.mark.parametrize("d", [1, 2, 3, 8, 20, 64])
def test_phi_is_kummers_function(d):
    s = np.concatenate([[0], np.logspace(-3, 6, 200)])
    np.testing.assert_allclose(phi(torch.from_numpy(s), d).numpy(), special.hyp1f1(0.5, d / 2, -s), atol=2.5e-6)


def test_phi_is_bessels_function_in_the_plane():
    s = np.logspace(-3, 3, 100)
    np.testing.assert_allclose(phi(torch.from_numpy(s), 2).numpy(), special.i0e(s / 2), atol=2.5e-6)


def test_phi_is_the_error_function_in_space():
    s = np.logspace(-3, 3, 100)
    exact = sqrt(pi) / 2 * special.erf(np.sqrt(s)) / np.sqrt(s)
    np.testing.assert_allclose(phi(torch.from_numpy(s), 3).numpy(), exact, atol=2.5e-7)


@pytest.mark.parametrize("d", [20, 64])
def test_phi_is_near_the_asymptotic_form_of_the_authors(d):
    s = torch.logspace(-3, 4, 100, dtype=torch.float64)
    torch.testing.assert_close(phi(s, d), (1 + 4 * s / (2 * d - 3)).rsqrt(), atol=0.01, rtol=0)


def along_a_line(t: np.ndarray, g: float) -> float:
    """The squared L2 distance of N(0, 1) and projected codes t [n], both smoothed by N(0, g), by quadrature."""

    def normal(x: np.ndarray, variance: float) -> np.ndarray:
        return np.exp(-(x**2) / (2 * variance)) / np.sqrt(2 * pi * variance)

    x = np.arange(-30, 30, 0.01)
    codes = np.mean([normal(x - at, g) for at in t], 0)
    return float(integrate.trapezoid((codes - normal(x, 1 + g)) ** 2, x))


def test_in_one_dimension_it_is_the_distance_of_smoothed_densities():
    z = 2 * torch.randn(15, 1, dtype=torch.float64) + 1
    expected = along_a_line(z[:, 0].numpy(), 0.3)
    assert compute_divergence(CramerWold(smoothing=0.3), z, StandardNormal(1)).item() == pytest.approx(
        expected, rel=1e-6
    )


@pytest.mark.parametrize("d", [2, 3, 8])
def test_in_more_it_is_the_mean_of_that_over_all_directions(d):
    z, g = 2 * torch.randn(10, d, dtype=torch.float64) + 1, (4 / 30) ** 0.4
    lines = torch.nn.functional.normalize(torch.randn(d, 300, dtype=torch.float64), dim=0)
    values = [along_a_line(t, g) for t in (z @ lines).T.numpy()]
    error = np.std(values) / 300**0.5
    assert compute_divergence(CramerWold(), z, StandardNormal(d)).item() == pytest.approx(
        np.mean(values), abs=4 * error
    )
    assert error < 0.1 * np.mean(values)


@pytest.mark.parametrize("n", [20, 200])
@pytest.mark.parametrize("d", [2, 8, 64])
def test_of_normal_codes_it_has_its_known_mean(d, n):
    """(g^(-1/2) - (1 + g)^(-1/2)) / (2 sqrt(pi) n): only the pairs of a code with itself do not cancel."""
    g = 0.2
    values = torch.stack([compute_divergence(CramerWold(g), torch.randn(n, d), StandardNormal(d)) for _ in range(100)])
    exact = (1 / sqrt(g) - 1 / sqrt(1 + g)) / (2 * sqrt(pi) * n)
    error = values.std().item() / 10
    assert values.min() > 0
    assert values.mean().item() == pytest.approx(exact, abs=4 * error)
    assert error < exact / 8


def test_a_permutation_or_rotation_of_the_codes_changes_nothing():
    z = torch.randn(30, 4, dtype=torch.float64) * torch.tensor([1.0, 2.0, 0.5, 3.0])
    turned = z @ torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64)).Q
    value = compute_divergence(CramerWold(), z, StandardNormal(4))
    torch.testing.assert_close(compute_divergence(CramerWold(), turned[torch.randperm(30)], StandardNormal(4)), value)


def test_logarithm_is_that_of_the_distance():
    z = torch.randn(30, 4) + 1
    plain, logarithm = (compute_divergence(CramerWold(logarithm=log), z, StandardNormal(4)) for log in (False, True))
    torch.testing.assert_close(logarithm, plain.log())


@pytest.mark.parametrize("d", [1, 2, 5])
def test_gradient_is_that_of_the_distance(d):
    z = torch.randn(5, d, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z: compute_divergence(CramerWold(), z, StandardNormal(d)), (z,))


def test_codes_that_follow_it_become_normal():
    z = (2 + 0.2 * torch.randn(100, 2)).requires_grad_()
    optimiser = torch.optim.Adam([z], 0.1)
    for _ in range(250):
        optimiser.zero_grad()
        compute_divergence(CramerWold(logarithm=True), z, StandardNormal(2)).backward()
        optimiser.step()
    assert z.mean(0).tolist() == pytest.approx([0, 0], abs=0.1)
    assert torch.cov(z.T).flatten().tolist() == pytest.approx([1, 0, 0, 1], abs=0.15)


@pytest.mark.parametrize("make", [StandardLogistic, StandardLaplace])
def test_refuses_any_other_prior(make):
    CramerWold().check(StandardNormal(3), Deterministic())
    with pytest.raises(ValueError, match=r"distance from N\(0, I\)"):
        CramerWold().check(make(3), Deterministic())


def test_refuses_a_learned_prior():
    prior = StandardNormal(2)
    prior.shift = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match=r"distance from N\(0, I\)"):
        CramerWold().check(prior, Deterministic())


def test_plugin_passes_its_checks():
    check_divergence(CramerWold())

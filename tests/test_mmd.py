"""The arithmetic of MMD against loops, closed forms and its own sampling theory."""

from math import sqrt

import mpmath
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from vimae_bench import kernel_matrix, mmd, mmd2

SCALES = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def imq(r2: float, d: int, bandwidth: float | None) -> float:
    return sum(c / (c + r2) for c in (t * 2 * d * (bandwidth or 1) ** 2 for t in SCALES))


def rbf(r2: float, d: int, bandwidth: float | None) -> float:
    return float(mpmath.exp(-r2 / (2 * bandwidth**2 if bandwidth else d**2)))


def double_loop(a: Tensor, b: Tensor, k, unbiased: bool) -> float:
    n, m = len(a), len(b)

    def total(x: Tensor, y: Tensor) -> float:
        skip = unbiased and x is y
        pairs = ((i, j) for i in range(len(x)) for j in range(len(y)) if not (skip and i == j))
        return sum(k((x[i] - y[j]).square().sum().item()) for i, j in pairs)

    off = int(unbiased)
    return total(a, a) / (n * (n - off)) + total(b, b) / (m * (m - off)) - 2 * total(a, b) / (n * m)


@pytest.mark.parametrize("statistic", ["unbiased", "biased"])
@pytest.mark.parametrize("bandwidth", [None, 0.7])
@pytest.mark.parametrize(("name", "k"), [("imq", imq), ("rbf", rbf)])
@pytest.mark.parametrize("tile", [256, 3])
def test_equals_the_double_loop_for_samples_of_unequal_size(name, k, bandwidth, statistic, tile, monkeypatch):
    monkeypatch.setattr(mmd, "TILE", tile)
    a, b = torch.randn(7, 3, dtype=torch.float64) + 0.5, torch.randn(5, 3, dtype=torch.float64)
    expected = double_loop(a, b, lambda r2: k(r2, 3, bandwidth), statistic == "unbiased")
    assert mmd2(a, b, name, bandwidth, statistic).item() == pytest.approx(expected, rel=1e-12)


def test_no_matrix_larger_than_a_tile_is_made(monkeypatch):
    sizes, made = [], mmd.squared_distances
    monkeypatch.setattr(mmd, "squared_distances", lambda a, b: sizes.append((len(a), len(b))) or made(a, b))
    mmd2(torch.randn(1000, 2), torch.randn(300, 2))
    assert max(max(size) for size in sizes) <= mmd.TILE


def test_gradient_is_that_of_the_statistic():
    a, b = (torch.randn(n, 2, dtype=torch.float64, requires_grad=True) for n in (4, 3))
    for kernel in ("imq", "rbf"):
        assert torch.autograd.gradcheck(lambda a, b, k=kernel: mmd2(a, b, k), (a, b))


def test_coinciding_points_count_as_coinciding_and_have_a_finite_gradient():
    a = (1000 + torch.randn(1, 8)).repeat(20, 1).requires_grad_()
    kernel_matrix(a, a).sum().backward()
    assert kernel_matrix(a, a).unique().tolist() == [7]
    assert a.grad.isfinite().all()


def mean_kernel_of_two_normals(d: int, name: str, bandwidth: float | None = None) -> float:
    """E k over two draws of N(0, I): the squared distance of two draws is twice a chi-square of d degrees."""

    def integrand(r2: float) -> float:
        b = torch.zeros(1, d, dtype=torch.float64)
        b[0, 0] = sqrt(r2)
        return kernel_matrix(torch.zeros_like(b), b, name, bandwidth).item() * stats.chi2.pdf(r2 / 2, d) / 2

    return integrate.quad(integrand, 0, 16 * d + 200, epsabs=1e-9, limit=200)[0]


@pytest.mark.parametrize(("d", "known"), [(2, 4.048338), (8, 3.643502), (64, 3.517806)])
def test_multiquadrics_have_their_known_mean_under_the_normal(d, known):
    """E C/(C + r^2) = u e^u E_{d/2}(u) with u = C/4, of which plain float64 loses digits at d = 64."""
    with mpmath.workdps(60):
        us = [mpmath.mpf(t) * d / 2 for t in SCALES]
        exact = float(sum(u * mpmath.exp(u) * mpmath.expint(mpmath.mpf(d) / 2, u) for u in us))
    assert exact == pytest.approx(known, abs=1e-6)
    assert mean_kernel_of_two_normals(d, "imq") == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize(("bandwidth", "a"), [(None, lambda d: 1 / d**2), (1.5, lambda _: 1 / (2 * 1.5**2))])
@pytest.mark.parametrize("d", [2, 8, 64])
def test_gaussian_kernel_has_its_known_mean_under_the_normal(d, bandwidth, a):
    assert mean_kernel_of_two_normals(d, "rbf", bandwidth) == pytest.approx((1 + 4 * a(d)) ** (-d / 2), abs=1e-6)


def test_finds_the_known_distance_of_two_gaussians():
    """Closed form for exp(-r^2/(2 l^2)): |I + (S1+S2)/l^2|^(-1/2) exp(-D'(S1+S2+l^2 I)^(-1) D / 2)."""
    m, s, l = torch.tensor([0.5, -0.3]), torch.tensor([0.7, 1.4]), 1.3  # noqa: E741

    def mean_kernel(delta: Tensor, variances: Tensor) -> float:
        wide = variances + l**2
        return ((wide / l**2).prod() ** -0.5 * torch.exp(-0.5 * (delta**2 / wide).sum())).item()

    one = torch.ones(2)
    exact = mean_kernel(0 * m, 2 * one) + mean_kernel(0 * m, 2 * s**2) - 2 * mean_kernel(m, one + s**2)
    values = [mmd2(torch.randn(400, 2), m + s * torch.randn(400, 2), "rbf", l).item() for _ in range(40)]
    assert sum(values) / 40 == pytest.approx(exact, abs=4 * stats.sem(values))
    assert stats.sem(values) < exact / 20


def under_the_null(n: int, d: int, draws: int, statistic: str) -> Tensor:
    return torch.stack([mmd2(torch.randn(n, d), torch.randn(n, d), statistic=statistic) for _ in range(draws)])


def test_unbiased_statistic_has_mean_zero_under_the_null():
    values = under_the_null(10, 2, 2000, "unbiased")
    assert values.mean().abs().item() < 4 * values.std().item() / sqrt(2000)
    assert (values < 0).any()


def test_biased_statistic_is_off_by_its_known_bias():
    """(2 k(0) - E k(q, q) - E k(p, p)) / n."""
    n, values = 10, under_the_null(10, 2, 500, "biased")
    bias = (2 * 7 - 2 * 4.048338) / n
    assert values.mean().item() == pytest.approx(bias, abs=4 * values.std().item() / sqrt(500))


@pytest.mark.parametrize(("d", "known"), [(2, 0.0266), (8, 0.0123)])
def test_spread_under_the_null_is_that_of_the_centred_kernel(d, known):
    """Var MMD^2 = 8 E[kc(z, z')^2] / n^2 for two samples of n each, with the doubly centred kernel kc."""
    z = torch.randn(1500, d, dtype=torch.float64)
    k = kernel_matrix(z, z)
    centred = k - k.mean(0) - k.mean(1, keepdim=True) + k.mean()
    centred.fill_diagonal_(0)
    sd = sqrt(8 * centred.square().sum().item() / (1500 * 1499)) / 100
    assert sd == pytest.approx(known, rel=0.05)
    assert under_the_null(100, d, 600, "unbiased").std().item() == pytest.approx(sd, rel=0.1)


@pytest.mark.parametrize("d", [8, 64])
@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_float32_is_as_good_as_float64(d, kernel):
    a, b = torch.randn(100, d), torch.randn(100, d)
    assert mmd2(a, b, kernel).item() == pytest.approx(mmd2(a.double(), b.double(), kernel).item(), abs=1e-6)


def test_autocast_does_not_touch_it():
    a, b = torch.randn(100, 64), torch.randn(100, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        lowered = mmd2(a, b)
    assert lowered.dtype == torch.float32
    assert lowered == mmd2(a, b)


def test_bfloat16_codes_are_compared_in_float32():
    a, b = torch.randn(100, 8).bfloat16(), torch.randn(100, 8)
    assert mmd2(a, b) == mmd2(a.float(), b)
    assert mmd2(a, b).dtype == torch.float32

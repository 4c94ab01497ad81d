"""The arithmetic of MMD against loops, closed forms and its own sampling theory."""

from math import exp, sqrt

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from vimae_bench.functional import kernel_matrix, median_bandwidth, mmd, mmd2

SCALES = (0.1, 0.2, 0.5, 1, 2, 5, 10)


def imq(r2: float, d: int, bandwidth: float | None) -> float:
    return sum(c / (c + r2) for c in (t * 2 * d * (bandwidth or 1) ** 2 for t in SCALES))


def rbf(r2: float, d: int, bandwidth: float | None) -> float:
    return exp(-r2 / (2 * bandwidth**2 if bandwidth else d**2))


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
def test_equals_the_double_loop_for_samples_of_unequal_size(name, k, bandwidth, statistic, tile):
    a, b = torch.randn(7, 3, dtype=torch.float64) + 0.5, torch.randn(5, 3, dtype=torch.float64)
    expected = double_loop(a, b, lambda r2: k(r2, 3, bandwidth), statistic == "unbiased")
    found = mmd2(a, b, name, bandwidth, statistic, tile_size=tile).item()
    assert found == pytest.approx(expected, rel=1e-12)


def test_no_matrix_larger_than_a_tile_is_made(monkeypatch):
    sizes, made = [], mmd.squared_distances
    monkeypatch.setattr(mmd, "squared_distances", lambda a, b: sizes.append((len(a), len(b))) or made(a, b))
    mmd2(torch.randn(1000, 2), torch.randn(300, 2), tile_size=100)
    assert max(max(size) for size in sizes) == 100


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


def mean_multiquadric(scale: float, d: int) -> float:
    """E C/(C + r^2) = int_0^inf exp(-t) (1 + 4t/C)^(-d/2) dt for two draws of N(0, I), with C = 2 d scale."""
    return integrate.quad(lambda t: exp(-t) * (1 + 2 * t / (d * scale)) ** (-d / 2), 0, np.inf, epsabs=1e-12)[0]


@pytest.mark.parametrize(("d", "known"), [(2, 4.048338), (8, 3.643502), (64, 3.517806)])
def test_multiquadrics_have_their_known_mean_under_the_normal(d, known):
    """That is the sum of u e^u E_{d/2}(u) with u = C/4, a product that loses digits at d = 64 and this does not."""
    exact = sum(mean_multiquadric(scale, d) for scale in SCALES)
    assert exact == pytest.approx(known, abs=1e-6)
    assert mean_kernel_of_two_normals(d, "imq") == pytest.approx(exact, abs=1e-6)


def test_each_scale_has_its_known_mean_under_the_normal():
    known = [0.112863, 0.198144, 0.369790, 0.529252, 0.683766, 0.838787, 0.910899]
    assert [mean_multiquadric(scale, 8) for scale in SCALES] == pytest.approx(known, abs=1e-6)


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


def test_finds_the_known_distance_of_two_gaussians_under_the_multiquadrics():
    """E k = sum_C int_0^inf exp(-t) prod_k (1 + 2t v_k/C)^(-1/2) exp(-t m_k^2/(C + 2t v_k)) dt, v = S1 + S2."""
    m, s, one = np.array([0.5, -0.3, 0.2]), np.array([0.7, 1.4, 1.0]), np.ones(3)

    def mean_kernel(delta: np.ndarray, v: np.ndarray) -> float:
        def integrand(t: float, c: float) -> float:
            wide = 1 + 2 * t * v / c
            return exp(-t - t / c * (delta**2 / wide).sum()) / sqrt(wide.prod())

        return sum(integrate.quad(integrand, 0, np.inf, (t * 6,), epsabs=1e-10)[0] for t in SCALES)

    exact = mean_kernel(0 * m, 2 * one) + mean_kernel(0 * m, 2 * s**2) - 2 * mean_kernel(m, one + s**2)
    mean, std = torch.tensor(m), torch.tensor(s)
    values = [mmd2(torch.randn(400, 3), mean + std * torch.randn(400, 3)).item() for _ in range(40)]
    assert np.mean(values) == pytest.approx(exact, abs=4 * stats.sem(values))
    assert stats.sem(values) < exact / 20


def under_the_null(n: int, d: int, draws: int, statistic: str, kernel: str = "imq") -> Tensor:
    samples = ((torch.randn(n, d), torch.randn(n, d)) for _ in range(draws))
    return torch.stack([mmd2(a, b, kernel, statistic=statistic) for a, b in samples])


@pytest.mark.parametrize(("kernel", "d"), [("imq", 2), ("rbf", 8)])
def test_unbiased_statistic_has_mean_zero_under_the_null(kernel, d):
    values = under_the_null(10, d, 2000, "unbiased", kernel)
    assert values.mean().abs().item() < 4 * values.std().item() / sqrt(2000)
    assert (values < 0).any()


def test_biased_statistic_is_off_by_its_known_bias():
    """(2 k(0) - E k(q, q) - E k(p, p)) / n."""
    n, values = 10, under_the_null(10, 2, 500, "biased")
    bias = (2 * 7 - 2 * 4.048338) / n
    assert values.mean().item() == pytest.approx(bias, abs=4 * values.std().item() / sqrt(500))


@pytest.mark.parametrize(("kernel", "at_zero"), [("imq", 7), ("rbf", 1)])
def test_biased_statistic_is_the_unbiased_one_and_its_bias_on_any_sample(kernel, at_zero):
    n, a, b = 9, torch.randn(9, 3, dtype=torch.float64), 2 * torch.randn(9, 3, dtype=torch.float64)
    within = [(kernel_matrix(x, x, kernel).sum() - n * at_zero) / (n * (n - 1)) for x in (a, b)]
    biased, unbiased = (mmd2(a, b, kernel, statistic=name) for name in ("biased", "unbiased"))
    torch.testing.assert_close(biased - unbiased, (2 * at_zero - sum(within)) / n, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
def test_scale_of_the_statistic_does_not_depend_on_the_size_of_the_samples(kernel):
    """Unlike that of pythae up to 0.0.3, which sums over pairs and divides by n - 1 and n alone."""
    draws = {10: 1500, 100: 120}
    values = {
        n: torch.stack([mmd2(torch.randn(n, 2) + 1, torch.randn(n, 2), kernel) for _ in range(m)])
        for n, m in draws.items()
    }
    (few, many), se = (v.mean().item() for v in values.values()), sqrt(sum(v.var() / len(v) for v in values.values()))
    assert few == pytest.approx(many, abs=4 * se)
    assert se < many / 25


def pytorch_vae(z: np.ndarray, p: np.ndarray) -> float:
    """The penalty of a weight of 1 in github.com/AntixK/PyTorch-VAE (wae_mmd.py, kernel "rbf"), written in NumPy."""
    n, d = z.shape

    def mean_kernel(a: np.ndarray, b: np.ndarray) -> float:
        return np.exp(-((a[:, None] - b[None]) ** 2).mean(-1) / d).mean()

    weight = 1 / (n * (n - 1))
    return weight * mean_kernel(p, p) + weight * mean_kernel(z, z) - 2 * weight * mean_kernel(p, z)


def test_gaussian_kernel_is_not_divided_by_the_pairs_twice():
    """As in PyTorch-VAE, whose means over pairs are divided by n(n-1) once more: 9,900 times too little at n = 100."""
    z, p = torch.randn(100, 8, dtype=torch.float64) + 0.5, torch.randn(100, 8, dtype=torch.float64)
    theirs = pytorch_vae(z.numpy(), p.numpy())
    assert mmd2(z, p, "rbf", statistic="biased").item() == pytest.approx(9900 * theirs, rel=1e-9)


def wae_median(z: np.ndarray, p: np.ndarray) -> float:
    """The penalty of github.com/tolstikhin/wae with its kernel "RBF", written in NumPy."""
    n = len(z)

    def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return ((a[:, None] - b[None]) ** 2).sum(-1)

    def top(r2: np.ndarray) -> float:
        return np.sort(r2.ravel())[::-1][(n * n - n) // 2 - 1]

    s2 = top(distances(z, p)) + top(distances(z, z))
    within = np.exp(-distances(z, z) / 2 / s2) + np.exp(-distances(p, p) / 2 / s2)
    across = np.exp(-distances(z, p) / 2 / s2)
    return (within * (1 - np.eye(n))).sum() / (n * n - n) - across.sum() * 2 / (n * n)


@pytest.mark.parametrize("n", [7, 100])
def test_median_heuristic_is_that_of_wae(n):
    z, p = torch.randn(n, 3, dtype=torch.float64) + 1, torch.randn(n, 3, dtype=torch.float64)
    ours = mmd2(z, p, "rbf", median_bandwidth(z, p)).item()
    assert ours == pytest.approx(wae_median(z.numpy(), p.numpy()), rel=1e-9)


def test_gradients_flow_through_the_median():
    z, p = torch.randn(6, 2, dtype=torch.float64, requires_grad=True), torch.randn(6, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: mmd2(z, p, "rbf", median_bandwidth(z, p)), (z,))
    assert torch.autograd.grad(median_bandwidth(z, p), z)[0].any()


def test_multiquadrics_take_no_bandwidth_with_a_gradient():
    with pytest.raises(TypeError, match="bandwidth of imq is a number"):
        kernel_matrix(torch.randn(3, 2), torch.randn(3, 2), "imq", torch.ones(()))


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

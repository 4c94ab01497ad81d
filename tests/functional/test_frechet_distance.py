"""The Fréchet distance against closed forms, another library, and its own sampling theory."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from torch import tensor
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from vimae_bench.functional import Moments, estimate_frechet_distance, frechet_distance

SPECTRUM = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.05, 0.01])


def draws(n: int, spectrum=SPECTRUM, mean=0.0, seed: int = 0) -> np.ndarray:
    return mean + np.random.default_rng(seed).standard_normal((n, len(spectrum))) * np.sqrt(spectrum)


def gaussian(mean: np.ndarray, covariance: np.ndarray) -> Moments:
    return Moments(1000, mean, np.linalg.cholesky(covariance).T)


def wishart(seed: int, size: int = 6) -> np.ndarray:
    a = np.random.default_rng(seed).standard_normal((size, 2 * size))
    return a @ a.T


def test_of_diagonal_gaussians_it_is_the_distance_of_means_and_of_standard_deviations():
    a, b = SPECTRUM, SPECTRUM[::-1] * 3
    means = np.arange(8.0), np.full(8, 2.0)
    expected = ((means[0] - means[1]) ** 2).sum() + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert frechet_distance(gaussian(means[0], np.diag(a)), gaussian(means[1], np.diag(b))) == pytest.approx(
        expected, rel=1e-13
    )


def test_of_any_gaussians_it_is_the_formula_with_roots_of_matrices():
    s1, s2, m1, m2 = wishart(1), wishart(2), np.ones(6), np.arange(6.0)
    root = sqrtm(s1)
    middle = np.sqrt(np.linalg.eigvalsh(root @ s2 @ root)).sum()
    assert np.trace(sqrtm(root @ s2 @ root)) == pytest.approx(middle, rel=1e-12)
    expected = ((m1 - m2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * middle
    a, b = gaussian(m1, s1), gaussian(m2, s2)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-12)


def test_moments_are_the_mean_and_the_covariance():
    x = draws(50, mean=3.0).astype(np.float32)
    found = Moments.from_features(x)
    assert found.n == 50
    assert found.mean == pytest.approx(x.astype(float).mean(0), abs=1e-14)
    assert found.root.T @ found.root == pytest.approx(np.cov(x, rowvar=False), abs=1e-14)


def test_equals_torch_fidelity_on_features():
    a, b = draws(300), draws(400, SPECTRUM**0.5, mean=0.2, seed=1)
    statistics = [fid_features_to_statistics(tensor(x)) for x in (a, b)]
    expected = fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
    assert frechet_distance(Moments.from_features(a), Moments.from_features(b)) == pytest.approx(expected, rel=1e-11)
    assert estimate_frechet_distance(a, Moments.from_features(b)).value == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("n", [200, 20])
def test_a_sample_is_at_no_distance_from_itself(n):
    """Also where there are fewer images than features, and the covariances have no full rank."""
    x = 1 + draws(n, np.linspace(0.1, 2, 64))
    moments = Moments.from_features(x)
    assert frechet_distance(moments, moments) < 1e-13 * np.sum(moments.root**2)


@pytest.mark.parametrize("n", [200, 20])
def test_scaled_and_shifted_samples_have_a_closed_form_of_any_rank(n):
    """(1 - s)^2 of the trace, and the length of the shift: nothing is lost in directions that a sample leaves out."""
    x = draws(n, np.linspace(0.1, 2, 64))
    real = Moments.from_features(x)
    expected = 0.1**2 * (x.var(0, ddof=1).sum() + (x.mean(0) ** 2).sum())
    assert frechet_distance(real, Moments.from_features(1.1 * x)) == pytest.approx(expected, rel=1e-11)
    assert frechet_distance(real, Moments.from_features(x + 0.5)) == pytest.approx(0.25 * 64, rel=1e-12)
    assert estimate_frechet_distance(1.1 * x, real).value == pytest.approx(expected, rel=1e-11)


def test_distance_of_two_samples_of_one_distribution_is_that_of_theory():
    """2 tr S/n + (1/n) [sum_ij l_i l_j/(l_i + l_j) + sum_i l_i/2] for eigenvalues l, by expansion to second order."""
    n, times = 1000, 300
    found = np.array(
        [
            frechet_distance(
                Moments.from_features(draws(n, seed=2 * i)), Moments.from_features(draws(n, seed=2 * i + 1))
            )
            for i in range(times)
        ]
    )
    pairs = SPECTRUM[:, None] * SPECTRUM / (SPECTRUM[:, None] + SPECTRUM)
    theory = (2 * SPECTRUM.sum() + pairs.sum() + SPECTRUM.sum() / 2) / n
    error = found.std() / times**0.5
    assert error < 0.03 * theory
    assert found.mean() == pytest.approx(theory, abs=3 * error + 0.01 * theory)


@pytest.mark.parametrize(
    ("n", "spectrum", "mean", "of_real", "low", "high"),
    [
        (500, SPECTRUM, 0.5, SPECTRUM, 0.9, 1.1),
        (500, 2 * SPECTRUM, 0.0, SPECTRUM, 0.9, 1.1),
        (500, SPECTRUM, 0.3, SPECTRUM[::-1], 0.9, 1.1),
        (30, np.linspace(2, 0.1, 48), 0.3, np.linspace(0.1, 2, 48), 1.0, 1.3),
    ],
    ids=["means differ", "covariances differ", "both differ", "fewer draws than features"],
)
def test_the_standard_error_is_the_spread_over_draws(n, spectrum, mean, of_real, low, high):
    real = gaussian(np.zeros(len(spectrum)), np.diag(of_real))
    found = [estimate_frechet_distance(draws(n, spectrum, mean, seed), real) for seed in range(400)]
    spread = np.std([e.value for e in found])  # known to 3.5 %
    assert low < np.mean([e.se for e in found]) / spread < high
    assert found[0].n == n


def test_standard_error_is_conservative_for_equal_distributions():
    real = gaussian(np.zeros(8), np.diag(SPECTRUM))
    found = [estimate_frechet_distance(draws(500, seed=seed), real) for seed in range(400)]
    assert 1 < np.mean([e.se for e in found]) / np.std([e.value for e in found]) < 1.6

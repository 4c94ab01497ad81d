"""The closed forms against SciPy, torch's KL, simulation and finite differences; what relates them to 1e-10."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch.distributions import MultivariateNormal, kl_divergence

from helpers.linear_gaussian import fit_probabilistic_pca
from vimae_bench.claims.linear_gaussian import compute_exact_encoder, compute_model_covariance, compute_quantities

EXACT = 1e-10


def covariance(n: int, seed: int) -> np.ndarray:
    root = np.random.default_rng(seed).normal(size=(n, n + 2))
    return root @ root.T / n


def parts(pixels: int, latent: int, seed: int):
    """A random S, W, s2, V, L, far from any optimum."""
    draw = np.random.default_rng([7, seed])
    w, v = draw.normal(size=(pixels, latent)), draw.normal(size=(latent, pixels)) / pixels
    return covariance(pixels, seed), w, float(draw.uniform(0.05, 2)), v, covariance(latent, seed + 100) / 10


CASES = [(6, 2, seed) for seed in range(5)] + [(3, 3, 0), (2, 5, 1), (40, 8, 2), (1, 1, 3)]


@pytest.mark.parametrize("case", CASES)
def test_the_identities_hold(case):
    q = compute_quantities(*parts(*case))
    assert q.rate == pytest.approx(q.i_q + q.k_z, abs=EXACT)
    assert q.nll == pytest.approx(q.entropy_x + q.k_x, abs=EXACT)
    assert q.rec - q.rate == pytest.approx(-q.nll - q.k_post, abs=EXACT)
    assert min(q.k_x, q.k_z, q.k_post, q.i_q, q.model_information) > 0


def test_the_model_of_largest_likelihood_leaves_no_divergence():
    w, s2 = np.random.default_rng(0).normal(size=(6, 2)), 0.3
    ideal = compute_quantities(compute_model_covariance(w, s2), w, s2, *compute_exact_encoder(w, s2))
    assert (ideal.k_x, ideal.k_z, ideal.k_post) == pytest.approx((0, 0, 0), abs=EXACT)
    assert ideal.i_q == pytest.approx(ideal.model_information, abs=EXACT)
    assert ideal.rec - ideal.rate == pytest.approx(-ideal.nll, abs=EXACT)


def test_the_divergences_are_those_of_torch():
    S, W, s2, V, L = parts(6, 2, 1)
    q = compute_quantities(S, W, s2, V, L)

    def normal(cov, mean=None):
        cov = torch.from_numpy(cov)
        return MultivariateNormal(torch.zeros(len(cov), dtype=torch.float64) if mean is None else mean, cov)

    assert q.k_x == pytest.approx(float(kl_divergence(normal(S), normal(compute_model_covariance(W, s2)))), abs=EXACT)
    assert q.k_z == pytest.approx(float(kl_divergence(normal(V @ S @ V.T + L), normal(np.eye(2)))), abs=EXACT)
    assert q.entropy_x == pytest.approx(float(normal(S).entropy()), abs=EXACT)
    # For an expectation over x of a quadratic in x, columns of a root of S scaled by sqrt(D) do instead of draws.
    x = torch.from_numpy(np.linalg.cholesky(S).T * 6**0.5)
    B, P = compute_exact_encoder(W, s2)
    to_prior = kl_divergence(normal(L, x @ torch.from_numpy(V.T)), normal(np.eye(2)))
    to_posterior = kl_divergence(normal(L, x @ torch.from_numpy(V.T)), normal(P, x @ torch.from_numpy(B.T)))
    assert q.rate == pytest.approx(float(to_prior.mean()), abs=EXACT)
    assert q.k_post == pytest.approx(float(to_posterior.mean()), abs=EXACT)


def test_the_likelihood_and_the_reconstruction_are_means_over_draws():
    S, W, s2, V, L = parts(6, 2, 2)
    q, n, draw = compute_quantities(S, W, s2, V, L), 200_000, np.random.default_rng(0)
    x = draw.multivariate_normal(np.zeros(6), S, n)
    z = x @ V.T + draw.multivariate_normal(np.zeros(2), L, n)
    nll = -multivariate_normal(np.zeros(6), compute_model_covariance(W, s2)).logpdf(x)
    rec = -3 * np.log(2 * np.pi * s2) - ((x - z @ W.T) ** 2).sum(1) / (2 * s2)
    assert q.nll == pytest.approx(nll.mean(), abs=4 * nll.std() / n**0.5)
    assert q.rec == pytest.approx(rec.mean(), abs=4 * rec.std() / n**0.5)
    # log p(x, z) - log q(z|x) under q is the ELBO, and I_q the log-ratio of q(z|x) to q(z).
    log_q = multivariate_normal(np.zeros(2), L).logpdf(z - x @ V.T)
    information = log_q - multivariate_normal(np.zeros(2), V @ S @ V.T + L).logpdf(z)
    assert q.i_q == pytest.approx(information.mean(), abs=4 * information.std() / n**0.5)


def test_model_information_is_that_of_its_joint_distribution():
    _, W, s2, _, _ = parts(6, 2, 3)
    C = compute_model_covariance(W, s2)
    joint = np.block([[np.eye(2), W.T], [W, C]])
    expected = 0.5 * (np.linalg.slogdet(C)[1] - np.linalg.slogdet(joint)[1])
    assert compute_quantities(*parts(6, 2, 3)).model_information == pytest.approx(expected, abs=EXACT)


def test_the_exact_encoder_is_the_posterior_by_bayes():
    W, s2 = np.random.default_rng(0).normal(size=(4, 2)), 0.4
    V, L = compute_exact_encoder(W, s2)
    x, z = np.array([0.3, -1.0, 0.5, 2.0]), np.array([0.7, -0.2])
    log_joint = multivariate_normal(W @ z, s2 * np.eye(4)).logpdf(x) + multivariate_normal(np.zeros(2)).logpdf(z)
    log_x = multivariate_normal(np.zeros(4), compute_model_covariance(W, s2)).logpdf(x)
    assert multivariate_normal(V @ x, L).logpdf(z) == pytest.approx(log_joint - log_x, abs=EXACT)


def test_probabilistic_pca_has_the_largest_likelihood():
    S = covariance(6, 4)
    W, s2 = fit_probabilistic_pca(S, 2)

    def nll(w: np.ndarray, s2: float) -> float:
        return compute_quantities(S, w, s2, *compute_exact_encoder(w, s2)).nll

    draw = np.random.default_rng(0)
    best = nll(W, s2)
    for _ in range(50):
        way, push = draw.normal(size=(6, 2)), draw.normal() * 0.1
        assert nll(W + 0.1 * way, s2 * np.exp(push)) > best
        slope = (nll(W + 1e-5 * way, s2 * np.exp(1e-4 * push)) - nll(W - 1e-5 * way, s2 * np.exp(-1e-4 * push))) / 2e-5
        assert abs(slope) < 1e-6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"S": np.eye(5)}, r"S is \(5, 5\); .* \(6, 6\)"),
        ({"V": np.zeros((6, 2))}, r"V is \(6, 2\); .* \(2, 6\)"),
        ({"L": -np.eye(2)}, "L is not a symmetric positive definite matrix"),
        ({"s2": 0.0}, "s2 = 0.0 is not positive"),
    ],
)
def test_arguments_that_do_not_fit_raise_errors(wrong, message):
    given = dict(zip(("S", "W", "s2", "V", "L"), parts(6, 2, 0), strict=True))
    with pytest.raises(ValueError, match=message):
        compute_quantities(**{**given, **wrong})


def test_all_of_it_is_finite_and_in_float64():
    q = compute_quantities(*(np.float32(part) if isinstance(part, np.ndarray) else part for part in parts(6, 2, 0)))
    assert all(isinstance(getattr(q, field.name), float) for field in fields(q))

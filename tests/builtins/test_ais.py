"""Linear-Gaussian models with known likelihood and annealed distributions, and quadrature for one latent."""

from collections.abc import Callable
from math import log

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import chi2, kstest, norm
from torch import Tensor
from torch.distributions import MultivariateNormal

from vimae_bench.claims.linear_gaussian import compute_model_covariance
from vimae_bench.metrics import GaussianDecoder, draw_images
from vimae_bench.models import Deterministic, Prior
from vimae_bench.plugin import Evaluation
from vimae_builtin.metrics import ais
from vimae_builtin.metrics.ais import (
    AIS,
    AnnealingPath,
    anneal,
    bound_from_above,
    bound_from_below,
    log_mean_exp,
    make_schedule,
    make_transition,
    tune_step_sizes,
)

pytestmark = pytest.mark.medium

SHAPE, PIXELS, LATENT = (1, 4, 4), 16, 2
S2 = 0.02
CENTRE = 0.5
W = 0.15 * np.random.default_rng(3).normal(size=(PIXELS, LATENT))


@pytest.fixture
def model(linear_evaluation, noise_images) -> Callable[..., Evaluation]:
    """A linear decoder over random images; the encoder is not used."""

    def make(n: int = 40, prior: object = None, weight: np.ndarray = W) -> Evaluation:
        heads = [(torch.zeros(weight.shape[1], PIXELS), torch.zeros(weight.shape[1]))]
        decoder = (torch.tensor(weight, dtype=torch.float32), torch.full((PIXELS,), CENTRE))
        return linear_evaluation(noise_images(n, SHAPE), Deterministic(), heads, decoder=decoder, prior=prior)

    return make


def path_of(evaluation: Evaluation, count: int, s2: float = S2) -> AnnealingPath:
    x = draw_images(evaluation.splits.test, count, "likelihood", evaluation.dataset)
    # Near the model's mean, so that the prior's draws are not all far from the posterior.
    return AnnealingPath(GaussianDecoder(evaluation.model, s2), evaluation.model.prior, CENTRE + (x - CENTRE) / 2)


def exact_log_p(path: AnnealingPath) -> Tensor:
    distribution = MultivariateNormal(
        torch.full((PIXELS,), CENTRE, dtype=torch.float64),
        torch.from_numpy(compute_model_covariance(W, path.decoder.variance)),
    )
    return distribution.log_prob(path.x.flatten(1).double())


def run_annealing(path: AnnealingPath, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean [B, d] and covariance [d, d] of p(z) p(x|z)^b: the posterior at a variance of s^2 / b."""
    s2 = path.decoder.variance
    inverse = np.linalg.inv(W.T @ W + s2 / b * np.eye(LATENT))
    return (path.x.flatten(1).double().numpy() - CENTRE) @ (inverse @ W.T).T, s2 / b * inverse


def exact_draws(path: AnnealingPath, b: float, n: int) -> Tensor:
    mean, covariance = run_annealing(path, b)
    noise = np.random.default_rng(0).normal(size=(n, *mean.shape)) @ np.linalg.cholesky(covariance).T
    return torch.tensor(mean + noise, dtype=torch.float32)


def test_the_schedule_is_a_stretched_sigmoid():
    b = np.array(make_schedule(100))
    assert (len(b), b[0], b[-1]) == (101, 0.0, 1.0)
    assert (np.diff(b) > 0).all()
    np.testing.assert_allclose(b + b[::-1], 1, atol=1e-12)
    raw = 1 / (1 + np.exp(-np.linspace(-4, 4, 101)))
    np.testing.assert_allclose(b, (raw - raw[0]) / (raw[-1] - raw[0]), atol=1e-12)


@pytest.mark.parametrize("b", [0.1, 1.0])
def test_a_transition_keeps_its_law_however_large_the_steps(model, b):
    path, n = path_of(model(), 2), 4000
    mean, covariance = run_annealing(path, b)
    size = torch.tensor([1.0, 1.35]) * float(np.linalg.eigvalsh(covariance)[0]) ** 0.5
    here = path.evaluate(exact_draws(path, b, n))
    began, rates = here.z, []
    for _ in range(3):
        here, accepted = make_transition(path, here, b, size)
        rates.append(float(accepted.mean()))
    assert 0.3 < np.mean(rates) < 0.97
    assert float((here.z != began).any(-1).float().mean()) > 0.5
    away = here.z.double().numpy() - mean
    squared = np.einsum("mbi,ij,mbj->mb", away, np.linalg.inv(covariance), away)
    for image in range(2):
        assert kstest(squared[:, image], chi2(LATENT).cdf).pvalue > 1e-3
        assert kstest(away[:, image, 0], norm(0, covariance[0, 0] ** 0.5).cdf).pvalue > 1e-3
    # What goes with a point is that of the point, also where the move was refused.
    again = path.evaluate(here.z)
    torch.testing.assert_close(here.slope(b), again.slope(b), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(here.log_prob(b), again.log_prob(b), atol=1e-3, rtol=1e-5)


def test_a_path_that_diverges_is_refused(model):
    path = path_of(model(), 3)
    here = path.evaluate(exact_draws(path, 1.0, 5))
    there, accepted = make_transition(path, here, 1.0, torch.full((3,), 1e12))
    assert torch.equal(there.z, here.z)
    assert float(accepted.max()) == 0


def test_mean_weights_are_unbiased_in_both_directions(model):
    """For any number of steps: forward of p(x), backward from exact draws of the posterior of 1 / p(x)."""
    path, n, schedule = path_of(model(), 3, s2=0.1), 10_000, make_schedule(5)
    sizes = [torch.full((3,), 0.5 - 0.2 * b) for b in schedule]
    truth = exact_log_p(path)
    up = (anneal(path, path.draw_start(n), schedule, sizes) - truth).exp()
    down = (anneal(path, path.evaluate(exact_draws(path, 1.0, n)), schedule[::-1], sizes[::-1]) + truth).exp()
    for weights in (up, down):
        error = weights.std(0) / n**0.5
        assert float(error.max()) < 0.05
        assert bool(((weights.mean(0) - 1).abs() < 4 * error).all())
        assert float(weights.log().std(0).min()) > 0.1  # so that there was something to be averaged


def test_tuned_steps_are_accepted_as_often_as_wanted(model):
    path = path_of(model(), 4)
    schedule = make_schedule(150)
    sizes = tune_step_sizes(path, schedule)
    assert len(sizes) == len(schedule)
    for t in (75, 150):
        here = path.evaluate(exact_draws(path, schedule[t], 300))
        rate = make_transition(path, here, schedule[t], sizes[t])[1].mean(0)
        assert float(rate.mean()) == pytest.approx(0.65, abs=0.15)


def test_the_bounds_meet_at_the_likelihood_with_many_steps_and_lie_apart_with_few(model):
    path = path_of(model(), 6)
    start = exact_draws(path, 1.0, 1)[0]
    truth = exact_log_p(path)
    gaps = []
    for steps in (4, 60):
        lower, sizes = bound_from_below(path, steps, 16)
        upper = bound_from_above(path, start, 16, sizes)
        gaps.append(float((upper - lower).mean()))
        assert float((lower - truth).mean()) < 0.2
        assert float((upper - truth).mean()) > -0.4
    assert gaps[0] > 1 > gaps[1]
    torch.testing.assert_close(lower, truth, atol=0.6, rtol=0)


def test_chains_go_back_by_the_same_steps_at_every_temperature(model, monkeypatch):
    path, used = path_of(model(), 2), []

    def record_transition(path, here, b, size):
        used.append((b, tuple(size.tolist())))
        return make_transition(path, here, b, size)

    monkeypatch.setattr(ais, "make_transition", record_transition)
    _, sizes = bound_from_below(path, 12, 3)
    there = used[13:]  # after the pilots, who see all 13 temperatures
    used.clear()
    bound_from_above(path, exact_draws(path, 1.0, 1)[0], 3, sizes)
    assert len({size for _, size in there}) == len(there) == 11
    assert used == there[::-1]


def test_log_mean_exp_is_that():
    log_w = torch.tensor([[0.0, -1000.0], [log(3.0), -1000.0]], dtype=torch.float64)
    assert log_mean_exp(log_w).tolist() == pytest.approx([log(2.0), -1000.0])


def test_the_metric_on_images_of_one_latent_agrees_with_quadrature_under_a_prior_of_its_own(model):
    class Box(Prior):
        """Uniform on [-2, 2]: flat, and without density beyond."""

        def sample(self, n):
            return 4 * torch.rand(n, self.latent) - 2

        def log_prob(self, z):
            return torch.full_like(z[..., 0], -log(4)).masked_fill((z.abs() > 2).any(-1), -torch.inf)

    weight = 0.5 * W[:, :1]
    evaluation = model(prior=Box, weight=weight)
    found = AIS(images=5, steps=60, chains=12, simulated=5, variance=0.1)(evaluation)
    x = draw_images(evaluation.splits.test, 5, "likelihood", evaluation.dataset).flatten(1).double().numpy() - CENTRE

    def nll(image: np.ndarray) -> float:
        def density(z: float) -> float:
            return np.exp(norm(0, 0.1**0.5).logpdf(image - weight[:, 0] * z).sum())

        return -log(quad(density, -2, 2)[0] / 4)

    assert found["nll_ais"].value == pytest.approx(np.mean([nll(image) for image in x]), abs=0.1)
    assert found["nll_ais"].n == found["bdmc gap"].n == 5
    assert abs(found["bdmc gap"].value) < 0.3


@pytest.mark.slow
def test_the_metric_is_within_a_fifth_of_a_nat_and_its_gap_below_one(linear_evaluation, noise_images):
    shape, latent = (1, 8, 8), 4
    weight = 0.1 * np.random.default_rng(5).normal(size=(64, latent))
    heads = [(torch.zeros(latent, 64), torch.zeros(latent))]
    decoder = (torch.tensor(weight, dtype=torch.float32), torch.full((64,), CENTRE))
    evaluation = linear_evaluation(noise_images(40, shape), Deterministic(), heads, decoder=decoder)
    found = AIS(images=8, steps=500, variance=0.05)(evaluation)
    x = draw_images(evaluation.splits.test, 8, "likelihood", evaluation.dataset).flatten(1).double()
    distribution = MultivariateNormal(
        torch.full((64,), CENTRE, dtype=torch.float64), torch.from_numpy(compute_model_covariance(weight, 0.05))
    )
    assert found["nll_ais"].value == pytest.approx(-float(distribution.log_prob(x).mean()), abs=0.2)
    assert abs(found["bdmc gap"].value) < 1


def test_the_images_are_the_first_of_those_of_the_importance_weights(model):
    evaluation = model()
    few, more = (draw_images(evaluation.splits.test, n, "likelihood", evaluation.dataset) for n in (16, 40))
    assert torch.equal(few, more[:16])
    assert len(more.flatten(1).unique(dim=0)) == 40

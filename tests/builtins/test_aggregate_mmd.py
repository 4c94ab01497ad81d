from dataclasses import dataclass, replace
from math import sqrt
from typing import ClassVar

import numpy as np
import pytest
import torch

from vimae_bench.functional import estimate_mmd2, kernel_matrix, mmd2
from vimae_bench.models import Deterministic, Gaussian, Posterior, PosteriorFamily
from vimae_bench.plugin import ModelSpec
from vimae_builtin.metrics.aggregate_mmd import AggregateMMD, signed_root
from vimae_builtin.priors.logistic import StandardLogistic

pytestmark = pytest.mark.medium

PIXELS = 4
DOUBLY_CENTRED = 0.887  # E[kc(z, z')^2] of the seven-scale kernel over N(0, I) in two dimensions
NORMAL_TO_LOGISTIC = 4.604e-3  # MMD^2 of N(0, I) and the unit-variance logistic one there, by quadrature


def null_sd(n: int) -> float:
    return sqrt(8 * DOUBLY_CENTRED) / n


@dataclass(frozen=True)
class LogisticPosterior(Posterior):
    m: torch.Tensor

    @property
    def mean(self):
        return self.m

    def rsample(self, shape=()):
        return StandardLogistic(self.m.shape[1]).sample(len(self.m))


class LogisticFamily(PosteriorFamily):
    """Draws of the logistic distribution, whatever the image."""

    heads: ClassVar[int] = 1

    def from_heads(self, *heads):
        return LogisticPosterior(heads[0])


def test_draws_of_the_standard_normal_are_within_the_null_law(linear_evaluation, constant_heads, noise_images):
    n = 2000
    evaluation = linear_evaluation(noise_images(n), Gaussian(), constant_heads(PIXELS, [0.0, 0.0], [1.0, 1.0]))
    found = AggregateMMD(replicates=49)(evaluation)
    assert max(map(abs, found["mmd2"].per_draw)) < 4 * null_sd(n)
    assert found["mmd p"].value > 0.01
    assert found["mmd2 prior"] == found["mmd2"]


def test_logistic_draws_are_at_the_known_distance_from_the_normal_and_none_from_their_own_prior(
    linear_evaluation, noise_images
):
    n = 4000
    heads = [(torch.zeros(2, PIXELS), torch.zeros(2))]
    found = AggregateMMD(replicates=19)(
        linear_evaluation(noise_images(n), LogisticFamily(), heads, prior=StandardLogistic)
    )
    assert found["mmd2"].value == pytest.approx(NORMAL_TO_LOGISTIC, abs=4 * found["mmd2"].se)
    assert found["mmd2"].value > 5 * null_sd(n)
    assert found["mmd p"].value == 1 / 20
    assert abs(found["mmd2 prior"].value) < 4 * null_sd(n)
    assert found["mmd"].value == pytest.approx(sqrt(found["mmd2"].value))


def test_it_is_a_mean_over_draws_that_all_runs_share(linear_evaluation, constant_heads, noise_images):
    heads = constant_heads(PIXELS, [0.5, 0.0], [1.0, 1.0])
    one, other = (linear_evaluation(noise_images(200), Gaussian(), heads, seed=seed) for seed in (0, 1))
    found = AggregateMMD(replicates=19)(one)["mmd2"]
    assert found == AggregateMMD(replicates=19)(other)["mmd2"]
    by_hand = [
        float(
            mmd2(
                one.posterior_samples("test", draw),
                one.with_seed(lambda: torch.randn(200, 2), "normal", "mmd", draw=draw),
            )
        )
        for draw in range(5)
    ]
    assert found.per_draw == pytest.approx(by_hand, rel=1e-4)
    assert found.value == pytest.approx(np.mean(by_hand), rel=1e-4)


def test_so_many_images_are_chosen_at_random_and_give_the_distance_of_all_within_the_error(linear_evaluation):
    values = np.sort(np.random.default_rng(0).integers(0, 256, (2000, 1, 1, 1), dtype=np.uint8), axis=0)
    heads = [(torch.full((2, 1), 4.0), torch.full((2,), -2.0))]
    some, every = (
        AggregateMMD(replicates=19, images=count)(linear_evaluation(values, Deterministic(), heads))["mmd2"]
        for count in (500, 2000)
    )
    assert (some.n, every.n) == (500, 2000)
    assert some.se == pytest.approx(2 * every.se, rel=0.3)
    assert some.value == pytest.approx(every.value, abs=4 * some.se)


def test_the_cost_grows_with_the_square_of_the_images():
    spec = ModelSpec((1, 28, 28), 8)
    assert AggregateMMD(images=2000).cost(spec, "cpu") == pytest.approx(4 * AggregateMMD(images=1000).cost(spec, "cpu"))
    assert AggregateMMD().cost(spec, "cuda") < AggregateMMD().cost(spec, "cpu") < 60


@pytest.mark.parametrize(("kernel", "draws"), [("imq", 1), ("rbf", 3)])
def test_its_error_is_that_of_all_pairs_of_pairs(kernel, draws):
    """U^2 less the mean of h(i, j) h(k, l) over four different points, by loops over all of them."""
    n = 20
    a, b = torch.randn(draws, n, 2), torch.randn(draws, n, 2) + 1
    k = [kernel_matrix(torch.cat([x, y]), torch.cat([x, y]), kernel).double() for x, y in zip(a, b, strict=True)]
    h = sum(m[:n, :n] + m[n:, n:] - m[:n, n:] - m[n:, :n] for m in k) / draws
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    apart = [h[i, j] * h[p, q] for i, j in pairs for p, q in pairs if len({i, j, p, q}) == 4]
    mean = sum(h[i, j] for i, j in pairs) / len(pairs)
    expected = float((mean**2 - sum(apart) / len(apart)).sqrt())
    assert estimate_mmd2(a, b, kernel).se == pytest.approx(expected, rel=1e-3)
    assert estimate_mmd2(a[:, 1:], b[:, 1:], kernel).se is None


def test_the_order_of_the_images_does_not_decide_the_standard_error(linear_evaluation):
    values = np.random.default_rng(0).integers(0, 256, (2000, 1, 1, 1), dtype=np.uint8)
    heads = [(torch.full((2, 1), 4.0), torch.full((2,), -2.0))]

    def se(images: np.ndarray) -> float:
        return AggregateMMD(replicates=19)(linear_evaluation(images, Deterministic(), heads))["mmd2"].se

    assert se(np.sort(values, axis=0)) == pytest.approx(se(values), rel=0.6)


def test_p_values_are_uniform_when_q_is_p_and_smallest_when_it_is_far(linear_evaluation, constant_heads, noise_images):
    def p(mean: float, seed: int) -> float:
        heads = constant_heads(PIXELS, [mean, 0.0], [1.0, 1.0])
        evaluation = linear_evaluation(noise_images(60), Gaussian(), heads, seed=seed)
        return AggregateMMD(replicates=19)(replace(evaluation, dataset=f"set {seed}"))["mmd p"].value

    null = [p(0.0, seed) for seed in range(40)]
    assert abs(np.mean(null) - 0.5) < 4 * sqrt(1 / 12 / 40)
    assert 0.05 < np.mean(np.array(null) < 0.25) < 0.5
    assert p(1.5, 0) == 1 / 20


def test_the_null_law_of_500_draws_serves_for_more(linear_evaluation, constant_heads, noise_images):
    """Twice the null standard deviation of 3,000 draws is a rare value there, and would be a common one of 500."""
    heads = constant_heads(PIXELS, [0.13, 0.0], [1.0, 1.0])
    found = AggregateMMD(replicates=39)(linear_evaluation(noise_images(3000), Gaussian(), heads))
    assert found["mmd2"].value > 4 * null_sd(3000)
    assert found["mmd2"].value < 2 * null_sd(500)
    assert found["mmd p"].value < 0.05


def test_a_collapsed_run_may_not_win_by_it():
    ranked = [measure for measure in AggregateMMD().measures() if measure.better]
    assert ranked
    assert not any(not measure.rewards_collapse for measure in ranked)


def test_the_root_keeps_the_sign():
    assert (signed_root(0.04), signed_root(-0.04)) == pytest.approx((0.2, -0.2))

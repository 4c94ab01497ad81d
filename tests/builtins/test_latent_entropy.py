from math import e, log, pi

import numpy as np
import pytest
import torch
from scipy.stats import differential_entropy

from vimae_bench.models import Deterministic, Gaussian
from vimae_bench.plugin import Examples, ModelSpec, Splits
from vimae_bench.testing import check_metric
from vimae_builtin.metrics.latent_entropy import (
    LatentEntropy,
    estimate_gaussian_entropy,
    estimate_marginal_entropy,
    spacing_bias,
    spacing_terms,
)
from vimae_builtin.priors.logistic import StandardLogistic

PIXELS = 4
NORMAL, LOGISTIC = 0.5 * log(2 * pi * e), 2 + log(3**0.5 / pi)


def test_a_gaussian_encoder_has_the_entropies_of_its_draws(linear_evaluation, constant_heads, noise_images):
    std = [0.5, 2.0, 1.0]
    found = LatentEntropy()(
        linear_evaluation(noise_images(4000), Gaussian(), constant_heads(PIXELS, [1.0, 0.0, -3.0], std))
    )
    exact = 3 * NORMAL + sum(map(log, std))
    assert found["latent entropy bound"].value == pytest.approx(exact, abs=4 * found["latent entropy bound"].se)
    marginal = found["latent marginal entropy"]
    assert marginal.value == pytest.approx(exact / 3, abs=4 * marginal.se)
    assert marginal.se < 0.01
    for estimate in found.values():
        assert len(set(estimate.per_draw)) == 5
        assert estimate.value == pytest.approx(np.mean(estimate.per_draw))


@pytest.mark.parametrize(("n", "latent"), [(300, 64), (2000, 8)])
def test_the_bound_is_unbiased_for_correlated_normal_codes(n, latent):
    """Uncorrected, it would be 3.8 and 0.01 nats too small."""
    mix = torch.randn(latent, latent, dtype=torch.float64) / latent**0.5
    exact = latent * NORMAL + float(torch.linalg.slogdet(mix).logabsdet)
    draws = torch.stack([torch.randn(n, latent, dtype=torch.float64) @ mix for _ in range(50)])
    found = torch.tensor(estimate_gaussian_entropy(draws).per_draw)
    assert float(found.mean()) == pytest.approx(exact, abs=4 * float(found.std()) / 50**0.5)
    assert float(found.std()) / 50**0.5 < 0.1


def test_it_bounds_the_entropy_of_codes_that_are_not_normal():
    found = estimate_gaussian_entropy(torch.rand(1, 5000, 3, dtype=torch.float64) * 4).value
    assert found == pytest.approx(3 * (log(4) + 0.5 * log(2 * pi * e / 12)), abs=0.02)
    assert found > 3 * log(4) + 0.5


@pytest.mark.parametrize(("n", "latent", "expected"), [(65, 64, 1.87), (10, 8, 1.12), (2000, 8, 0.0448)])
def test_its_standard_error_near_as_many_latents_as_images_is_the_known_one(n, latent, expected):
    """The root of a quarter of the sum of psi'((n - i)/2), i = 1 to d: of the log determinant of a Wishart matrix."""
    errors = [estimate_gaussian_entropy(torch.randn(1, n, latent, dtype=torch.float64)).se for _ in range(20)]
    assert np.mean(np.square(errors)) ** 0.5 == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("n", "tolerance"), [(1000, 0.006), (10_000, 0.003)])
def test_spacings_give_the_entropies_of_known_laws(n, tolerance):
    """Of many dimensions at once, so that what is left of the error is bias."""
    laws = {
        "normal": (torch.randn(n, 200, dtype=torch.float64), NORMAL),
        "logistic": (StandardLogistic(200).sample(n).double(), LOGISTIC),
        "uniform": (torch.rand(n, 200, dtype=torch.float64), 0.0),
    }
    for name, (z, exact) in laws.items():
        assert float(spacing_terms(z).mean()) == pytest.approx(exact, abs=tolerance), name


def test_spacings_are_those_of_vasicek():
    z = np.random.default_rng(0).standard_normal(216)
    theirs = differential_entropy(z, window_length=6, method="vasicek")
    ours = float(spacing_terms(torch.from_numpy(z)[:, None]).mean()) + spacing_bias(216, 6)
    assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(("n", "m"), [(20, 3), (200, 1)])
def test_the_bias_is_that_of_a_uniform_law(n, m):
    z = np.sort(np.random.default_rng(0).random((20_000, n)), axis=1)
    i = np.arange(n)
    terms = np.log((z[:, np.minimum(i + m, n - 1)] - z[:, np.maximum(i - m, 0)]) * n / (2 * m)).mean(1)
    assert terms.mean() == pytest.approx(spacing_bias(n, m), abs=4 * terms.std() / 20_000**0.5)


def test_values_stay_with_their_points():
    z = torch.randn(500, 2, dtype=torch.float64)
    order = torch.randperm(500)
    torch.testing.assert_close(spacing_terms(z[order]), spacing_terms(z)[order])
    assert spacing_terms(z)[z[:, 0].abs().argmax(), 0] > spacing_terms(z)[z[:, 0].abs().argmin(), 0]


def test_scales_and_shifts_add_their_logarithms(linear_evaluation, noise_images):
    weight = torch.randn(2, PIXELS)

    def measure(factor):
        return LatentEntropy()(
            linear_evaluation(noise_images(500), Deterministic(), [(factor * weight, torch.ones(2))])
        )

    one, other = measure(1.0), measure(1e-4)
    assert other["latent entropy bound"].value == pytest.approx(one["latent entropy bound"].value + 2 * log(1e-4), 1e-4)
    gain = other["latent marginal entropy"].value - one["latent marginal entropy"].value
    assert gain == pytest.approx(log(1e-4), abs=1e-3)


def test_what_is_infinite_is_left_out(linear_evaluation, noise_images):
    still, twice = torch.randn(2, PIXELS), torch.randn(2, PIXELS)
    still[1] = 0
    twice[1] = 2 * twice[0]
    zero = torch.zeros(2)
    assert LatentEntropy()(linear_evaluation(noise_images(500), Deterministic(), [(still, zero)])) == {}
    found = LatentEntropy()(linear_evaluation(noise_images(500), Deterministic(), [(twice, zero)]))
    assert list(found) == ["latent marginal entropy"]


def test_a_dimension_of_repeated_values_has_no_entropy(linear_evaluation):
    """As one in a hundred of a code that is 0 for blank images has."""
    z = torch.randn(5, 1000, 3).double()
    assert estimate_marginal_entropy(z) is not None
    z[:, ::100, 1] = 0
    assert estimate_marginal_entropy(z) is None


def test_fewer_images_than_latents_are_refused(noise_images):
    few = Examples(noise_images(8), None)
    with pytest.raises(ValueError, match="take more than 8"):
        LatentEntropy().check(Splits(few, few, few), ModelSpec((1, 2, 2), 8))
    LatentEntropy().check(Splits(few, few, few), ModelSpec((1, 2, 2), 7))


def test_it_keeps_the_contract():
    check_metric(LatentEntropy())

from math import e, log, pi

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily
from torch.distributions import Normal as TorchNormal

from vimae_bench.models import Deterministic, Gaussian, GaussianPosterior
from vimae_builtin.metrics._shared.atoms import has_atoms
from vimae_builtin.metrics.entropy import Entropy, entropy_terms, mixture_log_prob
from vimae_builtin.metrics.rate import Rate
from vimae_builtin.priors.logistic import StandardLogistic
from vimae_builtin.priors.uniform import StandardUniform

PIXELS = 4


@pytest.mark.parametrize("std", [1.0, 1e-3])
def test_the_mixture_density_agrees_with_torch_distributions(std):
    m = torch.randn(300, 3, dtype=torch.float64)
    q = GaussianPosterior(m, 2 * log(std) + torch.randn(300, 3, dtype=torch.float64))
    z = torch.cat([q.rsample()[:100], m[:50] + 0.01])
    parts = Independent(TorchNormal(q.m, q.std), 1)
    reference = MixtureSameFamily(Categorical(torch.ones(300, dtype=torch.float64)), parts).log_prob(z)
    assert torch.allclose(mixture_log_prob(z, q), reference, rtol=1e-9, atol=1e-8)


def test_one_gaussian_component_has_the_closed_form(linear_evaluation, constant_heads, noise_images):
    std = [0.5, 2.0, 1.0]
    found = Entropy()(linear_evaluation(noise_images(40), Gaussian(), constant_heads(PIXELS, [1.0, 0.0, 0.0], std)))
    entropy = 1.5 * log(2 * pi * e) + sum(map(log, std))
    kl = 0.5 * (1.0 + sum(s**2 - 1 - 2 * log(s) for s in std))
    assert found["entropy"].value == pytest.approx(entropy, abs=4 * found["entropy"].se)
    assert found["entropy gap"].value == pytest.approx(sum(map(log, std)), abs=4 * found["entropy"].se)
    assert found["marginal kl"].value == pytest.approx(kl, abs=4 * found["marginal kl"].se)
    assert found["mutual information"].value == pytest.approx(0.0, abs=1e-9)


def far_apart(n: int) -> np.ndarray:
    return (np.arange(n, dtype=np.uint8) * (255 // n)).reshape(n, 1, 1, 1)


def test_distinguishable_codes_carry_log_n_nats_and_never_more(linear_evaluation):
    for scale, distinguishable in ((1000.0, True), (60.0, False), (5.0, False)):
        heads = [(torch.full((1, 1), scale), torch.zeros(1)), (torch.zeros(1, 1), torch.zeros(1))]
        found = Entropy()(linear_evaluation(far_apart(50), Gaussian(), heads))["mutual information"]
        assert -4 * found.se <= found.value <= log(50) + 1e-9
        assert (found.value == pytest.approx(log(50), abs=1e-6)) is distinguishable


def test_the_rate_is_the_mutual_information_and_the_marginal_kl(linear_evaluation, noise_images):
    heads = [(torch.randn(2, PIXELS), torch.randn(2)), (torch.randn(2, PIXELS) / 4, torch.tensor([-1.0, -3.0]))]
    evaluation = linear_evaluation(noise_images(1000), Gaussian(), heads)
    parts, rate = Entropy(draws=4000)(evaluation), Rate()(evaluation)["rate"]
    both = parts["mutual information"].value + parts["marginal kl"].value
    assert both == pytest.approx(rate.value, abs=4 * (parts["mutual information"].se + parts["marginal kl"].se))
    assert parts["mutual information"].value > 1


@pytest.mark.parametrize("latent", [2, 8])
def test_nearest_neighbours_give_the_entropy_of_a_normal_law(latent):
    z = torch.randn(6000, latent, dtype=torch.float64)
    assert float(entropy_terms(z, 3).mean()) == pytest.approx(latent / 2 * log(2 * pi * e), abs=0.06)


def test_nearest_neighbours_give_the_entropy_of_a_logistic_law():
    z = StandardLogistic(2).sample(6000).double()
    assert float(entropy_terms(z, 3).mean()) == pytest.approx(2 * (2 + log(3**0.5 / pi)), abs=0.06)


def test_a_deterministic_code_is_compared_with_the_models_own_prior(linear_evaluation, noise_images):
    """Uniform codes on a square of side 2: entropy 2 log 2, and E log p by simulation. Two pixels make a fine one."""
    weight = torch.zeros(2, PIXELS)
    weight[0, 0] = weight[1, 1] = 2.0
    weight[0, 2] = weight[1, 3] = 2.0 / 256
    found = Entropy()(
        linear_evaluation(noise_images(8000), Deterministic(), [(weight, -torch.ones(2))], prior=StandardLogistic)
    )
    expected = -2 * log(2) - float(StandardLogistic(2).log_prob(torch.rand(200_000, 2) * 2 - 1).mean())
    assert found["entropy"].value == pytest.approx(2 * log(2), abs=0.06)
    assert found["entropy gap"].value == pytest.approx(2 * log(2) - 2 * (2 + log(3**0.5 / pi)), abs=0.06)
    assert found["marginal kl"].value == pytest.approx(expected, abs=0.06)
    assert "mutual information" not in found


def measure_codes(linear_evaluation, codes, scale=1.0):
    """The measures of a deterministic encoder whose codes are these bytes in two pixels."""
    images = np.zeros((len(codes), 1, 2, 2), dtype=np.uint8)
    images[:, 0, 0] = codes
    weight = torch.zeros(2, PIXELS)
    weight[0, 0] = weight[1, 1] = scale
    return Entropy()(linear_evaluation(images, Deterministic(), [(weight, torch.zeros(2))]))


def list_different_codes(n):
    """Different pairs of bytes."""
    places = np.random.default_rng(0).choice(256**2, n, replace=False)
    return np.stack([places // 256, places % 256], 1)


def test_a_constant_code_has_no_entropy(linear_evaluation):
    assert measure_codes(linear_evaluation, list_different_codes(400), scale=0.0) == {}


def test_repeated_images_leave_a_deterministic_code_without_entropy(linear_evaluation):
    """A blank image in a hundred would move it by 0.4 nats, and by as much as the constant that separates codes."""
    codes = list_different_codes(400)
    assert set(measure_codes(linear_evaluation, codes)) == {"entropy", "entropy gap", "marginal kl"}
    codes[::100] = 0
    assert measure_codes(linear_evaluation, codes) == {}


def test_one_repeated_image_in_a_hundred_is_noticed(linear_evaluation):
    codes = list_different_codes(100)
    codes[50] = codes[7]
    assert measure_codes(linear_evaluation, codes) == {}


def test_a_gaussian_encoder_of_repeated_images_has_an_entropy(linear_evaluation, constant_heads):
    images = np.zeros((50, 1, 2, 2), dtype=np.uint8)
    found = Entropy()(linear_evaluation(images, Gaussian(), constant_heads(PIXELS, [0.0], [1.0])))
    assert found["entropy"].value == pytest.approx(0.5 * log(2 * pi * e), abs=4 * found["entropy"].se)


@pytest.mark.parametrize("n", [100, 10_000])
def test_rounding_makes_no_atoms_of_codes_of_one_dimension(n):
    """Of 10,000 normal codes in float32, two are equal in two of three samples."""
    pairs = 0
    for _ in range(20):
        z = torch.randn(n, 1)
        pairs += n - len(z.unique())
        assert not has_atoms(z)
    assert (pairs > 0) == (n == 10_000)
    z[: n // 20] = 0.5
    assert has_atoms(z)


def test_the_sets_of_draws_are_the_same_for_all_runs(linear_evaluation, constant_heads, noise_images):
    heads = constant_heads(PIXELS, [1.0, 0.0], [0.5, 2.0])
    one, other = (
        Entropy()(linear_evaluation(noise_images(40), Gaussian(), heads, seed=seed))["marginal kl"] for seed in (0, 1)
    )
    assert one == other
    assert len(one.per_draw) == 5
    assert one.value == pytest.approx(np.mean(one.per_draw))
    assert np.std(one.per_draw, ddof=1) / 5**0.5 == pytest.approx(one.se, rel=0.8)


def test_above_eight_latents_nearest_neighbours_are_not_asked(linear_evaluation, noise_images):
    heads = [(torch.randn(9, PIXELS), torch.zeros(9))]
    assert Entropy()(linear_evaluation(noise_images(100), Deterministic(), heads)) == {}


def test_codes_outside_the_prior_have_an_entropy_and_no_divergence(linear_evaluation, noise_images):
    head = [(3 * torch.eye(PIXELS)[:2], torch.zeros(2))]
    evaluation = linear_evaluation(noise_images(200), Deterministic(), head, prior=StandardUniform)
    assert set(Entropy()(evaluation)) == {"entropy", "entropy gap"}

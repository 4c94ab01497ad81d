import numpy as np
import pytest
import torch

from vimae_bench.models import Deterministic, Gaussian
from vimae_builtin.metrics.moments import LatentMoments

PIXELS = 4


def test_normal_draws_have_their_moments_and_the_textbook_errors(linear_evaluation, constant_heads, noise_images):
    n = 10_000
    heads = constant_heads(PIXELS, [0.5, -1.5], [2.0, 2.0])
    found = LatentMoments()(linear_evaluation(noise_images(n), Gaussian(), heads))
    for name, value, se in (
        ("latent abs mean", 1.0, 2 / (5 * 2 * n) ** 0.5),
        ("latent variance", 4.0, 4 * (2 / (5 * 2 * n)) ** 0.5),
        ("latent kurtosis", 0.0, (24 / (5 * 2 * n)) ** 0.5),
    ):
        assert found[name].value == pytest.approx(value, abs=4 * se), name
        assert found[name].se is None if name == "latent abs mean" else found[name].se == pytest.approx(se, rel=0.15)


def test_a_uniform_code_has_light_tails(linear_evaluation, noise_images):
    weight = torch.zeros(1, PIXELS)
    weight[0, 0] = 1
    found = LatentMoments()(linear_evaluation(noise_images(20_000), Deterministic(), [(weight, torch.zeros(1))]))
    assert found["latent variance"].value == pytest.approx(1 / 12, rel=0.03)
    assert found["latent kurtosis"].value == pytest.approx(-1.2, abs=4 * found["latent kurtosis"].se)
    assert found["latent kurtosis"].se < 0.02


def test_a_code_that_never_moves_has_no_kurtosis(linear_evaluation, noise_images):
    found = LatentMoments()(
        linear_evaluation(noise_images(50), Deterministic(), [(torch.zeros(2, PIXELS), torch.ones(2))])
    )
    assert found["latent variance"].value == 0
    assert "latent kurtosis" not in found
    assert all(np.isfinite(estimate.value) for estimate in found.values())

import numpy as np
import pytest
import torch

from vimae_bench.models import Deterministic, Gaussian
from vimae_builtin.metrics.reconstruction import Reconstruction

SHAPE = (1, 3, 4)
PIXELS = 12


def unit(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images / 255.0).flatten(1)


def nothing(latent: int = 2) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(torch.zeros(latent, PIXELS), torch.zeros(latent))]


def test_a_decoder_that_always_gives_the_mean_image_has_the_total_variance_as_sse(linear_evaluation, noise_images):
    images = noise_images(1500, SHAPE)
    decoder = (torch.zeros(PIXELS, 2), unit(images).mean(0))
    found = Reconstruction()(linear_evaluation(images, Deterministic(), nothing(), decoder))
    assert found["sse"].value == pytest.approx(float(unit(images).var(0, correction=0).sum()), rel=1e-5)
    assert found["sse"].n == 1500
    assert found["explained variance"].value == pytest.approx(0, abs=1e-6)


def test_a_linear_autoencoder_on_the_principal_axes_leaves_the_tail_of_the_spectrum(linear_evaluation, noise_images):
    images = noise_images(1200, SHAPE)
    x = unit(images)
    values, axes = torch.linalg.eigh(torch.cov(x.T, correction=0))
    kept = axes[:, -5:].float()
    mean = x.mean(0).float()
    evaluation = linear_evaluation(images, Deterministic(), [(kept.T, -kept.T @ mean)], (kept, mean))
    found = Reconstruction()(evaluation)
    assert found["sse"].value == pytest.approx(float(values[:-5].sum()), rel=1e-4)
    assert found["explained variance"].value == pytest.approx(float(values[-5:].sum() / values.sum()), rel=1e-4)


def test_the_error_of_explained_variance_is_that_of_the_jackknife(linear_evaluation, noise_images):
    """Of a decoder of half the pixels at half their contrast, so that both means of the ratio count."""
    images = noise_images(400, SHAPE)
    images[::2] //= 4  # images of unlike contrast: their errors go with their distances from the mean
    x = unit(images).double().numpy()
    axes = torch.eye(PIXELS)[: PIXELS // 2]
    heads, decoder = [(axes, torch.zeros(len(axes)))], (0.5 * axes.T, torch.zeros(PIXELS))
    evaluation = linear_evaluation(images, Deterministic(), heads, decoder)
    found = Reconstruction()(evaluation)["explained variance"]
    output = np.zeros_like(x)
    output[:, : len(axes)] = 0.5 * x[:, : len(axes)]
    errors = ((x - output) ** 2).sum(1)

    def explain(kept):
        return 1 - errors[kept].mean() / ((x[kept] - x[kept].mean(0)) ** 2).sum(1).mean()

    n = len(x)
    left_out = np.array([explain(np.arange(n) != i) for i in range(n)])
    assert found.value == pytest.approx(explain(np.arange(n)), rel=1e-4)
    assert found.se == pytest.approx(np.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()), rel=0.05)


def test_an_equal_error_in_every_pixel_gives_all_measures_in_closed_form(linear_evaluation):
    images = np.full((10, *SHAPE), 51, dtype=np.uint8)  # 0.2
    found = Reconstruction()(
        linear_evaluation(images, Deterministic(), nothing(), (torch.zeros(PIXELS, 2), torch.full((PIXELS,), 0.3)))
    )
    assert found["mse"].value == pytest.approx(0.01, rel=1e-5)
    assert found["sse"].value == pytest.approx(0.01 * PIXELS, rel=1e-5)
    assert found["l2"].value == pytest.approx(0.1 * PIXELS**0.5, rel=1e-5)
    assert found["psnr"].value == pytest.approx(20.0, abs=1e-4)
    assert found["sse"].se == pytest.approx(0.0, abs=1e-9)
    assert "explained variance" not in found, "all images are equal"


def test_psnr_is_the_mean_over_images_and_100_db_for_a_perfect_one(linear_evaluation):
    images = np.stack([np.full(SHAPE, level, dtype=np.uint8) for level in (0, 51)])
    found = Reconstruction()(
        linear_evaluation(images, Deterministic(), nothing(), (torch.zeros(PIXELS, 2), torch.zeros(PIXELS)))
    )
    assert found["psnr"].value == pytest.approx((100.0 - 20 * np.log10(0.2)) / 2, abs=1e-3)


def test_errors_are_in_unit_pixels_whatever_the_network_sees(linear_evaluation, noise_images):
    images = noise_images(100, SHAPE)
    unit_decoder = (torch.zeros(PIXELS, 2), torch.full((PIXELS,), 0.25))
    sym_decoder = (torch.zeros(PIXELS, 2), torch.full((PIXELS,), -0.5))
    ours = Reconstruction()(linear_evaluation(images, Deterministic(), nothing(), unit_decoder))
    theirs = Reconstruction()(linear_evaluation(images, Deterministic(), nothing(), sym_decoder, pixel_range="sym"))
    assert theirs["sse"].value == pytest.approx(ours["sse"].value, rel=1e-5)


def test_a_draw_costs_the_variance_that_the_decoder_makes_of_the_posteriors(
    linear_evaluation, constant_heads, noise_images
):
    weight = torch.randn(PIXELS, 2)
    std = torch.tensor([0.5, 2.0])
    evaluation = linear_evaluation(
        noise_images(4000, SHAPE),
        Gaussian(),
        constant_heads(PIXELS, [0.0, 0.0], [0.5, 2.0]),
        (weight, torch.zeros(PIXELS)),
    )
    found = Reconstruction()(evaluation)
    more = float((weight * std).square().sum())
    sampled, mean = found["sse sampled"], found["sse"]
    assert sampled.value - mean.value == pytest.approx(more, abs=4 * (sampled.se + mean.se))
    assert more > 20 * (sampled.se + mean.se)


def test_standard_errors_shrink_with_the_root_of_the_images(linear_evaluation, noise_images):
    def se(n: int) -> float:
        return Reconstruction()(linear_evaluation(noise_images(n, SHAPE), Deterministic(), nothing()))["sse"].se

    assert se(400) / se(3600) == pytest.approx(3.0, rel=0.1)


def test_a_deterministic_encoder_has_no_sampled_error(linear_evaluation, noise_images):
    assert "sse sampled" not in Reconstruction()(linear_evaluation(noise_images(10, SHAPE), Deterministic(), nothing()))

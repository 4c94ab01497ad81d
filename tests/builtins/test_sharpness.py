import numpy as np
import pytest
import torch
from scipy.ndimage import convolve, gaussian_filter

from vimae_bench.models import Deterministic
from vimae_bench.plugin import Examples, ModelSpec, Splits
from vimae_bench.testing import check_metric
from vimae_builtin.metrics.sharpness import Sharpness, compute_sharpness

SHAPE = (1, 4, 5)
PIXELS = 20


def test_it_is_the_laplacian_of_scipy_inside_the_image():
    x = np.random.default_rng(0).random((6, 1, 9, 7))
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    expected = [convolve(image[0], kernel)[1:-1, 1:-1].var() for image in x]
    assert compute_sharpness(torch.from_numpy(x)).numpy() == pytest.approx(expected, rel=1e-12)


def test_colours_are_weighed_as_the_eye_does():
    grey = torch.rand(3, 1, 8, 8, dtype=torch.float64)
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        x = torch.zeros(3, 3, 8, 8, dtype=torch.float64)
        x[:, channel] = grey[:, 0]
        torch.testing.assert_close(compute_sharpness(x), weight**2 * compute_sharpness(grey))
    torch.testing.assert_close(compute_sharpness(grey.expand(-1, 3, -1, -1)), compute_sharpness(grey))


def test_independent_pixels_have_twenty_times_their_variance():
    """16 + 4 * 1 for the Laplacian of noise; a slope has none, and blur takes it away."""
    x = 0.1 * torch.randn(50, 1, 64, 64, dtype=torch.float64)
    assert float(compute_sharpness(x).mean()) == pytest.approx(20 * 0.01, rel=0.02)
    slope = torch.linspace(0, 1, 8, dtype=torch.float64).expand(1, 1, 8, 8)
    assert float(compute_sharpness(slope)) == pytest.approx(0, abs=1e-20)
    blurred = torch.from_numpy(gaussian_filter(x.numpy(), (0, 0, 1, 1)))
    assert float(compute_sharpness(blurred).mean()) < 0.01 * float(compute_sharpness(x).mean())


def decoder(scale: float, pixel_range: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images whose k-th pixel is the k-th latent, in [0, 1] units whatever the network's."""
    weight = scale * torch.eye(PIXELS)
    return (weight, torch.full((PIXELS,), 0.5)) if pixel_range == "unit" else (2 * weight, torch.zeros(PIXELS))


@pytest.mark.parametrize("pixel_range", ["unit", "sym"])
def test_images_are_drawn_from_the_source_and_measured_in_unit_pixels(linear_evaluation, noise_images, pixel_range):
    """Pixels are latents: normal of variance 1 from the prior, with that of uniform ones from a fitted Gaussian."""
    half = 0.5 if pixel_range == "sym" else 1.0  # undoes 2x - 1, up to a shift
    head = (half * torch.eye(PIXELS), torch.zeros(PIXELS))
    evaluation = linear_evaluation(
        noise_images(4000, SHAPE), Deterministic(), [head], decoder(0.1, pixel_range), pixel_range=pixel_range
    )
    found = Sharpness(sources=("prior", "gaussian"))(evaluation)
    share = 5 / 6  # of six values about their own mean, the neighbours' correlation aside
    for name, variance in (("sharpness", 0.01), ("sharpness gaussian", 0.01 / 12)):
        assert found[name].value / variance == pytest.approx(found["sharpness"].value / 0.01, rel=0.1), name
    assert 20 * 0.01 * share < found["sharpness"].value < 20 * 0.01 * 1.3
    assert found["sharpness"].n == 5 * 1000
    sets = [float(compute_sharpness(evaluation.generate(1000, "prior", draw)).mean()) for draw in range(5)]
    assert found["sharpness"].per_draw == pytest.approx(sets)
    assert found["sharpness"].value == pytest.approx(np.mean(sets))


def test_the_reference_is_of_test_images_of_all_classes(noise_images):
    sharp = noise_images(400, (1, 8, 8))
    flat = np.full((400, 1, 8, 8), 7, dtype=np.uint8)
    test = Examples(np.concatenate([sharp, flat]), None)
    metric = Sharpness(sources=("prior", "chain"), images=200)
    rows = metric.references(Splits(test, test, test), ModelSpec((1, 8, 8), 2), "invented")
    assert list(rows) == ["test images"]
    assert set(rows["test images"]) == {m.name for m in metric.measures()} == {"sharpness", "sharpness chain"}
    real = rows["test images"]["sharpness"]
    all_sharp = float(compute_sharpness(torch.from_numpy(sharp) / 255).mean())
    assert real.value == pytest.approx(all_sharp / 2, abs=4 * real.se)
    assert real.n == 200


def test_images_too_small_for_it_are_refused(noise_images):
    few = Examples(noise_images(8), None)
    with pytest.raises(ValueError, match="2x2"):
        Sharpness().check(Splits(few, few, few), ModelSpec((1, 2, 2), 2))
    Sharpness().check(Splits(few, few, few), ModelSpec((1, 4, 4), 2))


def test_it_keeps_the_contract():
    check_metric(Sharpness(sources=("prior", "gaussian", "mixture", "chain"), images=50))

"""A model for images of one's own: what it computes is what its networks do, and what does not fit is refused."""

import numpy as np
import pytest
import torch

from helpers.step_factories import make_step
from vimae_bench.execution import PluginSpec
from vimae_bench.models.image_model import ImageModel
from vimae_bench.plugin import BenchError, ModelSpec

RANDOM = np.random.default_rng(0)


def make_model(pixel_range="unit", shape=(1, 8, 8), objective="elbo"):
    step = make_step(PluginSpec(objective), spec=ModelSpec(shape, 3, pixel_range))
    return ImageModel(step.model.eval(), "VAE")


@pytest.mark.parametrize("pixel_range", ["unit", "sym"])
def test_it_does_what_the_networks_do_in_their_units(pixel_range):
    model = make_model(pixel_range)
    x = RANDOM.random((1203, 1, 8, 8)).astype(np.float32)
    seen = torch.from_numpy(x if pixel_range == "unit" else 2 * x - 1)
    with torch.no_grad():
        codes = model.model.encode(seen).mean
        images = model.model.decode(codes)
    images = images if pixel_range == "unit" else (images + 1) / 2
    np.testing.assert_allclose(model.encode(x), codes.numpy(), atol=1e-6)
    np.testing.assert_allclose(model.decode(codes), images.numpy(), atol=1e-6)
    np.testing.assert_allclose(model.reconstruct(x), images.numpy(), atol=1e-6)
    assert 0 <= model.decode(codes).min() <= model.decode(codes).max() <= 1


def test_bytes_are_the_same_images_and_come_back_as_bytes():
    model, pixels = make_model(), RANDOM.integers(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    floats = pixels / 255
    np.testing.assert_allclose(model.encode(pixels), model.encode(floats), atol=1e-5)
    given = model.reconstruct(pixels)
    assert given.dtype == np.uint8
    assert np.abs(given / 255 - model.reconstruct(floats)).max() <= 0.5 / 255 + 1e-5


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy, lambda x: x[:, 0], lambda x: x.astype(np.float16)])
def test_arrays_tensors_and_grey_images_without_channels_are_taken(convert):
    model, x = make_model(), RANDOM.random((5, 1, 8, 8))
    np.testing.assert_allclose(model.encode(convert(x)), model.encode(x), atol=2e-3)


@pytest.mark.parametrize(
    ("images", "what"),
    [
        (np.zeros((5, 8, 8, 3)), r"shape \[5, 8, 8, 3\]; VAE takes \[N, 3, 8, 8\] \(channels come first: .*transpose"),
        (np.zeros((5, 3, 9, 8)), r"shape \[5, 3, 9, 8\]; VAE takes \[N, 3, 8, 8\]$"),
        (np.zeros((0, 3, 8, 8)), r"shape \[0, 3, 8, 8\]"),
        (np.zeros((3, 8, 8)), r"shape \[3, 8, 8\]"),
        (np.zeros((5, 3, 8, 8), dtype=np.int64), r"int64; give bytes \(uint8\), or floats in \[0, 1\]"),
        (np.full((5, 3, 8, 8), 255.0), "values from 255 to 255; floats are in"),
        (np.full((5, 3, 8, 8), -1.0), "values from -1 to -1"),
        (np.full((5, 3, 8, 8), np.nan), "values from nan to nan"),
    ],
)
def test_other_images_are_refused_with_what_would_fit(images, what):
    with pytest.raises(BenchError, match=what):
        make_model(shape=(3, 8, 8)).encode(images)


@pytest.mark.parametrize("codes", [np.zeros((5, 4)), np.zeros(3)])
def test_codes_of_another_size_are_refused(codes):
    with pytest.raises(BenchError, match=r"VAE takes \[N, 3\]"):
        make_model().decode(codes)


def test_samples_follow_from_the_seed_and_leave_the_generators_as_they_were():
    model, before = make_model(), torch.get_rng_state()
    first = model.sample(7, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.shape == (7, 1, 8, 8)
    assert np.array_equal(first, model.sample(7, seed=3))
    assert not np.array_equal(first, model.sample(7, seed=4))

import numpy as np
import pytest
import torch

from vimae_bench.data import Corruption, apply_corruption
from vimae_bench.data.pixels import to_network
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Evaluation, Examples, ModelSpec, Splits
from vimae_builtin.objectives.ae import PlainAutoencoder

IMAGES = np.random.default_rng(0).integers(1, 256, (1500, 3, 5, 6), dtype=np.uint8)
CLEAN = torch.from_numpy(IMAGES).float() / 255


def corrupt_images(name: str, *stream: int | str, images: np.ndarray = IMAGES) -> torch.Tensor:
    return torch.cat(list(apply_corruption(images, name, *stream)))


def test_clean_images_are_the_images_in_unit_pixels():
    assert torch.equal(corrupt_images("clean"), CLEAN)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_mask_turns_its_share_of_entries_black_and_leaves_the_others(share):
    x = corrupt_images(f"mask_{share}", "mnist", "test", 0)
    black = x == 0
    assert float(black.float().mean()) == pytest.approx(share, abs=4 * (share * (1 - share) / x.numel()) ** 0.5)
    assert torch.equal(x[~black], CLEAN[~black])


def test_a_pixel_mask_throws_one_coin_for_all_channels():
    whole, single = ((corrupt_images(name, 0) == 0) for name in ("mask_pixel_0.3", "mask_0.3"))
    assert torch.equal(whole.any(1), whole.all(1))
    assert float(whole.float().mean()) == pytest.approx(0.3, abs=0.01)
    assert not torch.equal(single.any(1), single.all(1))


@pytest.mark.parametrize("level", [0.2, 0.4])
def test_gaussian_noise_has_its_level_in_unit_pixels_and_is_not_clipped(level):
    noise = corrupt_images(f"gauss_{level}", 0) - CLEAN
    assert float(noise.std()) == pytest.approx(level, rel=0.02)
    assert float(noise.mean()) == pytest.approx(0.0, abs=4 * level / noise.numel() ** 0.5)
    assert float((CLEAN + noise).min()) < 0 < 1 < float((CLEAN + noise).max())


def test_clipped_noise_is_the_same_noise_clipped():
    x = corrupt_images("gauss_clip_0.4", "mnist", "test", 0)
    assert torch.equal(x, corrupt_images("gauss_0.4", "mnist", "test", 0).clip(0, 1))
    assert float((x == 1).float().mean()) > 0.1


def test_a_grey_mask_hits_the_entries_of_a_black_one_and_is_the_networks_zero():
    black, grey = (corrupt_images(name, "mnist", "test", 0) for name in ("mask_0.3", "mask_grey_0.3"))
    hit = black == 0
    assert (to_network(grey, "sym")[hit] == 0).all()
    assert torch.equal(grey[~hit], CLEAN[~hit])


@pytest.mark.parametrize("name", ["gauss_0.3", "mask_0.2"])
def test_damage_is_done_in_unit_pixels_whatever_the_network_sees(name, linear):
    """What two models are given, one of each range: the same damage, doubled and moved for [-1, 1], where 0 is -1."""
    seen = {"unit": seen_by(linear, "unit", name, seed=0), "sym": seen_by(linear, "sym", name, seed=1)}
    torch.testing.assert_close(seen["sym"], 2 * seen["unit"] - 1, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        seen["unit"], corrupt_images(name, "invented", "test", 0, images=IMAGES[:300]), rtol=0, atol=0
    )
    if name.startswith("mask"):
        assert float((seen["sym"] == -1).float().mean()) == pytest.approx(0.2, abs=0.01)


def seen_by(architecture, pixel_range, name: str, seed: int) -> torch.Tensor:
    """The corrupted test images as they reach the encoder of a model."""
    spec = ModelSpec((3, 5, 6), 2, pixel_range)
    model = make_autoencoder(spec, architecture, StandardNormal, PlainAutoencoder(), seed).eval()
    examples, seen = Examples(IMAGES[:300], None), []
    model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    evaluation = Evaluation(model, Splits(examples, examples, examples), "invented", seed, torch.device("cpu"))
    evaluation.corrupted_posterior("test", name)
    return torch.cat(seen)


@pytest.mark.parametrize("name", ["gauss_0.2", "mask_0.5", "mask_pixel_0.5"])
def test_noise_depends_on_its_stream_and_the_place_of_an_image_alone(name):
    ours = corrupt_images(name, "mnist", "test", 0)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002  (the noise must not listen to it)
    assert torch.equal(corrupt_images(name, "mnist", "test", 0), ours)
    assert torch.equal(corrupt_images(name, "mnist", "test", 0, images=IMAGES[:1000]), ours[:1000])
    for stream in (("mnist", "test", 1), ("mnist", "train", 0), ("digits", "test", 0)):
        assert not torch.equal(corrupt_images(name, *stream), ours)


def test_no_image_meets_the_noise_of_another():
    noise = corrupt_images("gauss_0.2", 0) - CLEAN
    assert not torch.allclose(noise[:500], noise[1000:], atol=0.01)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gauss",
        "gauss_",
        "gauss_0",
        "gauss_-1",
        "gauss_inf",
        "gauss_nan",
        "mask_0",
        "mask_1",
        "mask_1.5",
        "mask_x",
        "blur_1",
        "clean_1",
        "gauss_clip_0",
        "gauss_clip",
        "mask_grey_1",
        "grey_0.5",
    ],
)
def test_an_impossible_corruption_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"no corruption '{name}'"):
        Corruption.parse(name)

import numpy as np
import pytest
import torch

from vimae_bench import Corruption, corrupted

IMAGES = np.random.default_rng(0).integers(1, 256, (1500, 3, 5, 6), dtype=np.uint8)
CLEAN = torch.from_numpy(IMAGES).float() / 255


def damaged(name: str, *stream: int | str, images: np.ndarray = IMAGES) -> torch.Tensor:
    return torch.cat(list(corrupted(images, name, *stream)))


def test_clean_images_are_the_images_in_unit_pixels():
    assert torch.equal(damaged("clean"), CLEAN)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_a_mask_turns_its_share_of_entries_black_and_leaves_the_others(share):
    x = damaged(f"mask_{share}", "mnist", "test", 0)
    black = x == 0
    assert float(black.float().mean()) == pytest.approx(share, abs=4 * (share * (1 - share) / x.numel()) ** 0.5)
    assert torch.equal(x[~black], CLEAN[~black])


def test_a_pixel_mask_throws_one_coin_for_all_channels():
    whole, single = ((damaged(name, 0) == 0) for name in ("mask_pixel_0.3", "mask_0.3"))
    assert torch.equal(whole.any(1), whole.all(1))
    assert float(whole.float().mean()) == pytest.approx(0.3, abs=0.01)
    assert not torch.equal(single.any(1), single.all(1))


@pytest.mark.parametrize("level", [0.2, 0.4])
def test_gaussian_noise_has_its_level_in_unit_pixels_and_is_not_clipped(level):
    noise = damaged(f"gauss_{level}", 0) - CLEAN
    assert float(noise.std()) == pytest.approx(level, rel=0.02)
    assert float(noise.mean()) == pytest.approx(0.0, abs=4 * level / noise.numel() ** 0.5)
    assert float((CLEAN + noise).min()) < 0 < 1 < float((CLEAN + noise).max())


@pytest.mark.parametrize("name", ["gauss_0.2", "mask_0.5", "mask_pixel_0.5"])
def test_noise_depends_on_its_stream_and_the_place_of_an_image_alone(name):
    ours = damaged(name, "mnist", "test", 0)
    torch.manual_seed(7)
    np.random.seed(7)  # noqa: NPY002  (the noise must not listen to it)
    assert torch.equal(damaged(name, "mnist", "test", 0), ours)
    assert torch.equal(damaged(name, "mnist", "test", 0, images=IMAGES[:1000]), ours[:1000])
    for stream in (("mnist", "test", 1), ("mnist", "train", 0), ("digits", "test", 0)):
        assert not torch.equal(damaged(name, *stream), ours)


def test_no_image_meets_the_noise_of_another():
    noise = damaged("gauss_0.2", 0) - CLEAN
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
    ],
)
def test_an_impossible_corruption_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"no corruption '{name}'"):
        Corruption.named(name)

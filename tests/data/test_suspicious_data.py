"""Data that would give numbers which are not what they say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimae_bench.core.errors import DataError
from vimae_bench.core.spec import PluginSpec
from vimae_bench.data.layout import count_shared_images, load_arrays
from vimae_bench.data.prepare import _describe_shared_images, ensure_prepared, open_splits
from vimae_bench.data.types import Examples, PreparedDataset
from vimae_bench.plugin.registry import make_plugin

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (60, 1, 12, 12), dtype=np.uint8)


@dataclass(frozen=True)
class Folder:
    """Images read from `path`; the name of its folder has no part of the path."""

    path: str
    channels: Any = (0,)
    pixel_range: str = "unit"
    validation: int = 0
    folder = "images"

    def prepare(self, scratch):
        x = np.load(self.path)
        return PreparedDataset(Examples(x[:40], None), Examples(x[40:], None), self.path)


class Renamed(Folder):
    """Another data set in the same folder."""


@dataclass(frozen=True)
class Reading(Folder):
    """One with a setting that is applied when images are read."""

    held_out_people: int = 0
    reading_settings = ("held_out_people",)


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    return str(tmp_path / "x.npy")


@pytest.mark.parametrize("change", ["path", "channels", "class"])
def test_a_folder_prepared_with_other_settings_is_refused(change, path, tmp_path):
    first = Folder(path)
    ensure_prepared(first, tmp_path)
    np.save(tmp_path / "y.npy", 255 - IMAGES)
    other = {
        "path": Folder(str(tmp_path / "y.npy")),
        "channels": Folder(path, (0, 1)),
        "class": Renamed(path),
    }[change]
    ensure_prepared(other, tmp_path)
    with pytest.raises(DataError, match=rf"was prepared with {change} = .*`folder` has to differ"):
        open_splits(other, tmp_path)
    assert len(open_splits(first, tmp_path).train) == 40


def test_settings_that_are_applied_when_images_are_read_may_differ(path, tmp_path):
    ensure_prepared(Reading(path), tmp_path)
    assert len(open_splits(Reading(path, validation=5, pixel_range="sym", held_out_people=3), tmp_path).train) == 35


def test_held_out_images_are_those_of_the_other_data_set(tmp_path):
    held_out = PluginSpec("held_out", {"of": {"use": "digits", "version": 1, "validation": 100}})
    for spec in (held_out, PluginSpec("digits")):
        dataset = make_plugin("dataset", spec)
        ensure_prepared(dataset, tmp_path)
        open_splits(dataset, tmp_path)


def write(folder: Path, **arrays):
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return make_plugin("dataset", PluginSpec("arrays", {"path": str(folder)}))


@pytest.mark.parametrize("part", ["train_x", "test_x"])
def test_images_of_0_and_1_are_refused_with_the_remedy(part, tmp_path):
    arrays = {"train_x": IMAGES[:40], "test_x": IMAGES[40:]}
    dataset = write(tmp_path / "own", **arrays | {part: IMAGES[:40] // 128})
    with pytest.raises(DataError, match=rf"{part}.npy: holds only 0 and 1.*np.save\(\'{part}.npy\', x \* 255\)"):
        ensure_prepared(dataset, tmp_path)


@pytest.mark.parametrize("images", [IMAGES // 64, IMAGES * 0], ids=["dark", "black"])
def test_other_dark_images_are_accepted(images, tmp_path):
    ensure_prepared(write(tmp_path / "own", train_x=images, test_x=images[:9]), tmp_path)


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (IMAGES[:40], "40 of 40 test images are training images"),
        (np.concatenate([IMAGES[:5], IMAGES[40:]]), "5 of 25 test images are training images"),
        (IMAGES[40:], ""),
        (np.concatenate([IMAGES[40:], *[IMAGES[39:40] ^ 1] * 3]), ""),
    ],
    ids=["all", "some", "none", "nearly"],
)
def test_test_images_that_are_training_images_are_reported(test, said, tmp_path):
    reports = list[str]()
    ensure_prepared(write(tmp_path / "own", train_x=IMAGES[:40], test_x=test), tmp_path, reports.append)
    assert [said in report for report in reports] == ([True] if said else [])


def test_images_that_differ_in_one_pixel_are_not_the_same(tmp_path):
    other = IMAGES[:40].copy()
    for i in range(40):
        other[i].flat[i] ^= 1
    write(tmp_path / "own", train_x=IMAGES[:40], test_x=other)
    assert count_shared_images(load_arrays(tmp_path / "own")) == 0


def test_one_shared_image_of_a_hundred_is_not_reported():
    train = RANDOM.integers(0, 256, (100, 1, 4, 4), dtype=np.uint8)
    test = RANDOM.integers(0, 256, (100, 1, 4, 4), dtype=np.uint8)
    test[0] = train[0]
    assert _describe_shared_images({"train_x": train, "test_x": test}) == ""
    test[1] = train[1]
    assert "2 of 100" in _describe_shared_images({"train_x": train, "test_x": test})

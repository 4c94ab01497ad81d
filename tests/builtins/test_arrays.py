import json

import numpy as np
import pytest

from vimae_bench.data.prepare import ensure_prepared, open_splits
from vimae_bench.plugin import DataError
from vimae_builtin.datasets.arrays import OwnArrays

X = np.random.default_rng(0).integers(0, 256, (10, 3, 6, 6), dtype=np.uint8)


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "home" / "faces"
    folder.mkdir(parents=True)
    np.save(folder / "train_x.npy", X)
    np.save(folder / "test_x.npy", X[:4])
    return folder


def test_a_folder_with_two_arrays_of_images_is_enough(own, tmp_path):
    dataset = OwnArrays(str(own), pixel_range="sym", validation=2)
    assert ensure_prepared(dataset, tmp_path / "data") == own
    splits = open_splits(dataset, tmp_path / "data")
    assert (splits.train.x == X[:8]).all()
    assert (splits.validation.x == X[8:]).all()
    assert splits.test.y is None


def test_factors_of_ones_own_are_used_and_held_out_with_their_images(own, tmp_path):
    factors = np.stack([np.arange(10) // 2, np.arange(10) % 2], axis=1)
    np.save(own / "train_factors.npy", factors)
    np.save(own / "test_factors.npy", factors[:4])
    for names in (["f0", "f1"], ["angle", "drawer"]):
        splits = open_splits(OwnArrays(str(own), validation=2), tmp_path)
        assert list(splits.train.factors) == list(splits.test.factors) == names
        assert (splits.validation.factors[names[0]] == [4, 4]).all()
        assert (splits.test.factors[names[1]] == [0, 1, 0, 1]).all()
        card = {"shape": [3, 6, 6], "train": 10, "test": 4, "factors": ["angle", "drawer"]}
        (own / "dataset.json").write_text(json.dumps(card))


def test_a_relative_path_is_below_the_data_folder(own):
    dataset = OwnArrays("faces")
    assert ensure_prepared(dataset, own.parent) == own


def test_the_home_folder_may_be_written_as_a_tilde(own, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(own.parent))
    assert ensure_prepared(OwnArrays("~/faces"), tmp_path / "data") == own


def test_missing_arrays_are_reported_and_nothing_is_made(tmp_path):
    with pytest.raises(DataError, match=r"no arrays at 'faces'.*put train_x.npy"):
        ensure_prepared(OwnArrays("faces"), tmp_path)
    assert not (tmp_path / "faces").exists()

from dataclasses import dataclass

import numpy as np
import pytest

from vimae_bench.core.errors import DataError
from vimae_bench.data.prepare import ensure_prepared, open_splits
from vimae_bench.data.types import Examples, PreparedDataset
from vimae_builtin.datasets.held_out import HeldOut


@dataclass(frozen=True)
class Counted:
    """Images that differ: 8 to train on, 4 to test on."""

    validation: int = 3
    folder: str = "counted"
    pixel_range: str = "unit"

    def prepare(self, scratch):
        parts = (np.arange(first, last, dtype=np.uint8).reshape(-1, 1, 1, 1) for first, last in ((0, 8), (8, 12)))
        return PreparedDataset(*(Examples(x, x.reshape(-1).astype(np.int64)) for x in parts), "counted")


def numbers(examples):
    return examples.x.reshape(-1).tolist()


def test_held_out_images_stand_in_the_place_of_test_images_and_training_is_the_same(tmp_path):
    ensure_prepared(Counted(), tmp_path)
    whole, seen = open_splits(Counted(), tmp_path), open_splits(HeldOut(Counted()), tmp_path)
    assert numbers(seen.train) == numbers(whole.train) == [0, 1, 2, 3, 4]
    assert numbers(seen.test) == numbers(whole.validation) == [5, 6, 7]
    assert seen.test.y.tolist() == [5, 6, 7]
    assert len(seen.validation) == 0
    assert seen.shape == whole.shape


def test_no_test_image_is_in_it(tmp_path):
    ensure_prepared(Counted(), tmp_path)
    seen = open_splits(HeldOut(Counted()), tmp_path)
    assert not {8, 9, 10, 11} & {*numbers(seen.train), *numbers(seen.validation), *numbers(seen.test)}


def test_a_data_set_that_holds_out_nothing_is_reported(tmp_path):
    ensure_prepared(Counted(), tmp_path)
    with pytest.raises(DataError, match="no training image is held out to be measured on; set `validation`"):
        open_splits(HeldOut(Counted(validation=0)), tmp_path)


def test_it_is_prepared_as_the_other_is(tmp_path):
    assert ensure_prepared(HeldOut(Counted()), tmp_path) == tmp_path / "counted"

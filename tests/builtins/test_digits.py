import numpy as np
import pytest
from sklearn.datasets import load_digits

from vimae_builtin.datasets.digits import Digits, split_indices


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return Digits().prepare(tmp_path_factory.mktemp("scratch"))


def test_the_counts_and_shapes_are_those_promised(arrays):
    assert arrays.train.x.shape == (1437, 1, 8, 8)
    assert arrays.test.x.shape == (360, 1, 8, 8)
    assert arrays.train.x.dtype == np.uint8
    assert arrays.train.y.dtype == np.int64


def test_together_the_parts_are_scikit_learns_digits(arrays):
    images, labels = load_digits(return_X_y=True)
    ours = np.concatenate([arrays.train.x, arrays.test.x]).reshape(-1, 64) * (16 / 255)
    y = np.concatenate([arrays.train.y, arrays.test.y])
    rows = np.column_stack([ours.round(), y])
    theirs = np.column_stack([images, labels])
    assert (rows[np.lexsort(rows.T)] == theirs[np.lexsort(theirs.T)]).all()


def test_seventeen_grey_levels_reach_from_black_to_white(arrays):
    levels = np.unique(arrays.train.x)
    assert len(levels) == 17
    assert (levels.min(), levels.max()) == (0, 255)
    assert set(np.diff(levels.astype(int))) <= {15, 16, 17}


def test_every_class_has_its_share_of_the_test_set(arrays):
    train, test = np.bincount(arrays.train.y), np.bincount(arrays.test.y)
    assert (np.abs(test - (train + test) / 5) <= 1).all()


def test_the_split_is_random_but_fixed():
    y = np.repeat(np.arange(2), 500)
    train, test = split_indices(y)
    assert sorted([*train, *test]) == list(range(1000))
    assert (split_indices(y)[1] == test).all()
    # Every fifth by position would have all its gaps equal to 5.
    assert np.diff(test).std() > 2

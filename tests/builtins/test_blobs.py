import numpy as np
import pytest

from vimae_builtin.datasets.blobs import SIZES, Blobs


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    return Blobs().prepare(tmp_path_factory.mktemp("scratch"))


def test_the_counts_are_those_promised(arrays):
    assert arrays.train.x.shape == (10_000, 1, 28, 28)
    assert arrays.test.x.shape == (2_000, 1, 28, 28)
    assert list(arrays.train.factors) == ["x", "y", "width", "brightness"]


def test_each_blob_is_where_and_what_its_factors_say(arrays):
    """Its centroid is its centre, its peak its brightness, its light 2 pi sd^2 times the peak, as for a Gaussian."""
    test = arrays.test
    light = test.x[:, 0] / 255
    total = light.sum((1, 2))
    places = np.arange(28)
    assert light.max((1, 2)) == pytest.approx((test.factors["brightness"] + 2) / 5, abs=1 / 255)
    for axis, name in ((1, "x"), (2, "y")):
        centroid = light.sum(axis) @ places / total
        error = centroid - (6 + test.factors[name])
        assert np.abs(error).max() < 0.15  # a wide blob at the edge loses a hundredth of its light
        assert np.abs(error[test.factors["width"] < 2]).max() < 0.01
    deviation = 1 + test.factors["width"] / 2
    assert total / light.max((1, 2)) == pytest.approx(2 * np.pi * deviation**2, rel=0.03)


def test_factors_are_uniform_and_independent(arrays):
    """Chi-squared of each table of two factors against the uniform; 5 standard deviations."""
    train = arrays.train
    names = list(SIZES)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            entries = SIZES[first] * SIZES[second]
            joint = train.factors[first] * SIZES[second] + train.factors[second]
            counts, expected = np.bincount(joint, minlength=entries), len(train) / entries
            chi2 = ((counts - expected) ** 2 / expected).sum()
            assert abs(chi2 - (entries - 1)) < 5 * (2 * (entries - 1)) ** 0.5


def test_training_and_test_images_are_drawn_apart(arrays):
    rows = [np.column_stack([*part.factors.values()])[:2000] for part in (arrays.train, arrays.test)]
    assert (rows[0] == rows[1]).all(1).mean() < 0.01


def test_they_are_the_same_every_time(arrays, tmp_path):
    assert (Blobs(validation=100).prepare(tmp_path).test.x == arrays.test.x).all()


def test_the_label_is_the_width(arrays):
    assert (arrays.train.y == arrays.train.factors["width"]).all()

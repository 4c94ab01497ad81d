"""Tests of means of skewed values, and contrasts of many repetitions at once."""

import numpy as np
import pytest

from vimae_bench.analysis.statistics import (
    Variance,
    compare_pairs,
    moderate_variances,
    prediction_interval,
    prediction_p_value,
    skewed_p_values,
)


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_exponential_values_are_rejected_as_often_as_promised(n: int):
    x = np.random.default_rng(1).exponential(size=(200_000, n)) - 1
    t = np.sqrt(n) * x.mean(1) / x.std(1, ddof=1)
    for level in (0.05, 0.01, 0.05 / 18):
        below = np.mean((skewed_p_values(t, n) < level) & (t < 0))
        assert below == pytest.approx(level / 2, rel=0.1, abs=3 * np.sqrt(level / 400_000))


def test_p_values_of_skewed_values_are_never_smaller_than_those_of_normal_values():
    from scipy import stats

    t = np.linspace(-30, 30, 200)
    assert (skewed_p_values(t, 6) >= 0.97 * 2 * stats.t.sf(np.abs(t), 5)).all()
    assert skewed_p_values(np.array([-3.0]), 6) == skewed_p_values(np.array([3.0]), 6)


def test_variances_of_repetitions_are_moderated_as_each_alone():
    v = np.random.default_rng(0).gamma(2, size=(7, 10))
    v[3] = 0
    degrees = np.full(v.shape, 4.0)
    whole = moderate_variances(Variance(v, degrees), 16.0)
    for i, row in enumerate(v):
        one = moderate_variances(Variance(row, degrees[i]), 16.0)
        assert whole.value[i] == pytest.approx(one.value)
        assert whole.degrees[i] == pytest.approx(one.degrees)


def test_the_p_value_of_a_prediction_is_5_per_cent_at_the_ends_of_its_interval():
    table = np.random.default_rng(0).normal(size=(5, 10))
    for noise in (0.0, 0.5):
        for end in prediction_interval(table, noise):
            assert prediction_p_value(table, end, noise) == pytest.approx(0.05)
    assert prediction_p_value(table[:, :1], 0.0) is None
    assert prediction_p_value(np.ones((3, 3)), 1.0) == 1
    assert prediction_p_value(np.ones((3, 3)), 2.0) == 0


def test_pairs_of_methods_without_any_spread_stay_as_they_are():
    values = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [4.0, 5.0, 6.0]])
    assert (compare_pairs(values).p_values() <= 0.25).all()

"""Differences that a seed changes for all methods alike: those of two sets of results, and from baselines."""

import numpy as np
import pytest

from vimae_bench.analysis.decision import BaselineValue, MeasureValues, decide_matched, decide_measure
from vimae_bench.analysis.statistics import adjust_holm, compare_with_values
from vimae_bench.core.results import Measure

ERROR = Measure("sse", "", "lower", scale="log", margin=0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_cover_and_false_differences_are_rare_whatever_seeds_share(n: int, correlation: float):
    generator, times = np.random.default_rng(n), 600
    covered, false = list[bool](), 0
    for _ in range(times):
        shared, own = generator.normal(size=(1, n)), generator.normal(size=(6, n))
        contrasts = compare_with_values(correlation**0.5 * shared + (1 - correlation) ** 0.5 * own, np.zeros(6))
        covered += [low <= 0 <= high for low, high in contrasts.intervals()]
        false += (adjust_holm(contrasts.p_values()) < 0.05).any()
    assert np.mean(covered) > 0.93 - 2 * (0.93 * 0.07 / times) ** 0.5
    assert false / times < 0.05 + 2 * (0.05 * 0.95 / times) ** 0.5


def test_equal_rows_have_the_degrees_of_freedom_of_one():
    row = np.array([1.0, 3.0, 2.0, 6.0])
    contrasts = compare_with_values(np.tile(row, (5, 1)), np.zeros(5))
    assert contrasts.pooled.degrees == pytest.approx(np.full(5, 3.0))
    assert contrasts.pooled.value == pytest.approx(np.full(5, row.var(ddof=1) / 4))


def matched(a, b, seeds=None):
    labels, seeds = ("VAE", "AE")[: len(a)], tuple(range(len(a[0])))
    one, other = (MeasureValues(ERROR, labels, seeds, np.array(values)) for values in (a, b))
    return decide_matched(one, other, ("A", "B"))


def test_two_sets_of_results_are_decided_method_by_method():
    base = np.array([[30.0, 31, 32, 30, 33], [20.0, 21, 23, 22, 20]])
    noise = np.exp(np.random.default_rng(0).normal(0, 0.002, (2, 5)))
    found, draws = matched(base * noise * np.array([[0.8], [1.0]]), base)
    assert draws == 0
    assert (found["VAE"].outcome, found["VAE"].better, found["AE"].outcome) == ("different", "A", "equivalent")
    assert found["VAE"].difference == pytest.approx(0.8, abs=0.005)
    assert found["VAE"].interval[0] < 0.8 < found["VAE"].interval[1]


def test_two_sets_without_enough_seeds_or_positive_values_are_not_decided():
    assert matched([[1.0, 2.0]], [[1.5, 2.5]]) == ({}, 0)
    assert matched([[1.0, 2.0, 0.0]], [[1.5, 2.5, 1.0]]) == ({}, 0)


def test_a_baseline_without_error_hides_no_other_decision():
    values = np.array([[30.0, 31, 32, 30, 33], [20.0, 21, 23, 22, 20]])
    baselines = {"PCA, d = 784": BaselineValue(0.0), "PCA, d = 2": BaselineValue(40.0, (39.0, 41.0))}
    decision = decide_measure(MeasureValues(ERROR, ("VAE", "AE"), tuple(range(5)), values, baselines=baselines))
    assert decision.get_pair("VAE", "AE").better == "AE"
    assert list(decision.methods["AE"].baselines) == ["PCA, d = 2"]
    assert decision.methods["AE"].baselines["PCA, d = 2"].better == "AE"

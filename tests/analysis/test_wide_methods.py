"""One method that varies much more than the others says nothing on pairs that it is not in."""

from itertools import combinations

import numpy as np
import pytest

from vimae_bench.analysis.decision import BaselineValue, MeasureValues, decide_measure
from vimae_bench.analysis.statistics import (
    ALPHA,
    Array,
    Contrasts,
    adjust_holm,
    compare_pairs,
    compare_with_values,
    find_unusual_spread,
    find_wide_methods,
)
from vimae_bench.core.results import Measure

TABLES, METHODS = 1000, 6
WIDE = np.array([1, 1, 1, 1, 1, 50.0])
USUAL_PAIRS = np.array([5 not in pair for pair in combinations(range(METHODS), 2)])


def draw(spreads: Array, seeds: int, tables: int = TABLES) -> Array:
    """Normal values of methods without a difference, with an effect of each seed on all."""
    generator = np.random.default_rng(seeds)
    values = generator.normal(size=(tables, len(spreads), seeds)) * spreads[:, None]
    return values + generator.normal(size=(tables, 1, seeds))


def find_different(contrasts: Contrasts) -> Array:
    return adjust_holm(contrasts.p_values()) < ALPHA


@pytest.mark.parametrize("seeds", [5, 10])
def test_a_difference_next_to_a_wide_method_is_found(seeds: int):
    shifts = np.array([0, 5, 0, 0, 0, 0])
    found = find_different(compare_pairs(draw(WIDE, seeds) + shifts[:, None]))
    assert found[:, 0].mean() >= 0.9


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_next_to_a_wide_method_equal_ones_seldom_differ(seeds: int):
    found = find_different(compare_pairs(draw(WIDE, seeds)))
    assert found[:, USUAL_PAIRS].any(1).mean() <= 0.05
    assert found.any(1).mean() <= 0.07


def test_next_to_a_wide_method_the_margin_is_seldom_taken_for_equivalence():
    shifts = 3.0 * (np.arange(METHODS) % 2)
    p = adjust_holm(compare_pairs(draw(WIDE, 5) + shifts[:, None]).within_p_values(3.0))
    apart = np.array([shifts[i] != shifts[j] for i, j in combinations(range(METHODS), 2)])
    assert (p < ALPHA)[:, apart].any(1).mean() <= 0.05 + 2 * (0.05 * 0.95 / TABLES) ** 0.5


def test_usual_methods_are_compared_as_without_the_wide_one():
    generator = np.random.default_rng(0)
    per_draw = generator.normal(size=(METHODS, 6, 4)) * WIDE[:, None, None] + np.arange(METHODS)[:, None, None]
    values = per_draw.mean(2)
    assert find_wide_methods(values).tolist() == [False] * 5 + [True]
    both = compare_pairs(values, per_draw), compare_pairs(values[:5], per_draw[:5])
    against = (
        compare_with_values(values, np.ones(6), per_draw),
        compare_with_values(values[:5], np.ones(5), per_draw[:5]),
    )
    for (found, alone), usual in ((both, USUAL_PAIRS), (against, np.arange(METHODS) < 5)):
        assert found.p_values()[usual] == pytest.approx(alone.p_values())
        assert found.within_p_values(2.0)[usual] == pytest.approx(alone.within_p_values(2.0))
        chosen = np.flatnonzero(usual)
        power = alone.forecast_power(range(len(chosen)), 12, ALPHA, 0.5)
        assert found.forecast_power(chosen.tolist(), 12, ALPHA, 0.5) == pytest.approx(power)


def test_pairs_with_the_wide_method_keep_the_variance_of_all():
    values = draw(WIDE, 6, 1)[0]
    own = np.array([(values[i] - values[j]).var(ddof=1) / 6 for i, j in combinations(range(METHODS), 2)])
    pooled = compare_pairs(values).pooled
    assert pooled.value[~USUAL_PAIRS] == pytest.approx(np.full(5, own.mean()))
    assert pooled.value[USUAL_PAIRS] == pytest.approx(np.full(10, own[USUAL_PAIRS].mean()))
    assert pooled.degrees == pytest.approx(np.where(USUAL_PAIRS, 4 * 5, 5 * 5))


def test_tables_are_grouped_one_by_one():
    values = np.concatenate([draw(np.ones(METHODS), 5, 20), draw(WIDE, 5, 20), draw(WIDE[::-1], 5, 20)])
    baseline = np.zeros(METHODS)
    alone = np.array([compare_pairs(table).p_values() for table in values])
    assert compare_pairs(values).p_values() == pytest.approx(alone)
    alone = np.array([compare_with_values(table, baseline).p_values() for table in values])
    assert compare_with_values(values, baseline).p_values() == pytest.approx(alone)


def test_baselines_differ_from_usual_methods_next_to_a_wide_one():
    values = draw(WIDE, 6, 1)[0] + 90
    labels = tuple("abcdef")
    measure = Measure("accuracy", "%", "higher")
    baselines = {"PCA": BaselineValue(75.0)}
    decision = decide_measure(MeasureValues(measure, labels, tuple(range(6)), values, baselines=baselines))
    better = [decision.methods[label].baselines["PCA"].better for label in labels]
    assert better[:5] == list("abcde")
    assert better[5] == ""


# Which methods are wide


@pytest.mark.parametrize(
    ("spreads", "expected"),
    [([1, 1, 1, 3.5], "0001"), ([1, 2.9, 1, 2.9], "0000"), ([1, 50, 1, 70, 1], "01010"), ([1, 1, 50], "001")],
)
def test_unusual_spread_is_over_three_times_the_usual_one(spreads: list[float], expected: str):
    variances = np.array([a**2 + b**2 for a, b in combinations(spreads, 2)])
    assert "".join(str(int(one)) for one in find_unusual_spread(variances)) == expected


def test_unusual_spread_is_found_from_five_seeds():
    for spreads in (WIDE, np.array([1, 1, 50.0, 1, 50, 1])):
        found = find_wide_methods(draw(spreads, 5))
        assert (found == (spreads > 1)).all(1).mean() > 0.95
    assert find_wide_methods(draw(np.ones(METHODS), 5)).any(1).mean() < 0.02


def test_a_few_seeds_far_off_do_not_make_a_method_wide():
    """Seeds of other methods, which may fail as often, may be all alike by chance."""
    values = draw(np.ones(METHODS), 5)
    values[:, 2, 1] += 1000
    pairs = np.stack([values[:, i] - values[:, j] for i, j in combinations(range(METHODS), 2)], axis=1)
    assert find_unusual_spread(pairs.var(-1, ddof=1))[:, 2].all()
    assert find_wide_methods(values)[:, 2].mean() < 0.2


@pytest.mark.parametrize("shape", [(1, 8), (2, 8), (6, 4)])
def test_no_method_is_wide_among_fewer_than_three_or_with_few_seeds(shape: tuple[int, int]):
    values = np.random.default_rng(0).normal(size=shape)
    values[0] *= 100
    assert not find_wide_methods(values).any()

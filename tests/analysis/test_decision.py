"""Decisions on values whose truth is known, and what no values may change."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vimae_bench.analysis.decision import (
    BaselineValue,
    MeasureDecision,
    MeasureValues,
    decide_measure,
    find_seeds_needed,
)
from vimae_bench.analysis.statistics import ALPHA, Array, adjust_holm, compare_pairs
from vimae_bench.core.results import Measure

LABELS = ("AE", "VAE", "VIMAE-n", "VIMAE-l", "InfoVAE", "DAE")
ACCURACY = Measure("svm clean", "%", "higher", margin=1.0)
DISTANCE = Measure("mmd2", "", "lower")
ERROR = Measure("sse", "", "lower", scale="log", margin=0.05)


def decide(values: Array, measure: Measure = DISTANCE, margin: float | None = None, **fields) -> MeasureDecision:
    labels, seeds = LABELS[: len(values)], tuple(range(values.shape[1]))
    return decide_measure(MeasureValues(measure, labels, seeds, values, **fields), margin)


def draw(means: list[float], seeds: int, seed: int = 0, spread: float = 1.0) -> Array:
    """Values of methods with exactly these means; each seed does something to all methods."""
    noise = spread * np.random.default_rng(seed).normal(size=(len(means), seeds))
    noise -= noise.mean(1, keepdims=True)
    return np.array(means)[:, None] + noise + np.random.default_rng(seed + 1).normal(size=seeds)


def list_states(decision: MeasureDecision) -> list[str | None]:
    return [decision.get_state(label) for label in decision.methods]


# States


def test_a_method_far_below_all_others_is_best_where_lower_is_better():
    decision = decide(draw([0, 5, 6, 6], 5))
    assert list_states(decision) == ["best", "worse", "worse", "worse"]
    assert decision.leaders == ("AE",)
    assert decision.methods["AE"].better_than == LABELS[1:4]
    assert decision.methods["VAE"].worse_than == ("AE",)


def test_the_same_values_have_another_leader_where_higher_is_better():
    assert list_states(decide(draw([0, 5, 12], 5), ACCURACY)) == ["worse", "worse", "best"]


def test_methods_within_the_margin_are_not_worse_and_without_one_undecided():
    values = draw([90, 90.1, 70], 8, spread=0.3)
    assert list_states(decide(values, ACCURACY)) == ["not worse", "not worse", "worse"]
    assert list_states(decide(-values, DISTANCE)) == ["undecided", "undecided", "worse"]


def test_a_difference_that_is_shown_to_be_within_the_margin_is_equivalence():
    pair = decide(draw([90, 90.3], 10, spread=0.05), ACCURACY).pairs["AE", "VAE"]
    assert (pair.outcome, pair.better) == ("equivalent", "")
    assert pair.p < 0.05
    assert decide(draw([90, 90.3], 10, spread=0.05), ACCURACY, 0.2).pairs["AE", "VAE"].better == "VAE"


def test_a_method_as_good_as_the_best_and_open_with_another_is_undecided():
    decision = decide(draw([0, 0, 0.5], 5))
    assert list_states(decision) == ["undecided"] * 3
    assert decision.methods["AE"].undecided_with == ("VAE", "VIMAE-n")
    assert decision.leaders == ()


def test_what_is_not_comparable_is_in_no_pair_and_leads_nothing():
    decision = decide(draw([3, 5], 5, spread=0.1), not_comparable={"β": "collapsed"})
    assert list_states(decision) == ["best", "worse", "not comparable"]
    assert (decision.methods["β"].reason, decision.methods["β"].leads) == ("collapsed", False)
    assert list(decision.pairs) == [("AE", "VAE")]
    assert decision.get_pair("AE", "β") is None


# Little or useless data


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_are_not_tested(seeds: int):
    decision = decide(draw([0, 50], seeds))
    assert (decision.pairs, decision.is_ranked, list_states(decision)) == ({}, False, [None, None])


@pytest.mark.parametrize("seeds", [3, 4])
def test_three_or_four_seeds_are_tested_and_not_ranked(seeds: int):
    decision = decide(draw([0, 50], seeds))
    assert decision.pairs["AE", "VAE"].outcome == "different"
    assert list_states(decision) == [None, None]
    assert decision.leaders == ()


def test_one_method_alone_leads_nothing():
    decision = decide(draw([1], 8))
    assert (decision.pairs, decision.leaders, decision.is_ranked) == ({}, (), False)


def test_equal_values_are_undecided_or_equivalent_and_never_different():
    same = np.full((3, 5), 7.0)
    for pair in decide(same).pairs.values():
        assert (pair.outcome, pair.difference, pair.p, pair.seeds_needed) == ("undecided", 0, 1, None)
    assert {pair.outcome for pair in decide(same[:2], ACCURACY).pairs.values()} == {"equivalent"}


def test_ratios_need_positive_values():
    values = draw([30, 20], 5)
    assert decide(values, ERROR).pairs["AE", "VAE"].better == "VAE"
    values[0, 2] = 0
    assert decide(values, ERROR).pairs == {}


# Pairs


def test_p_values_are_adjusted_over_all_pairs():
    values = draw([0, 1, 2, 4], 6)
    found = [pair.p for pair in decide(values).pairs.values()]
    assert found == pytest.approx(adjust_holm(compare_pairs(values).p_values()))


def test_pairs_of_a_log_scale_are_ratios_and_their_margin_is_relative():
    values = np.exp(draw([3.0, 3.01, 3.5], 6, spread=0.01))
    decision = decide(values, ERROR)
    assert [pair.outcome for pair in decision.pairs.values()] == ["equivalent", "different", "different"]
    pair = decision.pairs["AE", "VIMAE-n"]
    assert pair.is_ratio
    assert pair.difference == pytest.approx(np.exp(-0.5))
    assert pair.interval[0] < pair.difference < pair.interval[1] < 1


@pytest.mark.parametrize("measure", [DISTANCE, ERROR])
def test_a_pair_in_the_other_order_is_turned_round(measure: Measure):
    decision = decide(np.exp(draw([3.0, 3.3], 5, spread=0.1)), measure)
    one, other = decision.get_pair("AE", "VAE"), decision.get_pair("VAE", "AE")
    turn = (lambda x: 1 / x) if measure is ERROR else (lambda x: -x)
    assert other.difference == pytest.approx(turn(one.difference))
    assert other.interval == pytest.approx((turn(one.interval[1]), turn(one.interval[0])))
    assert (other.a, other.b, other.p, other.outcome, other.better) == ("VAE", "AE", one.p, one.outcome, one.better)


TABLES = st.builds(
    lambda k, n, seed, step: draw(list(step * np.random.default_rng(seed).permutation(k)), n, seed),
    st.integers(2, 6),
    st.integers(3, 9),
    st.integers(0, 2**32 - 2),
    st.floats(0, 3),
)


@settings(max_examples=60, deadline=None)
@given(TABLES, st.floats(0.01, 100), st.floats(-100, 100))
def test_units_and_what_seeds_do_to_all_methods_change_no_decision(values: Array, scale: float, shift: float):
    shared = np.arange(values.shape[1]) ** 2
    one, other = decide(values), decide(scale * values + shift + shared)
    assert list_states(one) == list_states(other)
    for pair in one.pairs:
        assert other.pairs[pair].outcome == one.pairs[pair].outcome
        assert other.pairs[pair].p == pytest.approx(one.pairs[pair].p, rel=1e-5)


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_states_follow_from_pairs_and_the_sign_turns_with_the_direction(values: Array):
    decision = decide(values)
    mirrored = decide(-values, Measure("accuracy", "%", "higher"))
    assert list_states(mirrored) == list_states(decision)
    if not decision.is_ranked:
        return
    labels = list(decision.methods)
    for label in labels:
        own = [decision.get_pair(label, other) for other in labels if other != label]
        beaten = any(pair.better not in ("", label) for pair in own)
        state = decision.get_state(label)
        assert (state == "worse") == beaten
        assert (state == "best") == all(pair.better == label for pair in own)
    assert sum(state == "best" for state in list_states(decision)) <= 1
    for a, b in combinations(labels, 2):
        better = decision.get_pair(a, b).better
        means = dict(zip(labels, values.mean(1), strict=True))
        assert not better or means[better] == min(means[a], means[b])


def test_the_order_of_methods_changes_no_decision():
    values = draw([0, 1, 2, 2.5], 6)
    turned = decide(values[::-1])
    names = dict(zip(LABELS[:4], reversed(LABELS[:4]), strict=True))
    for (a, b), pair in decide(values).pairs.items():
        other = turned.get_pair(names[a], names[b])
        assert (other.p, other.outcome) == (pytest.approx(pair.p), pair.outcome)


def test_methods_of_unusual_spread_are_marked():
    values = draw([0, 0, 0, 0], 8)
    assert not any(method.has_unusual_spread for method in decide(values).methods.values())
    values[2] = values[2].mean() + 20 * (values[2] - values[2].mean())
    assert [method.has_unusual_spread for method in decide(values).methods.values()] == [False, False, True, False]


def test_shared_draws_count_and_their_number_is_told():
    generator = np.random.default_rng(0)
    of_draws = generator.normal(0, 1, (2, 1, 10))
    table = of_draws + generator.normal(0, 0.1, (2, 6, 10))
    alone, crossed = decide(table.mean(2)), decide(table.mean(2), per_draw=table)
    assert (alone.draws, crossed.draws) == (0, 10)
    assert alone.pairs["AE", "VAE"].p < 0.001
    assert crossed.pairs["AE", "VAE"].p > 0.05


# Baselines


def test_each_method_against_each_baseline_is_a_family_of_its_own():
    values = draw([90, 80], 6)
    baselines = {"PCA": BaselineValue(85.0), "pixels": BaselineValue(90.0)}
    decision = decide(values, ACCURACY, baselines=baselines)
    found = {
        (label, name): pair.better for label in LABELS[:2] for name, pair in decision.methods[label].baselines.items()
    }
    assert found == {
        ("AE", "PCA"): "AE",
        ("AE", "pixels"): "",
        ("VAE", "PCA"): "PCA",
        ("VAE", "pixels"): "pixels",
    }
    assert decision.pairs["AE", "VAE"].p == decide(values, ACCURACY).pairs["AE", "VAE"].p


# Numbers of seeds


def test_all_pairs_take_at_least_the_seeds_of_each():
    decision = decide(draw([0, 0.6, 0.8, 1.1], 5))
    for method in decision.methods.values():
        needed = [pair.seeds_needed for pair in method.undecided_pairs]
        assert method.seeds_needed >= max(needed)
    assert find_seeds_needed([]) is None


def test_seeds_of_equal_methods_are_none_without_a_margin():
    values = draw([90, 90, 90], 5)
    assert decide(values).methods["AE"].seeds_needed is None
    assert decide(values, ACCURACY).methods["AE"].seeds_needed is not None


@pytest.mark.parametrize(("effect", "margin"), [(0.2, 0.0), (0.5, 0.0), (1.2, 0.0), (0.0, 0.6)])
def test_promised_seeds_decide(effect: float, margin: float):
    """A pair of methods whose differences have a standard deviation of 1 in five seeds, and in reality."""
    deviations = np.arange(5) - 2.0
    deviations /= deviations.std(ddof=1)
    measure = Measure("accuracy", "%", "higher", margin=margin or None)
    seeds = decide(np.stack([effect + deviations, np.zeros(5)]), measure).pairs["AE", "VAE"].seeds_needed
    differences = np.random.default_rng(1).normal(effect, 1, (4000, seeds))
    contrasts = compare_pairs(np.stack([differences, np.zeros_like(differences)], axis=1))
    p = contrasts.within_p_values(margin) if margin else contrasts.p_values()
    assert 0.78 <= np.mean(p < ALPHA) <= 0.9

"""When a comparison supports, contradicts or does not decide a claim."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from helpers.papers import LESS, add_runs, format_claim
from vimae_bench.analysis.legacy_statistics import adjust_holm, equivalence_p_value, sign_flip_p_value
from vimae_bench.storage.atomic import read_json, write_json


def test_a_significant_paired_difference_supports_a_claim(results, evaluate):
    a, b = add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim(LESS))
    (pair,) = found.findings[0].comparisons
    assert found.verdict == "supported"
    assert pair.mean == pytest.approx((a - b).mean())
    assert pair.shown_interval[0] < pair.mean < pair.shown_interval[1] < 0
    assert (pair.test, pair.p, pair.seeds) == ("sign-flip test", sign_flip_p_value(a - b), tuple(range(10)))
    assert len(pair.runs) == 20


def test_the_opposite_difference_contradicts_a_claim(results, evaluate):
    add_runs(results, A=21.0, B=20.0)
    found = evaluate(format_claim(LESS))
    assert (found.verdict, found.reason) == ("contradicted", "1 of 1 comparisons contradicts it")
    assert evaluate(format_claim(LESS.replace("less", "greater"))).verdict == "supported"


def test_no_difference_is_not_decided_and_gives_the_seeds_needed(results, evaluate):
    add_runs(results, A=20.0, B=20.0)
    found = evaluate(format_claim(LESS))
    assert found.verdict == "not decided"
    assert found.seeds_needed > 10
    assert found.findings[0].comparisons[0].reason.startswith("p = 0.")


@pytest.mark.parametrize(("seeds", "verdict"), [(3, "not decided"), (4, "not decided"), (5, "supported")])
def test_fewer_than_five_seeds_decide_nothing(results, evaluate, seeds: int, verdict: str):
    add_runs(results, seeds, A=10.0, B=21.0)
    found = evaluate(format_claim(LESS))
    assert found.verdict == verdict
    if seeds < 5:
        assert found.findings[0].comparisons[0].p < 0.05
        assert found.seeds_needed == 5
        assert f"only {seeds} seeds, at least five are needed" in found.reason


def test_fewer_than_five_seeds_do_not_contradict(results, evaluate):
    add_runs(results, 4, A=40.0, B=21.0)
    assert evaluate(format_claim(LESS)).verdict == "not decided"


@pytest.mark.parametrize(
    ("margin", "verdict"), [(0.5, "supported"), (1.0, "not decided"), (2.0, "contradicted"), (-0.5, "supported")]
)
def test_the_difference_is_compared_with_the_margin(results, evaluate, margin: float, verdict: str):
    add_runs(results, A=20.0, B=21.02)
    assert evaluate(format_claim(f"{LESS}\nmargin = {margin}")).verdict == verdict


@pytest.mark.parametrize(
    ("b", "margin", "verdict"),
    [(20.8, -1.0, "supported"), (20.0, -1.0, "supported"), (23.0, -1.0, "contradicted")],
)
def test_a_negative_margin_tests_non_inferiority(results, evaluate, b: float, margin: float, verdict: str):
    add_runs(results, A=20.0, B=b)
    test = f'kind = "greater"\na = ["a"]\nb = ["b"]\nmargin = {margin}'
    assert evaluate(format_claim(test)).verdict == verdict


def test_all_pairs_of_a_claim_must_agree_and_are_adjusted_together(results, evaluate):
    a, b, c = add_runs(results, A=20.0, B=21.0, C=20.0)
    found = evaluate(format_claim('kind = "less"\na = ["a"]\nb = ["b", "c"]'))
    pairs = found.findings[0].comparisons
    assert [pair.verdict for pair in pairs] == ["supported", "not decided"]
    assert found.verdict == "not decided"
    assert found.number_of_tests == 2
    assert [pair.p for pair in pairs] == list(adjust_holm([sign_flip_p_value(a - b), sign_flip_p_value(a - c)]))


def test_one_opposite_pair_contradicts_a_claim(results, evaluate):
    add_runs(results, A=20.0, B=21.0, C=19.0)
    assert evaluate(format_claim('kind = "less"\na = ["a"]\nb = ["b", "c"]')).verdict == "contradicted"


def test_groups_are_compared_in_order(results, evaluate):
    add_runs(results, A=20.0, B=21.0, C=22.0)
    found = evaluate(format_claim('kind = "order"\ngroups = [["a"], ["b"], ["c"]]'))
    assert [(pair.a, pair.b) for pair in found.findings[0].comparisons] == [("a", "b"), ("b", "c")]
    assert found.verdict == "supported"
    assert evaluate(format_claim('kind = "order"\ngroups = [["b"], ["a"], ["c"]]')).verdict == "contradicted"
    assert evaluate(format_claim('kind = "order"\ngroups = [["a", "b"], ["c"]]')).verdict == "supported"


@pytest.mark.parametrize(("margin", "verdict"), [(0.5, "supported"), (0.05, "not decided")])
def test_equivalence_takes_two_one_sided_tests(results, evaluate, margin: float, verdict: str):
    a, b = add_runs(results, A=20.0, B=20.0)
    found = evaluate(format_claim(f'kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = {margin}'))
    assert found.verdict == verdict
    (pair,) = found.findings[0].comparisons
    assert pair.test == "two one-sided t tests"
    assert pair.p == pytest.approx(equivalence_p_value(a - b, margin))


def test_a_difference_beyond_the_margin_contradicts_equivalence(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    assert evaluate(format_claim('kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = 0.5')).verdict == "contradicted"


@pytest.mark.parametrize(("times", "verdict"), [(2.2, "supported"), (4.0, "contradicted"), (1.2, "contradicted")])
def test_a_ratio_is_compared_with_its_bounds(results, evaluate, times: float, verdict: str):
    generator = np.random.default_rng(1)
    for seed in range(10):
        results.add("A", seed, rate=times * 10 * exp(generator.normal(0, 0.03)))
        results.add("B", seed, rate=10 * exp(generator.normal(0, 0.03)))
    found = evaluate(format_claim('kind = "ratio"\na = ["a"]\nb = ["b"]\nbounds = [1.5, 3.0]', measure="rate"))
    (pair,) = found.findings[0].comparisons
    assert found.verdict == verdict
    assert pair.mean == pytest.approx(times, rel=0.03)
    assert pair.shown_interval[0] < pair.mean < pair.shown_interval[1]
    assert pair.region == (log(1.5), log(3.0))


def test_a_ratio_of_values_that_are_not_positive_is_not_testable(results, evaluate):
    add_runs(results, A=0.0, B=20.0)
    found = evaluate(format_claim('kind = "ratio"\na = ["a"]\nb = ["b"]\nbounds = [1.5, 3.0]'))
    assert (found.verdict, found.reason) == ("not testable", "a ratio needs positive values")


def test_a_method_is_compared_with_a_number_and_with_itself_under_another_measure(results, evaluate):
    generator = np.random.default_rng(2)
    for seed in range(10):
        results.add("A", seed, sse=1 + generator.normal(0, 0.1), rate=2 + generator.normal(0, 0.1))
    assert evaluate(format_claim('kind = "greater"\na = ["a"]\nvalue = 0.0')).verdict == "supported"
    assert evaluate(format_claim('kind = "greater"\na = ["a"]\nvalue = 2.0')).verdict == "contradicted"
    found = evaluate(format_claim('kind = "greater"\na = ["a"]\nagainst = "sse"', measure="rate"))
    assert found.verdict == "supported"
    assert found.findings[0].comparisons[0].mean == pytest.approx(1, abs=0.1)
    assert len(found.findings[0].comparisons[0].runs) == 10


def test_an_effect_within_the_aa_spread_is_not_decided(results, evaluate):
    add_runs(results, A=20.0, B=20.4)
    assert evaluate(format_claim(LESS)).verdict == "supported"
    generator = np.random.default_rng(3)
    for seed in range(10):
        value = results.store.load_results(results.entries)[seed].estimates["sse"].value
        results.add("A again", 1000 + seed, sse=value + generator.normal(0, 2))
        results.entries[-1] = replace(results.entries[-1], paired_seed=seed, control_of="A")
    found = evaluate(format_claim(LESS))
    (pair,) = found.findings[0].comparisons
    assert found.verdict == "not decided"
    assert pair.p < 0.05
    assert pair.aa_spread > 0.4
    assert "A/A spread" in pair.reason
    assert pair.seeds_needed is None


def test_runs_on_different_data_are_not_compared(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    folder = results.store.run_folder(results.entries[0].run)
    write_json(folder.record, {**read_json(folder.record), "data": {"test_x": "b1"}})
    found = evaluate(format_claim(LESS))
    assert (found.verdict, found.seeds_needed) == ("not decided", None)
    assert "the runs used different data" in found.reason

"""When a comparison supports, contradicts or does not decide a claim."""

from dataclasses import replace
from math import exp, inf, log

import numpy as np
import pytest

from helpers.papers import LESS, add_runs, format_claim
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.statistics import (
    Contrasts,
    Variance,
    VarianceParts,
    adjust_holm,
    combine_variances,
    compare_pairs,
    compare_with_values,
    skewed_p_values,
)
from vimae_bench.claims.comparisons import compare_with_controls, compute_p_values
from vimae_bench.plugin import Measure
from vimae_bench.storage.atomic import read_json, write_json


def get_pairs(found):
    return [pair for finding in found.findings for pair in finding.comparisons]


def test_a_significant_paired_difference_supports_a_claim(results, evaluate):
    a, b = add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim(LESS, measure="rate"))
    assert found.verdict == "not testable"
    found = evaluate(format_claim(LESS))
    (pair,) = get_pairs(found)
    assert found.verdict == "supported"
    assert pair.mean == pytest.approx((a - b).mean())
    assert pair.shown_interval[0] < pair.mean < pair.shown_interval[1] < 0
    assert pair.p == pytest.approx(compare_pairs(np.stack([a, b])).p_values()[0])
    assert (pair.adjusted_p, pair.seeds) == (None, tuple(range(10)))
    assert len(pair.runs) == 20


def test_the_opposite_difference_contradicts_a_claim(results, evaluate):
    add_runs(results, A=21.0, B=20.0)
    found = evaluate(format_claim(LESS))
    assert (found.verdict, found.reason) == ("contradicted", "1 of 1 comparisons contradicts it, on MNIST")
    assert evaluate(format_claim(LESS.replace("less", "greater"))).verdict == "supported"


def test_without_other_methods_p_values_are_those_that_a_leaderboard_adjusts(results, evaluate):
    add_runs(results, A=20.0, B=20.05, C=20.1)
    found = evaluate(format_claim('kind = "order"\ngroups = [["a"], ["b"], ["c"]]', measure="sse"))
    (board,) = build_leaderboards(results.store.load_results(results.entries))
    values = np.array([[e.value for e in row.summaries["sse"].estimates.values()] for row in board.rows])
    labels = [row.label for row in board.rows]
    raw = compare_pairs(values).p_values()
    pairs = [(a, b) for i, a in enumerate(labels) for b in labels[i + 1 :]]
    for pair in get_pairs(found):
        (own,) = [p for both, p in zip(pairs, raw, strict=True) if set(both) == {pair.a.upper(), pair.b.upper()}]
        assert pair.p == pytest.approx(own)
    adjusted = [board.decisions["sse"].get_pair(a, b).p for a, b in pairs]
    assert adjusted == pytest.approx(list(adjust_holm(raw)))


def test_methods_that_the_paper_does_not_have_change_nothing(results, evaluate):
    """A further method of a hundred times the spread would, with four seeds, hide every difference of the others."""
    text = format_claim('kind = "order"\ngroups = [["a"], ["b"], ["c"]]', measure="sse")
    add_runs(results, 4, A=20.0, B=20.6, C=21.2)
    before = get_pairs(evaluate(text))
    for seed, value in enumerate(np.random.default_rng(1).normal(60, 30, 4)):
        results.add("AE", seed, sse=value)
    after = get_pairs(evaluate(text))
    assert [(pair.p, pair.interval) for pair in after] == [(pair.p, pair.interval) for pair in before]
    (board,) = build_leaderboards(results.store.load_results(results.entries))
    assert board.decisions["sse"].get_pair("A", "B").p > 0.9


@pytest.mark.parametrize("effect", [0.06, 0.3])
def test_the_side_of_a_claim_is_never_that_against_which_a_leaderboard_decides(results, evaluate, effect: float):
    add_runs(results, A=20.0, B=20.0 + effect, C=20.1)
    found = evaluate(format_claim(LESS))
    (board,) = build_leaderboards(results.store.load_results(results.entries))
    pair = board.decisions["sse"].get_pair("A", "B")
    assert found.verdict == "supported" if pair.better == "A" else found.verdict != "contradicted"


def test_measures_with_a_log_scale_are_tested_on_it_unless_there_is_a_margin(results, evaluate):
    a, b = np.exp(0.02 * add_runs(results, A=20.0, B=30.0))
    sse = Measure("sse", "", "lower", scale="log", family="distortion")
    for entry, value in zip(results.entries, [*a, *b], strict=True):
        results.measure(results.store.run_folder(entry.run), "reconstruction", sse, value)
    (pair,) = get_pairs(evaluate(format_claim(LESS)))
    assert pair.is_ratio
    assert pair.mean == pytest.approx(exp(np.log(a / b).mean()))
    assert pair.p == pytest.approx(compare_pairs(np.log(np.stack([a, b]))).p_values()[0])
    (pair,) = get_pairs(evaluate(format_claim(f"{LESS}\nmargin = 0.1")))
    assert not pair.is_ratio
    assert pair.mean == pytest.approx((a - b).mean())


@pytest.mark.parametrize(("seeds", "verdict"), [(3, "not decided"), (4, "not decided"), (5, "supported")])
def test_fewer_than_five_seeds_decide_nothing(results, evaluate, seeds: int, verdict: str):
    add_runs(results, seeds, A=10.0, B=21.0)
    found = evaluate(format_claim(LESS))
    assert found.verdict == verdict
    if seeds < 5:
        assert get_pairs(found)[0].p < 0.05
        assert (found.forecast.seeds, found.forecast.verdict) == (5, "supported")
        assert found.reason == f"only {seeds} seeds, a verdict needs 5"


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_give_a_difference_without_an_interval(results, evaluate, seeds: int):
    a, b = add_runs(results, seeds, A=10.0, B=21.0)
    found = evaluate(format_claim(LESS))
    (pair,) = get_pairs(found)
    assert (found.verdict, found.forecast, pair.p, pair.interval) == ("not decided", None, None, None)
    assert pair.mean == pytest.approx((a - b).mean())
    assert f"only {seeds} seed" in found.reason


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


def test_all_pairs_of_a_claim_must_agree(results, evaluate):
    add_runs(results, A=20.0, B=21.0, C=20.0)
    found = evaluate(format_claim('kind = "less"\na = ["a"]\nb = ["b", "c"]'))
    assert [pair.verdict for pair in get_pairs(found)] == ["supported", "not decided"]
    assert found.verdict == "not decided"
    assert found.number_of_tests == 2


def test_support_is_not_adjusted_and_contradiction_is(results, evaluate):
    """All must support (an intersection-union test), while any one contradicts (a union-intersection test)."""
    generator = np.random.default_rng(4)
    for seed in range(8):
        common = generator.normal()
        for label, mean in (("A", 0.0), ("B", 0.9), ("C", 1.2)):
            results.add(label, seed, sse=20 + common + mean + generator.normal())
    found = evaluate(format_claim('kind = "less"\na = ["a"]\nb = ["b", "c"]'))
    p = [pair.p for pair in get_pairs(found)]
    assert 0.025 < max(p) < 0.05
    assert found.verdict == "supported"
    against = evaluate(format_claim('kind = "greater"\na = ["a"]\nb = ["b", "c"]'))
    assert [pair.p for pair in get_pairs(against)] == p
    assert [pair.adjusted_p for pair in get_pairs(against)] == pytest.approx(list(adjust_holm(p)))
    assert against.verdict == "contradicted"
    alone = [pair.verdict for pair in get_pairs(against)]
    assert alone == ["contradicted" if q < 0.05 else "not decided" for q in adjust_holm(p)]


def test_the_family_is_what_the_file_lists_run_or_not(results, evaluate):
    add_runs(results, 5, A=20.0, B=20.2)
    here = format_claim(LESS.replace("less", "greater"))
    elsewhere = format_claim(LESS.replace("less", "greater"), setups='["MNIST", "digits"]')
    one, both = evaluate(here), evaluate(elsewhere)
    assert get_pairs(one)[0].p == get_pairs(both)[0].p
    assert get_pairs(both)[0].adjusted_p == pytest.approx(2 * get_pairs(one)[0].adjusted_p)
    assert (one.readings[0].family, both.readings[0].family) == (1, 2)


def test_one_opposite_pair_contradicts_a_claim(results, evaluate):
    add_runs(results, A=20.0, B=21.0, C=19.0)
    assert evaluate(format_claim('kind = "less"\na = ["a"]\nb = ["b", "c"]')).verdict == "contradicted"


def test_groups_are_compared_in_order(results, evaluate):
    add_runs(results, A=20.0, B=21.0, C=22.0)
    found = evaluate(format_claim('kind = "order"\ngroups = [["a"], ["b"], ["c"]]'))
    assert [(pair.a, pair.b) for pair in get_pairs(found)] == [("a", "b"), ("b", "c")]
    assert found.verdict == "supported"
    assert evaluate(format_claim('kind = "order"\ngroups = [["b"], ["a"], ["c"]]')).verdict == "contradicted"
    assert evaluate(format_claim('kind = "order"\ngroups = [["a", "b"], ["c"]]')).verdict == "supported"


@pytest.mark.parametrize(("margin", "verdict"), [(0.5, "supported"), (0.05, "not decided")])
def test_equivalence_takes_two_one_sided_tests(results, evaluate, margin: float, verdict: str):
    a, b = add_runs(results, A=20.0, B=20.0)
    found = evaluate(format_claim(f'kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = {margin}'))
    assert found.verdict == verdict
    (pair,) = get_pairs(found)
    assert pair.p == pytest.approx(compare_pairs(np.stack([a, b])).within_p_values(margin)[0])


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
    (pair,) = get_pairs(found)
    assert found.verdict == verdict
    assert pair.mean == pytest.approx(times, rel=0.03)
    assert pair.shown_interval[0] < pair.mean < pair.shown_interval[1]
    assert pair.region == (log(1.5), log(3.0))


def test_a_ratio_of_values_that_are_not_positive_is_not_testable(results, evaluate):
    add_runs(results, A=0.0, B=20.0)
    found = evaluate(format_claim('kind = "ratio"\na = ["a"]\nb = ["b"]\nbounds = [1.5, 3.0]'))
    assert (found.verdict, found.reason) == ("not testable", "a ratio needs positive values")


def test_a_method_is_compared_with_a_number(results, evaluate):
    generator = np.random.default_rng(2)
    values = 1 + generator.normal(0, 0.1, 10)
    for seed, value in enumerate(values):
        results.add("A", seed, sse=value)
    assert evaluate(format_claim('kind = "greater"\na = ["a"]\nvalue = 0.0')).verdict == "supported"
    found = evaluate(format_claim('kind = "greater"\na = ["a"]\nvalue = 2.0\nmargin = 0.5'))
    (pair,) = get_pairs(found)
    assert (found.verdict, len(pair.runs)) == ("contradicted", 10)
    assert pair.mean == pytest.approx(values.mean() - 2)
    contrasts = compare_with_values(values[None], np.array([2.5]))
    t = contrasts.means / np.sqrt(values.var(ddof=1) / 10)
    assert pair.p == pytest.approx(max(contrasts.p_values()[0], skewed_p_values(t, 10)[0]))
    assert pair.shown_interval == pytest.approx(
        np.array(compare_with_values(values[None], np.array([2.0])).intervals()[0])
    )


def test_changes_from_one_measure_to_another_are_compared(results, evaluate):
    generator = np.random.default_rng(2)
    for seed in range(10):
        for label, change in (("A", 1.0), ("B", 2.0)):
            start = 40 + generator.normal(0, 5)
            results.add(label, seed, sse=start, rate=start + change + generator.normal(0, 0.1))
    more = 'kind = "greater"\na = ["{}"]\nchange_from = "sse"\n'
    found = evaluate(format_claim(more.format("a") + "value = 0.5", measure="rate"))
    (pair,) = get_pairs(found)
    assert (found.verdict, pair.mean) == ("supported", pytest.approx(0.5, abs=0.1))
    assert found.findings[0].measure_label == "rate minus sse"
    found = evaluate(format_claim(more.format("b") + 'b = ["a"]', measure="rate"))
    (pair,) = get_pairs(found)
    assert (found.verdict, pair.mean) == ("supported", pytest.approx(1.0, abs=0.1))
    assert evaluate(format_claim(more.format("a") + 'b = ["b"]', measure="rate")).verdict == "contradicted"


def test_an_aa_control_is_shown_and_decides_nothing(results, evaluate):
    add_runs(results, A=20.0, B=20.4)
    generator = np.random.default_rng(3)
    for seed in range(10):
        value = results.store.load_results(results.entries)[seed].estimates["sse"].value
        results.add("A again", 1000 + seed, sse=value + generator.normal(0, 2))
        results.entries[-1] = replace(results.entries[-1], paired_seed=seed, control_of="A")
    found = evaluate(format_claim(LESS))
    assert found.verdict == "supported"
    (control,) = compare_with_controls(found.findings[0].evidence, get_pairs(found))
    assert control.method == "a"
    assert control.interval[0] < control.mean < control.interval[1]
    assert control.interval[1] - control.interval[0] > 1


def test_runs_on_different_data_are_not_compared(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    folder = results.store.run_folder(results.entries[0].run)
    write_json(folder.record, {**read_json(folder.record), "data": {"test_x": "b1"}})
    found = evaluate(format_claim(LESS))
    assert (found.verdict, found.forecast) == ("not decided", None)
    assert "the runs used different data" in found.reason


def test_five_skewed_seeds_do_not_contradict_a_true_claim():
    """18 comparisons of exponential values with their mean: at most one claim in twenty has a false contradiction."""
    x = np.random.default_rng(0).exponential(size=(10_000, 18, 5)) - 1
    n, shape = x.shape[2], x.shape[:2]
    own = Variance(x.var(2, ddof=1), np.full(shape, n - 1.0))
    mean = combine_variances(VarianceParts(own, own, np.zeros(shape), n, 0))
    contrasts = Contrasts(x.mean(2), mean, mean, VarianceParts(own, own, np.zeros(shape), n, 0))
    regions = [(0.0, inf)] * 18
    by_t = compute_p_values(contrasts, regions).contradicting
    assert np.mean(by_t.min(1) * 18 < 0.05) > 0.3
    found = compute_p_values(contrasts, regions, own.value / n).contradicting
    assert np.mean(found.min(1) * 18 < 0.05) < 0.05
    opposite = compute_p_values(replace(contrasts, means=-contrasts.means), regions, own.value / n).contradicting
    assert np.mean(opposite.min(1) * 18 < 0.05) < 0.05

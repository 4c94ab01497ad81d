"""Two methods, or two results folders, seed by seed."""

import numpy as np
import pytest

from vimae_bench.errors import BenchError
from vimae_bench.results.comparison import compare_methods, compare_results


def compared(results, a: str, b: str, **margins: float):
    (comparison,) = compare_methods(results.store.outcomes(results.cells), a, b, margins=margins)
    return comparison, {row.measure.name: row for row in comparison.rows}


@pytest.fixture
def pair(results):
    """Ten seeds of a good method, a bad one, and one like the good."""
    generator = np.random.default_rng(0)
    for seed in range(10):
        common, noise = generator.normal(0, 5), generator.normal(0, 0.1, 3)
        results.add("good", seed, sse=25 + common + noise[0], rate=5.0, **{"svm clean": 90 + noise[1]})
        results.add("bad", seed, sse=26 + common + noise[1], rate=4.0, **{"svm clean": 80 + noise[2]})
        results.add("twin", seed, sse=25 + common + noise[2], rate=5.0, **{"svm clean": 90 + noise[0]})
    return results


def test_a_difference_much_smaller_than_the_spread_over_seeds_is_seen_by_pairing(pair):
    comparison, rows = compared(pair, "good", "bad")
    assert rows["sse"].verdict == "better"
    assert rows["sse"].differences.mean() == pytest.approx(-1, abs=0.1)
    assert rows["sse"].shift.value == pytest.approx(-1, abs=0.1)
    assert rows["sse"].interval[1] < -0.8
    assert rows["sse"].wins == 1
    assert rows["sse"].p == 2 * 2 / 2**10  # the least that a sign-flip test can say, and Holm over two measures
    assert rows["svm clean"].verdict == "better"
    assert any("sign-flip test over 10 seeds" in note for note in comparison.notes)


def test_only_the_columns_asked_for_are_tested(pair):
    (table,) = compare_methods(pair.store.outcomes(pair.cells), "good", "bad", ["sse"])
    assert [row.measure.name for row in table.rows] == ["sse"]
    assert table.rows[0].p == 2 / 2**10


def test_the_other_way_round_it_is_worse(pair):
    _, rows = compared(pair, "bad", "good")
    assert {rows["sse"].verdict, rows["svm clean"].verdict} == {"worse"}
    assert rows["sse"].wins == 0


def test_a_measure_without_direction_has_no_verdict(pair):
    _, rows = compared(pair, "good", "bad")
    assert (rows["rate"].verdict, rows["rate"].p, rows["rate"].wins) == ("", None, None)
    assert rows["rate"].differences.tolist() == [1.0] * 10


def test_no_difference_is_not_equivalence_unless_a_margin_was_given(pair):
    assert compared(pair, "good", "twin")[1]["sse"].verdict == "no difference shown"
    assert compared(pair, "good", "twin", sse=0.5)[1]["sse"].verdict == "equivalent"
    assert compared(pair, "good", "twin", sse=0.01)[1]["sse"].verdict == "no difference shown"


def test_a_small_difference_that_is_certain_may_still_be_within_the_margin(pair):
    assert compared(pair, "good", "bad", sse=2)[1]["sse"].verdict == "equivalent"


def test_winning_on_fewer_than_three_quarters_of_the_seeds_is_not_better(results):
    for seed in range(20):
        results.add("one", seed, sse=0.0)
        results.add("other", seed, sse=10.0 + seed / 100 if seed % 10 < 7 else -0.1)
    _, rows = compared(results, "one", "other")
    assert rows["sse"].p < 0.05
    assert rows["sse"].wins == 0.7
    assert rows["sse"].verdict == "no difference shown"


def test_a_side_that_diverged_somewhere_gets_no_verdict(finished):
    comparison, rows = compared(finished, "InfoVAE", "VAE")
    assert rows["sse"].verdict == "incomplete"
    assert rows["sse"].p is None
    assert len(rows["sse"].a) == 3
    assert any("InfoVAE: diverged on seeds 3, 4" in note for note in comparison.notes)


def test_a_collapsed_side_gets_no_verdict_where_collapse_wins(finished):
    _, rows = compared(finished, "β_H-VAE", "VAE")
    assert rows["mmd2"].verdict == "collapsed"
    assert rows["sse"].verdict == "worse"


def test_only_common_seeds_count(results):
    for seed in range(6):
        results.add("one", seed, sse=float(seed))
    for seed in range(3, 9):
        results.add("other", seed, sse=float(seed) + 1 + seed / 10)
    comparison, rows = compared(results, "one", "other")
    assert comparison.seeds == (3, 4, 5)
    assert rows["sse"].a == (3, 4, 5)
    assert "Seeds on one side only, and left out: 0, 1, 2, 6, 7, 8." in comparison.notes
    assert any("3 seeds are too few" in note for note in comparison.notes)


def test_one_common_seed_gives_numbers_and_no_verdict(results):
    results.add("one", 0, sse=1.0)
    results.add("other", 0, sse=2.0)
    comparison, rows = compared(results, "one", "other")
    assert (rows["sse"].interval, rows["sse"].p, rows["sse"].verdict) == (None, None, "")
    assert "One seed in common: no interval, no test." in comparison.notes


def test_an_unknown_method_is_named_with_the_nearest_one(pair):
    with pytest.raises(BenchError, match="no method here is called 'goood'; did you mean 'good'"):
        compared(pair, "goood", "bad")


@pytest.mark.parametrize(("margin", "message"), [({"sse2": 1}, "is called 'sse2'"), ({"sse": 0}, "has to be positive")])
def test_a_margin_that_cannot_be_is_refused(pair, margin: dict[str, float], message: str):
    with pytest.raises(BenchError, match=message):
        compared(pair, "good", "bad", **margin)


def test_a_results_folder_compared_with_itself_differs_in_nothing(pair):
    outcomes = pair.store.outcomes(pair.cells)
    tables = compare_results(outcomes, outcomes, ("old", "new"))
    assert [table.title for table in tables] == [f"{m}: mnist, mlp, d = 2, 80 epochs" for m in ("good", "bad", "twin")]
    rows = [row for table in tables for row in table.rows]
    assert all(not row.differences.any() for row in rows)
    assert {row.verdict for row in rows if row.sign} == {"no difference shown"}


def test_two_results_folders_are_matched_by_method_and_told_apart_by_what_differs(results, tmp_path):
    from dataclasses import replace

    other = type(results)(tmp_path / "short")
    for seed in range(2):
        results.add("VAE", seed, sse=30.0 + seed)
        results.add("AE", seed, sse=25.0 + seed)
        other.add("VAE", seed, sse=31.0 + 2 * seed)
    sides = [r.store.outcomes(r.cells) for r in (results, other)]
    short = [
        replace(o, cell=replace(o.cell, run=replace(o.cell.run, training=replace(o.cell.run.training, epochs=5))))
        for o in sides[1]
    ]
    (table,) = compare_results(sides[0], short, ("long", "short"))
    assert (table.a, table.b) == ("long", "short")
    assert table.rows[0].differences.tolist() == [-1, -2]
    assert "The two sides differ in training.epochs (A: 80, B: 5)." in table.notes

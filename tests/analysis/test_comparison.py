"""Two methods, or two results folders, seed by seed."""

from dataclasses import replace
from itertools import combinations
from math import exp
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from vimae_bench.analysis.comparison import compare_methods, compare_results, describe_unmatched
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.load import load_benchmark_results
from vimae_bench.core.errors import BenchError
from vimae_bench.core.results import Measure
from vimae_bench.execution import PluginSpec
from vimae_bench.reports.comparison_text import format_difference

ROOT = Path(__file__).parents[2]


def compared(results, a: str, b: str, margins=None, **options):
    (comparison,) = compare_methods(results.boards(**options), a, b, margins)
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


@pytest.mark.parametrize("name", ["fig1", "paper-small"])
def test_every_pair_and_measure_is_decided_as_in_the_leaderboard(name):
    boards, seen = load_benchmark_results(ROOT / "results" / name, ROOT).leaderboards, set()
    labels = dict.fromkeys(row.label for board in boards for row in board.rows if not row.control_of)
    for a, b in [*combinations(labels, 2), *combinations(reversed(labels), 2)]:
        for comparison in compare_methods(boards, a, b):
            (board,) = (board for board in boards if board.title == comparison.title)
            for row in comparison.rows:
                decision = board.decisions.get(row.measure.name)
                expected = decision and decision.get_pair(a, b)
                assert row.decision == expected
                if expected is None:
                    assert (row.p, row.untested != "") == (None, row.measure.better is not None)
                else:
                    seen.add(row.outcome)
                    assert row.outcome == ({a: "better", b: "worse", "": expected.outcome}[expected.better])
                    assert (row.difference, row.interval) == (pytest.approx(expected.difference), expected.interval)
    assert {"better", "worse", "equivalent", "undecided"} == seen


def test_a_pair_is_adjusted_for_all_pairs_of_the_table_whichever_is_looked_at(pair):
    _, rows = compared(pair, "good", "bad")
    assert rows["sse"].family == 3
    decisions = pair.board().decisions
    assert rows["sse"].decision == decisions["sse"].pairs["good", "bad"]
    two = [entry for entry in pair.entries if entry.label != "twin"]
    (alone,) = compare_methods(build_leaderboards(pair.store.load_results(two)), "good", "bad")
    assert {row.family for row in alone.rows if row.decision} == {1}


def test_columns_change_no_p_value(pair):
    _, every = compared(pair, "good", "twin")
    for columns in (("sse",), ("svm clean", "sse"), ("rate", "sse")):
        _, rows = compared(pair, "good", "twin", columns=columns)
        assert tuple(rows) == columns
        assert rows["sse"] == every["sse"]


def test_the_p_value_of_two_methods_alone_is_that_of_a_paired_t_test(results):
    generator = np.random.default_rng(1)
    values = generator.normal(30, 1, (2, 6)) + generator.normal(0, 3, 6)
    for seed in range(6):
        results.add("one", seed, sse=values[0, seed])
        results.add("other", seed, sse=values[1, seed])
    comparison, rows = compared(results, "one", "other")
    reference = stats.ttest_rel(*values)
    assert rows["sse"].p == pytest.approx(reference.pvalue)
    assert rows["sse"].interval == pytest.approx(tuple(reference.confidence_interval()))
    assert "over seeds only" in comparison.notes[0]


def test_pairing_detects_a_difference_much_smaller_than_the_spread_over_seeds(pair):
    comparison, rows = compared(pair, "good", "bad")
    assert rows["sse"].outcome == "better"
    assert rows["sse"].difference == pytest.approx(-1, abs=0.1)
    assert rows["sse"].interval[1] < -0.8
    assert rows["sse"].wins == 1
    assert rows["svm clean"].outcome == "better"
    assert any("Holm-adjusted within each measure over the 3 pairs of methods" in note for note in comparison.notes)


def test_swapping_the_methods_swaps_the_outcome(pair):
    _, rows = compared(pair, "bad", "good")
    assert {rows["sse"].outcome, rows["svm clean"].outcome} == {"worse"}
    assert rows["sse"].wins == 0
    assert format_difference(rows["sse"]).outcome == "B is better"


def test_a_measure_without_direction_has_no_outcome(pair):
    _, rows = compared(pair, "good", "bad")
    assert (rows["rate"].outcome, rows["rate"].p, rows["rate"].wins) == ("", None, None)
    assert rows["rate"].effects.tolist() == [1.0] * 10
    assert rows["rate"].interval == (1, 1)


LOG = Measure("sse", "", "lower", scale="log", margin=0.05)


def test_a_measure_of_a_log_scale_is_compared_by_ratios(results):
    generator = np.random.default_rng(2)
    values = 30 * np.exp(generator.normal(0, 0.02, (3, 8)) + np.array([[0.0], [0.3], [0.0]]))
    for seed in range(8):
        for label, row in zip("abc", values, strict=True):
            results.measure(results.add(label, seed), "reconstruction", LOG, row[seed])
    _, rows = compared(results, "b", "a")
    ratio = exp(np.log(values[1] / values[0]).mean())
    assert rows["sse"].difference == rows["sse"].decision.difference == pytest.approx(ratio)
    assert rows["sse"].interval[0] < ratio < rows["sse"].interval[1]
    text = format_difference(rows["sse"])
    assert (text.outcome, text.difference) == ("B is better", f"{ratio:.3f} x")
    assert format_difference(compared(results, "a", "c")[1]["sse"]).outcome.startswith("equivalent within 5 %")


def test_a_margin_of_this_call_stands_next_to_the_decision_of_the_leaderboard(pair):
    without = compared(pair, "good", "twin")[1]["sse"]
    assert without.outcome == "undecided"
    for margin, outcome in ((0.5, "equivalent"), ("0.5 [0,1]^2", "equivalent"), (0.01, "undecided")):
        comparison, rows = compared(pair, "good", "twin", {"sse": margin})
        assert rows["sse"].given_outcome == outcome
        assert replace(rows["sse"], given_margin=None, given_decision=None) == without
        assert any(note.startswith("Margins of this call: Squared error ") for note in comparison.notes)
    assert "with this call's margin of 0.01: undecided" in format_difference(rows["sse"]).given


def test_a_significant_difference_within_the_margin_is_equivalence(pair):
    assert compared(pair, "good", "bad", {"sse": 2})[1]["sse"].given_outcome == "equivalent"


def control(results, label: str, of: str, seed: int, **values) -> None:
    results.add(label, 1000 + seed, **values)
    results.entries[-1] = replace(results.entries[-1], paired_seed=seed, control_of=of)


def test_an_a_a_control_is_compared_alone(pair):
    generator = np.random.default_rng(3)
    again = generator.normal(30, 1, 10)
    for seed in range(10):
        control(pair, "good again", "good", seed, sse=again[seed])
    _, before = compared(pair, "good", "bad")
    for a, b in (("good", "good again"), ("bad", "good again"), ("good again", "good")):
        comparison, rows = compared(pair, a, b)
        values = [
            [row.summaries["sse"].estimates[seed].value for seed in range(10)]
            for label in (a, b)
            for row in pair.board().rows
            if row.label == label
        ]
        assert rows["sse"].p == pytest.approx(stats.ttest_rel(*values).pvalue)
        assert rows["sse"].family == 1
        assert (
            "p: not adjusted. good again is an A/A control and in no family of tests: this is one comparison alone."
            in comparison.notes
        )
    assert compared(pair, "good", "bad")[1] == before


def test_a_method_that_diverged_on_a_seed_is_not_compared(finished):
    comparison, rows = compared(finished, "InfoVAE", "VAE")
    assert (rows["sse"].outcome, rows["sse"].p, rows["sse"].interval) == ("incomplete", None, None)
    assert format_difference(rows["sse"]).outcome == "not comparable: A has 3 of 5 seeds"
    assert len(rows["sse"].a) == 3
    assert any("InfoVAE: diverged on seeds 3, 4" in note for note in comparison.notes)


def test_a_collapsed_method_is_compared_under_no_measure(finished):
    comparison, rows = compared(finished, "β_H-VAE", "VAE")
    assert {rows[name].outcome for name in ("sse", "mmd2", "svm clean")} == {"collapsed"}
    assert {row.interval for row in rows.values()} == {None}
    assert format_difference(rows["sse"]).outcome == "not comparable: A collapsed"
    assert any(
        note.startswith("† β_H-VAE collapsed on seeds 0, 1, 2, 3, 4 (rate below 0.1 nats)") for note in comparison.notes
    )


def test_a_nearly_collapsed_method_is_marked_where_the_measure_rewards_it(results):
    generator = np.random.default_rng(0)
    for seed in range(6):
        for label, rate, mmd in (("VAE", 20.0, 0.03), ("AE", 21.0, 0.03), ("shy", 1.0, 0.001)):
            results.add(label, seed, sse=30 + generator.normal(), rate=rate, mmd2=mmd * exp(generator.normal(0, 0.01)))
    comparison, rows = compared(results, "shy", "VAE")
    assert format_difference(rows["mmd2"]).outcome == "A is better ‡"
    assert not rows["sse"].is_qualified
    assert any(note.startswith("‡ shy is nearly collapsed") for note in comparison.notes)


def test_seeds_that_differ_between_methods_are_not_tested(results):
    for seed in range(6):
        results.add("one", seed, sse=float(seed))
    for seed in range(3, 9):
        results.add("other", seed, sse=float(seed) + 1 + seed / 10)
    comparison, rows = compared(results, "one", "other")
    assert comparison.seeds == (3, 4, 5)
    assert rows["sse"].a == (3, 4, 5)
    assert format_difference(rows["sse"]).outcome == "not comparable: A has 6 of 9 seeds and B has 6 of 9 seeds"
    assert "one: missing on seeds 6, 7, 8 (not in the benchmark)." in comparison.notes


@pytest.mark.parametrize(("seeds", "said"), [(1, "1 common seed"), (2, "2 common seeds")])
def test_one_or_two_seeds_give_values_without_interval_and_test(results, seeds: int, said: str):
    for seed in range(seeds):
        results.add("one", seed, sse=1.0 + seed)
        results.add("other", seed, sse=2.0 - seed)
    comparison, rows = compared(results, "one", "other")
    assert (rows["sse"].interval, rows["sse"].p, rows["sse"].outcome) == (None, None, "not tested")
    assert comparison.notes[0] == f"{said}: no intervals and no tests. Tests need three seeds."


def test_three_seeds_are_tested_and_said_to_explore(results):
    for seed in range(3):
        for label, value in (("a", 10.0), ("b", 20.0), ("c", 20.1)):
            results.add(label, seed, sse=value + 0.01 * seed * (label == "b"))
    comparison, rows = compared(results, "a", "b")
    assert rows["sse"].outcome == "better"
    assert "3 seeds explore: an outcome to be quoted needs five." in comparison.notes


def test_equal_values_are_called_equal(results):
    for seed in range(5):
        results.add("one", seed, sse=20.0 + seed)
        results.add("other", seed, sse=20.0 + seed)
    _, rows = compared(results, "one", "other")
    assert (rows["sse"].outcome, rows["sse"].p, rows["sse"].interval) == ("equal", 1, (0, 0))
    assert format_difference(rows["sse"]).outcome == "equal on every seed"


def test_a_constant_difference_of_few_seeds_is_undecided_and_one_more_decides_it(results):
    for seed in range(6):
        results.add("one", seed, sse=20.0 + seed)
        results.add("other", seed, sse=21.0 + seed)
    six = compared(results, "one", "other")[1]["sse"]
    assert (six.p, six.outcome) == (2 / 2**6, "better")
    results.entries = [entry for entry in results.entries if entry.seed < 5]
    five = compared(results, "one", "other")[1]["sse"]
    assert (five.p, five.outcome, five.decision.seeds_needed) == (2 / 2**5, "undecided", 6)


def test_a_measure_that_is_undefined_for_some_seeds_or_one_method_is_said(results):
    for seed in range(5):
        results.add("one", seed, sse=20.0 + seed, rate=5.0, mmd2=0.1 if seed else None)
        results.add("other", seed, sse=21.0 + seed**2, mmd2=0.2 + seed / 100)
    comparison, rows = compared(results, "one", "other")
    assert "rate" not in rows
    assert "Only A has values of Rate." in comparison.notes
    assert format_difference(rows["mmd2"]).outcome == "not comparable: A has 4 of 5 seeds"
    assert rows["sse"].decision is not None


def test_ratios_of_values_that_are_not_positive_are_not_tested(results):
    for seed in range(5):
        results.measure(results.add("one", seed), "reconstruction", LOG, float(seed))
        results.measure(results.add("other", seed), "reconstruction", LOG, 2.0 + seed)
    _, rows = compared(results, "one", "other")
    assert format_difference(rows["sse"]).outcome == "not tested: ratios need positive values"
    assert rows["sse"].difference == -2


def test_a_method_on_other_data_is_not_compared(pair):
    changed = [
        replace(result, record=result.record | {"data": {"test_x": "b1"}}) if result.entry.label == "bad" else result
        for result in pair.store.load_results(pair.entries)
    ]
    boards = build_leaderboards(changed)
    (comparison,) = compare_methods(boards, "bad", "good")
    assert {row.outcome for row in comparison.rows if row.sign} == {"other data"}
    assert format_difference(comparison.rows[0]).outcome == "not comparable: A used other data"
    decision = boards[0].decisions["sse"]
    assert (decision.methods["bad"].state, decision.methods["bad"].reason) == (
        "not comparable",
        "used other data than most runs",
    )
    assert "bad" not in decision.leaders


def test_an_unknown_method_is_an_error_with_a_suggestion(pair):
    with pytest.raises(BenchError, match="no method here is called 'goood'; did you mean 'good'"):
        compared(pair, "goood", "bad")


def test_a_method_is_not_compared_with_itself(pair):
    with pytest.raises(BenchError, match="'good' cannot be compared with itself; name two methods"):
        compared(pair, "good", "good")


@pytest.mark.parametrize(
    ("margin", "message"),
    [
        ({"sse2": 1}, "no measure compared here is called 'sse2'; did you mean 'sse'"),
        ({"sse": 0}, "the margin of 'sse' must be positive, not 0"),
        ({"sse": "1 %"}, "the margin of 'sse' must be in"),
        ({"rate": 1}, "'rate' has no better direction: it is not tested, and takes no margin"),
    ],
)
def test_an_invalid_margin_is_an_error(pair, margin, message: str):
    with pytest.raises(BenchError, match=message):
        compared(pair, "good", "bad", margin)


def test_a_results_folder_does_not_differ_from_itself(pair):
    run_results = pair.store.load_results(pair.entries)
    tables = compare_results(run_results, run_results, ("old", "new"))
    assert [table.title for table in tables] == [f"{m}: mnist, mlp, d = 2, 80 epochs" for m in ("good", "bad", "twin")]
    rows = [row for table in tables for row in table.rows]
    assert all(not row.effects.any() for row in rows)
    assert {row.outcome for row in rows if row.sign} == {"equal"}


def test_methods_that_two_folders_share_are_one_family(results, other):
    generator = np.random.default_rng(5)
    differences = generator.normal(0, 1, (4, 6)) + np.array([[3.0], [0.0], [0.0], [1.0]])
    for seed in range(6):
        for label, row in zip(("AE", "VAE", "DAE", "only here"), differences, strict=True):
            results.add(label, seed, sse=30 + row[seed])
            if label != "only here":
                other.add(label, seed, sse=30.0)
    tables = compare_results(*both(results, other), ("a", "b"))
    assert [table.title.split(":")[0] for table in tables] == ["AE", "VAE", "DAE"]
    assert {row.family for table in tables for row in table.rows} == {3}
    # Shrunk variances keep the order of means, and Holm's adjustment is three times the least p-value.
    p = {table.title.split(":")[0]: table.rows[0].p for table in tables}
    results.entries = [entry for entry in results.entries if entry.label == "AE"]
    (alone,) = compare_results(*both(results, other), ("a", "b"))
    assert p["AE"] < min(p["VAE"], p["DAE"])
    assert alone.rows[0].p == pytest.approx(stats.ttest_1samp(differences[0], 0).pvalue)
    assert "over the 3 methods that A and B share in this table" in " ".join(tables[0].notes)


@pytest.fixture
def other(results, tmp_path):
    """A second results folder."""
    return type(results)(tmp_path / "other")


def both(results, other, **change):
    """The results of two folders, those of the second with another run, record or measures."""
    a, b = (group.store.load_results(group.entries) for group in (results, other))
    return a, [replace(result, **{name: alter(result) for name, alter in change.items()}) for result in b]


def trained(epochs: int):
    def altered(result):
        run = replace(result.entry.run, training=replace(result.entry.run.training, epochs=epochs))
        return replace(result.entry, run=run)

    return altered


def test_results_on_different_data_are_not_tested(results, other):
    for seed in range(6):
        results.add("VAE", seed, sse=20.0 + seed)
        other.add("VAE", seed, sse=30.0 + 1.1 * seed)
    a, b = both(results, other, record=lambda o: o.record | {"data": {"test_x": "b1"}})
    (table,) = compare_results(a, b, ("a", "b"))
    assert (table.rows[0].outcome, table.rows[0].p) == ("other data", None)
    assert "The runs used different data (test_x): they cannot be compared." in table.notes
    (table,) = compare_results(*both(results, other), ("a", "b"))
    assert table.rows[0].outcome == "better"


def test_a_measure_with_two_definitions_is_shown_but_not_tested(results, other):
    for seed in range(6):
        results.add("VAE", seed, sse=20.0 + seed)
        other.add("VAE", seed, sse=30.0 + seed)
    a, b = both(results, other, measures=lambda o: {"sse": replace(o.measures["sse"], version=2)})
    (table,) = compare_results(a, b, ("a", "b"))
    assert (table.rows[0].sign, table.rows[0].p, table.rows[0].outcome) == (0, None, "")
    assert table.rows[0].effects.tolist() == [-10] * 6


def test_a_measure_of_an_older_version_is_marked_and_explained(results, other):
    for seed in range(6):
        folder = results.add("VAE", seed)
        results.measure(folder, "reconstruction", Measure("sse", "[0,1]^2", "lower"), 20.0 + seed, older=1)
        other.add("VAE", seed, sse=30.0 + seed)
    (table,) = compare_results(*both(results, other), ("a", "b"))
    assert (table.rows[0].measure.label, table.rows[0].outcome) == ("Squared error °", "")
    assert "° sse: measured by version 0 of reconstruction in 6 of 12 runs; its version is 1 now." in table.notes


def test_differences_in_versions_and_metrics_are_listed(results, other):
    for seed in range(2):
        results.add("VAE", seed, sse=20.0)
        other.add("VAE", seed, sse=30.0)
    metrics = (PluginSpec("reconstruction", {"images": 500}), *results.entries[0].metrics[1:])
    a, b = both(
        results,
        other,
        entry=lambda o: replace(o.entry, metrics=metrics),
        record=lambda o: o.record | {"made_by": o.record["made_by"] | {"torch": "3.0", "sharing": 4}},
    )
    (table,) = compare_results(a, b, ("a", "b"))
    assert "A and B are from different versions or machines: torch (A: 2.15, B: 3.0)." in table.notes
    assert "A and B are measured with different settings: reconstruction.images (A: none, B: 500)." in table.notes
    assert not any("Runs come from" in note for note in table.notes)


def test_a_metric_that_only_one_group_has_is_not_a_different_setting(results, other):
    results.add("VAE", 0, sse=20.0)
    other.add("VAE", 0, sse=30.0)
    a, b = both(
        results, other, entry=lambda o: replace(o.entry, metrics=(*o.entry.metrics, PluginSpec("fid", {"n": 5})))
    )
    (table,) = compare_results(a, b, ("a", "b"))
    assert not any("fid" in note for note in table.notes)


def test_identical_results_are_reported_as_identical(pair):
    run_results = pair.store.load_results(pair.entries)
    a, b, c = compare_results(run_results, run_results, ("old", "new"))
    assert all(table.notes[-1] == "All values of 10 pairs of runs are identical in A and B." for table in (a, b, c))


def test_a_method_with_several_trainings_is_matched_by_its_training(results, other):
    results.add("VAE", 0, sse=20.0)
    other.add("VAE", 0, sse=30.0)
    a, b = both(results, other)
    short = [replace(result, entry=trained(5)(result)) for result in b]
    (table,) = compare_results(a, [*short, *b], ("a", "b"))
    assert not any("training.epochs" in note for note in table.notes)
    assert list(describe_unmatched(a, [*short, *b])) == ["Only in B, and left out: VAE: mnist, mlp, d = 2, 5 epochs."]


def test_methods_of_one_group_only_are_listed_briefly(results, other):
    for label in ("VAE", "AE", "β-VAE", "InfoVAE", "WAE"):
        results.add(label, 0, sse=20.0)
    other.add("VAE", 0, sse=20.0)
    other.add("new", 0, sse=20.0)
    a, b = both(results, other)
    one, two = describe_unmatched(a, b)
    assert one.startswith("Only in A, and left out: AE: mnist")
    assert one.endswith("; and 1 more.")
    assert two == "Only in B, and left out: new: mnist, mlp, d = 2, 80 epochs."
    assert [table.title.split(":")[0] for table in compare_results(a, b, ("a", "b"))] == ["VAE"]


def test_two_results_folders_are_matched_by_method_and_their_settings_compared(results, other):
    for seed in range(2):
        results.add("VAE", seed, sse=30.0 + seed)
        results.add("AE", seed, sse=25.0 + seed)
        other.add("VAE", seed, sse=31.0 + 2 * seed)
    (table,) = compare_results(*both(results, other, entry=trained(5)), ("long", "short"))
    assert (table.a, table.b) == ("long", "short")
    assert table.rows[0].effects.tolist() == [-1, -2]
    assert "A and B differ in training.epochs (A: 80, B: 5)." in table.notes

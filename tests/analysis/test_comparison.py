"""Two methods, or two results folders, seed by seed."""

from dataclasses import replace

import numpy as np
import pytest

from vimae_bench.analysis.comparison import compare_methods, compare_results, describe_unmatched
from vimae_bench.core.errors import BenchError
from vimae_bench.execution import PluginSpec
from vimae_bench.plugin import Measure


def compared(results, a: str, b: str, **margins: float):
    (comparison,) = compare_methods(results.store.load_results(results.entries), a, b, margins=margins)
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


def test_pairing_detects_a_difference_much_smaller_than_the_spread_over_seeds(pair):
    comparison, rows = compared(pair, "good", "bad")
    assert rows["sse"].verdict == "better"
    assert rows["sse"].differences.mean() == pytest.approx(-1, abs=0.1)
    assert rows["sse"].shift.value == pytest.approx(-1, abs=0.1)
    assert rows["sse"].interval[1] < -0.8
    assert rows["sse"].wins == 1
    assert rows["sse"].p == 2 * 2 / 2**10  # the least that a sign-flip test can say, and Holm over two measures
    assert rows["svm clean"].verdict == "better"
    assert any("sign-flip test over 10 seeds" in note for note in comparison.notes)


def test_only_the_given_columns_are_tested(pair):
    (table,) = compare_methods(pair.store.load_results(pair.entries), "good", "bad", ["sse"])
    assert [row.measure.name for row in table.rows] == ["sse"]
    assert table.rows[0].p == 2 / 2**10


def test_swapping_the_methods_swaps_the_verdict(pair):
    _, rows = compared(pair, "bad", "good")
    assert {rows["sse"].verdict, rows["svm clean"].verdict} == {"worse"}
    assert rows["sse"].wins == 0


def test_a_measure_without_direction_has_no_verdict(pair):
    _, rows = compared(pair, "good", "bad")
    assert (rows["rate"].verdict, rows["rate"].p, rows["rate"].wins) == ("", None, None)
    assert rows["rate"].differences.tolist() == [1.0] * 10


def test_equivalence_needs_a_margin(pair):
    assert compared(pair, "good", "twin")[1]["sse"].verdict == "no difference shown"
    assert compared(pair, "good", "twin", sse=0.5)[1]["sse"].verdict == "equivalent"
    assert compared(pair, "good", "twin", sse=0.01)[1]["sse"].verdict == "no difference shown"


def test_a_significant_difference_within_the_margin_is_equivalence(pair):
    assert compared(pair, "good", "bad", sse=2)[1]["sse"].verdict == "equivalent"


def test_winning_on_fewer_than_three_quarters_of_the_seeds_is_not_better(results):
    for seed in range(20):
        results.add("one", seed, sse=0.0)
        results.add("other", seed, sse=10.0 + seed / 100 if seed % 10 < 7 else -0.1)
    _, rows = compared(results, "one", "other")
    assert rows["sse"].p < 0.05
    assert rows["sse"].wins == 0.7
    assert rows["sse"].verdict == "no difference shown"


def test_a_method_that_diverged_on_a_seed_gets_no_verdict(finished):
    comparison, rows = compared(finished, "InfoVAE", "VAE")
    assert rows["sse"].verdict == "incomplete"
    assert rows["sse"].p is None
    assert len(rows["sse"].a) == 3
    assert any("InfoVAE: diverged on seeds 3, 4" in note for note in comparison.notes)


def test_a_collapsed_method_gets_no_verdict_if_the_measure_rewards_collapse(finished):
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
    assert "Seeds that only A or only B has, left out: 0, 1, 2, 6, 7, 8." in comparison.notes
    assert any("3 seeds are too few" in note for note in comparison.notes)


def test_one_common_seed_gives_numbers_and_no_verdict(results):
    results.add("one", 0, sse=1.0)
    results.add("other", 0, sse=2.0)
    comparison, rows = compared(results, "one", "other")
    assert (rows["sse"].interval, rows["sse"].p, rows["sse"].verdict) == (None, None, "")
    assert "One common seed: no interval and no test." in comparison.notes


def test_an_unknown_method_is_an_error_with_a_suggestion(pair):
    with pytest.raises(BenchError, match="no method here is called 'goood'; did you mean 'good'"):
        compared(pair, "goood", "bad")


@pytest.mark.parametrize(("margin", "message"), [({"sse2": 1}, "is called 'sse2'"), ({"sse": 0}, "must be positive")])
def test_an_invalid_margin_is_an_error(pair, margin: dict[str, float], message: str):
    with pytest.raises(BenchError, match=message):
        compared(pair, "good", "bad", **margin)


def test_a_results_folder_does_not_differ_from_itself(pair):
    run_results = pair.store.load_results(pair.entries)
    tables = compare_results(run_results, run_results, ("old", "new"))
    assert [table.title for table in tables] == [f"{m}: mnist, mlp, d = 2, 80 epochs" for m in ("good", "bad", "twin")]
    rows = [row for table in tables for row in table.rows]
    assert all(not row.differences.any() for row in rows)
    assert {row.verdict for row in rows if row.sign} == {"no difference shown"}


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


def test_results_on_different_data_get_no_verdict(results, other):
    for seed in range(6):
        results.add("VAE", seed, sse=20.0 + seed)
        other.add("VAE", seed, sse=30.0 + 1.1 * seed)
    a, b = both(results, other, record=lambda o: o.record | {"data": {"test_x": "b1"}})
    (table,) = compare_results(a, b, ("a", "b"))
    assert (table.rows[0].verdict, table.rows[0].p) == ("other data", None)
    assert "The runs used different data (test_x): they cannot be compared." in table.notes
    (table,) = compare_results(*both(results, other), ("a", "b"))
    assert table.rows[0].verdict == "better"


def test_a_measure_with_two_definitions_is_shown_but_not_tested(results, other):
    for seed in range(6):
        results.add("VAE", seed, sse=20.0 + seed)
        other.add("VAE", seed, sse=30.0 + seed)
    a, b = both(results, other, measures=lambda o: {"sse": replace(o.measures["sse"], version=2)})
    (table,) = compare_results(a, b, ("a", "b"))
    assert (table.rows[0].sign, table.rows[0].p, table.rows[0].verdict) == (0, None, "")
    assert table.rows[0].differences.tolist() == [-10] * 6


def test_a_measure_of_an_older_version_is_marked_and_explained(results, other):
    for seed in range(6):
        folder = results.add("VAE", seed)
        results.measure(folder, "reconstruction", Measure("sse", "[0,1]^2", "lower"), 20.0 + seed, older=1)
        other.add("VAE", seed, sse=30.0 + seed)
    (table,) = compare_results(*both(results, other), ("a", "b"))
    assert (table.rows[0].measure.label, table.rows[0].verdict) == ("sse ‡", "")
    assert "‡ sse: measured by version 0 of reconstruction in 6 of 12 runs; its version is 1 now." in table.notes


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
    assert not any("Mixed" in note for note in table.notes)


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
    assert table.rows[0].differences.tolist() == [-1, -2]
    assert "A and B differ in training.epochs (A: 80, B: 5)." in table.notes

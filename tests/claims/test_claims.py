"""How the verdict on a claim follows from its comparisons."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.papers import LESS, TABLE, add_draws, add_runs, format_claim
from vimae_bench.execution import PluginSpec
from vimae_bench.plugin import Measure
from vimae_bench.storage.atomic import write_json


def on(results, dataset: str) -> None:
    """The runs so far, moved to another data set."""
    values = [result.estimates["sse"].value for result in results.store.load_results(results.entries)]
    entries = [replace(entry, run=replace(entry.run, dataset=PluginSpec(dataset))) for entry in results.entries]
    results.entries.clear()
    for entry, value in zip(entries, values, strict=True):
        folder = results.store.run_folder(entry.run)
        made = {"key": entry.run.key, "run": entry.run.as_json(), "data": {"test_x": "a0"}, "status": "done"}
        write_json(folder.record, made)
        measure = {"name": "sse", "unit": "", "better": "lower"}
        head = {"metric": PluginSpec("reconstruction").as_json(), "measures": [measure]}
        estimates = {"sse": {"value": value, "n": 1}}
        write_json(folder.metric_path(PluginSpec("reconstruction")), {**head, "estimates": estimates})
    results.entries[:] = entries


def collapsing(results) -> None:
    for seed in range(6):
        results.add("A", seed, rate=5.0, mmd2=0.02 + seed / 1e5, sse=20.0 + seed / 10)
        results.add("B", seed, rate=0.01, mmd2=1e-5, sse=50.0 + seed**2 / 10)
        results.add("C", seed, rate=5.0, mmd2=0.03 + seed**2 / 1e5, sse=30.0 + seed**2 / 20)


STAND_IN = '[[stand_in]]\nmeasure = "fid"\nby = "sse"\n'


def test_a_test_with_aside_does_not_change_the_verdict(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim(LESS, 'kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = 0.5\naside = true'))
    assert [finding.verdict for finding in found.findings] == ["supported", "contradicted"]
    assert (found.verdict, found.number_of_tests) == ("supported", 1)


def test_a_test_of_part_of_a_claim_says_so(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    text = format_claim(LESS).replace('text = "So it is."', 'text = "Much less."\ntested = "that it is less"')
    assert (evaluate(text).verdict, evaluate(text).claim.tested) == ("supported", "that it is less")


def test_all_tests_of_a_claim_must_agree(results, evaluate):
    add_runs(results, A=20.0, B=21.0, C=20.0)
    both = evaluate(format_claim(LESS, 'kind = "greater"\na = ["c"]\nb = ["b"]'))
    assert both.verdict == "contradicted"
    assert both.number_of_tests == 2


def test_a_claim_on_several_data_sets_lists_those_without_runs(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim(LESS, setups='["MNIST", "digits"]'))
    assert (found.verdict, found.missing) == ("supported", ("digits: no runs",))
    assert found.scale_differences == ()


def test_a_claim_on_several_data_sets_must_be_supported_on_all_measured_ones(results, evaluate):
    add_runs(results, A=20.0, B=20.0)
    on(results, "digits")
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim(LESS, setups='["MNIST", "digits"]'))
    assert [finding.verdict for finding in found.findings] == ["supported", "not decided"]
    assert (found.verdict, found.missing) == ("not decided", ())


def test_a_method_that_is_not_measured_leaves_a_claim_undecided(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim('kind = "less"\na = ["a"]\nb = ["b", "c"]'))
    assert found.verdict == "not decided"
    assert "C is not measured" in found.reason


def test_measures_of_two_versions_are_not_compared(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    for entry in results.entries:
        if entry.label == "B":
            folder = results.store.run_folder(entry.run)
            next((folder.path / "metrics").glob("reconstruction-*")).unlink()
            results.measure(folder, "reconstruction", Measure("sse", "[0,1]^2", "lower"), 21.0, older=1)
    found = evaluate(format_claim(LESS))
    assert found.verdict == "not testable"
    assert "sse has several definitions among the runs" in found.reason
    (table,) = evaluate.paper(TABLE).tables
    assert (table.values[0].match, table.values[0].interval) == ("not comparable", None)


def test_nothing_measured_is_not_testable(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    assert evaluate(format_claim(LESS, measure="fid")).reason == "MNIST: fid is not measured"
    assert evaluate(format_claim(LESS, setups='["digits"]')).reason == "digits: no runs"
    assert evaluate(format_claim(LESS, setups='["digits"]')).verdict == "not testable"


def test_a_diverged_run_leaves_its_comparisons_undecided_and_is_listed(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    results.add("A", 10, "diverged", "the loss is nan")
    found = evaluate(format_claim(LESS))
    assert found.verdict == "not decided"
    assert "A diverged or failed on seed 10" in found.reason
    assert found.forecast is None
    assert any("A: diverged on seed 10 (the loss is nan)" in note for note in found.findings[0].evidence.notes)


def test_a_method_without_a_seed_of_the_table_is_not_compared(results, evaluate):
    """As in a leaderboard: means over different seeds are not compared."""
    add_runs(results, A=20.0, B=21.0)
    results.add("A", 10, "missing")
    found = evaluate(format_claim(LESS))
    assert (found.verdict, found.forecast) == ("not decided", None)
    assert "A has 10 of 11 seeds" in found.reason
    assert any("missing on seed 10" in note for note in found.findings[0].evidence.notes)


@pytest.mark.parametrize("measure", ["mmd2", "sse"])
def test_comparisons_with_a_collapsed_method_are_counted_apart(results, evaluate, measure: str):
    """Neither its agreement nor its opposition counts, whether or not the measure rewards ignoring the data."""
    collapsing(results)
    for a, c, verdict in (("a", "c", "supported"), ("c", "a", "contradicted")):
        found = evaluate(format_claim(f'kind = "less"\na = ["{a}"]\nb = ["b", "{c}"]', measure=measure))
        assert found.verdict == verdict
        assert found.number_of_tests == 1
        assert found.methods_apart == ("b",)
        assert "1 comparison counted apart" in found.reason
        pair = found.findings[0].comparisons[0]
        assert (pair.verdict, pair.p, pair.apart) == ("not testable", None, "B collapsed on seeds 0, 1, 2, 3, 4, 5")
        assert pair.mean is not None


def test_comparisons_with_a_nearly_collapsed_method_are_counted_apart(results, evaluate):
    generator = np.random.default_rng(0)
    for seed in range(6):
        for label, rate, sse in (("A", 30.0, 20.0), ("B", 0.9, 50.0), ("C", 31.0, 30.0)):
            results.add(label, seed, rate=rate, sse=sse + generator.normal(0, 0.1))
    found = evaluate(format_claim('kind = "less"\na = ["a"]\nb = ["b", "c"]'))
    assert (found.verdict, found.number_of_tests) == ("supported", 1)
    pair = found.findings[0].comparisons[0]
    assert pair.apart == "B nearly collapsed (Rate 0.9 against a median of 30.5 nats)"
    assert pair.p < 0.001
    assert any("B is nearly collapsed" in note for note in found.findings[0].evidence.notes)


def test_a_claim_on_collapsed_methods_alone_is_not_testable(results, evaluate):
    collapsing(results)
    for measure in ("mmd2", "sse"):
        found = evaluate(format_claim(LESS, measure=measure))
        assert (found.verdict, found.is_unmeasured) == ("not testable", False)


def test_a_proxy_measure_is_tested_for_order_but_not_for_margins(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(STAND_IN + format_claim(f"{LESS}\nmargin = 20", measure="fid"))
    assert found.findings[0].verdict == "supported"
    assert (found.verdict, found.reason) == ("not decided", "sse can show an order, but not a margin in fid")
    assert found.forecast is None
    assert evaluate(STAND_IN + format_claim(LESS, measure="fid")).verdict == "supported"
    assert evaluate(STAND_IN + format_claim(LESS.replace("less", "greater"), measure="fid")).verdict == "contradicted"
    assert found.findings[0].measure == "sse"
    assert found.findings[0].comparisons[0].region[1] == 0
    equal = evaluate(STAND_IN + format_claim('kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = 3', measure="fid"))
    assert equal.verdict == "not testable"
    assert "since their margins are not comparable" in equal.reason
    assert [reading.n for reading in equal.findings[0].values] == [10, 10]


def test_a_measured_measure_is_not_replaced_by_its_proxy(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    text = '[[stand_in]]\nmeasure = "sse"\nby = "rate"\n' + format_claim(f"{LESS}\nmargin = 20")
    assert evaluate(text).findings[0].measure == "sse"
    assert evaluate(text).verdict == "contradicted"


def test_an_untestable_claim_gives_the_reason_and_the_measured_values(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim('kind = "untestable"\nwhy = "too few images"\na = ["a", "c"]'))
    assert (found.verdict, found.reason) == ("not testable", "too few images")
    assert [reading.n for reading in found.findings[0].values] == [10, 0]


READINGS = """
[[readings]]
id = "error"
of = "error"
[[readings.option]]
measure = "sse"
[[readings.option]]
measure = "mmd2"
"""


@pytest.mark.parametrize(
    ("sse", "mmd2", "verdict"),
    [
        (-1.0, -1.0, "supported"),
        (1.0, 1.0, "contradicted"),
        (0.0, 0.0, "not decided"),
        (-1.0, 1.0, "depends"),
        (1.0, 0.0, "depends"),
        (-1.0, 0.0, "depends"),
        (1.0, None, "not decided"),
        (-1.0, None, "not decided"),
        (0.0, None, "not decided"),
        (None, None, "not testable"),
    ],
)
def test_readings_are_alternatives(results, evaluate, sse: float | None, mmd2: float | None, verdict: str):
    """A claim is supported or contradicted only if it is so under every reading, and all are measured."""
    generator = np.random.default_rng(0)
    for seed in range(8):
        noise = {"sse": generator.normal(0, 0.1, 2), "mmd2": generator.normal(0, 0.1, 2)}
        given = {name: effect for name, effect in (("sse", sse), ("mmd2", mmd2)) if effect is not None}
        for i, label in enumerate("AB"):
            results.add(label, seed, **{name: 5 + (1 - i) * effect + noise[name][i] for name, effect in given.items()})
    found = evaluate(READINGS + format_claim(LESS, measure="{error}"))
    assert found.verdict == verdict
    assert [reading.label for reading in found.readings] == ["sse", "mmd2"]
    assert found.reading_of == "error"
    if mmd2 is None and sse is not None:
        assert "not measured under mmd2" in found.reason
        assert found.forecast is None
    if (sse, mmd2) == (0.0, 0.0):
        assert found.forecast is not None
    assert len(found.reversals) == ((sse, mmd2) == (-1.0, 1.0))
    assert found.is_unmeasured == (sse is None)


def test_a_convention_shifts_the_values_of_some_methods(results, evaluate):
    generator = np.random.default_rng(0)
    for seed in range(8):
        results.add("A", seed, rate=28 + generator.normal(0, 0.1))
        results.add("B", seed, rate=10 + generator.normal(0, 0.1))
    shifted = READINGS.replace('"mmd2"', '"sse"\nname = "less noise"\nshift_per_dimension = { a = 2.0 }')
    text = shifted.replace('"sse"', '"rate"') + format_claim(
        'kind = "ratio"\na = ["a"]\nb = ["b"]\nbounds = [1.5, 3.0]', measure="{error}"
    )
    found = evaluate(text)
    assert found.verdict == "depends"
    assert [(pair.a, pair.b) for pair in found.reversals] == [("a", "b")]
    assert [reading.verdict for reading in found.readings] == ["supported", "contradicted"]
    first, second = (finding.comparisons[0] for finding in found.findings)
    # Two latent dimensions, two nats each.
    assert second.mean == pytest.approx(first.mean * 32 / 28, rel=0.01)
    assert found.findings[1].measure_label == "rate (less noise)"


@pytest.mark.parametrize(("printed", "verdict"), [(50.0, "supported"), (60.0, "contradicted")])
def test_a_published_value_is_tested_by_the_prediction_of_one_run(results, evaluate, printed: float, verdict: str):
    generator = np.random.default_rng(0)
    for seed in range(6):
        add_draws(results, seed, 50 + generator.normal(0, 1, 8))
    table = TABLE.replace("[20, 90]", f"[20, {printed}]").replace("[30, 90]", "[30, 20]")
    test = 'kind = "published"\na = ["a"]\ntable = "1"\ncondition = "svm clean"'
    text = table + f'[[claim]]\nid = "1"\ntext = "So it is."\n[[claim.test]]\n{test}\n'
    found = evaluate(text)
    (pair,) = found.findings[0].comparisons
    assert found.verdict == verdict
    assert pair.is_prediction
    assert pair.mean == pytest.approx(50 - printed, abs=1)


@pytest.mark.parametrize(
    ("failing", "seeds", "verdict"),
    [(5, 5, "supported"), (0, 5, "contradicted"), (3, 5, "not decided"), (4, 4, "not decided")],
)
def test_a_claim_that_a_method_fails_counts_its_runs(results, evaluate, failing: int, seeds: int, verdict: str):
    for seed in range(seeds):
        if seed >= failing:
            results.add("A", seed, rate=5.0)
        elif seed % 2:
            results.add("A", seed, "diverged", "the loss is nan")
        else:
            results.add("A", seed, rate=0.01)
    text = '[[claim]]\nid = "1"\ntext = "So it is."\n[[claim.test]]\nkind = "fails"\na = ["a"]\nsetups = ["MNIST"]\n'
    assert evaluate(text).verdict == verdict


def test_closed_forms_need_no_runs(evaluate):
    text = '[[claim]]\nid = "1"\ntext = "So it is."\n[[claim.test]]\nkind = "computed"\nformula = "{}"\n'
    assert evaluate(text.format("logistic_entropy")).verdict == "supported"
    assert evaluate(text.format("vimae_equation_8")).verdict == "contradicted"

"""How the verdict on a claim follows from its comparisons."""

from dataclasses import replace

from helpers.papers import LESS, add_runs, format_claim
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
        results.add("C", seed, rate=5.0, mmd2=0.03 + seed**2 / 1e5, sse=30.0 + seed / 10)


STAND_IN = '[[stand_in]]\nmeasure = "fid"\nby = "sse"\n'


def test_a_test_with_aside_does_not_change_the_verdict(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim(LESS, 'kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = 0.5\naside = true'))
    assert [finding.verdict for finding in found.findings] == ["supported", "contradicted"]
    assert (found.verdict, found.number_of_tests) == ("supported", 1)


def test_a_test_of_part_of_a_claim_says_so(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    text = format_claim(LESS).replace('text = "So it is."', 'text = "Much less."\ntested = "that it is less"')
    assert (evaluate(text).verdict, evaluate(text).reason) == ("supported", "only tested: that it is less")


def test_all_tests_of_a_claim_must_agree(results, evaluate):
    add_runs(results, A=20.0, B=21.0, C=20.0)
    both = evaluate(format_claim(LESS, 'kind = "greater"\na = ["c"]\nb = ["b"]'))
    assert both.verdict == "contradicted"
    assert both.number_of_tests == 2


def test_a_claim_on_several_data_sets_lists_those_without_runs(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim(LESS, setups='["MNIST", "digits"]'))
    assert (found.verdict, found.missing) == ("supported", ("digits: no runs",))
    assert "on part of its experiments" in found.limits


def test_a_claim_on_several_data_sets_must_be_supported_on_all_measured_ones(results, evaluate):
    add_runs(results, A=20.0, B=20.0)
    on(results, "digits")
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(format_claim(LESS, setups='["MNIST", "digits"]'))
    assert [finding.verdict for finding in found.findings] == ["supported", "not decided"]
    assert (found.verdict, found.missing) == ("not decided", ())
    assert "on part of its experiments" not in found.limits


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
    assert found.seeds_needed is None
    assert any("A: diverged on seed 10 (the loss is nan)" in note for note in found.findings[0].evidence.notes)


def test_a_missing_seed_does_not_block_a_verdict(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    results.add("A", 10, "missing")
    found = evaluate(format_claim(LESS))
    assert found.verdict == "supported"
    assert any("missing on seed 10" in note for note in found.findings[0].evidence.notes)


def test_a_collapsed_method_is_left_out_if_the_measure_rewards_collapse(results, evaluate):
    collapsing(results)
    found = evaluate(format_claim('kind = "less"\na = ["a"]\nb = ["b", "c"]', measure="mmd2"))
    assert found.verdict == "supported"
    assert "B has collapsed, which mmd2 rewards" in found.reason
    assert found.number_of_tests == 1


def test_a_collapsed_method_is_compared_if_the_measure_does_not_reward_collapse(results, evaluate):
    collapsing(results)
    assert evaluate(format_claim(LESS)).verdict == "supported"
    assert evaluate(format_claim(LESS)).number_of_tests == 1


def test_a_claim_on_collapsed_methods_alone_is_not_testable(results, evaluate):
    collapsing(results)
    assert evaluate(format_claim(LESS, measure="mmd2")).verdict == "not testable"


def test_a_proxy_measure_is_tested_for_order_but_not_for_margins(results, evaluate):
    add_runs(results, A=20.0, B=21.0)
    found = evaluate(STAND_IN + format_claim(f"{LESS}\nmargin = 20", measure="fid"))
    assert found.findings[0].verdict == "supported"
    assert (found.verdict, found.reason) == ("not decided", "sse can show an order, but not a margin in fid")
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


def test_closed_forms_need_no_runs(evaluate):
    text = '[[claim]]\nid = "1"\ntext = "So it is."\n[[claim.test]]\nkind = "computed"\nformula = "{}"\n'
    assert evaluate(text.format("logistic_entropy")).verdict == "supported"
    assert evaluate(text.format("vimae_equation_8")).verdict == "contradicted"

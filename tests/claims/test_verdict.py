"""What runs say on a paper: each verdict there is, and that none says more than the runs do."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from vimae_bench.analysis.statistics import adjust_holm, equivalence_p_value, prediction_interval, sign_flip_p_value
from vimae_bench.claims.matching import matches_method
from vimae_bench.claims.paper import default_paper_path, read_paper
from vimae_bench.claims.verdict import evaluate_paper
from vimae_bench.core.errors import BenchError, InvalidFileError
from vimae_bench.execution import PluginSpec
from vimae_bench.storage.atomic import read_json, write_json

HEAD = """
[source]
title = "A paper"

[methods.a]
name = "A"
labels = ["A"]
[methods.b]
name = "B"
labels = ["B"]
[methods.c]
name = "C"
labels = ["C"]

[[setup]]
id = "MNIST"
datasets = { mnist = "" }
latent = 2
[setup.published]
"training.epochs" = 80

[[setup]]
id = "digits"
datasets = { digits = "" }
"""

LESS = 'kind = "less"\na = ["a"]\nb = ["b"]'


def claim(*tests: str, setups: str = '["MNIST"]', measure: str = "sse") -> str:
    where = f'setups = {setups}\nmeasures = ["{measure}"]'
    return '[[claim]]\nid = "1"\ntext = "So it is."\n' + "".join(f"[[claim.test]]\n{test}\n{where}\n" for test in tests)


@pytest.fixture
def judged(results, tmp_path):
    """The first claim of a paper, judged by the results."""

    def judge(text: str):
        return reported(text).claims[0]

    def reported(text: str, **chosen: str):
        (tmp_path / "paper.toml").write_text(HEAD + text)
        return evaluate_paper(read_paper(tmp_path / "paper.toml"), results.store.load_results(results.entries), chosen)

    judge.report = reported
    return judge


def rows(results, seeds: int = 10, measure: str = "sse", **means: float) -> np.ndarray:
    """Runs of each label whose means differ as given, by noise of 0.1 from seed to seed; their values by label."""
    generator = np.random.default_rng(0)
    common, noise = generator.normal(0, 5, seeds), generator.normal(0, 0.1, (len(means), seeds))
    values = np.array(list(means.values()))[:, None] + common + noise
    for label, row in zip(means, values, strict=True):
        for seed, value in enumerate(row):
            results.add(label, seed, **{measure: value})
    return values


def test_a_claim_is_supported_by_a_paired_difference_beyond_chance(results, judged):
    a, b = rows(results, A=20.0, B=21.0)
    found = judged(claim(LESS))
    (pair,) = found.findings[0].comparisons
    assert found.verdict == "supported"
    assert pair.mean == pytest.approx((a - b).mean())
    assert pair.shown_interval[0] < pair.mean < pair.shown_interval[1] < 0
    assert (pair.test, pair.p, pair.seeds) == ("sign-flip test", sign_flip_p_value(a - b), tuple(range(10)))
    assert len(pair.runs) == 20


def test_the_opposite_is_contradicted(results, judged):
    rows(results, A=21.0, B=20.0)
    found = judged(claim(LESS))
    assert (found.verdict, found.reason) == ("contradicted", "1 of 1 comparisons contradicts it")
    assert judged(claim(LESS.replace("less", "greater"))).verdict == "supported"


def test_no_difference_is_not_decided_and_says_by_how_many_seeds_it_would_be(results, judged):
    rows(results, A=20.0, B=20.0)
    found = judged(claim(LESS))
    assert found.verdict == "not decided"
    assert found.seeds_needed > 10
    assert found.findings[0].comparisons[0].reason.startswith("p = 0.")


@pytest.mark.parametrize(("seeds", "verdict"), [(3, "not decided"), (4, "not decided"), (5, "supported")])
def test_fewer_than_five_seeds_decide_nothing(results, judged, seeds: int, verdict: str):
    rows(results, seeds, A=10.0, B=21.0)
    found = judged(claim(LESS))
    assert found.verdict == verdict
    if seeds < 5:
        assert found.findings[0].comparisons[0].p < 0.05
        assert found.seeds_needed == 5
        assert f"only {seeds} seeds, at least five are needed" in found.reason


def test_fewer_than_five_seeds_contradict_nothing_either(results, judged):
    rows(results, 4, A=40.0, B=21.0)
    assert judged(claim(LESS)).verdict == "not decided"


@pytest.mark.parametrize(
    ("margin", "verdict"), [(0.5, "supported"), (1.0, "not decided"), (2.0, "contradicted"), (-0.5, "supported")]
)
def test_a_margin_is_held_against_the_difference(results, judged, margin: float, verdict: str):
    rows(results, A=20.0, B=21.02)
    assert judged(claim(f"{LESS}\nmargin = {margin}")).verdict == verdict


@pytest.mark.parametrize(
    ("b", "margin", "verdict"),
    [(20.8, -1.0, "supported"), (20.0, -1.0, "supported"), (23.0, -1.0, "contradicted")],
)
def test_not_worse_by_more_than_a_margin(results, judged, b: float, margin: float, verdict: str):
    rows(results, A=20.0, B=b)
    test = f'kind = "greater"\na = ["a"]\nb = ["b"]\nmargin = {margin}'
    assert judged(claim(test)).verdict == verdict


def test_every_pair_of_a_claim_has_to_agree_and_all_are_one_family(results, judged):
    a, b, c = rows(results, A=20.0, B=21.0, C=20.0)
    found = judged(claim('kind = "less"\na = ["a"]\nb = ["b", "c"]'))
    pairs = found.findings[0].comparisons
    assert [pair.verdict for pair in pairs] == ["supported", "not decided"]
    assert found.verdict == "not decided"
    assert found.number_of_tests == 2
    assert [pair.p for pair in pairs] == list(adjust_holm([sign_flip_p_value(a - b), sign_flip_p_value(a - c)]))


def test_one_pair_that_says_the_opposite_contradicts(results, judged):
    rows(results, A=20.0, B=21.0, C=19.0)
    assert judged(claim('kind = "less"\na = ["a"]\nb = ["b", "c"]')).verdict == "contradicted"


def test_an_order_is_one_of_groups(results, judged):
    rows(results, A=20.0, B=21.0, C=22.0)
    found = judged(claim('kind = "order"\ngroups = [["a"], ["b"], ["c"]]'))
    assert [(pair.a, pair.b) for pair in found.findings[0].comparisons] == [("a", "b"), ("b", "c")]
    assert found.verdict == "supported"
    assert judged(claim('kind = "order"\ngroups = [["b"], ["a"], ["c"]]')).verdict == "contradicted"
    assert judged(claim('kind = "order"\ngroups = [["a", "b"], ["c"]]')).verdict == "supported"


@pytest.mark.parametrize(("margin", "verdict"), [(0.5, "supported"), (0.05, "not decided")])
def test_equivalence_takes_two_one_sided_tests(results, judged, margin: float, verdict: str):
    a, b = rows(results, A=20.0, B=20.0)
    found = judged(claim(f'kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = {margin}'))
    assert found.verdict == verdict
    (pair,) = found.findings[0].comparisons
    assert pair.test == "two one-sided t tests"
    assert pair.p == pytest.approx(equivalence_p_value(a - b, margin))


def test_a_difference_beyond_the_margin_contradicts_equivalence(results, judged):
    rows(results, A=20.0, B=21.0)
    assert judged(claim('kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = 0.5')).verdict == "contradicted"


@pytest.mark.parametrize(("times", "verdict"), [(2.2, "supported"), (4.0, "contradicted"), (1.2, "contradicted")])
def test_a_ratio_is_held_against_its_bounds(results, judged, times: float, verdict: str):
    generator = np.random.default_rng(1)
    for seed in range(10):
        results.add("A", seed, rate=times * 10 * exp(generator.normal(0, 0.03)))
        results.add("B", seed, rate=10 * exp(generator.normal(0, 0.03)))
    found = judged(claim('kind = "ratio"\na = ["a"]\nb = ["b"]\nbounds = [1.5, 3.0]', measure="rate"))
    (pair,) = found.findings[0].comparisons
    assert found.verdict == verdict
    assert pair.mean == pytest.approx(times, rel=0.03)
    assert pair.shown_interval[0] < pair.mean < pair.shown_interval[1]
    assert pair.region == (log(1.5), log(3.0))


def test_a_ratio_of_what_is_not_positive_is_not_testable(results, judged):
    rows(results, A=0.0, B=20.0)
    found = judged(claim('kind = "ratio"\na = ["a"]\nb = ["b"]\nbounds = [1.5, 3.0]'))
    assert (found.verdict, found.reason) == ("not testable", "a ratio needs positive values")


def test_a_method_is_held_against_a_number_and_against_itself_under_another_measure(results, judged):
    generator = np.random.default_rng(2)
    for seed in range(10):
        results.add("A", seed, sse=1 + generator.normal(0, 0.1), rate=2 + generator.normal(0, 0.1))
    assert judged(claim('kind = "greater"\na = ["a"]\nvalue = 0.0')).verdict == "supported"
    assert judged(claim('kind = "greater"\na = ["a"]\nvalue = 2.0')).verdict == "contradicted"
    found = judged(claim('kind = "greater"\na = ["a"]\nagainst = "sse"', measure="rate"))
    assert found.verdict == "supported"
    assert found.findings[0].comparisons[0].mean == pytest.approx(1, abs=0.1)
    assert len(found.findings[0].comparisons[0].runs) == 10


def test_an_effect_within_the_spread_of_a_control_is_not_decided(results, judged):
    rows(results, A=20.0, B=20.4)
    assert judged(claim(LESS)).verdict == "supported"
    generator = np.random.default_rng(3)
    for seed in range(10):
        value = results.store.load_results(results.entries)[seed].estimates["sse"].value
        results.add("A again", 1000 + seed, sse=value + generator.normal(0, 2))
        results.entries[-1] = replace(results.entries[-1], paired_seed=seed, control_of="A")
    found = judged(claim(LESS))
    (pair,) = found.findings[0].comparisons
    assert found.verdict == "not decided"
    assert pair.p < 0.05
    assert pair.aa_spread > 0.4
    assert "A/A spread" in pair.reason
    assert pair.seeds_needed is None


def test_what_is_said_aside_is_no_part_of_the_verdict(results, judged):
    rows(results, A=20.0, B=21.0)
    found = judged(claim(LESS, 'kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = 0.5\naside = true'))
    assert [finding.verdict for finding in found.findings] == ["supported", "contradicted"]
    assert (found.verdict, found.number_of_tests) == ("supported", 1)


def test_a_test_of_less_than_is_claimed_says_so(results, judged):
    rows(results, A=20.0, B=21.0)
    text = claim(LESS).replace('text = "So it is."', 'text = "Much less."\ntested = "that it is less"')
    assert (judged(text).verdict, judged(text).reason) == ("supported", "only tested: that it is less")


def test_all_tests_of_a_claim_have_to_agree(results, judged):
    rows(results, A=20.0, B=21.0, C=20.0)
    both = judged(claim(LESS, 'kind = "greater"\na = ["c"]\nb = ["b"]'))
    assert both.verdict == "contradicted"
    assert both.number_of_tests == 2


def test_a_claim_on_several_data_sets_names_those_it_does_not_rest_on(results, judged):
    rows(results, A=20.0, B=21.0)
    found = judged(claim(LESS, setups='["MNIST", "digits"]'))
    assert (found.verdict, found.missing) == ("supported", ("digits: no runs",))
    assert "on part of its experiments" in found.limits


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
        write_json(folder.metric(PluginSpec("reconstruction")), {**head, "estimates": estimates})
    results.entries[:] = entries


def test_a_claim_on_several_data_sets_is_supported_only_where_all_that_are_measured_say_so(results, judged):
    rows(results, A=20.0, B=20.0)
    on(results, "digits")
    rows(results, A=20.0, B=21.0)
    found = judged(claim(LESS, setups='["MNIST", "digits"]'))
    assert [finding.verdict for finding in found.findings] == ["supported", "not decided"]
    assert (found.verdict, found.missing) == ("not decided", ())
    assert "on part of its experiments" not in found.limits


def test_a_method_that_is_not_measured_leaves_a_claim_undecided(results, judged):
    rows(results, A=20.0, B=21.0)
    found = judged(claim('kind = "less"\na = ["a"]\nb = ["b", "c"]'))
    assert found.verdict == "not decided"
    assert "C is not measured" in found.reason


def test_nothing_measured_is_not_testable(results, judged):
    rows(results, A=20.0, B=21.0)
    assert judged(claim(LESS, measure="fid")).reason == "MNIST: fid is not measured"
    assert judged(claim(LESS, setups='["digits"]')).reason == "digits: no runs"
    assert judged(claim(LESS, setups='["digits"]')).verdict == "not testable"


def test_a_run_that_diverged_leaves_its_comparisons_undecided_and_is_named(results, judged):
    rows(results, A=20.0, B=21.0)
    results.add("A", 10, "diverged", "the loss is nan")
    found = judged(claim(LESS))
    assert found.verdict == "not decided"
    assert "A diverged or failed on seed 10" in found.reason
    assert found.seeds_needed is None
    assert any("A: diverged on seed 10 (the loss is nan)" in note for note in found.findings[0].evidence.notes)


def test_a_seed_that_is_still_to_come_is_waited_for_without_harm(results, judged):
    rows(results, A=20.0, B=21.0)
    results.add("A", 10, "missing")
    found = judged(claim(LESS))
    assert found.verdict == "supported"
    assert any("missing on seed 10" in note for note in found.findings[0].evidence.notes)


def test_runs_that_saw_other_data_are_not_compared(results, judged):
    rows(results, A=20.0, B=21.0)
    folder = results.store.run_folder(results.entries[0].run)
    write_json(folder.record, {**read_json(folder.record), "data": {"test_x": "b1"}})
    found = judged(claim(LESS))
    assert (found.verdict, found.seeds_needed) == ("not decided", None)
    assert "the runs used different data" in found.reason


def collapsing(results) -> None:
    for seed in range(6):
        results.add("A", seed, rate=5.0, mmd2=0.02 + seed / 1e5, sse=20.0 + seed / 10)
        results.add("B", seed, rate=0.01, mmd2=1e-5, sse=50.0 + seed**2 / 10)
        results.add("C", seed, rate=5.0, mmd2=0.03 + seed**2 / 1e5, sse=30.0 + seed / 10)


def test_a_collapsed_method_is_left_out_where_collapse_wins_and_named(results, judged):
    collapsing(results)
    found = judged(claim('kind = "less"\na = ["a"]\nb = ["b", "c"]', measure="mmd2"))
    assert found.verdict == "supported"
    assert "B has collapsed, which mmd2 rewards" in found.reason
    assert found.number_of_tests == 1


def test_a_collapsed_method_is_compared_where_collapse_does_not_win(results, judged):
    collapsing(results)
    assert judged(claim(LESS)).verdict == "supported"
    assert judged(claim(LESS)).number_of_tests == 1


def test_a_claim_on_collapsed_methods_alone_is_not_testable(results, judged):
    collapsing(results)
    assert judged(claim(LESS, measure="mmd2")).verdict == "not testable"


STAND_IN = '[[stand_in]]\nmeasure = "fid"\nby = "sse"\n'


def test_a_measure_that_stands_in_is_tested_for_order_and_not_for_margins(results, judged):
    rows(results, A=20.0, B=21.0)
    found = judged(STAND_IN + claim(f"{LESS}\nmargin = 20", measure="fid"))
    assert found.findings[0].verdict == "supported"
    assert (found.verdict, found.reason) == ("not decided", "sse can show an order, but not a margin in fid")
    assert judged(STAND_IN + claim(LESS, measure="fid")).verdict == "supported"
    assert judged(STAND_IN + claim(LESS.replace("less", "greater"), measure="fid")).verdict == "contradicted"
    assert found.findings[0].measure == "sse"
    assert found.findings[0].comparisons[0].region[1] == 0
    equal = judged(STAND_IN + claim('kind = "equivalent"\na = ["a"]\nb = ["b"]\nmargin = 3', measure="fid"))
    assert equal.verdict == "not testable"
    assert "since their margins are not comparable" in equal.reason
    assert [reading.n for reading in equal.findings[0].values] == [10, 10]


def test_a_measure_is_not_stood_in_for_where_it_is_measured(results, judged):
    rows(results, A=20.0, B=21.0)
    text = '[[stand_in]]\nmeasure = "sse"\nby = "rate"\n' + claim(f"{LESS}\nmargin = 20")
    assert judged(text).findings[0].measure == "sse"
    assert judged(text).verdict == "contradicted"


def test_what_cannot_be_tested_says_why_and_what_is_measured(results, judged):
    rows(results, A=20.0, B=21.0)
    found = judged(claim('kind = "untestable"\nwhy = "too few images"\na = ["a", "c"]'))
    assert (found.verdict, found.reason) == ("not testable", "too few images")
    assert [reading.n for reading in found.findings[0].values] == [10, 0]


def test_closed_forms_are_settled_without_runs(judged):
    text = '[[claim]]\nid = "1"\ntext = "So it is."\n[[claim.test]]\nkind = "computed"\nformula = "{}"\n'
    assert judged(text.format("logistic_entropy")).verdict == "supported"
    assert judged(text.format("vimae_equation_8")).verdict == "contradicted"


TABLE = """
[[table]]
id = "1"
setup = "MNIST"
measure = "{condition}"
conditions = ["sse", "svm clean"]
half_width = 0.5
[table.values]
a = [20, 90]
b = [30, 90]
"""


def test_printed_figures_stand_beside_those_measured(results, judged):
    a, _ = rows(results, A=20.0, B=60.0)
    (sheet,) = judged.report(TABLE).tables
    found = {(reading.method, reading.measure): reading for reading in sheet.values}
    first = found["a", "sse"]
    assert (first.printed, first.n, first.mean) == (20, 10, pytest.approx(a.mean()))
    assert first.prediction == prediction_interval(a)
    assert first.match == "compatible"
    assert found["b", "sse"].match == "not compatible"
    assert found["a", "svm clean"].match == "not measured"


@pytest.mark.parametrize(
    ("printed", "match"),
    [(24.0, "compatible"), (25.0, "not compatible"), (16.0, "compatible"), (15.0, "not compatible")],
)
def test_a_figure_is_compatible_up_to_its_rounding(results, judged, printed: float, match: str):
    for seed, sse in enumerate((19.0, 20.0, 21.0, 20.0, 20.0)):  # 20 +- 2.776 * 0.7071 * sqrt(6/5) = 2.15
        results.add("A", seed, sse=sse)
    text = TABLE.replace("half_width = 0.5", "half_width = 2.0").replace("a = [20, 90]", f"a = [{printed}, 90]")
    assert judged.report(text).tables[0].values[0].match == match


def test_one_seed_is_compatible_with_nothing_and_incompatible_with_nothing(results, judged):
    results.add("A", 0, sse=20.0)
    assert judged.report(TABLE).tables[0].values[0].match == "not decided"


def test_figures_of_an_unknown_estimator_are_not_compared(results, judged):
    rows(results, A=20.0, B=30.0)
    (sheet,) = judged.report(TABLE.replace("half_width", 'only_order = "no estimator"\nhalf_width')).tables
    assert [reading.match for reading in sheet.values] == ["not comparable", "not measured"] * 2


def test_a_table_without_runs_stands_alone(judged):
    (sheet,) = judged.report(TABLE.replace('"MNIST"', '"digits"')).tables
    assert sheet.evidence is None
    assert {reading.match for reading in sheet.values} == {"not measured"}


def test_another_scale_than_that_published_is_said(results, judged):
    rows(results, A=20.0, B=21.0)
    setup = '[[setup]]\nid = "long"\ndatasets = { mnist = "a part" }\n'
    setup += '[setup.published]\n"training.epochs" = 100\n"training.batch" = 100\n"architecture.depth" = 4\n'
    made = judged.report(setup + claim(LESS, setups='["long"]') + claim(LESS).replace('"1"', '"2"'))
    assert [found.differs_in_scale for found in made.claims] == [True, False]
    assert {evidence.setup.id: evidence.scale_differences for evidence in made.evidence} == {
        "MNIST": (),
        "long": ("a part", "epochs 80 (published: 100)", "depth not set (published: 4)"),
    }


def test_runs_of_no_experiment_are_named(results, judged):
    rows(results, A=20.0)
    results.entries[:] = [replace(entry, run=replace(entry.run, latent=8)) for entry in results.entries]
    made = judged.report(claim(LESS))
    assert made.evidence == ()
    assert made.notes == ("mnist, mlp, d = 8, 80 epochs: belongs to no setup of the paper and is left out.",)


def test_a_method_that_several_rows_could_be_is_asked_for(results, judged):
    rows(results, A=20.0, B=21.0, D=25.0)
    text = claim(LESS)
    twice = (
        text
        + '[methods.d]\nname = "D"\nlabels = ["A", "D"]\n'
        + claim(LESS.replace('"b"', '"d"')).replace('"1"', '"2"')
    )
    made = judged.report(twice)
    assert "d" not in made.evidence[0].methods
    assert "D: several labels match, so none is used ('A', 'D'); choose one with --method." in made.evidence[0].notes
    assert judged.report(twice, d="D").claims[1].verdict == "supported"


@pytest.mark.parametrize(
    ("chosen", "message"),
    [({"vea": "A"}, "the paper has no method 'vea'"), ({"a": "AA"}, "no method here is called 'AA'; did you mean 'A'")],
)
def test_a_choice_that_is_not_there_is_refused(results, judged, chosen: dict[str, str], message: str):
    rows(results, A=20.0)
    with pytest.raises(BenchError, match=message):
        judged.report(claim(LESS), **chosen)


@pytest.mark.parametrize(
    ("method", "objective", "prior", "fit"),
    [
        ("vae", PluginSpec("elbo", {"beta": 1.0}), "normal", True),
        ("vae", PluginSpec("elbo", {"beta": 1.0}), "logistic", False),
        ("vae", PluginSpec("elbo", {"beta": 2.0}), "normal", False),
        ("beta_h", PluginSpec("elbo", {"beta": 4.0}), "normal", True),
        ("beta_h", PluginSpec("elbo", {"beta": 1.0}), "normal", False),
        ("beta_a", PluginSpec("elbo", {"beta": 0.2}), "normal", True),
        ("beta_a", PluginSpec("infovae", {"beta": 0.2}), "normal", False),
        ("vimae_n", PluginSpec("vimae", {"divergence": {"use": "mmd", "kernel": "imq"}}), "normal", True),
        ("vimae_n", PluginSpec("vimae", {"divergence": {"use": "swd"}}), "normal", False),
        ("vimae_l", PluginSpec("vimae", {"divergence": {"use": "mmd"}}), "logistic", True),
        ("vimae_l", PluginSpec("vimae", {"divergence": {"use": "mmd"}}), "normal", False),
    ],
)
def test_rows_are_recognised_by_their_settings(method: str, objective: PluginSpec, prior: str, fit: bool):
    assert matches_method(objective, PluginSpec(prior), read_paper(default_paper_path()).methods[method]) is fit


def test_the_shipped_paper_has_every_figure_and_claim():
    paper = read_paper(default_paper_path())
    figures = {table.id: sum(len(table.get_values(method)) for method in table.values) for table in paper.table}
    assert figures == {"1": 5, "2": 15, "3": 25, "4": 25, "5, CelebA": 4, "5, CIFAR-10": 5}
    assert [claim.id for claim in paper.claim] == [f"C{n:02}" for n in range(1, 16)]
    mnist = next(table for table in paper.table if table.id == "3")
    assert mnist.get_values("beta_a") == (93, 66, 13, 85, 65)
    assert mnist.list_measures()[1] == "svm gauss_0.2"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('a = ["a"]', 'a = ["x"]', "no method is called 'x'"),
        ('kind = "less"', 'kind = "lesser"', "must be one of 'less', 'greater'"),
        ('b = ["b"]', "", "needs exactly one of 'b', 'against' and 'value'"),
        ('b = ["b"]', 'b = ["b"]\nvalue = 1.0', "needs exactly one of 'b', 'against' and 'value'"),
        ('setups = ["MNIST"]', 'setups = ["MNIS"]', "no setup is called 'MNIS'; did you mean 'MNIST'?"),
        ('measures = ["sse"]', "", "a test of the kind 'less' needs a value for 'measures'"),
        ('text = "So it is."', "", "needs a value for 'text'"),
        ('kind = "less"', 'kind = "less"\nmargins = 3', "there is no setting of this name; did you mean 'margin'?"),
        ('kind = "less"', 'kind = "equivalent"\nmargin = -1', "must be positive, not -1"),
        ('kind = "less"', 'kind = "ratio"\nbounds = [3, 1]', "must be a lower and a higher bound"),
        ('kind = "less"', 'kind = "order"\ngroups = [["a"]]', "needs at least two groups"),
        ('kind = "less"', 'kind = "computed"\nformula = "pi"', "no closed form is called 'pi'"),
    ],
)
def test_what_is_wrong_with_a_claim_is_told(judged, old: str, new: str, message: str):
    text = claim(LESS)
    assert old in text
    with pytest.raises(InvalidFileError) as caught:
        judged(text.replace(old, new))
    assert message in str(caught.value)


def test_all_that_is_wrong_with_a_file_is_told_at_once_with_lines(judged):
    wrong = TABLE.replace("a = [20, 90]", "a = [20]").replace('setup = "MNIST"', 'setup = "MNIS"')
    wrong += claim(LESS) + claim(LESS.replace('"a"', '"x"'))
    with pytest.raises(InvalidFileError) as caught:
        judged(wrong)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert all(".toml:" in line for line in lines)
    for message in ("must have 2 values", "did you mean 'MNIST'", "is also the id of an earlier claim", "called 'x'"):
        assert sum(message in line for line in lines) == 1

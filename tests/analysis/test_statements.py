"""The sentences on decisions."""

import re

import numpy as np
import pytest

from vimae_bench.analysis.decision import (
    BaselineValue,
    MeasureDecision,
    MeasureValues,
    MethodDecision,
    PairDecision,
    decide_measure,
)
from vimae_bench.analysis.marks import explain_marks, join_marks, list_marks
from vimae_bench.analysis.statements import (
    decide_among,
    describe_baseline,
    describe_baselines,
    describe_leaders,
    describe_method,
    describe_outcome,
    describe_pair,
    describe_ranking,
    describe_seeds_needed,
    describe_state,
    format_margin,
    format_p,
    join_names,
    summarize_decisions,
)
from vimae_bench.core.results import REAL_IMAGES, Measure

LABELS = ("AE", "VAE", "DAE", "UAE", "β", "InfoVAE")
ACCURACY = Measure("svm clean", "%", "higher", margin=1.0)
DISTANCE = Measure("mmd2", "", "lower", rewards_collapse=True)
ERROR = Measure("sse", "", "lower", scale="log", margin=0.05)
NOISE = np.array(
    [
        [0.3, -0.1, 0.2, -0.5, 0.1],
        [-0.2, 0.4, -0.3, 0.1, 0.0],
        [0.1, 0.2, -0.4, 0.3, -0.2],
        [-0.3, 0.0, 0.5, -0.1, -0.1],
        [0.2, -0.4, 0.1, 0.0, 0.1],
        [-0.1, -0.1, -0.1, 0.2, 0.1],
    ]
)


def decide(means: list[float], measure: Measure = ACCURACY, seeds: int = 5, **fields) -> MeasureDecision:
    """The decision on methods with these means and little noise."""
    noise = NOISE[: len(means), :seeds]
    values = np.array(means)[:, None] + noise - noise.mean(1, keepdims=True)
    return decide_measure(MeasureValues(measure, LABELS[: len(means)], tuple(range(seeds)), values, **fields))


def show_marks(decision: MeasureDecision | None, label: str) -> str:
    return join_marks(list_marks(decision, label))


def test_a_winner_is_better_than_every_other_method():
    decision = decide([90, 80, 70])
    assert describe_leaders(decision) == "AE is significantly better than the other 2 methods."
    assert describe_method(decision.methods["AE"], 5) == "better than every other method"
    assert describe_method(decision.methods["DAE"], 5) == "worse than AE and VAE"
    assert [show_marks(decision, label) for label in ("AE", "VAE")] == ["★", ""]


def test_equivalent_methods_are_not_worse_than_any():
    decision = decide([90, 90, 80])
    expected = "AE and VAE are tied: equally good, within 1 percentage point; DAE is worse."
    assert describe_leaders(decision) == expected
    said = "tied with VAE: better than or equivalent to every other method"
    assert describe_method(decision.methods["AE"], 5) == describe_state(decision, "AE") == said
    assert [show_marks(decision, label) for label in ("AE", "VAE", "DAE")] == ["★=", "★=", ""]
    pair = decision.pairs["AE", "VAE"]
    assert describe_pair(pair, ACCURACY, 1.0) == "AE and VAE are equivalent, within 1 percentage point"
    assert describe_outcome(pair, ACCURACY, 1.0).startswith("equivalent within 1 percentage point (p ")


def make_method(label, *, worse=(), equal=(), undecided=()):
    pairs = tuple(PairDecision(label, other, 0.0, None, False, 0.5, "undecided") for other in undecided)
    return MethodDecision(label, "best", worse_than=worse, equivalent_to=equal, undecided_pairs=pairs)


def rank(*methods):
    found = {method.label: method for method in methods}
    return describe_ranking(MeasureDecision(ACCURACY, (0, 1, 2, 3, 4), 1.0, 0, {}, found), [*found])


def test_a_ranking_has_every_method_and_the_margin():
    leaders = make_method("A", equal=("B",)), make_method("B", equal=("A",))
    start = "A and B are tied: equally good, within 1 percentage point"
    worse = [make_method(label, worse=("A",)) for label in "CDE"]
    assert rank(*leaders, *worse) == f"{start}; the other 3 are worse"
    one, other = make_method("C", undecided=("D",)), make_method("D", undecided=("C",))
    assert rank(*leaders, one, make_method("D", worse=("A",))) == f"{start}; C is undecided; D is worse"
    assert rank(*leaders, one, other) == f"{start}; C and D are undecided"
    alone = make_method("A", equal=("B",)), make_method("B", equal=("A",), undecided=("C",))
    expected = "A is better than or equivalent to every other method, within 1 percentage point"
    assert rank(*alone, make_method("C", worse=("A",))) == expected


def test_a_state_among_some_methods_does_not_depend_on_others():
    method = make_method("A", worse=("X",), undecided=("Y",), equal=("B",))
    among = (("A", "B"), ("A", "C"), ("A", "Y"), ("A", "X", "Y"))
    assert [decide_among(method, labels) for labels in among] == ["not worse", "best", "undecided", "worse"]


def test_what_is_undecided_says_between_whom_and_what_would_decide_it():
    decision = decide([1.0, 1.2, 5.0], DISTANCE)
    seeds = decision.methods["AE"].seeds_needed
    sentence = f"undecided between AE and VAE; DAE is worse; about {seeds} seeds would decide it."
    assert describe_leaders(decision) == sentence
    assert describe_method(decision.methods["AE"], 5) == f"undecided with VAE: about {seeds} seeds would decide it"
    assert describe_outcome(decision.pairs["AE", "VAE"], DISTANCE, None).startswith("undecided: about ")
    assert show_marks(decision, "AE") == "?"


def test_a_summary_asks_for_seeds_that_decide_every_open_pair():
    decision = decide([1.0, 1.2, 1.5], DISTANCE)
    (said,) = [int(number) for number in re.findall(r"about (\d+) seeds", describe_leaders(decision))]
    assert said >= max(pair.seeds_needed for pair in decision.pairs.values() if pair.outcome == "undecided")


def test_equal_methods_without_a_margin_are_not_promised_a_decision():
    decision = decide([1.0, 1.0], DISTANCE)
    assert (
        describe_leaders(decision)
        == "undecided: no significant difference between AE and VAE; up to 1,000 seeds would not decide it."
    )
    assert describe_seeds_needed(None) == "up to 1,000 seeds would not decide it"
    assert describe_seeds_needed(1000) == "about 1,000 seeds would decide it"


def test_few_seeds_make_no_ranking_or_no_test():
    four, two = decide([90, 80, 80], seeds=4), decide([90, 80], seeds=2)
    assert describe_leaders(four) == "2 of 3 pairs differ; 4 seeds make no ranking."
    assert describe_method(four.methods["AE"], 4) == "not ranked: 4 seeds explore, a ranking needs 5"
    assert describe_leaders(two) == "not tested: at least three seeds are needed."
    assert summarize_decisions([two]) == []
    assert show_marks(four, "AE") == show_marks(two, "AE") == show_marks(None, "AE") == ""


def test_nothing_is_said_of_one_method_or_of_ratios_of_negative_values():
    assert describe_leaders(decide([90])) == "fewer than two methods can be compared."
    assert describe_method(decide([90]).methods["AE"], 5) == "nothing to compare with"
    assert describe_leaders(decide([-1, 2], ERROR)) == "not tested: ratios need positive values."


def test_what_is_not_comparable_has_its_reason_and_is_in_no_summary():
    decision = decide([90, 80], not_comparable={"β": "collapsed on seed 1"})
    assert describe_method(decision.methods["β"], 5) == "not comparable: collapsed on seed 1"
    assert show_marks(decision, "β") == "†"
    assert "β" not in describe_leaders(decision)


def test_a_qualification_is_in_the_sentence_that_says_that_it_leads():
    decision = decide([1.0, 9.0], DISTANCE, qualifications={"AE": "nearly collapsed"})
    sentence = "AE is significantly better than VAE. AE is nearly collapsed, which this measure rewards."
    assert describe_leaders(decision) == sentence
    assert show_marks(decision, "AE") == "(★) ‡"
    assert (
        describe_state(decision, "AE") == "better than every other method; nearly collapsed, which the measure rewards"
    )


@pytest.mark.parametrize(
    ("caution", "real", "said"),
    [
        ("rewards blur", None, "This measure rewards blur."),
        ("rewards blur", 99.0, "This measure rewards blur."),
        ("", 85.0, "Real images score worse than some methods: this measure does not show how realistic samples are."),
        ("rewards blur", 85.0, "Real images score worse than some methods: this measure does not show how realistic"),
    ],
)
def test_a_lead_that_is_no_evidence_has_its_mark_in_parentheses(caution: str, real: float | None, said: str):
    """The state stays what the tests say."""
    measure = Measure("score", "%", "higher", margin=1.0, caution=caution)
    baselines = {} if real is None else {REAL_IMAGES: BaselineValue(real)}
    decision = decide([90.0, 80.0], measure, baselines=baselines)
    assert (decision.get_state("AE"), show_marks(decision, "AE")) == ("best", "(★)")
    assert not decision.is_evidently_leading("AE")
    assert describe_leaders(decision).startswith(f"AE is significantly better than VAE. {said}")
    assert "; this does not show that it is better: " in describe_state(decision, "AE")
    assert show_marks(decide([90.0, 90.0], measure, baselines=baselines), "AE") == "(★=)"
    assert (decide([90.0, 80.0], ACCURACY).get_state("AE"), show_marks(decision, "VAE")) == ("best", "")


def test_marks_are_explained_once_and_only_those_there():
    assert explain_marks(["★", "?", "★"]) == [
        "★ better than every other method",
        "? undecided: no method is shown to be better",
        "no mark: worse than some method",
    ]
    assert explain_marks(["†"]) == ["† not comparable, in no test"]


def test_baselines_are_compared_with_all_methods():
    baselines = {"PCA": BaselineValue(95.0), "noise": BaselineValue(10.0), "pixels": BaselineValue(90.0)}
    decision = decide([90, 80, 70], baselines=baselines)
    assert describe_baselines(decision) == [
        "against PCA all 3 are worse",
        "against noise all 3 are better",
        "against pixels AE is undecided (p > 0.05 over 9 comparisons), VAE and DAE are worse",
    ]
    alone = decide([90], baselines={"pixels": BaselineValue(90.0), "noise": BaselineValue(90.0)})
    assert describe_baselines(alone) == ["against pixels and noise AE is undecided (p > 0.05 over 2 comparisons)"]
    assert describe_baseline(alone.methods["AE"].baselines["noise"]).startswith("undecided against noise (p = 1 over 2")
    assert describe_baseline(decision.methods["DAE"].baselines["pixels"]) == "worse than pixels (p < 0.001)"


def test_measures_of_which_the_same_can_be_said_share_a_sentence():
    clean, other = decide([90, 80]), decide([90, 80], Measure("svm noisy", "%", "higher"))
    (statement,) = summarize_decisions([clean, other])
    assert statement.line == "svm clean, svm noisy: AE is significantly better than VAE."


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ((), "none"),
        (("AE",), "AE"),
        (("AE", "VAE"), "AE and VAE"),
        (LABELS[:4], "AE, VAE, DAE and UAE"),
        (LABELS[:5], "5 methods"),
    ],
)
def test_more_than_four_names_are_counted(names: tuple[str, ...], text: str):
    assert join_names(names) == text


@pytest.mark.parametrize(
    ("measure", "margin", "text"),
    [
        (ACCURACY, 1.0, "1 percentage point"),
        (ACCURACY, 0.5, "0.5 percentage points"),
        (ERROR, 0.05, "5 %"),
        (DISTANCE, 0.01, "0.01"),
        (Measure("rate", "nats", "lower"), 2.0, "2 nats"),
        (ACCURACY, None, "no margin"),
    ],
)
def test_margins_have_the_unit_of_their_measure(measure: Measure, margin: float | None, text: str):
    assert format_margin(measure, margin) == text


@pytest.mark.parametrize("p", [0.0, 0.0009, 0.0012, 0.049, 0.0496, 0.0501, 0.0549, 0.3, 1.0])
def test_printed_p_values_are_on_the_side_of_the_level_where_they_are(p: float):
    text = format_p(p)
    if text.startswith("p < "):
        assert p < float(text.removeprefix("p < "))
    else:
        assert (float(text.removeprefix("p = ")) < 0.05) == (p < 0.05)
    assert format_p(None) == "not tested"

"""What the first screen says of made-up results: a winner, a tie, nothing decided, a collapse, missing runs."""

from dataclasses import replace

import numpy as np
import pytest

from vimae_bench.analysis.decision import MeasureValues, decide_measure
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.measure_texts import complete_texts, describe_unit
from vimae_bench.analysis.statistics import Variance, detectable_effect, detection_power
from vimae_bench.analysis.summary import TOPICS, summarize_leaderboard
from vimae_bench.metrics import REAL_IMAGES
from vimae_bench.plugin import Measure
from vimae_bench.plugin.catalog import get_catalog


def add_methods(results, seeds: int = 5, spread: float = 0.1, **means: dict[str, float]) -> None:
    """Runs of methods whose measures have these means; `_` in a name stands for a space."""
    generator = np.random.default_rng(1)
    for seed in range(seeds):
        for label, values in means.items():
            noisy = {
                name.replace("_", " "): value * (1 + spread * generator.normal()) for name, value in values.items()
            }
            results.add(label, seed, **noisy)


def summarize(results):
    return summarize_leaderboard(results.board())


def say(results, topic: str) -> str:
    (sentence,) = (found.sentence for found in summarize(results).topics if found.name == topic)
    return sentence


def test_a_clear_winner_is_named(results):
    add_methods(results, spread=0.01, A={"sse": 20.0}, B={"sse": 25.0}, C={"sse": 30.0})
    assert say(results, "Reconstruction") == "A is significantly better than the other 2 methods."
    assert summarize(results).order == "Methods in the order of their mean Squared error."
    assert [row.label for row in summarize(results).methods] == ["A", "B", "C"]


def test_names_of_methods_are_written_as_they_are(results):
    add_methods(results, spread=0.01, **{"β": {"sse": 20.0}, "my-vae": {"sse": 25.0}})
    assert say(results, "Reconstruction") == "β is significantly better than my-vae."


@pytest.mark.parametrize("seeds", [3, 5])
def test_hidden_methods_are_counted(results, seeds: int):
    add_methods(results, seeds, spread=0.001, A={"sse": 20.0}, B={"sse": 25.0}, C={"sse": 30.0})
    found = results.store.load_results(results.entries)
    (board,) = build_leaderboards(found, labels=["B", "C"])
    (topic,) = summarize_leaderboard(board).topics
    better = "Undecided between" if seeds == 3 else "A is significantly better than the other 2 methods."
    assert topic.sentence.startswith("Lowest mean B" if seeds == 3 else better)


def test_equivalent_methods_are_called_so(results, monkeypatch):
    from tests import conftest

    measure = Measure("svm clean", "%", "higher", margin=1.0, family="svm", condition="clean")
    monkeypatch.setitem(conftest.MEASURES, "svm", measure)
    add_methods(results, spread=1e-4, A={"svm_clean": 90.0}, B={"svm_clean": 90.1}, C={"svm_clean": 80.0})
    assert say(results, "Representation") == "B and A are tied: equally good, within 1 percentage point; C is worse."


def test_nothing_decided_is_no_tie(results):
    add_methods(results, spread=0.3, A={"sse": 20.0}, B={"sse": 20.1}, C={"sse": 19.9})
    assert say(results, "Reconstruction") == "Undecided: no significant difference between the 3 methods."


def test_what_is_worse_than_an_undecided_group_is_named(results):
    add_methods(results, spread=0.05, A={"sse": 20.0}, B={"sse": 20.0}, C={"sse": 60.0})
    assert say(results, "Reconstruction") == "Undecided between A and B; C is worse."


def test_a_collapsed_method_is_set_apart_with_the_reason(results):
    add_methods(
        results, spread=0.01, A={"sse": 20.0, "rate": 9.0}, B={"sse": 25.0, "rate": 8.0}, C={"sse": 50.0, "rate": 0.01}
    )
    summary = summarize(results)
    assert [row.label for row in summary.not_comparable] == ["C"]
    assert summary.certainty == ("5 seeds.", "C collapsed on all seeds (rate below 0.1 nats): not comparable.")
    assert say(results, "Reconstruction") == "A is significantly better than B."


def test_a_nearly_collapsed_leader_is_qualified_and_the_others_are_ranked(results):
    values = {"A": (0.05, 9.0), "B": (0.1, 9.0), "C": (0.001, 0.3)}
    add_methods(results, spread=0.01, **{label: {"mmd2": m, "rate": r} for label, (m, r) in values.items()})
    assert say(results, "Prior match") == (
        "C is significantly better than the other 2 methods (C is nearly collapsed, which this measure rewards; "
        "of the others, A is significantly better than B)."
    )
    assert any(sentence.startswith("C nearly collapsed (Rate 0.3") for sentence in summarize(results).certainty)


def test_a_nearly_collapsed_method_that_is_worse_is_not_qualified(results):
    values = {"A": (0.05, 9.0), "B": (0.1, 9.0), "C": (0.5, 0.3)}
    add_methods(results, spread=0.01, **{label: {"mmd2": m, "rate": r} for label, (m, r) in values.items()})
    assert say(results, "Prior match") == "A is significantly better than the other 2 methods."


def test_missing_runs_are_said(results):
    add_methods(results, spread=0.01, A={"sse": 20.0}, B={"sse": 25.0})
    for seed in range(5):
        results.add("C", seed, "diverged" if seed == 4 else "done", sse=10.0)
    summary = summarize(results)
    assert "C lacks 1 of 5 runs (1 diverged): not comparable." in summary.certainty
    assert [row.label for row in summary.not_comparable] == ["C"]
    assert summary.size == "3 methods × 5 seeds, 14 of 15 runs finished"  # noqa: RUF001
    assert say(results, "Reconstruction") == "A is significantly better than B."


@pytest.mark.parametrize(
    ("seeds", "certainty", "sentence"),
    [
        (1, "1 seed: nothing is tested; at least 5 are needed for a ranking.", "Lowest mean A, not tested."),
        (3, "3 seeds: methods are not ranked; at least 5 are needed.", "Lowest mean A; B significantly worse"),
    ],
)
def test_few_seeds_do_not_rank(results, seeds: int, certainty: str, sentence: str):
    add_methods(results, seeds, spread=0.001, A={"sse": 20.0}, B={"sse": 30.0})
    summary = summarize(results)
    assert summary.certainty[0] == certainty
    assert say(results, "Reconstruction").startswith(sentence)
    assert summary.order == "Methods in the order of the file."


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"low": 50.0, "high": 95.0},
            "SVM accuracy (clean): against low both are better; against high both are worse.",
        ),
        ({"low": 50.0, "lower": 40.0}, "SVM accuracy (clean): against low and lower both are better."),
        ({"middle": 85.0}, "SVM accuracy (clean): against middle B is worse, A is better."),
        (
            {"same": 90.0},
            "SVM accuracy (clean): against same A is undecided (p > 0.05 over 2 comparisons), B is worse.",
        ),
        (
            {"high": 95.0, "middle": 85.0},
            "SVM accuracy (clean): against high both are worse; against middle B is worse, A is better.",
        ),
    ],
)
def test_baselines_have_a_sentence_of_their_own(results, values: dict[str, float], said: str):
    add_methods(results, spread=0.001, A={"svm_clean": 90.0}, B={"svm_clean": 80.0})
    results.refer("svm", values)
    (topic,) = (topic for topic in summarize(results).topics if topic.name == "Representation")
    assert topic.baselines == said
    assert set(summarize(results).baselines) == set(values)


def test_methods_that_beat_real_images_bring_a_caution(results):
    add_methods(results, spread=0.001, A={"svm_clean": 90.0}, B={"svm_clean": 80.0})
    results.refer("svm", {REAL_IMAGES: 85.0})
    caution = "Real images score worse than some methods: this measure does not show how realistic samples are."
    assert say(results, "Representation") == f"A is significantly better than B. {caution}"


def test_a_caution_names_its_measure_next_to_others_of_its_topic(results):
    add_methods(results, spread=0.001, A={"svm_clean": 90.0, "sse": 20.0}, B={"svm_clean": 80.0, "sse": 25.0})
    results.refer("svm", {REAL_IMAGES: 85.0})
    board = results.board()
    topics = {name: replace(measure, topic="Generation") for name, measure in board.measures.items()}
    (sentence,) = (topic.sentence for topic in summarize_leaderboard(replace(board, measures=topics)).topics)
    caution = "SVM accuracy (clean) does not show how realistic samples are."
    assert sentence.endswith(f"Real images score worse than some methods: {caution}")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"Z": 90.0, "A": 89.0, "M": 70.0}, "SVM accuracy (clean): against middle M is worse, Z and A are better."),
        (
            {"A": 90.0, "B": 89.0, "C": 88.0, "E": 70.0},
            "SVM accuracy (clean): against middle E is worse, A, B and C are better.",
        ),
        (
            {"A": 90.0, "B": 89.0, "C": 88.0, "D": 87.0, "E": 70.0},
            "SVM accuracy (clean): against middle E is worse, the other 4 are better.",
        ),
    ],
)
def test_baselines_name_methods_in_the_order_of_the_table(results, values: dict[str, float], said: str):
    add_methods(results, spread=1e-4, **{label: {"svm_clean": value} for label, value in values.items()})
    results.refer("svm", {"middle": 80.0})
    (topic,) = (topic for topic in summarize(results).topics if topic.name == "Representation")
    assert topic.baselines == said


def test_methods_undecided_against_real_images_bring_no_caution(results):
    add_methods(results, spread=0.001, A={"svm_clean": 90.0}, B={"svm_clean": 80.0})
    results.refer("svm", {REAL_IMAGES: 90.0})
    assert "Real images" not in say(results, "Representation")


@pytest.mark.parametrize(("seeds", "diverged", "expected"), [(5, False, False), (5, True, True), (3, False, True)])
def test_exceptions_are_few_seeds_and_methods_that_lack_runs(results, seeds: int, diverged: bool, expected: bool):
    add_methods(results, seeds, spread=0.001, A={"sse": 20.0}, B={"sse": 25.0})
    if diverged:
        results.add("C", 0, "diverged")
    assert summarize(results).has_exceptions == expected


def test_seeds_without_a_run_count_among_all(results):
    for seed in range(5):
        for label, sse in (("A", 20.0), ("B", 25.0), ("C", 30.0))[: 3 if seed < 4 else 2]:
            results.add(label, seed, sse=sse + seed)
    assert "C lacks 1 of 5 runs (1 missing): not comparable." in summarize(results).certainty
    results.add("D", 0, sse=30.0)
    results.add("E", 0, sse=30.0)
    assert summarize(results).certainty[1:] == (
        "C lacks 1 of 5 runs (1 missing): not comparable.",
        "D and E lack 4 of 5 runs (4 missing): not comparable.",
    )


def test_measures_without_a_direction_give_their_range(results):
    add_methods(results, spread=1e-6, A={"sse": 20.0, "rate": 5.0}, B={"sse": 21.0, "rate": 9.0})
    assert say(results, "Information") == "Rate 5 (A) to 9 nats (B)."


def test_key_columns_leave_out_constants(results):
    for seed in range(5):
        results.add("A", seed, sse=20.0 + seed, rate=8.0)
        results.add("B", seed, sse=22.0 + seed, rate=8.0)
    summary = summarize(results)
    assert (summary.key_columns, summary.columns) == (("sse",), ("sse", "rate"))


def test_of_many_conditions_the_strongest_of_each_kind_is_shown(results, monkeypatch):
    from tests import conftest

    conditions = ("clean", "gauss_0.2", "gauss_0.4", "mask_0.5", "mask_0.2")
    names = [f"svm {condition}" for condition in conditions]
    metrics = ("svm", "svm_tuned", "svm_linear", "svm_subset", "tsvm")  # any five: each has one measure here
    for metric, name, condition in zip(metrics, names, conditions, strict=True):
        measure = Measure(name, "%", "higher", family="svm", condition=condition)
        monkeypatch.setitem(conftest.MEASURES, metric, measure)
    for seed in range(5):
        for label, start in (("A", 80.0), ("B", 85.0)):
            results.add(label, seed, **{name: start + i + seed / 10 for i, name in enumerate(names)})
    shown = summarize_leaderboard(results.board(columns=tuple(names)))
    assert shown.key_columns == ("svm clean", "svm gauss_0.4", "svm mask_0.5")


def test_names_and_definitions_come_from_the_installed_metric():
    old = Measure("svm gauss_0.3 labels=100", "%", "higher", family="svm", condition="gauss_0.3", metric="svm")
    completed = complete_texts(old)
    assert completed.title == "SVM accuracy (noise 0.3) labels=100"
    assert completed.topic == "Robustness"
    assert completed.description.endswith("with Gaussian noise of standard deviation 0.3.")
    unknown = Measure("mine", "bananas", "lower", metric="not installed")
    assert complete_texts(unknown) is unknown
    assert (unknown.title, describe_unit(unknown)) == ("mine", "bananas")
    assert describe_unit(Measure("sse", "[0,1]^2", "lower")) == ""


def test_every_measure_of_every_installed_metric_has_its_texts():
    measures = [m for entry in get_catalog().entries if entry.kind == "metric" for m in entry.measures]
    assert len(measures) > 60
    assert {measure.topic for measure in measures} <= {*TOPICS}
    for measure in measures:
        assert measure.display_name, measure.name
        assert measure.description.endswith("."), measure.name
        assert len(measure.description) <= 140, measure.name
    titles = [measure.title for measure in measures]
    assert len(titles) == len(set(titles))


def test_detectable_effect_has_the_power_that_it_promises():
    variance = Variance(np.array([0.5, 2.0]), np.array([4.0, 30.0]))
    effects = detectable_effect(variance, 0.01)
    assert detection_power(effects, variance, 0.01) == pytest.approx([0.8, 0.8], abs=1e-6)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_differences_of_the_detectable_size_are_found_in_about_four_of_five_tables(scale: str):
    """The size comes from tables of their own; Holm's method finds somewhat more than Bonferroni's bound says."""
    generator, measure = np.random.default_rng(0), Measure("m", "", "lower", scale=scale)
    labels, seeds = ("a", "b", "c", "d"), 5

    def decide(shift: float):
        values = generator.normal(size=(4, seeds)) * 0.1 + generator.normal(size=seeds)
        values[0] += shift
        values = np.exp(values) if scale == "log" else values
        return decide_measure(MeasureValues(measure, labels, tuple(range(seeds)), values))

    size = float(np.median([decide(0.0).detectable_difference or 0.0 for _ in range(200)]))
    shift = np.log1p(size) if scale == "log" else size
    found = [decide(shift).get_pair("a", "b") for _ in range(300)]
    assert 0.72 < np.mean([pair is not None and pair.outcome == "different" for pair in found]) < 0.92

"""Published values compared with measured ones."""

import numpy as np
import pytest

from helpers.papers import TABLE, add_draws, add_runs
from vimae_bench.analysis.statistics import confidence_interval, prediction_interval

HEIGHTS = np.array([2.0, -1.0, 0.0, 1.0, -2.0, 0.0])


def add_crossed(results, mean: float = 50.0, seeds: int = 5, between: float = 1.0, across: float = 1.0) -> np.ndarray:
    """Accuracies of A [seeds, 6 draws] whose seeds and draws vary as given."""
    generator = np.random.default_rng(1)
    table = mean + between * generator.normal(size=(seeds, 1)) + across * HEIGHTS + generator.normal(0, 0.1, (seeds, 6))
    for seed, row in enumerate(table):
        add_draws(results, seed, row)
    return table


def find_value(evaluate, a: str = "[20, 90]", b: str = "[30, 90]", more: str = ""):
    text = TABLE.replace("[20, 90]", a).replace("[30, 90]", b).replace("half_width", f"{more}half_width")
    (table,) = evaluate.paper(text).tables
    return next(value for value in table.values if (value.method, value.measure) == ("a", "svm clean"))


def test_published_values_are_compared_with_a_prediction_of_one_run(results, evaluate):
    table = add_crossed(results)
    value = find_value(evaluate, "[20, 52]", "[30, 20]")
    assert (value.printed, value.n, value.draws, value.mean) == (52, 5, 6, pytest.approx(table.mean()))
    assert value.prediction == pytest.approx(prediction_interval(table))
    assert value.interval == pytest.approx(confidence_interval(table.mean(1), table))
    assert value.match == "compatible"


def test_a_value_is_compatible_up_to_its_rounding(results, evaluate):
    low, high = prediction_interval(add_crossed(results))
    for printed, match in (
        (high + 0.4, "compatible"),
        (high + 0.6, "not compatible"),
        (low - 0.4, "compatible"),
        (low - 0.6, "not compatible"),
    ):
        value = find_value(evaluate, f"[20, {printed}]", "[30, 0]")
        assert value.match == match
        assert value.p < 0.05 if match == "not compatible" else value.p >= 0.05


def test_a_wide_prediction_cannot_tell(results, evaluate):
    """A prediction that is wider than the published values of a column are apart agrees with all of them."""
    low, high = prediction_interval(add_crossed(results))
    assert find_value(evaluate, "[20, 50]", f"[30, {50 + 1.01 * (high - low)}]").match == "compatible"
    assert find_value(evaluate, "[20, 50]", f"[30, {50 + 0.99 * (high - low)}]").match == "cannot tell"
    assert find_value(evaluate, "[20, 90]", "[30, 91]").match == "not compatible"


def test_few_test_images_of_the_paper_widen_predictions(results, evaluate):
    table = add_crossed(results)
    value = find_value(evaluate, "[20, 50]", "[30, 0]", "images = 100\n")
    noise = table.mean() * (100 - table.mean()) / 100
    assert value.prediction == pytest.approx(prediction_interval(table, noise))
    assert value.prediction[1] - value.prediction[0] > 19


def test_predictions_of_accuracies_end_at_0_and_100(results, evaluate):
    add_crossed(results, mean=99.0)
    assert find_value(evaluate, "[20, 99]", "[30, 0]", 'unit = "%"\n').prediction[1] == 100


def test_values_without_draws_predict_nothing(results, evaluate):
    a, _ = add_runs(results, A=20.0, B=60.0)
    (table,) = evaluate.paper(TABLE).tables
    value = table.values[0]
    assert (value.n, value.draws, value.prediction, value.match) == (10, 0, None, "no prediction")
    assert value.interval == pytest.approx(confidence_interval(a))
    assert table.values[1].match == "not measured"


@pytest.mark.parametrize("seeds", [1, 2])
def test_one_or_two_seeds_have_neither_interval_nor_prediction(results, evaluate, seeds: int):
    add_crossed(results, seeds=seeds)
    value = find_value(evaluate)
    assert (value.n, value.interval, value.prediction, value.match) == (seeds, None, None, "no prediction")


def test_values_of_an_unknown_estimator_are_not_compared(results, evaluate):
    add_runs(results, A=20.0, B=30.0)
    (table,) = evaluate.paper(TABLE.replace("half_width", 'only_order = "no estimator"\nhalf_width')).tables
    assert [value.match for value in table.values] == ["not comparable", "not measured"] * 2


def test_a_table_is_compared_under_each_reading_that_is_measured(results, evaluate):
    add_crossed(results)
    readings = '[[readings]]\nid = "svm"\nof = "classifier"\n' + "".join(
        f'[[readings.option]]\nmeasure = "{name}"\n' for name in ("svm", "svm linear", "tsvm")
    )
    text = TABLE.replace('"{condition}"', '"{svm} {condition}"').replace('["sse", "svm clean"]', '["clean", "noisy"]')
    (table,) = evaluate.paper(readings + text).tables
    assert (table.reading.label, [option.label for option in table.unmeasured]) == ("svm", ["svm linear", "tsvm"])
    assert [value.measure for value in table.values[:2]] == ["svm clean", "svm noisy"]
    assert table.values[0].n == 5


def test_a_table_without_runs_has_no_evidence(evaluate):
    (table,) = evaluate.paper(TABLE.replace('"MNIST"', '"digits"')).tables
    assert table.evidence is None
    assert {value.match for value in table.values} == {"not measured"}

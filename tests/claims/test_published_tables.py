"""Published values compared with measured ones."""

import pytest

from helpers.papers import TABLE, add_runs
from vimae_bench.analysis.legacy_statistics import prediction_interval


def test_published_values_are_compared_with_measured_ones(results, evaluate):
    a, _ = add_runs(results, A=20.0, B=60.0)
    (table,) = evaluate.paper(TABLE).tables
    found = {(reading.method, reading.measure): reading for reading in table.values}
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
def test_a_value_is_compatible_up_to_its_rounding(results, evaluate, printed: float, match: str):
    for seed, sse in enumerate((19.0, 20.0, 21.0, 20.0, 20.0)):  # 20 +- 2.776 * 0.7071 * sqrt(6/5) = 2.15
        results.add("A", seed, sse=sse)
    text = TABLE.replace("half_width = 0.5", "half_width = 2.0").replace("a = [20, 90]", f"a = [{printed}, 90]")
    assert evaluate.paper(text).tables[0].values[0].match == match


def test_one_seed_decides_nothing(results, evaluate):
    results.add("A", 0, sse=20.0)
    assert evaluate.paper(TABLE).tables[0].values[0].match == "not decided"


def test_values_of_an_unknown_estimator_are_not_compared(results, evaluate):
    add_runs(results, A=20.0, B=30.0)
    (table,) = evaluate.paper(TABLE.replace("half_width", 'only_order = "no estimator"\nhalf_width')).tables
    assert [reading.match for reading in table.values] == ["not comparable", "not measured"] * 2


def test_a_table_without_runs_has_no_evidence(evaluate):
    (table,) = evaluate.paper(TABLE.replace('"MNIST"', '"digits"')).tables
    assert table.evidence is None
    assert {reading.match for reading in table.values} == {"not measured"}

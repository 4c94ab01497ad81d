"""Numbers of seeds that would decide a claim keep what they promise."""

from math import inf, log

import numpy as np
import pytest

from vimae_bench.analysis.decision import MeasureValues
from vimae_bench.claims.comparisons import ClaimValues, Question, compute_p_values
from vimae_bench.claims.seeds_needed import (
    QuestionSet,
    ReadingTests,
    compute_power,
    find_seeds_needed,
    make_claim_tests,
)
from vimae_bench.plugin import Measure

LABELS = ("A", "B", "C", "D")
BELOW, ABOVE = (-inf, 0.0), (0.0, inf)


def make_values(table: np.ndarray, scale: str = "linear") -> ClaimValues:
    """Values of methods from [methods, seeds] or, with draws that all share, [methods, seeds, draws]."""
    values, draws = (table, None) if table.ndim == 2 else (table.mean(2), table)
    measure = Measure("m", "", "lower", scale=scale)
    return ClaimValues(MeasureValues(measure, LABELS[: len(table)], tuple(range(table.shape[1])), values, draws), {})


def draw_sample(means: list[float], seeds: int = 5, spread: float = 1.0, seed: int = 0) -> np.ndarray:
    """Values [methods, seeds] with these means and a common effect of each seed."""
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(len(means), seeds))
    noise -= noise.mean(1, keepdims=True)
    return np.array(means)[:, None] + 3 * generator.normal(size=seeds) + spread * noise


def repeat_sample(table: np.ndarray, seeds: int, generator: np.random.Generator) -> np.ndarray:
    """New values with the means and covariances of a sample [methods, seeds(, draws)]."""
    k, n = table.shape[:2]
    if table.ndim == 2:
        return table.mean(1)[:, None] + find_root(np.cov(table)) @ generator.normal(size=(k, seeds))
    m = table.shape[2]
    of_seeds, of_draws = table.mean(2, keepdims=True), table.mean(1, keepdims=True)
    rest = (table - of_seeds - of_draws + table.mean((1, 2), keepdims=True)).reshape(k, n * m)
    residual = rest @ rest.T / ((n - 1) * (m - 1))
    # The means of seeds and of draws vary by the residual too, which is drawn on its own.
    by_seed = find_root(np.cov(of_seeds[..., 0]) - residual / m) @ generator.normal(size=(k, seeds))
    by_draw = find_root(np.cov(of_draws[:, 0]) - residual / n) @ generator.normal(size=(k, m))
    cells = np.einsum("kj,jnm->knm", find_root(residual), generator.normal(size=(k, seeds, m)))
    return table.mean((1, 2))[:, None, None] + by_seed[:, :, None] + by_draw[:, None, :] + cells


def find_root(covariance: np.ndarray) -> np.ndarray:
    """A root of the nearest matrix without negative variances."""
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    return vectors * np.sqrt(np.maximum(values, 0))


def judge(readings: list[ReadingTests]) -> str:
    """The rules of a verdict, on real values."""
    verdicts = set()
    for reading in readings:
        p = [
            compute_p_values(
                one.values.select(one.questions),
                one.regions,
                None if one.questions[0].b else one.values.own_variances[one.values.find_places(one.questions)[0]],
            )
            for one in reading.tested
        ]
        against = min(part.contradicting.min() for part in p) * reading.family < 0.05
        agrees = all((part.supporting < 0.05).all() for part in p)
        verdicts.add("contradicted" if against else "supported" if agrees else "not decided")
    return verdicts.pop() if len(verdicts) == 1 else "depends"


PAIRS = [Question("A", other, BELOW) for other in "BCD"]
GENERATOR = np.random.default_rng(7)
DRAWS = (
    draw_sample([0.0, 0.6, 0.9])[:, :, None] + GENERATOR.normal(0, 0.3, (3, 1, 8)) + GENERATOR.normal(0, 0.5, (3, 5, 8))
)
CASES = {
    "a small difference": (draw_sample([0.0, 0.5]), [Question("A", "B", BELOW)], 1, "supported"),
    "a difference": (draw_sample([0.0, 1.2]), [Question("A", "B", BELOW)], 1, "supported"),
    "an opposite difference": (draw_sample([0.9, 0.0]), [Question("A", "B", BELOW)], 6, "contradicted"),
    "three that must all agree": (draw_sample([0.0, 0.6, 0.7, 0.8]), PAIRS, 18, "supported"),
    "one opposite of three": (draw_sample([0.0, 2.0, 2.0, -0.6]), PAIRS, 18, "contradicted"),
    "a margin": (draw_sample([0.0, 2.0]), [Question("A", "B", (-inf, -1.2))], 1, "supported"),
    "equivalence": (draw_sample([0.0, 0.1]), [Question("A", "B", (-1.0, 1.0))], 1, "supported"),
    "a value": (draw_sample([0.8]) - 0.5, [Question("A", "", (-4.0, inf))], 1, "supported"),
    "shared draws": (DRAWS, PAIRS[:2], 2, "supported"),
}


@pytest.mark.parametrize("name", CASES)
def test_three_quarters_are_decided_at_the_promised_number(name: str):
    table, questions, family, right = CASES[name]
    tests = make_claim_tests([ReadingTests((QuestionSet(make_values(table), tuple(questions), 1),), family)])
    seeds = find_seeds_needed(tests)
    assert seeds is not None
    generator = np.random.default_rng(5)
    found = [
        judge([ReadingTests((QuestionSet(make_values(new), tuple(questions), 1),), family)])
        for new in (repeat_sample(table, seeds, generator) for _ in range(400))
    ]
    decided = found.count(right) / len(found)
    assert decided >= 0.75
    assert decided <= 0.92 or seeds <= 8


def test_fewer_seeds_decide_less():
    table, questions, family, _ = CASES["a small difference"]
    tests = make_claim_tests([ReadingTests((QuestionSet(make_values(table), tuple(questions), 1),), family)])
    seeds = find_seeds_needed(tests)
    assert compute_power(tests, seeds) >= 0.8 > compute_power(tests, seeds - 5)
    assert seeds == find_seeds_needed(tests)


def test_no_number_of_seeds_shows_what_is_not_there():
    for table, region in ((draw_sample([0.0, 0.0]), BELOW), (draw_sample([0.0, 1.0]), (-1.0, 1.0))):
        one = QuestionSet(make_values(table), (Question("A", "B", region),), 1)
        assert find_seeds_needed(make_claim_tests([ReadingTests((one,), 1)])) is None


def test_measures_of_one_table_share_their_seeds():
    """Two equal measures need no more seeds than one, two independent ones do."""
    table, other = draw_sample([0.0, 0.7]), draw_sample([0.0, 0.7], seed=1)
    question = (Question("A", "B", BELOW),)
    same = [QuestionSet(make_values(table), question, 1)] * 2
    apart = [QuestionSet(make_values(table), question, 1), QuestionSet(make_values(other), question, 2)]
    alone, both, independent = (
        find_seeds_needed(make_claim_tests([ReadingTests(tuple(tested), 2)])) for tested in (same[:1], same, apart)
    )
    assert alone == both < independent


def test_all_readings_must_be_decided():
    easy, hard = draw_sample([0.0, 3.0]), draw_sample([0.0, 0.5])
    readings = [
        ReadingTests((QuestionSet(make_values(table), (Question("A", "B", BELOW),), 1),), 1) for table in (easy, hard)
    ]
    each = [find_seeds_needed(make_claim_tests([reading])) for reading in readings]
    assert find_seeds_needed(make_claim_tests(readings)) == max(each)


def test_ratios_are_forecast_on_their_scale():
    table = np.exp(0.1 * draw_sample([8.0, 0.0], spread=2.0) / 1.0)
    question = Question("A", "B", (log(1.5), log(3.0)))
    one = QuestionSet(make_values(table, "log"), (question,), 1)
    assert find_seeds_needed(make_claim_tests([ReadingTests((one,), 1)])) == 6

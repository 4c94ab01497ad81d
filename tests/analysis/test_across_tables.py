"""Comparisons over several tables, against published examples."""

import numpy as np
import pytest
from scipy.stats import rankdata

from vimae_bench.analysis.across_tables import (
    bootstrap_profile,
    collect_cross_tables,
    compute_profile,
    critical_difference,
    explain_too_few_tables,
    find_cliques,
    friedman_p_value,
    friedman_statistic,
)

DEMSAR = """
0.763 0.768 0.771 0.798
0.599 0.591 0.590 0.569
0.954 0.971 0.968 0.967
0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898
0.936 0.931 0.916 0.931
0.661 0.668 0.609 0.685
0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875
1.000 1.000 1.000 1.000
0.940 0.962 0.965 0.962
0.619 0.666 0.614 0.669
0.972 0.981 0.9751 0.975
0.957 0.978 0.946 0.970
"""
"""AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets: Table 6 of Demsar, JMLR 7 (2006).

Its ranks come from unrounded values: of the two 0.975 the first has rank 2, which one more digit stands for.
"""
DATASETS = ("mnist", "omniglot", "cifar10", "digits", "fashion")


@pytest.fixture
def published() -> np.ndarray:
    auc = np.array([[float(value) for value in line.split()] for line in DEMSAR.strip().splitlines()])
    return rankdata(-auc, axis=1)


def test_friedman_test_gives_the_published_example(published):
    """Section 3.2.2: mean ranks 3.143, 2.000, 2.893 and 1.964, chi2 = 9.28, F = 3.69, p = 0.020 of F(3, 39)."""
    assert published.mean(0) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert friedman_statistic(published) == pytest.approx(9.28, abs=0.005)
    assert friedman_p_value(published) == pytest.approx(0.0199, abs=2e-4)


def test_critical_difference_is_the_published_one(published):
    """1.25 at 5 %, and 1.12 at 10 %; Table 5 has q = 2.569 and 2.291 for four classifiers."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)
    assert critical_difference(4, 14, 0.1) == pytest.approx(1.12, abs=0.005)
    assert critical_difference(10, 6) == pytest.approx(3.164 * np.sqrt(10 * 11 / 36), abs=0.002)


def test_cliques_are_the_published_ones(published):
    """At 10 %, C4.5 differs from both with m, and nothing else does."""
    assert find_cliques(published.mean(0), critical_difference(4, 14, 0.1)) == [(3, 1, 2), (2, 0)]


def test_profile_is_the_share_of_runs_above_a_score_with_equal_weight_of_tables():
    scores = [np.array([[0.1, 0.5, 0.9]]), np.array([[0.2, 0.8]])]
    assert compute_profile(scores, np.array([0.0, 0.3, 0.8, 1.0])).tolist() == [
        pytest.approx([1.0, (2 / 3 + 1 / 2) / 2, (1 / 3 + 0) / 2, 0.0])
    ]


def test_intervals_of_profiles_have_the_spread_of_a_binomial_share():
    """40 runs of one table, half of them above 0.5: the share of a new draw has deviation 0.5 / sqrt(40)."""
    scores = [np.tile([0.25, 0.75], 20)[None]]
    (low,), (high,) = bootstrap_profile(scores, np.array([0.5]))
    assert (low[0], high[0]) == pytest.approx((0.5 - 1.96 * 0.079, 0.5 + 1.96 * 0.079), abs=0.026)


@pytest.fixture
def many(results):
    """Five tables in which A is before B is before C, but for B and C in the last."""
    generator = np.random.default_rng(0)
    for place, dataset in enumerate(DATASETS):
        results.dataset = dataset
        for label, sse in {"A": 10.0, "B": 12.0 if place < 4 else 15.0, "C": 14.0}.items():
            for seed in range(3):
                results.add(label, seed, sse=(1 + place) * (sse + generator.normal(0, 0.1)))
    return results


def test_methods_are_ranked_in_each_table_by_their_means(many):
    (table,) = collect_cross_tables(many.boards())
    assert table.labels == ("A", "B", "C")
    assert table.ranks.tolist() == [[1, 2, 3]] * 4 + [[1, 3, 2]]
    assert explain_too_few_tables(many.boards()) == ""
    assert all((scores.min(), scores.max()) == (0, 1) and scores[0].min() > 0.8 for scores in table.scores)


def test_fewer_than_five_tables_are_declined_with_the_reason(many):
    assert collect_cross_tables(many.boards()[:4]) == []
    assert explain_too_few_tables(many.boards()[:4]) == "at least 5 tables are needed, and there are 4"


def test_methods_that_lack_a_table_or_cannot_be_compared_take_no_part(many):
    for seed in range(3):
        many.add("only one", seed, sse=1.0)
    for dataset in DATASETS:
        many.dataset = dataset
        for seed in range(3):
            many.add("collapsed", seed, sse=50.0, rate=0.01)
            many.add("stopped", seed, "diverged" if dataset == "mnist" and not seed else "done", sse=9.0)
    (table,) = collect_cross_tables(many.boards())
    assert table.labels == ("A", "B", "C")


def test_ranks_that_differ_by_the_critical_difference_are_no_clique():
    assert find_cliques(np.array([1.0, 2.0, 2.5]), 1.0) == [(1, 2)]

"""Statistics compared with closed forms, published numbers, scipy, statsmodels and simulation."""

from math import log, sqrt

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from vimae_bench.analysis import legacy_statistics as s


def coverage(interval, draw, mean: float, times: int) -> float:
    found = [interval(draw()) for _ in range(times)]
    return float(np.mean([low <= mean <= high for low, high in found]))


def test_t_interval_of_three_values_is_the_textbook_one():
    low, high = s.confidence_interval([1.0, 2.0, 3.0])  # type: ignore[misc]
    assert high - 2 == pytest.approx(4.302653 / sqrt(3), rel=1e-6)  # t(2, 0.975) and a standard deviation of 1
    assert low + high == pytest.approx(4)


def test_a_single_value_has_no_interval():
    assert s.confidence_interval([1.0]) is None


def test_interval_of_equal_values_has_zero_width():
    assert s.confidence_interval([3.0] * 3) == (3.0, 3.0)
    assert s.confidence_interval([3.0] * 12) == (3.0, 3.0)


def test_t_interval_covers_95_percent():
    generator = np.random.default_rng(1)
    assert coverage(s.t_interval, lambda: generator.normal(2, 3, 5), 2, 2000) == pytest.approx(0.95, abs=0.015)


def test_bootstrap_interval_covers_95_percent_at_ten_seeds():
    generator = np.random.default_rng(1)

    def interval(x: s.Array) -> s.Interval:
        return s.bootstrap_interval(x, resamples=500)

    assert 0.93 <= coverage(interval, lambda: generator.normal(2, 3, 10), 2, 800) <= 0.97


def test_bootstrap_interval_is_deterministic_and_close_to_the_t_interval():
    x = np.random.default_rng(2).normal(size=200)
    assert s.confidence_interval(x) == s.confidence_interval(x)
    assert s.confidence_interval(x) == pytest.approx(s.t_interval(x), abs=0.01)


@pytest.mark.parametrize("sizes", [(30,), (12, 25)])
def test_bootstrap_intervals_agree_with_scipy(sizes: tuple[int, ...]):
    samples = [np.random.default_rng(n).gamma(2, size=n) for n in sizes]
    level = 1 - 2 * stats.norm.sf(2.1)
    made = stats.bootstrap(
        samples,
        lambda *drawn, axis: sum(sample.mean(axis) for sample in drawn),
        n_resamples=2000,
        confidence_level=level,
        rng=np.random.default_rng(0),
    )
    assert s.bca_interval(samples, 2.1, 2000) == pytest.approx(tuple(made.confidence_interval), rel=1e-7)


def crossed(generator: np.random.Generator, sizes: tuple[float, float, float], shape: tuple[int, int]) -> s.Array:
    """A table [seeds, draws] of mean 0: effects of seeds, of draws that all seeds share, and of single cells."""
    of_seeds, of_draws, of_cells = sizes
    seeds, draws = generator.normal(0, of_seeds, (shape[0], 1)), generator.normal(0, of_draws, (1, shape[1]))
    return seeds + draws + generator.normal(0, of_cells, shape)


SIZES = [(1.0, 0.0, 0.3), (1.0, 0.0, 3.0), (1.0, 1.0, 1.0), (0.3, 2.0, 1.0), (1.0, 0.5, 0.5)]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(10, 10), (10, 60), (20, 10)])
@pytest.mark.parametrize("sizes", SIZES)
def test_interval_over_seeds_and_shared_draws_covers_95_percent(sizes, shape):
    generator = np.random.default_rng(12)

    def interval(table: s.Array) -> s.Interval:
        return s.crossed_interval(table, resamples=500)

    found = coverage(interval, lambda: crossed(generator, sizes, shape), 0, 1000)
    assert 0.923 <= found <= 0.977  # 93 to 97 %, and one standard error of 1000 tables


def test_interval_over_shared_draws_covers_but_that_over_seeds_alone_does_not():
    generator = np.random.default_rng(13)
    tables = [crossed(generator, (0.3, 1.0, 0.3), (10, 10)) for _ in range(300)]
    both = np.mean([low <= 0 <= high for low, high in (s.crossed_interval(t, resamples=300) for t in tables)])
    seeds = np.mean([low <= 0 <= high for low, high in (s.t_interval(t.mean(1)) for t in tables)])
    assert 0.90 <= both <= 0.98
    assert seeds < 0.6


def test_interval_over_shared_draws_has_the_variance_of_a_two_way_table():
    """Against the textbook's: (MS seeds + MS draws - MS cells) / (n m), Cornfield and Tukey 1956."""
    n, m = 200, 150
    table = crossed(np.random.default_rng(14), (1.0, 1.0, 5.0), (n, m))
    seeds, draws = table.mean(1), table.mean(0)
    cells = table - seeds[:, None] - draws + table.mean()
    squares = m * seeds.var(ddof=1), n * draws.var(ddof=1), (cells**2).sum() / ((n - 1) * (m - 1))
    half = 1.96 * sqrt((squares[0] + squares[1] - squares[2]) / (n * m))
    low, high = s.crossed_interval(table)
    assert (high - low) / 2 == pytest.approx(half, rel=0.03)
    assert (high + low) / 2 == pytest.approx(table.mean(), abs=0.1 * half)


def test_interval_includes_draws_if_there_are_ten_seeds_and_ten_draws():
    table = crossed(np.random.default_rng(15), (1.0, 2.0, 0.1), (10, 12))
    assert s.confidence_interval(table.mean(1), table) == s.crossed_interval(table)
    assert s.confidence_interval(table.mean(1), table[:, :9]) == s.confidence_interval(table.mean(1))
    assert s.confidence_interval(table[:9].mean(1), table[:9]) == s.t_interval(table[:9].mean(1))
    assert s.confidence_interval([2.0] * 10, np.full((10, 10), 2.0)) == (2.0, 2.0)


def test_draws_without_effect_do_not_change_the_interval():
    x = np.random.default_rng(16).normal(3, 1, 10)
    assert s.crossed_interval(np.repeat(x[:, None], 10, axis=1)) == pytest.approx(s.bootstrap_interval(x), rel=0.02)


def test_prediction_interval_of_three_values_is_the_textbook_one():
    low, high = s.prediction_interval([1.0, 2.0, 3.0])  # type: ignore[misc]
    assert high - 2 == pytest.approx(4.302653 * sqrt(4 / 3), rel=1e-6)
    assert low + high == pytest.approx(4)
    assert s.prediction_interval([1.0]) is None


def test_prediction_interval_contains_the_next_run_in_95_percent():
    x = np.random.default_rng(17).normal(5, 2, (4000, 7))
    between = [s.prediction_interval(row[:-1]) for row in x]
    assert np.mean([low <= row[-1] <= high for row, (low, high) in zip(x, between, strict=True)]) == pytest.approx(
        0.95, abs=0.015
    )


DETECTABLE = {3: 3.26, 5: 1.68, 8: 1.16, 10: 1.00, 15: 0.78, 20: 0.66, 30: 0.53}
"""In standard deviations of the paired differences, at 80 % power and 5 % two-sided."""


@pytest.mark.parametrize(("n", "effect"), DETECTABLE.items())
def test_seeds_that_detect_an_effect_match_the_table(n: int, effect: float):
    assert s.seeds_to_detect(effect + 0.006, 1.0) == n
    assert s.seeds_to_detect(-2 * (effect - 0.006), 2.0) == n + 1


@pytest.mark.parametrize("effect", [0.4, 0.7, 1.0, 1.5])
def test_seeds_that_detect_an_effect_agree_with_statsmodels(effect: float):
    n = TTestPower().solve_power(effect_size=effect, power=0.8, alpha=0.05, alternative="two-sided")
    assert s.seeds_to_detect(effect, 1.0) == np.ceil(n)


def test_seeds_that_detect_an_effect_give_80_percent_power_in_simulation():
    n = s.seeds_to_detect(0.7, 1.0)
    assert n is not None
    x = np.random.default_rng(18).normal(0.7, 1, (4000, n))
    assert np.mean([s.paired_t_p_value(row) < 0.05 for row in x]) == pytest.approx(0.82, abs=0.03)


def test_no_number_of_seeds_detects_a_zero_effect():
    assert s.seeds_to_detect(0.0, 1.0) is None
    assert s.seeds_to_detect(1e-6, 1.0) is None
    assert s.seeds_to_detect(1e6, 1.0) == 2


@pytest.mark.parametrize(("cv", "n", "power"), [(0.2, 20, 0.834680), (0.25, 28, 0.807439), (0.3, 40, 0.815845)])
def test_power_of_equivalence_matches_bioequivalence_tables(cv: float, n: int, power: float):
    """PowerTOST (Labes, Schuetz, Lang), sampleN.TOST: 2x2 crossover, true ratio 0.95, bounds 0.8 to 1.25."""
    sd = sqrt(log(1 + cv**2))
    assert s.equivalence_power(log(0.95), sd * sqrt(2 / n), n - 2, log(1.25)) == pytest.approx(power, abs=2e-5)


def test_seeds_that_show_equivalence_give_80_percent_power_in_simulation():
    n = s.seeds_for_equivalence(0.2, 1.0, margin=1.0)
    assert n is not None
    x = np.random.default_rng(19).normal(0.2, 1, (4000, n))
    assert np.mean([s.equivalence_p_value(row, 1.0) < 0.05 for row in x]) == pytest.approx(0.82, abs=0.03)


def test_no_number_of_seeds_shows_equivalence_beyond_the_margin():
    assert s.seeds_for_equivalence(1.0, 0.5, margin=1.0) is None


@pytest.mark.parametrize("n", [2, 5, 9])
def test_sign_flip_agrees_with_the_exact_test_of_scipy(n: int):
    generator = np.random.default_rng(n)
    for _ in range(5):
        a, b = generator.normal(0.5, 1, n), generator.normal(0, 1, n)
        reference = stats.permutation_test(
            (a, b), lambda a, b: np.mean(a - b), permutation_type="samples", n_resamples=np.inf
        )
        assert s.sign_flip_p_value(a - b) == pytest.approx(reference.pvalue)


def test_sign_flip_of_differences_of_one_sign_has_the_smallest_p_value():
    assert s.sign_flip_p_value(np.arange(1.0, 11.0)) == 2 / 2**10


def test_sign_flip_of_no_difference_is_1():
    assert s.sign_flip_p_value(np.zeros(5)) == 1


def test_sign_flip_with_random_flips_is_close_to_the_normal_limit():
    d = np.random.default_rng(3).normal(0.3, 1, 60)
    z = d.sum() / sqrt((d**2).sum())
    assert s.sign_flip_p_value(d) == pytest.approx(2 * stats.norm.sf(abs(z)), abs=0.005)


def test_random_flips_give_the_same_p_values_for_many_comparisons_as_for_each():
    generator = np.random.default_rng(4)
    clear, doubtful, rounded = (generator.normal(mean, 1, (4, 30)) for mean in (2.0, 0.2, 0.5))
    differences = np.concatenate([clear, doubtful, np.round(rounded), np.zeros((1, 30))])
    generator = np.random.default_rng(0)
    flips = np.stack([generator.choice((-1.0, 1.0), s.RANDOM_FLIPS) for _ in range(30)])
    for row, p in zip(differences, s.sign_flip_p_values(differences), strict=True):
        reached = np.abs(row @ flips) >= abs(row.sum()) - 1e-9
        assert p == (1 + reached.sum()) / (1 + s.RANDOM_FLIPS)


def test_p_values_above_the_limit_are_lower_bounds():
    differences = np.random.default_rng(5).normal(0.3, 1, (40, 30))
    whole, enough = s.sign_flip_p_values(differences), s.sign_flip_p_values(differences, enough=0.05)
    assert list(enough[whole < 0.05]) == list(whole[whole < 0.05])
    assert (enough[whole >= 0.05] >= 0.05).all()
    assert (enough <= whole).all()


def test_sign_flip_p_values_are_uniform_when_a_method_is_compared_with_itself():
    generator = np.random.default_rng(4)
    p = np.array([s.sign_flip_p_value(generator.normal(size=10) - generator.normal(size=10)) for _ in range(3000)])
    levels = np.arange(1, 512) / 512  # those that the test can reach
    shares = np.mean(p[:, None] <= levels, axis=0)
    assert abs(shares - levels).max() < 1.63 / sqrt(3000)  # Kolmogorov and Smirnov at 1 %


def test_paired_t_agrees_with_scipy():
    a, b = np.random.default_rng(5).normal(size=(2, 7))
    assert s.paired_t_p_value(a - b) == pytest.approx(stats.ttest_rel(a, b).pvalue)


def test_equal_differences_do_not_give_zero_p_values():
    assert s.paired_t_p_value(np.array([0.1, 0.1, 0.1])) == 0.25
    assert s.equivalence_p_value(np.array([0.1, 0.1, 0.1]), margin=1) == 0.125


@pytest.mark.parametrize("n", [1, 2, 15])
def test_holm_agrees_with_statsmodels(n: int):
    p = np.random.default_rng(n).uniform(0, 0.2, n)
    assert s.adjust_holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_by_hand():
    assert s.adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert s.adjust_holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_holm_controls_the_family_wise_error_rate():
    p = np.random.default_rng(6).uniform(size=(4000, 15))
    assert np.mean([s.adjust_holm(row).min() < s.ALPHA for row in p]) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    ("comparisons", "seeds", "test"), [(15, 10, s.SIGN_FLIP), (15, 9, s.PAIRED_T), (1, 3, s.PAIRED_T)]
)
def test_sign_flip_test_is_used_if_it_can_reach_five_percent(comparisons: int, seeds: int, test: str):
    differences = np.full((comparisons, seeds), 1.0) + np.random.default_rng(0).normal(0, 1e-3, (comparisons, seeds))
    family = s.run_paired_tests(differences)
    assert family.test == test
    assert (family.p < 0.05).all()


def test_shift_of_hamilton_depression_scores():
    """Hollander and Wolfe, Nonparametric Statistical Methods, examples 3.1, 3.3 and 3.4."""
    before = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    after = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    shift = s.estimate_shift(after - before)
    assert shift.value == pytest.approx(-0.46)
    assert shift.interval == pytest.approx((-0.786, -0.010))


def test_shift_has_no_interval_below_six_differences():
    assert s.estimate_shift(np.arange(5.0)).interval is None
    assert s.estimate_shift(np.arange(6.0)).interval == (0.0, 5.0)


@pytest.mark.parametrize("n", [6, 9, 14])
def test_interval_of_the_shift_contains_what_the_signed_rank_test_does_not_reject(n: int):
    d = np.random.default_rng(7).normal(1, 1, n)
    low, high = s.estimate_shift(d).interval  # type: ignore[misc]
    for inside, outside in ((low + 1e-6, low - 1e-6), (high - 1e-6, high + 1e-6)):
        assert stats.wilcoxon(d - inside, method="exact").pvalue > 0.05
        assert stats.wilcoxon(d - outside, method="exact").pvalue <= 0.05


@pytest.mark.parametrize("margin", [0.2, 0.6, 2.0])
def test_equivalence_agrees_with_statsmodels(margin: float):
    a, b = np.random.default_rng(5).normal(size=(2, 8))
    assert s.equivalence_p_value(a - b, margin) == pytest.approx(ttost_paired(a, b, -margin, margin)[0])


def test_equivalence_is_a_90_percent_interval_within_the_margin():
    generator = np.random.default_rng(8)
    agreed = set()
    for _ in range(200):
        d = generator.normal(0.2, 0.5, 8)
        low, high = stats.t.interval(0.9, 7, d.mean(), d.std(ddof=1) / sqrt(8))
        within = bool(max(-low, high) < 0.6)
        assert (s.equivalence_p_value(d, 0.6) < 0.05) == within
        agreed.add(within)
    assert agreed == {True, False}


def test_equivalence_has_an_error_rate_of_five_percent_at_most():
    generator = np.random.default_rng(9)
    p = [s.equivalence_p_value(generator.normal(1, 0.2, 8), margin=1) for _ in range(2000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.015)


def test_win_rate_counts_ties_half():
    assert s.win_rate(np.array([1.0, 2.0, -1.0, 0.0])) == 0.625


def test_letters_of_a_chain_overlap():
    different = np.zeros((3, 3), dtype=bool)
    different[0, 2] = different[2, 0] = True
    assert s.letter_display(different) == ["a", "ab", "b"]


def test_two_methods_share_a_letter_exactly_if_they_are_not_different():
    generator = np.random.default_rng(10)
    for k in (1, 2, 5, 8):
        for density in (0.0, 0.3, 0.7, 1.0):
            different = np.triu(generator.uniform(size=(k, k)) < density, 1)
            different |= different.T
            shown = s.letter_display(different)
            shared = [[bool(set(one) & set(other)) for other in shown] for one in shown]
            assert np.array_equal(np.array(shared), ~different)


def test_rank_intervals_are_single_ranks_for_methods_far_apart_and_overlap_for_equals():
    values = np.random.default_rng(11).normal(0, 1, (3, 10)) + np.array([[0.0], [0.0], [100.0]])
    first, second, last = s.rank_intervals(values)
    assert last == (3, 3)
    assert first == second == (1, 2)

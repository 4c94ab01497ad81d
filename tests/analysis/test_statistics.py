"""Statistics compared with closed forms, published formulas and numbers, scipy, statsmodels and simulation."""

from itertools import combinations
from math import log, sqrt

import numpy as np
import pytest
from scipy import optimize, special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from vimae_bench.analysis.statistics import (
    ALPHA,
    Array,
    Contrasts,
    Variance,
    VarianceParts,
    adjust_holm,
    combine_variances,
    compare_pairs,
    compare_with_values,
    confidence_interval,
    detection_power,
    equivalence_power,
    find_seeds,
    make_contrasts,
    moderate_variances,
    prediction_interval,
    win_rate,
)


def count_error(share: float, times: int) -> float:
    """Two Monte Carlo standard errors of a share."""
    return 2 * sqrt(share * (1 - share) / times)


def draw_crossed(generator: np.random.Generator, sizes: tuple[float, float, float], shape: tuple[int, ...]) -> Array:
    """Tables [..., seeds, draws] of mean 0: effects of seeds, of draws that all seeds share, and of single cells."""
    of_seeds, of_draws, of_cells = sizes
    seeds = generator.normal(0, of_seeds, (*shape[:-1], 1))
    return seeds + generator.normal(0, of_draws, (*shape[:-2], 1, shape[-1])) + generator.normal(0, of_cells, shape)


# Means and their intervals


def test_t_interval_of_three_values_is_the_textbook_one():
    low, high = confidence_interval([1.0, 2.0, 3.0])
    assert high - 2 == pytest.approx(4.302653 / sqrt(3), rel=1e-6)  # t(2, 0.975) and a standard deviation of 1
    assert low + high == pytest.approx(4)


def test_single_value_has_no_interval_and_equal_values_one_of_no_width():
    assert confidence_interval([1.0]) is None
    assert confidence_interval([3.0] * 3) == (3.0, 3.0)
    assert confidence_interval([2.0] * 4, np.full((4, 6), 2.0)) == (2.0, 2.0)


def test_crossed_interval_has_the_variance_of_a_two_way_table():
    """Against the textbook's: (MS seeds + MS draws - MS cells) / (n m), Cornfield and Tukey 1956."""
    n, m = 200, 150
    table = draw_crossed(np.random.default_rng(14), (1.0, 1.0, 5.0), (n, m))
    seeds, draws = table.mean(1), table.mean(0)
    cells = table - seeds[:, None] - draws + table.mean()
    squares = m * seeds.var(ddof=1), n * draws.var(ddof=1), (cells**2).sum() / ((n - 1) * (m - 1))
    low, high = confidence_interval(seeds, table)
    assert (high - low) / 2 == pytest.approx(1.97 * sqrt((squares[0] + squares[1] - squares[2]) / (n * m)), rel=0.01)
    assert (high + low) / 2 == pytest.approx(table.mean())


def test_satterthwaites_degrees_of_freedom_by_hand():
    """Variances of 10 and 5 of five seeds and five draws: (2 + 1)^2 / (2^2 / 4 + 1^2 / 4) = 7.2."""
    one = np.ones(1)
    parts = VarianceParts(Variance(10 * one, 4 * one), Variance(5 * one, 4 * one), 0 * one, 5, 5)
    found = combine_variances(parts)
    assert found.value == pytest.approx([3.0])
    assert found.degrees == pytest.approx([7.2], rel=1e-3)


def test_degrees_of_freedom_are_those_of_the_part_that_alone_varies():
    one = np.ones(1)
    for between, across, degrees in ((3.0, 0.0, 4.0), (0.0, 3.0, 59.0)):
        parts = VarianceParts(Variance(between * one, 4 * one), Variance(across * one, 59 * one), 0 * one, 5, 60)
        assert combine_variances(parts).degrees == pytest.approx([degrees], rel=1e-3)


def test_draws_without_effect_do_not_change_the_interval():
    x = np.random.default_rng(16).normal(3, 1, 10)
    assert confidence_interval(x, np.repeat(x[:, None], 10, axis=1)) == pytest.approx(confidence_interval(x))


CROSSED = [((0.1, 0.5, 0.2), 5, 10), ((0.1, 0.5, 0.2), 9, 10), ((2.0, 9.0, 4.0), 5, 60)]
"""Standard deviations of seeds, shared draws and cells, with the number of seeds and draws: intervals over seeds alone
cover 57, 41 and 83.5 %."""


@pytest.mark.parametrize(("sizes", "seeds", "draws"), CROSSED)
def test_intervals_over_seeds_and_shared_draws_cover(sizes: tuple[float, float, float], seeds: int, draws: int):
    times = 4000
    tables = draw_crossed(np.random.default_rng(seeds + draws), sizes, (times, 1, seeds, draws))
    contrasts = make_contrasts(tables.mean(-1), tables)
    covered = np.mean(np.abs(contrasts.means) < contrasts.half_widths())
    assert 0.93 - count_error(0.93, times) <= covered <= 0.97 + count_error(0.97, times)
    alone = make_contrasts(tables.mean(-1))
    assert np.mean(np.abs(alone.means) < alone.half_widths()) < 0.87


# Predictions


def test_prediction_adds_the_variances_of_a_further_seed_draw_and_cell():
    """Half the width is t sqrt(Vs (1 + 1/n) + Vd (1 + 1/m) + Vc (1 + 1/nm)), from the mean squares of a table."""
    n, m = 4, 6
    table = np.random.default_rng(3).normal(size=(n, m)) + np.arange(n)[:, None] + 2 * np.arange(m)
    rows, columns = table.mean(1), table.mean(0)
    residuals = table - rows[:, None] - columns + table.mean()
    cells = (residuals**2).sum() / ((n - 1) * (m - 1))
    of_seeds, of_draws = rows.var(ddof=1) - cells / m, columns.var(ddof=1) - cells / n
    variance = of_seeds * (1 + 1 / n) + of_draws * (1 + 1 / m) + cells * (1 + 1 / (n * m))
    terms = np.array([(1 + 1 / n) * rows.var(ddof=1), (1 + 1 / m) * columns.var(ddof=1), 0])
    terms[2] = variance - terms.sum()
    degrees = variance**2 / (terms**2 / [n - 1, m - 1, (n - 1) * (m - 1)]).sum()
    low, high = prediction_interval(table)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, degrees) * sqrt(variance))
    assert (high + low) / 2 == pytest.approx(table.mean())


@pytest.mark.parametrize(("sizes", "seeds", "draws"), CROSSED)
def test_predictions_contain_a_further_run_under_a_further_draw(
    sizes: tuple[float, float, float], seeds: int, draws: int
):
    generator, times, inside = np.random.default_rng(seeds), 1000, 0
    for _ in range(times):
        low, high = prediction_interval(draw_crossed(generator, sizes, (seeds, draws)))
        inside += low <= generator.normal(0, np.linalg.norm(sizes)) <= high
    assert inside / times >= 0.93 - count_error(0.93, times)


def test_nothing_is_predicted_from_one_seed_or_one_draw():
    assert prediction_interval(np.ones((1, 5))) is None
    assert prediction_interval(np.ones((5, 1))) is None


# Variances that comparisons share


def test_comparison_of_two_methods_is_the_paired_t_test():
    a, b = np.random.default_rng(5).normal(size=(2, 7))
    contrasts = compare_pairs(np.stack([a, b]))
    expected = stats.ttest_rel(a, b)
    assert contrasts.p_values() == pytest.approx([expected.pvalue])
    assert contrasts.intervals()[0] == pytest.approx(tuple(expected.confidence_interval()))


def test_pooled_variance_is_that_of_the_additive_model():
    """Least squares with an effect of each method and of each seed."""
    k, n = 5, 7
    values = np.random.default_rng(6).normal(size=(k, n)) * np.arange(1, k + 1)[:, None]
    method, seed = (grid.ravel() for grid in np.meshgrid(range(k), range(n), indexing="ij"))
    design = np.concatenate([np.eye(k)[method], np.eye(n)[seed][:, 1:]], axis=1)
    _, (squares,), _, _ = np.linalg.lstsq(design, values.ravel(), rcond=None)
    degrees = k * n - design.shape[1]
    pooled = compare_pairs(values).pooled
    assert pooled.degrees == pytest.approx(np.full(10, degrees))
    assert pooled.value == pytest.approx(np.full(10, 2 * squares / degrees / n))


def squeeze_variances(v: Array, d: float) -> tuple[Array, float]:
    """Posterior variances and prior degrees of freedom by Smyth (2004), section 6.2, with a general root finder."""
    e = np.log(v) - special.digamma(d / 2) + log(d / 2)
    excess = e.var(ddof=1) - special.polygamma(1, d / 2)
    d0 = 2 * optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-6, 1e6)
    s0 = np.exp(e.mean() + special.digamma(d0 / 2) - log(d0 / 2))
    return (d0 * s0 + d * v) / (d0 + d), d0


@pytest.mark.parametrize("d", [2.0, 4.0, 19.0])
def test_moderated_variances_follow_the_published_formula(d: float):
    v = stats.chi2.rvs(d, size=15, random_state=1) / d * stats.invgamma.rvs(1.5, size=15, random_state=2)
    expected, d0 = squeeze_variances(v, d)
    found = moderate_variances(Variance(v, np.full(15, d)))
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.degrees == pytest.approx(np.full(15, d0 + d), rel=1e-6)


def test_moderation_finds_the_distribution_that_variances_were_drawn_from():
    d, d0, s0, many = 4.0, 6.0, 2.5, 20_000
    generator = np.random.default_rng(0)
    v = s0 * d0 / generator.chisquare(d0, many) * generator.chisquare(d, many) / d
    found = moderate_variances(Variance(v, np.full(many, d)))
    assert found.degrees[0] - d == pytest.approx(d0, rel=0.1)
    assert found.value == pytest.approx((d0 * s0 + d * v) / (d0 + d), rel=0.05)


def test_variances_that_differ_no_more_than_by_chance_become_one():
    found = moderate_variances(Variance(np.array([1.0, 1.1, 0.9, 1.0]), np.full(4, 4.0)), 12)
    assert found.value == pytest.approx(np.full(4, found.value[0]), rel=1e-4)
    assert found.degrees == pytest.approx(np.full(4, 12.0))


def test_single_variance_and_variances_of_zero_stay_as_they_are():
    for v in (np.array([2.0]), np.zeros(5)):
        found = moderate_variances(Variance(v, np.full(len(v), 4.0)))
        assert np.array_equal(found.value, v)


def test_comparisons_use_the_variance_that_says_less():
    values = np.random.default_rng(8).normal(size=(6, 5)) * np.geomspace(1, 9, 6)[:, None] + np.arange(6)[:, None]
    contrasts = compare_pairs(values)
    for one in (contrasts.pooled, contrasts.moderated):
        t = np.abs(contrasts.means) / np.sqrt(one.value)
        assert (contrasts.p_values() >= 2 * stats.t.sf(t, one.degrees) - 1e-12).all()
    own = [(a - b).var(ddof=1) / 5 for a, b in combinations(values, 2)]
    assert (contrasts.moderated.value >= np.array(own) - 1e-12).all()


def test_p_values_and_intervals_agree():
    values = np.random.default_rng(9).normal(size=(300, 6, 5)) + np.linspace(0, 3, 6)[:, None]
    contrasts = compare_pairs(values)
    outside = np.abs(contrasts.means) > contrasts.half_widths()
    assert np.array_equal(contrasts.p_values() < ALPHA, outside)
    assert outside.any()
    assert not outside.all()


def test_equal_differences_do_not_give_zero_p_values():
    """Three equal signs by chance: 2^-2 two-sided."""
    contrasts = make_contrasts(np.array([[0.1, 0.1, 0.1]]))
    assert contrasts.p_values() == pytest.approx([0.25])
    assert contrasts.within_p_values(1.0) == pytest.approx([0.125])
    assert make_contrasts(np.zeros((1, 3))).p_values() == pytest.approx([1.0])


@pytest.mark.parametrize("n", [5, 10, 20])
def test_effects_of_draws_on_single_methods_are_not_taken_for_differences(n: int):
    """Interactions of methods and draws of 0.3 next to 0.2 of seeds: tests over seeds alone reject in 12 to 36 %."""
    times, m = 3000, 10
    values = draw_crossed(np.random.default_rng(n), (0.2, 0.3, 0.1), (times, 2, n, m))
    crossed = np.mean(compare_pairs(values.mean(-1), values).p_values() < ALPHA)
    assert crossed <= ALPHA + count_error(ALPHA, times)
    assert np.mean(compare_pairs(values.mean(-1)).p_values() < ALPHA) > 0.1


def test_comparisons_with_fixed_values_subtract_them():
    values = np.random.default_rng(10).normal(size=(3, 6))
    contrasts = compare_with_values(values, np.array([1.0, 0.0, -1.0]))
    assert contrasts.means == pytest.approx(values.mean(1) - [1.0, 0.0, -1.0])


# Families of tests


@pytest.mark.parametrize("n", [1, 2, 6])
def test_holm_is_bonferroni_over_all_intersections(n: int):
    """The closed testing procedure: the largest of the adjusted p-values of all families with the hypothesis."""
    p = np.random.default_rng(n).uniform(0, 0.2, n)
    families = [family for size in range(1, n + 1) for family in combinations(range(n), size)]
    expected = [max(min(1, len(f) * p[list(f)].min()) for f in families if i in f) for i in range(n)]
    assert adjust_holm(p) == pytest.approx(expected)


def test_holm_agrees_with_statsmodels_row_by_row():
    p = np.random.default_rng(0).uniform(0, 0.2, (4, 15))
    assert adjust_holm(p) == pytest.approx(np.stack([multipletests(row, method="holm")[1] for row in p]))


def test_holm_by_hand():
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


# Equivalence


@pytest.mark.parametrize("margin", [0.2, 0.6, 2.0])
def test_equivalence_is_two_one_sided_t_tests(margin: float):
    a, b = np.random.default_rng(5).normal(size=(2, 8))
    (found,) = compare_pairs(np.stack([a, b])).within_p_values(margin)
    greater = stats.ttest_1samp(a - b, -margin, alternative="greater").pvalue
    less = stats.ttest_1samp(a - b, margin, alternative="less").pvalue
    assert found == pytest.approx(max(greater, less))
    assert found == pytest.approx(ttost_paired(a, b, -margin, margin)[0])


def test_equivalence_at_the_margin_is_found_by_mistake_in_five_per_cent():
    differences = np.random.default_rng(9).normal(1, 0.2, (8000, 1, 8))
    assert np.mean(make_contrasts(differences).within_p_values(1.0) < ALPHA) == pytest.approx(0.05, abs=0.005)


# Numbers of seeds


DETECTABLE = {3: 3.26, 5: 1.68, 8: 1.16, 10: 1.00, 15: 0.78, 20: 0.66, 30: 0.53}
"""In standard deviations of the paired differences, at 80 % power and 5 % two-sided."""


def forecast_pair(effect: float, sd: float = 1.0, seeds: int = 3) -> Contrasts:
    """A pair of methods whose difference over some seeds has exactly this mean and standard deviation."""
    x = np.arange(seeds, dtype=np.float64)
    return make_contrasts((effect + sd * (x - x.mean()) / x.std(ddof=1))[None])


def find_pair_seeds(contrasts: Contrasts, alpha: float = ALPHA, margin: float = 0.0) -> int | None:
    return find_seeds(lambda n: float(1 - contrasts.forecast_power([0], n, alpha, margin)[0]), 2)


@pytest.mark.parametrize(("n", "effect"), DETECTABLE.items())
def test_seeds_that_show_a_difference_match_the_table(n: int, effect: float):
    assert find_pair_seeds(forecast_pair(effect + 0.006)) == n
    assert find_pair_seeds(forecast_pair(-2 * (effect - 0.006), 2.0)) == n + 1


@pytest.mark.parametrize(("effect", "alpha"), [(0.4, 0.05), (0.7, 0.05), (1.0, 0.01), (1.5, 0.05 / 15)])
def test_seeds_that_show_a_difference_agree_with_statsmodels(effect: float, alpha: float):
    n = TTestPower().solve_power(effect_size=effect, power=0.8, alpha=alpha, alternative="two-sided")
    assert find_pair_seeds(forecast_pair(effect), alpha) == np.ceil(n)


def test_power_to_show_a_difference_has_its_closed_form():
    """A difference of the other sign does not count; without an effect, half the level is left."""
    degrees, effects = np.array([4.0, 11.0, 30.0]), np.array([2.0, -1.0, 0.0])
    found = detection_power(effects, Variance(np.full(3, 0.25), degrees), 0.01)
    expected = stats.nct.sf(stats.t.ppf(0.995, degrees), degrees, 2 * np.abs(effects))
    assert found == pytest.approx(expected, rel=1e-6)
    assert found[2] == pytest.approx(0.005)
    assert detection_power(np.array([1e9]), Variance(np.ones(1), np.full(1, 4.0)), 0.05) == 1


@pytest.mark.parametrize(("cv", "n", "power"), [(0.2, 20, 0.834680), (0.25, 28, 0.807439), (0.3, 40, 0.815845)])
def test_power_to_show_equivalence_matches_bioequivalence_tables(cv: float, n: int, power: float):
    """PowerTOST (Labes, Schuetz, Lang), sampleN.TOST: 2x2 crossover, true ratio 0.95, bounds 0.8 to 1.25."""
    variance = Variance(np.array([log(1 + cv**2) * 2 / n]), np.array([n - 2.0]))
    assert equivalence_power(np.array([log(0.95)]), variance, log(1.25)) == pytest.approx([power], abs=5e-5)


@pytest.mark.parametrize("margin", [0.0, 1.0])
def test_forecast_is_the_share_of_repetitions_that_decide(margin: float):
    effect, times = 0.2 if margin else 0.7, 20_000
    contrasts = forecast_pair(effect)
    n = find_pair_seeds(contrasts, margin=margin)
    made = make_contrasts(np.random.default_rng(19).normal(effect, 1, (times, 1, n)))
    decided = (made.p_values() < ALPHA) & (made.means > 0)
    if margin:
        decided = made.within_p_values(margin) < ALPHA
    (expected,) = contrasts.forecast_power([0], n, ALPHA, margin)
    assert 0.8 <= expected < 0.86
    assert np.mean(decided) == pytest.approx(expected, abs=count_error(0.8, times) * 1.5)


def test_forecast_with_shared_draws_keeps_what_draws_do():
    """More seeds cannot make the variance between draws smaller: 0.1 of the difference's remains."""
    generator = np.random.default_rng(1)
    table = 0.01 * draw_crossed(generator, (0.2, 1.0, 0.1), (5, 10))
    contrasts = make_contrasts(table.mean(-1)[None], table[None])
    powers = [contrasts.forecast_power([0], n, ALPHA)[0] for n in (5, 100, 1000)]
    alone = make_contrasts(table.mean(-1)[None]).forecast_power([0], 1000, ALPHA)[0]
    assert powers[0] <= powers[1] <= powers[2] < alone


def test_no_number_of_seeds_shows_no_difference_or_equivalence_beyond_the_margin():
    assert find_pair_seeds(forecast_pair(0.0)) is None
    assert find_pair_seeds(forecast_pair(1e-6)) is None
    assert find_pair_seeds(forecast_pair(1.0, 20.0), margin=1.0) is None
    assert find_pair_seeds(forecast_pair(0.0), margin=1.0) is not None


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 15])
def test_constant_differences_need_seeds_enough_for_their_p_value(alpha: float):
    contrasts = make_contrasts(np.full((1, 3), 0.1))
    n = find_pair_seeds(contrasts, alpha)
    assert 2 * 0.5**n < alpha <= 2 * 0.5 ** (n - 1)


@pytest.mark.parametrize("answer", [2, 3, 17, 511, 999, 1000])
def test_search_finds_the_smallest_number_of_seeds(answer: int):
    assert find_seeds(lambda n: 0.2 if n >= answer else 0.21, 2) == answer
    assert find_seeds(lambda n: 0.2 if n >= answer else 0.21, 600) == max(answer, 600)


def test_win_rate_counts_ties_half():
    assert win_rate(np.array([1.0, 2.0, -1.0, 0.0])) == 0.625

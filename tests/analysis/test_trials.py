from itertools import product

import numpy as np
import pytest
from scipy import stats

from vimae_bench.analysis.trials import TrialResult, TuningResult, summarize_trial
from vimae_bench.core.results import Measure


def tuned(values, better="lower"):
    trials = tuple(TrialResult(i, {"x": i}, {}, value) for i, value in enumerate(values))
    return TuningResult("A", trials, Measure("sse", "", better))


@pytest.mark.parametrize("better", ["lower", "higher"])
@pytest.mark.parametrize("trials", [1, 2, 3, 4])
def test_the_expected_best_is_the_mean_of_the_best_over_all_draws_with_replacement(better, trials):
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    best = min if better == "lower" else max
    every = [best(draw) for draw in product(values, repeat=trials)]
    assert tuned([*values, None], better).expected_best(trials) == pytest.approx(sum(every) / len(every))


def test_the_expected_best_approaches_the_best():
    assert tuned([3.0, 1.0, 2.0]).expected_best(100) == pytest.approx(1.0)


def test_the_first_of_equal_trials_is_the_best_and_lost_ones_never_are():
    assert tuned([None, 2.0, 1.0, 1.0]).best.number == 2
    assert tuned([None, 2.0, 3.0, 3.0], "higher").best.number == 2
    assert tuned([None, None]).best is None
    assert tuned([None]).expected_best(3) is None


def test_the_value_of_a_trial_is_the_mean_over_its_seeds(results):
    for seed, value in ((0, 1.0), (1, 3.0)):
        results.add("VAE", seed, sse=value, rate=5.0)
    found = summarize_trial(1, {}, results.store.load_results(results.entries), Measure("sse", "", "lower"))
    assert (found.value, found.by_seed, found.reason) == (2.0, {0: 1.0, 1: 3.0}, "")


def test_a_trial_with_a_run_without_a_value_is_lost(results):
    results.add("VAE", 0, sse=1.0)
    results.add("VAE", 1, "diverged", "the loss is nan")
    results.add("VAE", 2, sse=None)
    found = summarize_trial(1, {}, results.store.load_results(results.entries), Measure("sse", "", "lower"))
    assert (found.value, found.by_seed) == (None, {0: 1.0})
    assert found.reason.startswith("seed 1 diverged (the loss is nan); seed 2 without sse")


@pytest.mark.parametrize("measure", [Measure("mmd2", "", "lower", rewards_collapse=True), Measure("sse", "", "lower")])
def test_a_collapsed_run_wins_under_no_measure(results, measure):
    results.add("VAE", 0, mmd2=1.0, sse=1.0, rate=0.01)
    found = summarize_trial(1, {}, results.store.load_results(results.entries), measure)
    assert (found.value, found.reason) == (None, "seed 0 collapsed")


ACCURACY = Measure("svm", "%", "higher", margin=1.0)


def choose(*trials, measure=ACCURACY) -> str:
    """What is said of the best of trials with these values by seed."""
    results = [
        TrialResult(i, {}, dict(enumerate(values)), float(np.mean(values)), "") for i, values in enumerate(trials, 1)
    ]
    return TuningResult("A", tuple(results), measure).describe_choice()


def test_the_best_trial_is_compared_with_the_next_as_methods_are():
    good, near, other = [90.0, 91.0, 92.0, 93.0], [90.1, 90.9, 92.1, 92.8], [89.0, 95.0, 80.0, 95.0]
    bad = [80.0, 81.2, 82.0, 83.1]
    assert choose(bad, good) == "best of 2 trials by its mean over 4 seeds; better than the next, trial 1 (p < 0.001)"
    assert choose(good, near).endswith("over 4 seeds; equivalent to the next, trial 2, within 1 percentage point")
    reference = stats.ttest_rel(good, other).pvalue
    assert choose(good, other).endswith(f"over 4 seeds; undecided with the next, trial 2 (p = {reference:.2g})")
    assert "undecided with the next, trial 2 (p = " in choose(good, other, bad)


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        (([90.0], [91.0]), "best of 2 trials by its mean over 1 seed; single values are not tested"),
        (([90.0, 91.0], [91.0, 93.0]), "best of 2 trials by its mean over 2 seeds; two seeds are not tested"),
        (([90.0, 91.0],), "best of 1 trial by its mean over 2 seeds; the only one with a value"),
    ],
)
def test_trials_of_one_or_two_seeds_are_not_tested(trials, said):
    assert choose(*trials) == said


def test_ratios_of_trials_without_positive_values_are_not_tested():
    measure = Measure("sse", "", "lower", scale="log")
    assert choose([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], measure=measure).endswith(
        "not tested, since ratios need positive values"
    )


def test_without_any_value_nothing_is_chosen():
    assert tuned([None, None]).describe_choice() == "no trial has a value"

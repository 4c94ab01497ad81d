from itertools import product

import pytest

from vimae_bench.analysis.trials import TrialResult, TuningResult, summarize_trial
from vimae_bench.core.results import Measure


def tuned(values, better="lower"):
    return TuningResult("A", tuple(TrialResult(i, {"x": i}, {}, value) for i, value in enumerate(values)), better)


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


@pytest.mark.parametrize(("ranks_collapsed", "value"), [(True, 1.0), (False, None)])
def test_a_collapsed_run_cannot_win_a_measure_that_rewards_it(results, ranks_collapsed, value):
    results.add("VAE", 0, mmd2=1.0, rate=0.01)
    measure = Measure("mmd2", "", "lower", ranks_collapsed=ranks_collapsed)
    assert summarize_trial(1, {}, results.store.load_results(results.entries), measure).value == value

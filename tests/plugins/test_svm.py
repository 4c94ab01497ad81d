from dataclasses import replace
from math import erf, sqrt

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from vimae_bench import BenchError, Corruption, Deterministic, Examples, Frame, Gaussian, Splits
from vimae_bench import accuracy_over_draws as accuracy, choose_labelled as choose, rbf_machine as fit
from vimae_builtin.metrics.svm import Svm, predictions

IDENTITY = (torch.eye(2), torch.zeros(2))
BAYES = 50 * (1 + erf(1 / sqrt(2)))  # two classes whose means lie one standard deviation to each side: 84.13 %


def blobs(n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Images of two pixels in two classes, N(0.5 +- 0.1, 0.1^2) in the first one."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    x = 0.5 + 0.1 * rng.standard_normal((n, 2))
    x[:, 0] += 0.1 * (2 * y - 1)
    return np.clip(np.round(255 * x), 0, 255).astype(np.uint8).reshape(n, 1, 1, 2), y


def small(**settings) -> Svm:
    return Svm(**{"labels": 300, "label_draws": 4, "noise_draws": 2, "conditions": ("clean",), **settings})


def test_two_blobs_are_read_at_the_bayes_rate(linear_trial):
    images, y = blobs()
    found = small()(linear_trial(images, Deterministic(), [IDENTITY], labels=y))["svm clean"]
    assert found.value == pytest.approx(BAYES, abs=3 * found.se)
    assert 0.3 < found.se < 1.0
    assert found.n == 3000


def test_permuted_labels_are_read_at_chance(linear_trial):
    images, y = blobs()
    y = np.random.default_rng(1).permutation(y)
    found = small()(linear_trial(images, Deterministic(), [IDENTITY], labels=y))["svm clean"]
    assert found.value == pytest.approx(50.0, abs=4 * found.se)


def test_codes_stay_with_their_labels_whatever_the_order_of_the_images(linear_trial):
    """Sorted by class, and longer than the chunks that images are encoded in: a shift of one would show."""
    images, y = blobs()
    order = np.argsort(y, kind="stable")
    trial = linear_trial(images, Deterministic(), [IDENTITY], labels=y)
    tests = [Examples(images, y), Examples(images[order], y[order]), Examples(images[order], y)]
    same, aligned, misaligned = (
        small()(replace(trial, splits=Splits(trial.splits.train, test, test), _kept={}))["svm clean"] for test in tests
    )
    assert aligned.value == same.value
    assert misaligned.value == pytest.approx(50.0, abs=5)


def test_an_encoder_that_changes_nothing_reads_as_raw_pixels_do(linear_trial):
    """The same labels and the same noise for every method, bit for bit."""
    images, y = blobs(1500)
    metric = small(conditions=("clean", "gauss_0.2", "mask_0.5"))
    trial = linear_trial(images, Deterministic(), [IDENTITY], labels=y, seed=5)
    rows = metric.references(trial.splits, trial.frame, trial.dataset)
    assert metric(trial) == rows["raw pixels"]
    assert list(rows) == ["raw pixels", "PCA-2"]
    # Both components of two pixels are a rotation, to which the kernel is blind; its scale is not the same.
    assert rows["PCA-2"]["svm clean"].value == pytest.approx(rows["raw pixels"]["svm clean"].value, abs=1.5)


def test_clean_test_images_are_encoded_once_for_all_metrics_of_a_run(linear_trial, monkeypatch):
    images, y = blobs(1000)
    trial = linear_trial(images, Deterministic(), [IDENTITY], labels=y)
    trial.posterior("test")
    seen, encode = [], type(trial).posterior_of
    monkeypatch.setattr(
        type(trial), "posterior_of", lambda self, chunks: encode(self, (seen.append(len(x)) or x for x in chunks))
    )
    small()(trial)
    assert seen == [300] * 4, "nothing but the labelled images of each draw"


def test_noise_costs_accuracy_and_a_network_in_sym_pixels_meets_the_same(linear_trial):
    images, y = blobs(1500)
    metric = small(conditions=("clean", "gauss_0.1", "gauss_0.4"))
    unit = metric(linear_trial(images, Deterministic(), [IDENTITY], labels=y))
    halved = (torch.eye(2) / 2, torch.full((2,), 0.5))  # undoes 2x - 1
    sym = metric(linear_trial(images, Deterministic(), [halved], labels=y, pixel_range="sym"))
    assert unit["svm clean"].value > unit["svm gauss_0.1"].value + 4 > unit["svm gauss_0.4"].value + 8
    for name, estimate in unit.items():
        assert sym[name].value == pytest.approx(estimate.value, abs=0.2), name


def test_draws_of_a_wide_posterior_hide_what_its_mean_tells(linear_trial):
    images, y = blobs(1500)
    wide = (torch.zeros(2, 2), torch.full((2,), 2 * np.log(0.1)))
    found = small()(linear_trial(images, Gaussian(), [IDENTITY, wide], labels=y))
    assert found["svm clean"].value == pytest.approx(BAYES, abs=3)
    sampled = 50 * (1 + erf(1 / 2))  # noise of one more standard deviation: the Bayes rate is 76.02 %
    assert found["svm sampled"].value == pytest.approx(sampled, abs=3)


def test_a_deterministic_code_is_not_sampled_and_no_labels_are_no_accuracy(linear_trial):
    images, y = blobs(500)
    assert "svm sampled" not in small()(linear_trial(images, Deterministic(), [IDENTITY], labels=y))
    unlabelled = linear_trial(images, Gaussian(), [IDENTITY, IDENTITY])
    assert small()(unlabelled) == {}
    assert small().references(unlabelled.splits, unlabelled.frame, "blobs") == {}


def test_more_latents_than_pixels_have_no_principal_components():
    images, y = blobs(500)
    examples = Examples(images, y)
    rows = small().references(Splits(examples, examples, examples), Frame((1, 1, 2), 3), "blobs")
    assert list(rows) == ["raw pixels"]


@pytest.mark.parametrize("features", [2, 50])
def test_the_machine_is_scikit_learns(features):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 400)
    x = rng.standard_normal((400, features)) * 3 + y[:, None]
    ours, theirs = fit(x[:200], y[:200]), SVC(C=1.0, kernel="rbf", gamma="scale").fit(x[:200], y[:200])
    assert np.array_equal(ours.predict(x[200:]), theirs.predict(x[200:]))


def test_codes_that_never_move_can_be_read():
    y = np.arange(100) % 2
    assert fit(np.ones((100, 2)), y).predict(np.ones((3, 2))).shape == (3,)


def test_every_class_has_as_many_labels_and_every_draw_its_own():
    y = np.random.default_rng(0).choice(3, 5000, p=[0.9, 0.06, 0.04])
    first, again, second = choose(y, 300, "mnist", 0), choose(y, 300, "mnist", 0), choose(y, 300, "mnist", 1)
    assert np.bincount(y[first]).tolist() == [100, 100, 100]
    assert len(set(first)) == 300
    assert np.array_equal(first, again)
    assert len(set(first) & set(second)) < 200
    assert not np.array_equal(choose(y, 300, "digits", 0), first)


def test_each_machine_meets_the_noise_draw_of_its_turn():
    class Echo:
        def predict(self, codes):
            return codes

    seen = predictions([Echo()] * 5, lambda noise: np.array([noise, 10 + noise]), noise_draws=2)
    assert seen.tolist() == [[0, 10], [1, 11], [0, 10], [1, 11], [0, 10]]
    assert predictions([Echo()], lambda noise: np.array([noise]), noise_draws=5).tolist() == [[0]]


def test_too_few_images_of_a_class_are_named():
    y = np.array([0] * 50 + [1] * 9)
    with pytest.raises(BenchError, match=r"labels = 20 takes 10 .* class 1 has 9"):
        choose(y, 20, "mnist", 0)
    with pytest.raises(BenchError, match="labels = 1 "):
        choose(y, 1, "mnist", 0)


def test_an_unknown_condition_is_refused_when_the_metric_is_made():
    with pytest.raises(ValueError, match=r"no corruption 'gaus_0\.2'"):
        Svm(conditions=("clean", "gaus_0.2"))
    assert Corruption.named("mask_pixel_0.2").level == 0.2


def test_measures_are_named_after_their_conditions():
    assert [m.name for m in Svm(conditions=("clean", "mask_0.2")).measures()] == [
        "svm clean",
        "svm mask_0.2",
        "svm sampled",
    ]


def test_the_standard_error_covers_both_images_and_labels():
    """Images of differing difficulty and draws of differing quality, drawn anew many times."""
    rng = np.random.default_rng(0)

    def study() -> tuple[float, float]:
        ease, quality = rng.normal(1, 1, 500), rng.normal(0, 0.15, 10)[:, None]
        estimate = accuracy(ease + quality + rng.normal(0, 0.5, (10, 500)) > 0)
        return estimate.value, estimate.se

    values, errors = np.array([study() for _ in range(500)]).T
    assert errors.mean() == pytest.approx(values.std(), rel=0.12)


def test_one_label_draw_has_the_binomial_error():
    right = np.zeros((1, 400), dtype=bool)
    right[0, :300] = True
    assert (accuracy(right).value, accuracy(right).se) == pytest.approx((75.0, 100 * sqrt(0.75 * 0.25 / 400)))

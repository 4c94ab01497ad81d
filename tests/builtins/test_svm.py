from dataclasses import replace
from math import erf, sqrt

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from vimae_bench.data import Corruption, apply_corruption
from vimae_bench.functional import fit_linear_svm
from vimae_bench.metrics import choose_rbf_cost, draw_stratified_subset, estimate_accuracy, fit_rbf_svm
from vimae_bench.models import Deterministic, Gaussian
from vimae_bench.plugin import BenchError, Examples, ModelSpec, Splits, derive_seed
from vimae_builtin.metrics.svm import (
    Svm,
    SvmLinear,
    SvmRetrained,
    SvmStandardised,
    SvmSubset,
    SvmTuned,
    predict_draws,
    vimae_metrics,
)

pytestmark = pytest.mark.medium

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


def test_two_blobs_are_read_at_the_bayes_rate(linear_evaluation):
    images, y = blobs()
    found = small()(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y))["svm clean"]
    assert found.value == pytest.approx(BAYES, abs=3 * found.se)
    assert 0.3 < found.se < 1.0
    assert found.n == 3000


def test_permuted_labels_are_read_at_chance(linear_evaluation):
    images, y = blobs()
    y = np.random.default_rng(1).permutation(y)
    found = small()(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y))["svm clean"]
    assert found.value == pytest.approx(50.0, abs=4 * found.se)


def test_codes_stay_with_their_labels_whatever_the_order_of_the_images(linear_evaluation):
    """Sorted by class, and longer than the chunks that images are encoded in: a shift of one would show."""
    images, y = blobs()
    order = np.argsort(y, kind="stable")
    evaluation = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)
    tests = [Examples(images, y), Examples(images[order], y[order]), Examples(images[order], y)]
    same, aligned, misaligned = (
        small()(replace(evaluation, splits=Splits(evaluation.splits.train, test, test)))["svm clean"] for test in tests
    )
    assert aligned.value == same.value
    assert misaligned.value == pytest.approx(50.0, abs=5)


def test_an_encoder_that_changes_nothing_reads_as_raw_pixels_do(linear_evaluation):
    """The same labels and the same noise for every method, bit for bit."""
    images, y = blobs(1500)
    metric = small(conditions=("clean", "gauss_0.2", "mask_0.5"))
    evaluation = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y, seed=5)
    rows = metric.references(evaluation.splits, evaluation.spec, evaluation.dataset)
    assert metric(evaluation) == rows["raw pixels"]
    assert list(rows) == ["raw pixels", "PCA-2"]
    # Both components of two pixels are a rotation, to which the kernel is blind; its scale is not the same.
    assert rows["PCA-2"]["svm clean"].value == pytest.approx(rows["raw pixels"]["svm clean"].value, abs=1.5)


def test_clean_test_images_are_encoded_once_for_all_metrics_of_a_run(linear_evaluation, monkeypatch):
    images, y = blobs(1000)
    evaluation = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)
    evaluation.posterior("test")
    seen, encode = [], type(evaluation).encode
    monkeypatch.setattr(
        type(evaluation), "encode", lambda self, chunks: encode(self, (seen.append(len(x)) or x for x in chunks))
    )
    small()(evaluation)
    assert seen == [300] * 4, "nothing but the labelled images of each draw"


def test_noise_costs_accuracy_and_a_network_in_sym_pixels_meets_the_same(linear_evaluation):
    images, y = blobs(1500)
    metric = small(conditions=("clean", "gauss_0.1", "gauss_0.4"))
    unit = metric(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y))
    halved = (torch.eye(2) / 2, torch.full((2,), 0.5))  # undoes 2x - 1
    sym = metric(linear_evaluation(images, Deterministic(), [halved], labels=y, pixel_range="sym"))
    assert unit["svm clean"].value > unit["svm gauss_0.1"].value + 4 > unit["svm gauss_0.4"].value + 8
    for name, estimate in unit.items():
        assert sym[name].value == pytest.approx(estimate.value, abs=0.2), name


def test_draws_of_a_wide_posterior_hide_what_its_mean_tells(linear_evaluation):
    images, y = blobs(1500)
    wide = (torch.zeros(2, 2), torch.full((2,), 2 * np.log(0.1)))
    found = small()(linear_evaluation(images, Gaussian(), [IDENTITY, wide], labels=y))
    assert found["svm clean"].value == pytest.approx(BAYES, abs=3)
    sampled = 50 * (1 + erf(1 / 2))  # noise of one more standard deviation: the Bayes rate is 76.02 %
    assert found["svm sampled"].value == pytest.approx(sampled, abs=3)


def test_a_deterministic_code_is_not_sampled_and_no_labels_are_no_accuracy(linear_evaluation):
    images, y = blobs(500)
    assert "svm sampled" not in small()(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y))
    unlabelled = linear_evaluation(images, Gaussian(), [IDENTITY, IDENTITY])
    assert small()(unlabelled) == {}
    assert small().references(unlabelled.splits, unlabelled.spec, "blobs") == {}


def test_more_latents_than_pixels_have_no_principal_components():
    images, y = blobs(500)
    examples = Examples(images, y)
    rows = small().references(Splits(examples, examples, examples), ModelSpec((1, 1, 2), 3), "blobs")
    assert list(rows) == ["raw pixels"]


@pytest.mark.parametrize("features", [2, 50])
def test_the_machine_is_scikit_learns(features):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 5, 400)
    x = rng.standard_normal((400, features)) * 3 + y[:, None]
    ours, theirs = fit_rbf_svm(x[:200], y[:200]), SVC(C=1.0, kernel="rbf", gamma="scale").fit(x[:200], y[:200])
    assert np.array_equal(ours.predict(x[200:]), theirs.predict(x[200:]))


@pytest.mark.parametrize("machine", [fit_rbf_svm, fit_linear_svm])
def test_codes_that_never_move_can_be_read(machine):
    y = np.arange(100) % 2
    assert machine(np.ones((100, 2)), y).predict(np.ones((3, 2))).shape == (3,)


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 3.0])
@pytest.mark.parametrize("features", [2, 150])
def test_the_linear_machine_is_scikit_learns(features, scale):
    """Of five classes, at scales that libsvm can manage; votes and ties included."""
    rng = np.random.default_rng(0)
    y = np.repeat([1, 4, 5, 7, 9], 80)[rng.permutation(400)]
    x = scale * (rng.standard_normal((400, features)) * 3 + y[:, None] * rng.standard_normal(features))
    taught, seen = np.sort(np.concatenate([np.flatnonzero(y == name)[:40] for name in np.unique(y)])), x[::2]
    theirs = SVC(C=1.0, kernel="linear", tol=1e-9).fit(x[taught], y[taught])
    ours = fit_linear_svm(x[taught], y[taught])
    assert np.allclose(ours.weights.T, theirs.coef_, atol=1e-3 * np.abs(theirs.coef_).max())
    assert np.array_equal(ours.predict(seen), theirs.predict(seen))


def test_every_class_has_as_many_labels_and_every_draw_its_own():
    y = np.random.default_rng(0).choice(3, 5000, p=[0.9, 0.06, 0.04])
    first, again, second = (
        draw_stratified_subset(y, 300, "mnist", 0),
        draw_stratified_subset(y, 300, "mnist", 0),
        draw_stratified_subset(y, 300, "mnist", 1),
    )
    assert np.bincount(y[first]).tolist() == [100, 100, 100]
    assert len(set(first)) == 300
    assert np.array_equal(first, again)
    assert len(set(first) & set(second)) < 200
    assert not np.array_equal(draw_stratified_subset(y, 300, "digits", 0), first)


def test_each_machine_meets_the_noise_draw_of_its_turn():
    class Echo:
        def predict(self, codes):
            return codes

    seen = predict_draws([Echo()] * 5, lambda noise: np.array([noise, 10 + noise]), noise_draws=2)
    assert seen.tolist() == [[0, 10], [1, 11], [0, 10], [1, 11], [0, 10]]
    assert predict_draws([Echo()], lambda noise: np.array([noise]), noise_draws=5).tolist() == [[0]]


def test_too_few_images_of_a_class_are_named():
    y = np.array([0] * 50 + [1] * 9)
    with pytest.raises(BenchError, match=r"labels = 20 takes 10 .* class 1 has 9"):
        draw_stratified_subset(y, 20, "mnist", 0)
    with pytest.raises(BenchError, match="labels = 1 "):
        draw_stratified_subset(y, 1, "mnist", 0)


def test_an_unknown_condition_is_refused_when_the_metric_is_made():
    with pytest.raises(ValueError, match=r"no corruption 'gaus_0\.2'"):
        Svm(conditions=("clean", "gaus_0.2"))
    assert Corruption.parse("mask_pixel_0.2").level == 0.2


def test_measures_are_named_after_their_conditions():
    assert [m.name for m in Svm(conditions=("clean", "mask_0.2")).measures()] == [
        "svm clean",
        "svm mask_0.2",
        "svm sampled",
    ]


def root_mean_square(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("n", [4, 8, 1000])
@pytest.mark.parametrize("draws", [2, 10])
def test_the_standard_error_covers_both_images_and_labels(n, draws):
    """Images of differing difficulty and draws of differing quality, drawn many times."""
    rng = np.random.default_rng(0)

    def study() -> tuple[float, float]:
        ease, quality = rng.normal(1, 1, n), rng.normal(0, 0.15, draws)[:, None]
        estimate = estimate_accuracy(ease + quality + rng.normal(0, 0.5, (draws, n)) > 0)
        return estimate.value, estimate.se

    values, errors = np.array([study() for _ in range(1000)]).T
    assert root_mean_square(errors) == pytest.approx(values.std(), rel=0.1)


@pytest.mark.parametrize("shape", [(1, 400), (10, 1), (10, 3)])
def test_of_one_draw_or_few_images_no_error_is_known(shape):
    estimate = estimate_accuracy(np.arange(np.prod(shape)).reshape(shape) % 4 > 0)
    assert (estimate.n, estimate.se, len(estimate.per_draw)) == (shape[1], None, shape[0])


@pytest.mark.slow
@pytest.mark.parametrize("n", [4, 8, 1000])
@pytest.mark.parametrize("metric", [SvmRetrained, SvmTuned])
def test_standard_errors_are_what_fresh_images_labels_and_noise_vary_by(linear_evaluation, metric, n):
    """For one fixed model, of which the test images are new in every study, and the labelled ones chosen again."""
    images, y = blobs(2000)
    settings = {"labels": 20, "label_draws": 3, "noise_draws": 3, "conditions": ("gauss_0.1",)}
    fixed = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)
    rng, found = np.random.default_rng(1), []
    for study in range(200):
        fresh = rng.integers(0, 2, n)
        x = np.clip(255 * (0.5 + 0.1 * (rng.standard_normal((n, 2)) + np.stack([2 * fresh - 1, 0 * fresh], 1))), 0, 255)
        test = Examples(x.astype(np.uint8).reshape(n, 1, 1, 2), fresh)
        evaluation = replace(fixed, splits=replace(fixed.splits, test=test), dataset=f"invented {study}")
        estimate = metric(**settings)(evaluation)[f"{metric.prefix} gauss_0.1"]
        found.append((estimate.value, estimate.se))
    values, errors = np.array(found).T
    assert root_mean_square(errors) == pytest.approx(values.std(), rel=0.25)


def test_the_chosen_cost_is_scikit_learns():
    """Of folds of equal size, where a mean over folds is a mean over labels; the least of equally good ones."""
    rng, costs, chosen = np.random.default_rng(0), (0.1, 1, 10, 100), set()
    y = np.repeat([0, 1, 2], 50)
    for seed, spread in enumerate((0.05, 0.1, 0.2, 0.4, 0.8)):  # of three rings
        angle, radius = rng.uniform(0, 2 * np.pi, 150), 1 + 0.5 * y + spread * rng.standard_normal(150)
        x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        kernel, folds = rbf_kernel(x, gamma=1 / (2 * x.var())), StratifiedKFold(5, shuffle=True, random_state=seed)
        search = GridSearchCV(SVC(kernel="precomputed"), {"C": costs}, cv=folds).fit(kernel, y)
        theirs = costs[search.cv_results_["mean_test_score"].round(9).argmax()]
        assert choose_rbf_cost(x, y, costs[::-1], 5, seed) == theirs
        chosen.add(theirs)
    assert len(chosen) > 1


def test_tuned_machines_are_those_of_the_chosen_cost(linear_evaluation):
    """The folds are those of the data set and the draw, so that every method meets the same."""
    images, y = blobs(1200)
    evaluation = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)
    conditions = ("clean", "gauss_0.1")
    found = SvmTuned(conditions=conditions, costs=(0.01, 1.0, 100.0), folds=3, **SMALL)(evaluation)
    expected = {name: [] for name in conditions}
    for draw, exponent in enumerate(found["svm tuned log10 C"].per_draw):
        chosen = draw_stratified_subset(y, 200, "invented", draw)
        codes = pixels(images[chosen], "clean", "invented", "train", draw)
        seed = derive_seed("folds", "invented", draw)
        cost = choose_rbf_cost(codes, y[chosen], (0.01, 1.0, 100.0), 3, seed)
        assert 10**exponent == pytest.approx(cost)
        machine = SVC(C=cost).fit(codes, y[chosen])
        for name in conditions:
            right = machine.predict(pixels(images, name, "invented", "test", draw % 2)) == y
            expected[name].append(100 * right.mean())
    for name in conditions:
        assert found[f"svm tuned {name}"].per_draw == pytest.approx(expected[name], abs=1e-9)
    assert found["svm tuned log10 C"].value == pytest.approx(np.mean(found["svm tuned log10 C"].per_draw))


def test_tuned_machines_are_better_than_fixed_ones_where_one_is_no_good_cost(linear_evaluation):
    """A ring around a disc with few labels wants a large C; noise of four in ten labels a small one."""
    rng = np.random.default_rng(0)
    radius = np.where(y := rng.integers(0, 2, 2000), 0.3, 0.22) + 0.02 * rng.standard_normal(2000)
    angle = rng.uniform(0, 2 * np.pi, 2000)
    x = 0.5 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    images = np.clip(255 * x, 0, 255).astype(np.uint8).reshape(-1, 1, 1, 2)
    evaluation = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)
    settings = {"labels": 40, "label_draws": 10, "conditions": ("clean",)}
    fixed, tuned = Svm(**settings)(evaluation), SvmTuned(**settings)(evaluation)
    assert tuned["svm tuned clean"].value > fixed["svm clean"].value + 3
    assert tuned["svm tuned log10 C"].value > 0.5


def test_fewer_labels_of_a_class_than_folds_are_refused():
    images, y = blobs(300)
    examples = Examples(images, y)
    with pytest.raises(
        ValueError, match=r"labels = 8 are 4 of each class, fewer than folds = 5; labels = 10 would fit"
    ):
        SvmTuned(labels=8).check(Splits(examples, examples, examples), ModelSpec((1, 1, 2), 2))


READINGS = list(vimae_metrics().items())
SMALL = {"labels": 200, "label_draws": 3, "noise_draws": 2}


def pixels(images: np.ndarray, name: str, *stream) -> np.ndarray:
    return np.concatenate([x.flatten(1).double().numpy() for x in apply_corruption(images, name, *stream)])


def by_hand(evaluation, machine, name: str, retrained: bool = False, tests: slice = slice(None)) -> list[float]:
    """The accuracy of each label draw, of pixels, by scikit-learn and a loop."""
    train, test, found = evaluation.splits.train, evaluation.splits.test, []
    for draw in range(3):
        chosen = draw_stratified_subset(train.y, 200, "invented", draw)
        seen = pixels(train.x[chosen], name if retrained else "clean", "invented", "train", draw)
        fitted = machine().fit(seen, train.y[chosen])
        right = fitted.predict(pixels(test.x, name, "invented", "test", draw % 2)) == test.y
        found.append(100 * right[tests].mean())
    return found


def rbf() -> SVC:
    return SVC(C=1, kernel="rbf", gamma="scale")


@pytest.mark.parametrize("name", ["clean", "gauss_0.1", "mask_0.5"])
@pytest.mark.parametrize(
    ("metric", "machine", "retrained"),
    [
        (Svm, rbf, False),
        (SvmLinear, lambda: SVC(C=1, kernel="linear", tol=1e-8), False),
        (SvmRetrained, rbf, True),
        (SvmStandardised, lambda: make_pipeline(StandardScaler(), rbf()), False),
    ],
)
def test_every_reading_is_what_scikit_learn_gives_in_a_plain_loop(linear_evaluation, metric, machine, retrained, name):
    """Draw by draw, and so the same number for a comparison of draws."""
    images, y = blobs(1200)
    evaluation = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)
    found = metric(conditions=("clean", "gauss_0.1", "mask_0.5"), **SMALL)(evaluation)[f"{metric.prefix} {name}"]
    expected = by_hand(evaluation, machine, name, retrained)
    assert found.per_draw == pytest.approx(expected, abs=1e-9)
    assert found.value == pytest.approx(np.mean(expected), abs=1e-9)
    assert len(set(found.per_draw)) > 1


@pytest.mark.parametrize("metric", [SvmLinear, SvmStandardised, SvmRetrained])
def test_every_reading_of_two_blobs_reaches_the_bayes_rate_and_of_permuted_labels_chance(linear_evaluation, metric):
    images, y = blobs()
    reading = metric(labels=300, label_draws=4, noise_draws=2, conditions=("clean",))
    (found,) = reading(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)).values()
    assert found.value == pytest.approx(BAYES, abs=3 * found.se)
    shuffled = np.random.default_rng(1).permutation(y)
    (found,) = reading(linear_evaluation(images, Deterministic(), [IDENTITY], labels=shuffled)).values()
    assert found.value == pytest.approx(50.0, abs=4 * found.se)


def test_a_linear_machine_cannot_read_what_only_a_product_tells(linear_evaluation):
    """The class is whether both pixels are on the same side of grey."""
    x = np.random.default_rng(0).integers(0, 256, (1500, 1, 1, 2), dtype=np.uint8)
    y = ((x[:, 0, 0, 0] > 127) == (x[:, 0, 0, 1] > 127)).astype(np.int64)
    evaluation = linear_evaluation(x, Deterministic(), [IDENTITY], labels=y)
    settings = {"conditions": ("clean",), **SMALL}
    assert Svm(**settings)(evaluation)["svm clean"].value > 90
    assert SvmLinear(**settings)(evaluation)["svm linear clean"].value < 65


def test_a_machine_trained_on_damaged_codes_knows_that_masks_darken_them(linear_evaluation):
    """Half of 64 pixels masked, images of brightness 0.7 are as bright as those of 0.35, which is the other class."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 1500)
    x = np.clip(255 * (0.35 + 0.35 * y[:, None] + 0.03 * rng.standard_normal((1500, 64))), 0, 255)
    evaluation = linear_evaluation(
        x.astype(np.uint8).reshape(-1, 1, 8, 8), Deterministic(), [(torch.ones(1, 64) / 64, torch.zeros(1))], labels=y
    )
    settings = {"conditions": ("mask_0.5",), **SMALL}
    assert Svm(**settings)(evaluation)["svm mask_0.5"].value == pytest.approx(50, abs=5)
    assert SvmRetrained(**settings)(evaluation)["svm retrained mask_0.5"].value > 97


def test_standardised_features_are_heard_whatever_their_scale(linear_evaluation):
    """The first pixel tells the class, at a scale far below that of three others."""
    images, y = blobs()
    noise = np.random.default_rng(1).integers(0, 256, (3000, 1, 1, 3), dtype=np.uint8)
    weight = torch.diag(torch.tensor([1e-3, 0.0, 1.0, 1.0, 1.0]))[[0, 2, 3, 4]]
    wide = np.concatenate([images, noise], axis=3)
    evaluation = linear_evaluation(wide, Deterministic(), [(weight, torch.zeros(4))], labels=y)
    settings = {"conditions": ("clean",), "labels": 300, "label_draws": 4}
    assert Svm(**settings)(evaluation)["svm clean"].value == pytest.approx(50, abs=4)
    assert SvmStandardised(**settings)(evaluation)["svm standardised clean"].value == pytest.approx(BAYES, abs=4)


def test_a_subset_is_the_same_images_for_every_draw_and_condition(linear_evaluation):
    images, y = blobs()
    evaluation = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)
    metric = SvmSubset(tests=200, conditions=("clean", "gauss_0.1"), **SMALL)
    chosen = metric.select_tests(3000, "invented")
    assert len(np.unique(chosen)) == 200
    assert not np.array_equal(chosen, metric.select_tests(3000, "mnist"))
    found = metric(evaluation)
    for name in metric.conditions:
        assert found[f"svm subset {name}"].per_draw == pytest.approx(
            by_hand(evaluation, rbf, name, tests=chosen), abs=1e-9
        )
    assert (found["svm subset clean"].n, len(SvmSubset().select_tests(10, "a"))) == (200, 10)
    whole = Svm(conditions=("clean",), **SMALL)(evaluation)["svm clean"]
    assert found["svm subset clean"].se > 2 * whole.se


def test_damaged_images_are_encoded_once_for_all_readings_of_a_run(linear_evaluation, monkeypatch):
    images, y = blobs(1000)
    evaluation = linear_evaluation(images, Gaussian(), [IDENTITY, IDENTITY], labels=y)
    seen, encode = [], type(evaluation).encode
    monkeypatch.setattr(
        type(evaluation), "encode", lambda self, chunks: encode(self, (seen.append(len(x)) or x for x in chunks))
    )
    settings = {"conditions": ("clean", "mask_0.5"), **SMALL}
    Svm(**settings)(evaluation)
    once = sum(seen)
    assert once == 3 * 200 + 1000 + 2 * 1000, "labelled images, clean test images, two draws of noise"
    for metric in (SvmLinear, SvmStandardised, SvmSubset):
        metric(**settings)(evaluation)
    assert sum(seen) == once
    SvmRetrained(**settings)(evaluation)
    assert sum(seen) == once + 3 * 200, "damaged labelled images"


def test_no_two_readings_give_the_same_measure():
    names = [m.name for _, metric in READINGS for m in metric().measures()]
    assert len(names) == len(set(names))
    assert [m.name for m in SvmRetrained(conditions=("mask_0.2",)).measures()] == ["svm retrained mask_0.2"]


@pytest.mark.parametrize(("name", "metric"), READINGS)
def test_data_that_cannot_be_read_are_refused_with_what_would_fit(name, metric):
    images, y = blobs(300)
    spec, labelled, bare = ModelSpec((1, 1, 2), 2), Examples(images, y), Examples(images, None)
    assert metric(labels=100).check(Splits(labelled, labelled, labelled), spec) is None
    for train, test in ((labelled, bare), (bare, labelled)):
        with pytest.raises(ValueError, match="images have no labels; digits"):
            metric(labels=100).check(Splits(train, train, test), spec)
    fewest = min(np.bincount(y))
    with pytest.raises(ValueError, match=f"labels = 2 to {2 * fewest} would fit"):
        metric(labels=2 * fewest + 2).check(Splits(labelled, labelled, labelled), spec)
    with pytest.raises(ValueError, match="no training image shows class 7"):
        metric(labels=100).check(Splits(labelled, labelled, Examples(images, y + 7)), spec)
    assert metric(labels=100).cost(spec, "cpu") > metric(labels=100).cost(spec, "cuda") > 0

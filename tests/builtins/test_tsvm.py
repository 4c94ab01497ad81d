from dataclasses import replace
from itertools import combinations
from math import erf, sqrt

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.svm import LinearSVC

from vimae_bench.metrics import draw_stratified_subset
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Examples, ModelSpec, Splits
from vimae_builtin.metrics import tsvm
from vimae_builtin.metrics.tsvm import (
    Tsvm,
    compute_objective,
    draw_unlabelled,
    fit_transductive,
    minimize_objective,
    switch_labels,
)

IDENTITY = (torch.eye(2), torch.zeros(2))
BAYES = 50 * (1 + erf(1 / sqrt(2)))


def blobs(n: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Images of two pixels in two classes, N(0.5 +- 0.1, 0.1^2) in the first one: the Bayes rate is 84.13 %."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    x = 0.5 + 0.1 * rng.standard_normal((n, 2))
    x[:, 0] += 0.1 * (2 * y - 1)
    return np.clip(np.round(255 * x), 0, 255).astype(np.uint8).reshape(n, 1, 1, 2), y


def problem(seed: int, n: int = 60, features: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points with a last entry of 1, random labels that are not separable, random costs, a random start."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.standard_normal((n, features)) * rng.uniform(0.1, 5), np.ones((n, 1))], axis=1)
    y = np.where(x[:, 0] + rng.standard_normal(n) > 0.3, 1.0, -1.0)
    return x, y, rng.uniform(0.01, 2, n), rng.standard_normal(features + 1)


def make_elongated_classes(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two long clusters side by side, in two dimensions: two labelled points of each, anywhere in it, and n others."""
    rng = np.random.default_rng(seed)

    def draw_classes(count: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.repeat([-1.0, 1.0], count // 2)
        return np.stack([1.2 * y + 0.3 * rng.standard_normal(count), 2 * rng.standard_normal(count)], axis=1), y

    return *draw_classes(4), *draw_classes(n)


def small(**settings) -> Tsvm:
    return Tsvm(**{"labels": 60, "unlabelled": 600, "conditions": ("clean",), **settings})


def labelled_part(evaluation, train: int = 1500):
    """The same evaluation, of which the first images train and the others test."""
    x, y = evaluation.splits.train.x, evaluation.splits.train.y
    first, rest = Examples(x[:train], y[:train]), Examples(x[train:], y[train:])
    return replace(evaluation, splits=Splits(first, first, rest))


@pytest.mark.parametrize("seed", range(5))
def test_the_solution_is_that_of_a_general_minimiser(seed):
    x, y, costs, start = problem(seed)
    found = minimize_objective(x, y, costs, start)
    slack = lambda w: np.maximum(0, 1 - y * (x @ w))  # noqa: E731
    loss = lambda w: w[:-1] @ w[:-1] / 2 + np.sum(costs * slack(w) ** 2)  # noqa: E731
    slope = lambda w: np.append(w[:-1], 0) - 2 * x.T @ (costs * y * slack(w))  # noqa: E731
    other = minimize(loss, np.zeros(4), jac=slope, method="BFGS", options={"gtol": 1e-9})
    assert np.allclose(slope(found), 0, atol=1e-8), "the least value of a convex function is where its slope is 0"
    assert found == pytest.approx(other.x, abs=1e-5)
    assert compute_objective(found, x, y, costs) == pytest.approx(other.fun, rel=1e-9)


def test_the_machine_of_labelled_codes_is_scikit_learns():
    x, y, _, start = problem(7, 200)
    theirs = LinearSVC(C=0.7, loss="squared_hinge", dual=False, tol=1e-10, intercept_scaling=1e3).fit(x[:, :-1], y)
    ours = minimize_objective(x, y, np.full(200, 0.7), start)
    assert ours == pytest.approx([*theirs.coef_[0], theirs.intercept_[0]], rel=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_switching_lowers_every_loss_and_leaves_as_many_positive(seed):
    """The theorem of Joachims, for the hinge and its square; and nothing that could be switched is left."""
    rng = np.random.default_rng(seed)
    decision = 2 * rng.standard_normal(200)
    labels = np.where(rng.random(200) < rng.uniform(0.1, 0.9), 1.0, -1.0)
    before = labels.copy()
    assert switch_labels(labels, decision)
    assert (labels > 0).sum() == (before > 0).sum()
    for power in (1, 2):
        loss = [np.sum(np.maximum(0, 1 - y * decision) ** power) for y in (labels, before)]
        assert loss[0] < loss[1]
    slack = np.maximum(0, 1 - labels * decision)
    ups, downs = (slack[(labels == sign) & (slack > 0)] for sign in (1, -1))
    assert not ups.size or not downs.size or ups.max() + downs.max() <= 2 + 1e-8
    assert not switch_labels(labels, decision)


def test_the_objective_never_rises_over_switches(monkeypatch):
    """Nor do the values after each solution, at one cost of the unlabelled, ever stay the same."""
    values: dict[float, list[float]] = {}

    def record_solution(x, y, costs, start):
        w = minimize_objective(x, y, costs, start)
        assert compute_objective(w, x, y, costs) <= compute_objective(start, x, y, costs) + 1e-12
        values.setdefault(costs[-1], []).append(compute_objective(w, x, y, costs))
        return w

    monkeypatch.setattr(tsvm, "minimize_objective", record_solution)
    rng = np.random.default_rng(3)
    z, y, pool, _ = make_elongated_classes(0)
    fit_transductive(z + rng.standard_normal(z.shape), y, pool + 2 * rng.standard_normal(pool.shape), 1.0, 0.1)
    assert list(values)[1:] == pytest.approx([*(1e-5 * 2.0 ** np.arange(14)), 0.1]), "the first is of labelled codes"
    assert all(np.all(np.diff(run) < 0) for run in values.values())
    assert sum(len(run) - 1 for run in values.values()) > 5, "there were switches"


def least_of_all(z, y, pool, c, c_pool) -> float:
    """The least objective over all labels of the pool of which as large a share is positive."""
    x = np.concatenate([np.concatenate([z, pool]), np.ones((len(z) + len(pool), 1))], axis=1)
    costs = np.repeat([c, c_pool], [len(z), len(pool)])
    positive, found = int(np.mean(y > 0) * len(pool) + 0.5), []
    for ups in combinations(range(len(pool)), positive):
        labels = np.concatenate([y, -np.ones(len(pool))])
        labels[[len(z) + i for i in ups]] = 1.0
        found.append(compute_objective(minimize_objective(x, labels, costs, np.zeros(3)), x, labels, costs))
    return min(found)


def compute_reach(w, z, y, pool, c, c_pool) -> float:
    """The objective of w and of the labels that suit it best: the largest decisions are positive."""
    x = np.concatenate([np.concatenate([z, pool]), np.ones((len(z) + len(pool), 1))], axis=1)
    labels = np.concatenate([y, -np.ones(len(pool))])
    labels[len(z) + np.argsort(-x[len(z) :] @ w)[: int(np.mean(y > 0) * len(pool) + 0.5)]] = 1.0
    return compute_objective(w, x, labels, np.repeat([c, c_pool], [len(z), len(pool)]))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("c_pool", [0.1, 1.0])
def test_of_all_labels_of_ten_points_in_two_clusters_it_finds_the_best(seed, c_pool):
    """All 252 ways to label half of them are tried."""
    z, y, pool, _ = make_elongated_classes(seed, 10)
    w = fit_transductive(z, y, pool, 1.0, c_pool)
    least = least_of_all(z, y, pool, 1.0, c_pool)
    assert compute_reach(w, z, y, pool, 1.0, c_pool) == pytest.approx(least, rel=1e-7)


def test_of_points_without_clusters_it_finds_a_good_optimum_and_none_below_the_best():
    """A local search need not find the best; here it does for most, and is within a fifth of it for all."""
    rng, ratios = np.random.default_rng(0), []
    for _ in range(8):
        z, y, pool = rng.standard_normal((4, 2)), np.array([-1.0, -1.0, 1.0, 1.0]), rng.standard_normal((8, 2))
        found = compute_reach(fit_transductive(z, y, pool, 1.0, 0.3), z, y, pool, 1.0, 0.3)
        ratios.append(found / least_of_all(z, y, pool, 1.0, 0.3))
    assert min(ratios) > 1 - 1e-9
    assert max(ratios) < 1.2
    assert np.sum(np.array(ratios) < 1 + 1e-7) >= 4


def test_unlabelled_points_decide_where_labels_are_few():
    """Four labels leave the slope of the border open, the gap between the clusters does not."""
    svm, transduced = [], []
    for seed in range(20):
        z, y, pool, _ = make_elongated_classes(seed)
        rest, answer = make_elongated_classes(100 + seed, 1000)[2:]
        few, many = (
            minimize_objective(np.c_[z, np.ones(4)], y, np.ones(4), np.zeros(3)),
            fit_transductive(z, y, pool, 1.0, 0.1),
        )
        svm.append(np.mean(np.sign(np.c_[rest, np.ones(1000)] @ few) == answer))
        transduced.append(np.mean(np.sign(np.c_[rest, np.ones(1000)] @ many) == answer))
    assert np.all(np.array(transduced) >= np.array(svm))
    assert np.min(transduced) > 0.99
    assert np.mean(svm) < 0.96


def test_the_order_of_the_unlabelled_does_not_matter_at_all():
    z, y, pool, _ = make_elongated_classes(1)
    pool = np.round(pool, 1)  # many decisions are the same
    shuffled = np.random.default_rng(0).permutation(pool)
    assert np.array_equal(fit_transductive(z, y, pool, 1.0, 0.1), fit_transductive(z, y, shuffled, 1.0, 0.1))


def test_as_large_a_share_of_the_unlabelled_is_positive_as_of_the_labelled(monkeypatch):
    seen = []

    def count_positive(x, y, costs, start):
        seen.append((y[20:] > 0).sum())
        return minimize_objective(x, y, costs, start)

    monkeypatch.setattr(tsvm, "minimize_objective", count_positive)
    rng = np.random.default_rng(0)
    y = np.where(np.arange(20) < 3, 1.0, -1.0)
    fit_transductive(rng.standard_normal((20, 2)), y, rng.standard_normal((70, 2)), 1.0, 0.1)
    assert set(seen[1:]) == {11}  # 10.5, rounded as SVMlight does


def test_two_blobs_are_read_at_the_bayes_rate_and_permuted_labels_at_chance(linear_evaluation):
    images, y = blobs()
    found = small()(labelled_part(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)))["tsvm clean"]
    assert found.value == pytest.approx(BAYES, abs=3 * found.se)
    assert found.n == 1500
    shuffled = np.random.default_rng(1).permutation(y)
    chance = small()(labelled_part(linear_evaluation(images, Deterministic(), [IDENTITY], labels=shuffled)))[
        "tsvm clean"
    ]
    assert chance.value == pytest.approx(50.0, abs=4 * chance.se)


@pytest.mark.slow
@pytest.mark.parametrize("n", [4, 8, 1000])
def test_standard_errors_are_what_fresh_images_and_draws_vary_by(linear_evaluation, n):
    """For one fixed model, of which the images are new in every study, and the labelled ones chosen again."""
    images, y = blobs(2000)
    metric, found = small(labels=4, unlabelled=50, label_draws=3), []
    fixed, rng = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y), np.random.default_rng(1)
    for study in range(200):
        fresh = rng.integers(0, 2, n)
        x = np.clip(255 * (0.5 + 0.1 * (rng.standard_normal((n, 2)) + np.stack([2 * fresh - 1, 0 * fresh], 1))), 0, 255)
        test = Examples(x.astype(np.uint8).reshape(n, 1, 1, 2), fresh)
        evaluation = replace(fixed, splits=replace(fixed.splits, test=test), dataset=f"invented {study}")
        estimate = metric(evaluation)["tsvm clean"]
        found.append((estimate.value, estimate.se))
    values, errors = np.array(found).T
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(values.std(), rel=0.25)


def test_codes_stay_with_their_labels(linear_evaluation):
    images, y = blobs()
    evaluation = labelled_part(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y))
    test, order = evaluation.splits.test, np.argsort(evaluation.splits.test.y, kind="stable")
    tests = [test, Examples(test.x[order], test.y[order]), Examples(test.x[order], test.y)]
    train = evaluation.splits.train
    same, aligned, misaligned = (
        small()(replace(evaluation, splits=Splits(train, train, one)))["tsvm clean"].value for one in tests
    )
    assert aligned == same
    assert misaligned == pytest.approx(50.0, abs=5)


def test_any_number_of_classes_is_classified_and_each_draw_has_its_own_noise(linear_evaluation):
    rng = np.random.default_rng(0)
    y = rng.choice([3, 7, 11], 1200)
    corner = {3: (60, 60), 7: (190, 60), 11: (125, 200)}
    x = np.array([corner[name] for name in y]) + 8 * rng.standard_normal((1200, 2))
    evaluation = linear_evaluation(x.astype(np.uint8).reshape(-1, 1, 1, 2), Deterministic(), [IDENTITY], labels=y)
    found = small(conditions=("clean", "gauss_0.2"), noise_draws=2)(evaluation)
    assert found["tsvm clean"].value > 99
    noisy = small(conditions=("gauss_0.2",), label_draws=1)(evaluation)["tsvm gauss_0.2"]
    assert found["tsvm gauss_0.2"].per_draw[0] == noisy.value
    assert 50 < noisy.value < 95
    assert found["tsvm gauss_0.2"].value == pytest.approx(np.mean(found["tsvm gauss_0.2"].per_draw))
    first = small(conditions=("gauss_0.2",), noise_draws=1)(evaluation)["tsvm gauss_0.2"].per_draw
    same = [one == other for one, other in zip(found["tsvm gauss_0.2"].per_draw, first, strict=True)]
    assert same == [True, False, True], "of three draws of labels only the second meets the second draw of noise"
    again = small(conditions=("clean", "gauss_0.2"), noise_draws=2)(replace(evaluation))
    assert again == found


def test_an_encoder_that_changes_nothing_reads_as_raw_pixels_do(linear_evaluation):
    images, y = blobs(900)
    evaluation = labelled_part(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y), 600)
    metric = small(conditions=("clean", "mask_0.5"))
    rows = metric.references(evaluation.splits, evaluation.spec, evaluation.dataset)
    assert metric(evaluation) == rows["raw pixels"]
    # Two components of two pixels are a rotation, to which a penalty of the Euclidean norm is blind.
    assert rows["PCA-2"]["tsvm clean"].value == pytest.approx(rows["raw pixels"]["tsvm clean"].value, abs=0.5)


def test_the_others_are_unlabelled_and_drawn_anew_for_every_draw():
    y = np.arange(1000) % 4
    labelled = draw_stratified_subset(y, 100, "mnist", 0)
    others, again = (draw_unlabelled(1000, labelled, 300, "mnist", 0) for _ in range(2))
    assert len(set(others)) == 300
    assert not set(others) & set(labelled)
    assert np.array_equal(others, again)
    assert not np.array_equal(others, draw_unlabelled(1000, labelled, 300, "mnist", 1))
    assert np.array_equal(draw_unlabelled(1000, labelled, 5000, "mnist", 0), np.setdiff1d(np.arange(1000), labelled))


def test_the_labels_of_the_unlabelled_are_never_looked_at(monkeypatch):
    images, y = blobs(1000)
    chosen = draw_stratified_subset(y, 60, "invented", 0)
    monkeypatch.setattr(tsvm, "draw_stratified_subset", lambda *_: chosen)
    false = 1 - y
    false[chosen] = y[chosen]
    known, blind = (
        small()._fit_machines(lambda part, places: images[places].reshape(-1, 2) / 255, labels, "invented", 0)
        for labels in (y, false)
    )
    assert np.array_equal(known, blind)


def test_what_cannot_be_read_is_refused_or_left_out(linear_evaluation):
    images, y = blobs(200)
    bare = linear_evaluation(images, Deterministic(), [IDENTITY])
    assert small()(bare) == {}
    assert small().references(bare.splits, bare.spec, "blobs") == {}
    with pytest.raises(ValueError, match="images have no labels; digits"):
        small().check(bare.splits, bare.spec)
    labelled = Examples(images, y)
    assert small().check(Splits(labelled, labelled, labelled), bare.spec) is None
    with pytest.raises(ValueError, match="would fit"):
        Tsvm().check(Splits(labelled, labelled, labelled), bare.spec)
    with pytest.raises(ValueError, match="there is no corruption 'fog'"):
        Tsvm(conditions=("fog",))
    assert [m.name for m in Tsvm(conditions=("clean", "mask_0.2")).measures()] == ["tsvm clean", "tsvm mask_0.2"]
    assert Tsvm().cost(ModelSpec((1, 28, 28), 8), "cpu") < 60

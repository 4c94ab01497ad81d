from math import log

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_samples

from vimae_bench.data import choose_places
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Examples, ModelSpec, Splits
from vimae_bench.testing import check_metric
from vimae_builtin.metrics.clustering import Clustering, find_clusters

SHAPE = (1, 1, 2)
IDENTITY = (torch.eye(2), torch.zeros(2))


def classes(n: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Images of two pixels in four classes, normal about the corners of a square, sd 0.05 in [0, 1], in their order."""
    random = np.random.default_rng(0)
    y = np.sort(random.integers(0, 4, n))
    x = 0.5 + apart * (np.stack([y % 2, y // 2], 1) - 0.5) + 0.05 * random.standard_normal((n, 2))
    return (255 * x.clip(0, 1)).round().astype(np.uint8).reshape(n, *SHAPE), y.astype(np.int64)


def test_separate_classes_are_clusters(linear_evaluation):
    images, y = classes(600, 0.6)
    found = Clustering()(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y))
    assert found["cluster nmi"].value == pytest.approx(1)
    # Within a class the mean distance is sqrt(pi) sd; the nearest class is 0.6 away.
    assert found["silhouette"].value == pytest.approx(1 - 0.05 * np.pi**0.5 / 0.6, abs=0.01)
    assert all(estimate.se is None for estimate in found.values())


def test_two_classes_in_each_cluster_have_the_closed_form(linear_evaluation):
    """Four labels on two clusters: I = log 2, H = log 4 and log 2."""
    images, y = classes(800, 0.0)
    y = np.tile(np.arange(4), 200)
    x = images.reshape(800, 2).astype(float) / 10 + 200.0 * (y % 2)[:, None]
    clusters = find_clusters(x, 2, 0)
    assert len(np.unique(clusters[y % 2 == 0])) == len(np.unique(clusters[y % 2 == 1])) == 1
    images = x.round().clip(0, 255).astype(np.uint8).reshape(800, *SHAPE)
    labels = y % 2 + 2 * (y % 2)  # as many labels as clusters
    found = Clustering()(linear_evaluation(images, Deterministic(), [IDENTITY], labels=labels))
    assert found["cluster nmi"].value == pytest.approx(1)
    both = Clustering()(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y))["cluster nmi"].value
    assert log(2) / log(4) - 0.02 < both < 2 * log(2) / (log(2) + log(4)) + 0.02


def test_codes_that_tell_nothing_are_near_0(linear_evaluation):
    images, y = classes(1000, 0.0)
    found = Clustering()(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y))
    assert 0 <= found["cluster nmi"].value < 0.02
    assert abs(found["silhouette"].value) < 0.05


def test_a_code_that_never_moves_has_neither(linear_evaluation):
    images, y = classes(300, 0.6)
    still = (torch.zeros(2, 2), torch.ones(2))
    found = Clustering()(linear_evaluation(images, Deterministic(), [still], labels=y))
    assert {name: estimate.value for name, estimate in found.items()} == {"cluster nmi": 0, "silhouette": 0}


def test_a_random_choice_of_images_is_the_same_for_all_runs(linear_evaluation):
    """Though they lie in the order of their classes."""
    images, y = classes(1000, 0.3)
    one, other = (
        Clustering(images=200)(linear_evaluation(images, Deterministic(), [IDENTITY], labels=y, seed=seed))
        for seed in (0, 1)
    )
    places = choose_places(1000, 200, "clustering", "invented")
    assert len(np.unique(y[places])) == 4
    expected = silhouette_samples(images[places].reshape(200, 2) / 255, y[places]).mean()
    assert one["silhouette"].value == other["silhouette"].value == pytest.approx(expected, abs=1e-6)
    assert one["silhouette"].n == 200


def test_pixels_and_their_principal_components_are_baselines(linear_evaluation):
    images, y = classes(400, 0.4)
    evaluation = linear_evaluation(images, Deterministic(), [IDENTITY], labels=y)
    rows = Clustering().references(evaluation.splits, evaluation.spec, evaluation.dataset)
    assert list(rows) == ["raw pixels", "PCA-2"]
    found = Clustering()(evaluation)
    for row in rows.values():  # a rotation of the codes
        assert row["silhouette"].value == pytest.approx(found["silhouette"].value, abs=1e-5)


def test_data_without_labels_or_classes_are_refused():
    images, y = classes(150, 0.4)
    for labels, reason in ((None, "no labels; digits"), (0 * y, "all test images are of class 0")):
        examples = Examples(images, labels)
        with pytest.raises(ValueError, match=reason):
            Clustering().check(Splits(examples, examples, examples), ModelSpec(SHAPE, 2))
    examples = Examples(images, y)
    Clustering().check(Splits(examples, examples, examples), ModelSpec(SHAPE, 2))


def test_it_keeps_the_contract():
    check_metric(Clustering())

"""The distance in principal components of pixels against the same by hand."""

import numpy as np
import pytest
import torch

from vimae_bench.functional import Moments, frechet_distance
from vimae_bench.models import Deterministic
from vimae_bench.plugin import Evaluation, Examples, ModelSpec, Splits
from vimae_bench.testing import ReconstructionObjective, example_evaluation
from vimae_builtin.metrics.fd_pca64 import FdPca64, PcaFeatures

CPU = torch.device("cpu")


def images(n: int, shape, seed: int, scale: float = 1.0) -> np.ndarray:
    """Images whose pixels vary together, along directions that all have their own weight."""
    d = int(np.prod(shape))
    directions = np.linalg.qr(np.random.default_rng(7).standard_normal((d, d)))[0]
    z = np.random.default_rng(seed).standard_normal((n, d)) * np.linspace(2, 0.2, d) * scale
    return np.clip(np.round(128 + 20 * z @ directions.T), 0, 255).astype(np.uint8).reshape(n, *shape)


def make_evaluation(made, train, test, monkeypatch) -> Evaluation:
    monkeypatch.setattr(Evaluation, "generate", lambda _, n, *__: torch.from_numpy(made[:n]).float() / 255)
    splits = Splits(Examples(train, None), Examples(train[:0], None), Examples(test, None))
    return Evaluation(example_evaluation(ReconstructionObjective(Deterministic())).model, splits, "invented", 0, CPU)


def flat(x):
    return x.reshape(len(x), -1) / 255


def test_of_up_to_64_pixels_it_is_the_distance_of_the_pixels(cache, monkeypatch):
    shape = (1, 6, 8)
    made, train, test = images(300, shape, 1, 1.3), images(500, shape, 2), images(300, shape, 3)
    found = FdPca64()(make_evaluation(made, train, test, monkeypatch))["fd_pca64"]
    assert found.value == pytest.approx(
        frechet_distance(Moments.from_features(flat(made)), Moments.from_features(flat(test))), rel=1e-4
    )
    assert found.n == 300


def test_of_more_pixels_it_is_the_distance_along_64_directions_of_most_variance(cache, monkeypatch):
    shape = (3, 6, 6)
    made, train, test = images(400, shape, 1, 1.3), images(2000, shape, 2), images(400, shape, 3)
    axes = np.linalg.eigh(np.cov(flat(train), rowvar=False))[1][:, :-65:-1]
    expected = frechet_distance(Moments.from_features(flat(made) @ axes), Moments.from_features(flat(test) @ axes))
    found = FdPca64()(make_evaluation(made, train, test, monkeypatch))["fd_pca64"]
    assert found.value == pytest.approx(expected, rel=1e-4)
    whole = frechet_distance(Moments.from_features(flat(made)), Moments.from_features(flat(test)))
    assert found.value < 0.97 * whole, "and not that of all of them"


def test_components_are_fitted_once_and_belong_to_the_training_images(cache, monkeypatch):
    train, other = images(300, (1, 9, 9), 1), 255 - images(300, (1, 9, 9), 2)
    monkeypatch.setattr("sklearn.decomposition.PCA.fit", counted := Counted())
    first = [PcaFeatures(train)(other, CPU) for _ in range(2)]
    assert counted.times == 1
    assert np.array_equal(*first)
    assert PcaFeatures(train).key == PcaFeatures(train.copy()).key != PcaFeatures(other).key
    assert not np.array_equal(PcaFeatures(other)(other, CPU), first[0])
    assert first[0].shape == (300, 64)


class Counted:
    def __init__(self):
        from sklearn.decomposition import PCA

        self.fit, self.times = PCA.fit, 0

    def __get__(self, pca, owner):
        def fit(x):
            self.times += 1
            return self.fit(pca, x)

        return fit


def test_components_are_of_images_from_all_over_the_training_file(cache, monkeypatch):
    """Which may lie in the order of their classes."""
    monkeypatch.setattr("vimae_builtin.metrics.fd_pca64.FITTED", 100)
    train = np.zeros((1000, 1, 16, 18), dtype=np.uint8)
    train[500:, 0, 15, :4] = images(500, (1, 1, 4), 1)[:, 0, 0]
    made = train[500:]
    assert PcaFeatures(train)(made, CPU).var(0).sum() > 0.99 * flat(made).var(0).sum()


def test_it_needs_no_labels_and_tells_its_cost():
    x = images(10, (1, 6, 6), 0)
    FdPca64().check(Splits(*[Examples(x, None)] * 3), ModelSpec((1, 6, 6), 2))
    assert FdPca64().cost(ModelSpec((1, 28, 28), 2), "cpu") < 60
    assert [m.unit for m in FdPca64().measures()] == ["[0,1]^2"]

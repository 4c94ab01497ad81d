"""The distance in features of a classifier: that it has learned something, once, and ranks what it should."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_digits

from vimae_bench.data import cached_arrays
from vimae_bench.models import Deterministic
from vimae_bench.plugin import BenchError, Evaluation, Examples, ModelSpec, Splits
from vimae_bench.testing import ReconstructionObjective, example_evaluation
from vimae_builtin.metrics.fd_cnn import CnnFeatures, FdCnn, build_network, to_network_units

pytestmark = pytest.mark.medium

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits() -> Splits:
    x, y = load_digits(return_X_y=True)
    x = np.round(x.reshape(-1, 1, 8, 8) / 16 * 255).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], y[order].astype(np.int64)
    return Splits(Examples(x[:1200], y[:1200]), Examples(x[:0], y[:0]), Examples(x[1200:], y[1200:]))


@pytest.fixture
def short(cache, monkeypatch):
    monkeypatch.setattr(FdCnn, "steps", 150)


def generating(made, splits, monkeypatch) -> Evaluation:
    monkeypatch.setattr(Evaluation, "generate", lambda _, n, *__: torch.from_numpy(made[:n]).float() / 255)
    return Evaluation(example_evaluation(ReconstructionObjective(Deterministic())).model, splits, "digits", 0, CPU)


def test_the_classifier_tells_test_images_apart(short, digits):
    classifier = CnnFeatures.from_training(digits.train, FdCnn.steps)
    classifier(digits.test.x[:1], CPU)
    net = build_network(1, 10)
    weights = cached_arrays("classifier", classifier.key, lambda: pytest.fail("not kept"))
    net.load_state_dict({name: torch.tensor(w) for name, w in weights.items()})
    with torch.inference_mode():
        right = net.eval()(to_network_units(digits.test.x)).argmax(1).numpy() == digits.test.y
        features = net[:-1](to_network_units(digits.test.x)).numpy()
    assert right.mean() > 0.95
    assert classifier(digits.test.x, CPU) == pytest.approx(features, abs=1e-5)


def test_other_images_of_the_data_set_are_nearer_than_blurred_ones_and_than_noise(short, digits, monkeypatch):
    rng = np.random.default_rng(0)
    test = digits.test.x
    train = digits.train.x[: len(test)]
    blurred = gaussian_filter(test.astype(float), (0, 0, 0.7, 0.7)).round().astype(np.uint8)
    noise = rng.integers(0, 256, test.shape, dtype=np.uint8)
    found = [FdCnn()(generating(x, digits, monkeypatch))["fd_cnn"] for x in (test, train, blurred, noise)]
    values = [e.value for e in found]
    assert values[0] < 1e-6
    assert values[0] < values[1] < min(values[2:]) / 3
    assert values[1] + 3 * found[1].se < min(e.value - 3 * e.se for e in found[2:])


def test_it_is_trained_once_and_from_a_fixed_seed(short, digits, cache, monkeypatch):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = CnnFeatures.from_training(digits.train, FdCnn.steps)(digits.test.x, CPU)
    assert torch.equal(torch.get_rng_state(), state), "and none of its numbers is used up"
    (path,) = cache.rglob("*.npz")
    path.unlink()
    torch.manual_seed(2)
    again = CnnFeatures.from_training(digits.train, FdCnn.steps)(digits.test.x, CPU)
    assert np.array_equal(first, again), "whatever the run's own seed"
    monkeypatch.setattr(torch.optim, "Adam", lambda *_, **__: pytest.fail("trained again"))
    assert np.array_equal(CnnFeatures.from_training(digits.train, FdCnn.steps)(digits.test.x, CPU), first)


def test_other_images_or_labels_are_another_classifier(digits):
    train = digits.train
    others = [replace(train, y=train.y[::-1]), replace(train, x=255 - train.x), train]
    keys = [str(CnnFeatures.from_training(e, FdCnn.steps).key) for e in (train, *others)]
    assert len(set(keys)) == 3
    assert keys[0] == keys[3]


def test_labels_of_any_numbers_will_do(short, digits, monkeypatch):
    monkeypatch.setattr(FdCnn, "steps", 2)
    odd = replace(digits.train, y=digits.train.y * 7 - 20)
    assert CnnFeatures.from_training(odd, FdCnn.steps)(digits.test.x[:5], CPU).shape == (5, 128)


def test_data_without_labels_are_refused(digits):
    bare = Splits(*[replace(digits.train, y=None)] * 3)
    with pytest.raises(ValueError, match=r"trains a classifier \(the training images have no labels; .*fd_pca64 does"):
        FdCnn().check(bare, ModelSpec((1, 8, 8), 2))
    FdCnn().check(digits, ModelSpec((1, 8, 8), 2))
    with pytest.raises(BenchError, match="needs training labels"):
        FdCnn().features(bare)


def test_colour_images_of_other_sizes_have_as_many_features(short, monkeypatch):
    monkeypatch.setattr(FdCnn, "steps", 2)
    rng = np.random.default_rng(0)
    train = Examples(rng.integers(0, 256, (40, 3, 20, 32), dtype=np.uint8), np.arange(40) % 2)
    assert CnnFeatures.from_training(train, FdCnn.steps)(train.x, CPU).shape == (40, 128)

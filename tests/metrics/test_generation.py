"""What metrics of generated images share: which images are compared, and what is computed once and never mixed up."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
import torch

from vimae_bench.data import choose_places
from vimae_bench.functional import estimate_frechet_distance
from vimae_bench.metrics import GenerativeDistance, ReferenceStatistics
from vimae_bench.metrics.generation import to_uint8
from vimae_bench.models import Deterministic, DiracPosterior, Gaussian
from vimae_bench.plugin import Evaluation, Examples, Splits
from vimae_bench.testing import ReconstructionObjective, example_evaluation


@dataclass
class Pixels:
    """Pixels as features, times a weight; counts the images it has seen."""

    weight: float = 1.0
    seen: list[int] = field(default_factory=list)

    @property
    def key(self):
        return {"pixels times": self.weight}

    def __call__(self, images, device):
        self.seen.append(len(images))
        return images.reshape(len(images), -1).astype(np.float32) * np.float32(self.weight)


@dataclass(frozen=True)
class InPixels(GenerativeDistance):
    by: Pixels = field(default_factory=Pixels)
    name: ClassVar[str] = "fd"

    def features(self, splits):
        return self.by

    def distance(self, made, real):
        return estimate_frechet_distance(made, real.moments)


@pytest.fixture
def evaluation(cache):
    """300 test images that are not among the 1,200 to train on."""
    toy = example_evaluation(ReconstructionObjective(Gaussian()), size=300)
    x, y = toy.splits.train.x, toy.splits.train.y
    assert y is not None
    return replace(toy, splits=Splits(Examples(x[300:], y[300:]), toy.splits.validation, toy.splits.test))


def with_generated(evaluation: Evaluation, images, monkeypatch) -> Evaluation:
    """An evaluation whose samples are these images, uint8."""
    monkeypatch.setattr(Evaluation, "generate", lambda self, n, *_: torch.from_numpy(images[:n]).float() / 255)
    return evaluation


def with_test(evaluation: Evaluation, x: np.ndarray) -> Evaluation:
    return replace(evaluation, splits=replace(evaluation.splits, test=Examples(x, None)))


def test_images_become_bytes_by_rounding_and_clipping():
    x = torch.tensor([-0.2, 0.0, 0.4 / 255, 0.6 / 255, 127.6 / 255, 1.0, 1.3])
    assert to_uint8(x).tolist() == [0, 0, 0, 1, 128, 255, 255]
    every = torch.arange(256) / 255
    assert to_uint8(every).tolist() == list(range(256)), "a stored image comes back as it was"


def test_the_real_images_themselves_are_at_no_distance(evaluation, monkeypatch):
    real = evaluation.splits.test.x
    assert InPixels()(with_generated(evaluation, real, monkeypatch))["fd"].value < 1e-9 * real.var()


def test_as_many_are_drawn_as_there_are_real_ones(evaluation, monkeypatch):
    asked = []
    samples = Evaluation.generate
    monkeypatch.setattr(Evaluation, "generate", lambda self, n, s="prior": asked.append((n, s)) or samples(self, n, s))
    assert InPixels(images=200)(evaluation)["fd"].n == 200
    assert InPixels()(evaluation)["fd"].n == 300, "all there are"
    assert InPixels(reference="train", images=1000)(evaluation)["fd"].n == 1000
    assert asked == [(200, "prior"), (300, "prior"), (1000, "prior")]


def chosen(evaluation: Evaluation, n: int, split: str = "test") -> np.ndarray:
    """The images of a split that are compared with."""
    x = getattr(evaluation.splits, split).x
    return x[np.sort(choose_places(len(x), n, "real images", split, evaluation.dataset))]


def test_random_images_of_the_chosen_side_are_compared_with(evaluation, monkeypatch):
    for reference, other in (("test", "train"), ("train", "test")):
        metric = InPixels(images=150, reference=reference)
        same, different = (chosen(evaluation, 150, split) for split in (reference, other))
        assert metric(with_generated(evaluation, same, monkeypatch))["fd"].value < 1e-6
        assert metric(with_generated(evaluation, different, monkeypatch))["fd"].value > 10


def test_images_in_the_order_of_their_classes_are_a_sample_of_all(evaluation, monkeypatch):
    """Random test images are as near to those compared with as random ones are; the first ones are of one class."""
    x, y = evaluation.splits.test.x, evaluation.splits.test.y
    by_class = with_test(evaluation, x[np.argsort(y, kind="stable")])
    everything = np.random.default_rng(1).permutation(x)[:100]
    first = by_class.splits.test.x[:100]
    random, of_one_class = (
        InPixels(images=100)(with_generated(by_class, images, monkeypatch))["fd"].value
        for images in (everything, first)
    )
    apart = InPixels(images=100)(with_generated(with_test(evaluation, everything), x, monkeypatch))["fd"].value
    assert random < 2 * apart
    assert of_one_class > 5 * random


def test_all_methods_and_seeds_are_compared_with_the_same_images(evaluation, monkeypatch):
    seen = []
    monkeypatch.setattr(Pixels, "__call__", lambda self, x, device: seen.append(x) or x.reshape(len(x), -1) * 1.0)
    for seed in range(2):
        InPixels(images=100, by=Pixels(seed))(replace(evaluation, seed=seed))
    drawn, real = seen[::2], seen[1::2]
    assert np.array_equal(*real)
    assert not np.array_equal(*drawn), "these are the run's own"


def test_several_draws_are_shared_by_all_runs_and_kept(evaluation):
    class Averaged(InPixels):
        draws: ClassVar[int] = 3

    found = [Averaged(images=100)(replace(evaluation, seed=seed))["fd"] for seed in range(2)]
    assert found[0] == found[1], "one model, and the draws are not the run's"
    real = ReferenceStatistics(chosen(evaluation, 100), Pixels(), evaluation.device)
    sets = [to_uint8(evaluation.generate(100, "prior", draw)).reshape(100, -1) for draw in range(3)]
    expected = [estimate_frechet_distance(images, real.moments).value for images in sets]
    assert found[0].per_draw == pytest.approx(expected)
    assert found[0].value == pytest.approx(np.mean(expected))
    assert found[0].se == pytest.approx(np.std(expected, ddof=1) / 3**0.5)
    assert InPixels(images=100)(evaluation)["fd"].per_draw == ()


def test_every_source_has_a_measure_of_its_own_draws(evaluation):
    metric = InPixels(images=200, sources=("prior", "gaussian", "chain"), reconstruction=True)
    names = ["fd", "fd gaussian", "fd chain", "fd reconstruction"]
    assert [measure.name for measure in metric.measures()] == names
    found = metric(evaluation)
    assert list(found) == names
    for source in metric.sources:
        images = to_uint8(evaluation.generate(200, source)).reshape(200, -1)
        real = ReferenceStatistics(chosen(evaluation, 200), Pixels(), evaluation.device)
        expected = estimate_frechet_distance(images, real.moments)
        assert found["fd" if source == "prior" else f"fd {source}"] == expected
    assert len({e.value for e in found.values()}) == 4


def test_rebuilt_images_are_those_that_are_compared_with(evaluation, monkeypatch):
    """As they are by a model whose code of an image is its place, and whose decoder finds the image there."""
    z = torch.arange(300.0)[:, None]
    monkeypatch.setattr(Evaluation, "posterior", lambda self, split="test": DiracPosterior(z))
    monkeypatch.setattr(
        Evaluation,
        "decode",
        lambda self, z: torch.from_numpy(evaluation.splits.test.x[z[:, 0].round().long().abs() % 300]).float() / 255,
    )
    found = InPixels(images=100, reconstruction=True)(evaluation)
    assert found["fd reconstruction"].value < 1e-6


def test_the_real_side_is_computed_once_for_all_runs(evaluation):
    by = Pixels()
    for seed in range(3):
        InPixels(images=100, by=by)(replace(evaluation, seed=seed))
    assert by.seen == [100] + 3 * [100], "one real side, three models"


def test_two_real_sets_never_share_statistics(evaluation, monkeypatch):
    """As they would under one name in torch-fidelity's cache: the data set's name is the same, one pixel is not."""
    x = evaluation.splits.test.x
    brighter = x.copy()
    brighter[0, 0, 0, 0] ^= 128
    made = with_generated(evaluation, x, monkeypatch)
    values = [InPixels()(with_test(made, real))["fd"].value for real in (x, brighter, x)]
    assert values[0] == values[2] < 1e-9 < values[1]
    n = len(x)
    shift = 128 / n
    assert values[1] > shift**2, "the distance of the means alone"


def test_two_networks_never_share_statistics_or_features(evaluation):
    one, two = (InPixels(images=200, by=Pixels(weight))(evaluation)["fd"].value for weight in (1.0, 2.0))
    assert two == pytest.approx(4 * one, rel=1e-6)


def test_fewer_images_of_one_set_are_another_real_side(evaluation, monkeypatch):
    for n in (300, 100, 200):
        made = with_generated(evaluation, chosen(evaluation, n), monkeypatch)
        assert InPixels(images=n)(made)["fd"].value < 1e-6


def test_metrics_that_ask_for_the_same_images_compute_their_features_once(evaluation):
    by = Pixels()
    found = [InPixels(images=100, by=by)(evaluation) for _ in range(2)]
    assert by.seen == [100, 100], "the real and the drawn ones, once each"
    assert found[0] == found[1]


def test_the_floor_is_as_many_real_images_of_the_other_split(evaluation):
    splits, spec = evaluation.splits, evaluation.spec
    rows = InPixels(images=200).references(splits, spec, "toy")
    assert list(rows) == ["training images"]
    floor = rows["training images"]["fd"]
    assert floor.n == 200
    model = InPixels(images=200)(evaluation)["fd"]
    assert 0 < floor.value < model.value / 20, "the same law, and images of an untrained model"
    assert InPixels(images=200).references(splits, spec, "toy") == rows, "the same images every time"
    assert list(InPixels(images=200, reference="train").references(splits, spec, "toy")) == ["test images"]
    assert InPixels(images=1000, reference="train").references(splits, spec, "toy") == {}, "not as many"


def test_the_floor_is_chosen_among_all_images_of_the_other_split(evaluation):
    """Which may lie in the order of their classes: the first ones would be of one."""
    train = evaluation.splits.train
    order = np.argsort(train.y, kind="stable")
    sorted_splits = Splits(
        Examples(train.x[order], train.y[order]), evaluation.splits.validation, evaluation.splits.test
    )
    mixed, by_class = (
        InPixels(images=200).references(s, evaluation.spec, "toy")["training images"]["fd"]
        for s in (evaluation.splits, sorted_splits)
    )
    assert by_class.value < 1.5 * mixed.value
    assert InPixels(images=200)(evaluation)["fd"].value > 20 * by_class.value


def test_a_deterministic_model_is_measured_as_well(cache):
    assert set(InPixels(images=100)(example_evaluation(ReconstructionObjective(Deterministic())))) == {"fd"}

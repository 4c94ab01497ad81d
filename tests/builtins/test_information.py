from dataclasses import replace
from math import log

import numpy as np
import pytest
import torch

from vimae_bench.models import Deterministic, Gaussian
from vimae_bench.plugin import Examples, ModelSpec, Splits
from vimae_bench.testing import check_metric
from vimae_builtin.metrics.information import Information, bound_terms, standardize

pytestmark = pytest.mark.medium

SHAPE = (1, 2, 2)
PIXELS = 4


def classes(n: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Images of four classes whose first two pixels are normal about the corners of a square, sd 0.1 in [0, 1]."""
    random = np.random.default_rng(0)
    y = random.integers(0, 4, n)
    centre = 0.5 + apart * (np.stack([y % 2, y // 2], 1) - 0.5)
    x = np.full((n, PIXELS), 0.5)
    x[:, :2] = centre + 0.1 * random.standard_normal((n, 2))
    return (255 * x.clip(0, 1)).round().astype(np.uint8).reshape(n, *SHAPE), y.astype(np.int64)


def reading(latent: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A head that gives the first two pixels, and nothing in any other dimension."""
    weight = torch.zeros(latent, PIXELS)
    weight[0, 0] = weight[1, 1] = 1.0
    return weight, torch.zeros(latent)


def of_corners(apart: float) -> float:
    """I(Y; Z) for the four classes: twice that of two normals so far apart, by simulation of 4 million."""
    z = torch.randn(4_000_000, dtype=torch.float64)
    return 2 * (log(2) - float(torch.nn.functional.softplus(-(apart**2) / 2 - apart * z).mean()))


def test_what_a_code_tells_of_its_class_is_found_and_bounded(linear_evaluation):
    images, y = classes(6000, 0.25)
    found = Information()(linear_evaluation(images, Deterministic(), [reading(2)], labels=y))
    truth = of_corners(2.5)
    assert found["label information"].value == pytest.approx(truth, abs=0.04)
    bound = found["label information bound"]
    assert truth - 0.06 < bound.value < truth + 3 * found["label information"].se
    assert bound.se is None


def test_a_code_that_ignores_its_image_tells_nothing(linear_evaluation, constant_heads):
    images, y = classes(4000, 0.25)
    heads = constant_heads(PIXELS, [0.0, 0.0], [1.0, 1.0])
    found = Information()(linear_evaluation(images, Gaussian(), heads, labels=y))
    assert found["label information"].value == pytest.approx(0.0, abs=5 * found["label information"].se)
    assert found["label information bound"].value == pytest.approx(0.0, abs=0.01)


def test_codes_that_never_move_tell_nothing(linear_evaluation):
    images, y = classes(1000, 0.25)
    still = (torch.zeros(2, PIXELS), torch.ones(2))
    found = Information()(linear_evaluation(images, Deterministic(), [still], labels=y))
    assert found["label information"].value == pytest.approx(0.0, abs=5 * found["label information"].se)
    assert found["label information bound"].value == pytest.approx(0.0, abs=0.01)


def test_separate_classes_have_the_entropy_of_the_labels_and_many_latents_the_bound_alone(linear_evaluation):
    images, y = classes(900, 0.8)
    found = Information()(linear_evaluation(images, Deterministic(), [reading(9)], labels=y))
    share = np.bincount(y) / len(y)
    entropy = -(share * np.log(share)).sum()
    assert list(found) == ["label information bound"]
    assert entropy - 0.06 < found["label information bound"].value <= entropy


@pytest.mark.parametrize("n", [50, 300])
def test_the_bound_of_useless_codes_lies_about_0(n):
    values = [float(bound_terms(torch.randn(n, 8), torch.arange(n) % 10).mean()) for _ in range(40)]
    assert np.mean(values) == pytest.approx(0, abs=2 * np.std(values) / 40**0.5 + 1e-3)
    assert np.median(values) == 0


@pytest.mark.parametrize("constant", [1e-6, 1e-12])
def test_the_noise_that_tells_equal_codes_apart_decides_nothing(linear_evaluation, monkeypatch, constant):
    """A quarter of the codes of each class are one and the same."""
    images, y = classes(1500, 0.25)
    for name in range(4):
        same = np.flatnonzero(y == name)[::4]
        images[same] = images[same[0]]
    evaluation = linear_evaluation(images, Deterministic(), [reading(2)], labels=y)
    usual = Information()(evaluation)["label information"].value
    monkeypatch.setattr("vimae_builtin.metrics.information.JITTER", constant)
    assert Information()(evaluation)["label information"].value == pytest.approx(usual, abs=1e-3)


def test_labels_that_have_nothing_to_do_with_codes_cannot_be_learned_by_heart():
    z, y = torch.randn(900, 30), torch.randint(5, (900,))
    assert float(bound_terms(z, y).mean()) == pytest.approx(0.0, abs=0.02)


def test_no_image_is_judged_by_a_classifier_that_has_seen_it(monkeypatch):
    """One that only memorises gives every label the same probability."""

    def by_heart(z, y, log_shares):
        classes = len(log_shares)
        seen = {tuple(code): label for code, label in zip(z.tolist(), y.tolist(), strict=True)}
        known = torch.eye(classes + 1)[:, :classes] * 50
        return lambda codes: torch.stack([known[seen.get(tuple(code), classes)] for code in codes.tolist()])

    monkeypatch.setattr("vimae_builtin.metrics.information.fit_classifier", by_heart)
    assert float(bound_terms(torch.randn(300, 2), torch.arange(300) % 3).mean()) == pytest.approx(0, abs=1e-6)


def test_the_scale_of_a_dimension_does_not_matter(linear_evaluation):
    images, y = classes(1500, 0.25)
    weight, bias = reading(2)
    stretched = (weight * torch.tensor([[1.0], [1e-4]]), bias + 7)
    plain, other = (
        Information()(linear_evaluation(images, Deterministic(), [head], labels=y))
        for head in ((weight, bias), stretched)
    )
    for name, estimate in plain.items():
        assert other[name].value == pytest.approx(estimate.value, abs=0.01), name


def test_scaled_codes_have_unit_variance_and_a_still_one_is_left():
    z = standardize(torch.stack([5 * torch.randn(100), torch.full((100,), 3.0)], 1).double())
    assert float(z[:, 0].std()) == pytest.approx(1)
    assert not z[:, 1].any()


def test_labels_may_have_any_numbers_and_the_choice_of_images_is_every_methods(linear_evaluation):
    images, y = classes(900, 0.25)
    evaluation = linear_evaluation(images, Deterministic(), [reading(2)], labels=y)
    renamed = linear_evaluation(images, Deterministic(), [reading(2)], labels=1000 - 7 * y)
    few = Information(images=300)
    assert few(evaluation)["label information"].n == 300
    assert few(renamed)["label information"] == few(evaluation)["label information"]
    other_seed = replace(evaluation, seed=9)
    # Noise breaks the ties of pixels that are alike; another choice of images would move it by some hundredths.
    assert few(other_seed)["label information"].value == pytest.approx(
        few(evaluation)["label information"].value, abs=0.005
    )


def test_data_without_labels_are_refused():
    images, y = classes(60, 0.25)
    none, some = Examples(images, None), Examples(images, y)
    with pytest.raises(ValueError, match="no labels; digits"):
        Information().check(Splits(none, none, none), ModelSpec(SHAPE, 2))
    Information().check(Splits(some, some, some), ModelSpec(SHAPE, 2))


def test_it_keeps_the_contract():
    check_metric(Information())

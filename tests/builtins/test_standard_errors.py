"""Each standard error against the spread over fresh samples for one fixed model, or that there is none.

A case measures one model anew: other images, other draws, of the same distributions. The root mean square of the
errors that it gives has to be within a quarter of the standard deviation of its values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar
from zlib import crc32

import numpy as np
import pytest
import torch

from vimae_bench.functional import estimate_frechet_distance
from vimae_bench.metrics import GenerativeDistance
from vimae_bench.models import Deterministic, Gaussian, NoisyInputEncoder, TruncatedNormal
from vimae_bench.plugin import Estimate, Evaluation, Examples, Splits
from vimae_builtin.metrics.aggregate_mmd import AggregateMMD
from vimae_builtin.metrics.ais import AIS
from vimae_builtin.metrics.entropy import Entropy
from vimae_builtin.metrics.episodes import Episodes
from vimae_builtin.metrics.fd_pca64 import FdPca64
from vimae_builtin.metrics.fid import estimate_kernel_distance
from vimae_builtin.metrics.information import Information
from vimae_builtin.metrics.latent_entropy import LatentEntropy
from vimae_builtin.metrics.likelihood import Likelihood
from vimae_builtin.metrics.moments import LatentMoments
from vimae_builtin.metrics.parzen import Parzen
from vimae_builtin.metrics.rate import Rate
from vimae_builtin.metrics.reconstruction import Reconstruction
from vimae_builtin.metrics.sharpness import Sharpness
from vimae_builtin.metrics.svm import Svm

pytestmark = pytest.mark.medium

SHAPE = (1, 4, 4)
PIXELS = 16
TOLERANCE = 0.25
REPETITIONS = 250

Measured = Mapping[str, Estimate]


def draw_images(n: int, seed: int) -> Examples:
    """Independent images of two classes: a pattern of the class, a brightness of their own, noise on every pixel."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    pattern = np.random.default_rng(99).standard_normal((2, PIXELS))
    x = 0.5 + 0.04 * pattern[y] + 0.05 * random.standard_normal((n, 1)) + 0.08 * random.standard_normal((n, PIXELS))
    return Examples((255 * x.clip(0, 1)).round().astype(np.uint8).reshape(n, *SHAPE), y)


FIXED = draw_images(300, 10**6)


@pytest.fixture
def make_model(linear_evaluation):
    """Makes the evaluation of a linear model with fixed weights, of a kind of encoder and so many latents."""

    def make(kind: str, latent: int = 2) -> Evaluation:
        weights = torch.Generator().manual_seed(7)

        def random(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=weights)

        mean = random(latent, PIXELS), torch.zeros(latent)
        log_variance = random(latent, PIXELS) / 8, torch.linspace(-2, -1, latent)
        decoder = random(PIXELS, latent) / 10, torch.full((PIXELS,), 0.5)
        family, heads = {
            "gaussian": (Gaussian(), [mean, log_variance]),
            "deterministic": (Deterministic(), [mean]),
            "noisy": (NoisyInputEncoder(TruncatedNormal(0.1)), [mean]),
        }[kind]
        return linear_evaluation(FIXED.x, family, heads, decoder)

    return make


def replace_samples(evaluation: Evaluation, n: int, seed: int) -> Evaluation:
    """The same model, to be measured on n fresh test images and with fresh draws; other images stay."""
    splits = Splits(FIXED, Examples(FIXED.x[:50], None), draw_images(n, seed))
    return replace(evaluation, splits=splits, dataset=f"set {seed}", seed=seed)


def compare_errors(measure: Callable[[int], Measured]) -> None:
    """Fails where a standard error is not what values vary by over fresh samples."""
    found = [measure(seed) for seed in range(REPETITIONS)]
    names = sorted({name for each in found for name, estimate in each.items() if estimate.se is not None})
    assert names, "no measure has an error"
    ratios = dict[str, float]()
    for name in names:
        estimates = [each[name] for each in found]
        errors = [estimate.se for estimate in estimates if estimate.se is not None]
        assert len(errors) > REPETITIONS / 2, name
        error, spread = np.mean(np.square(errors)) ** 0.5, np.std([e.value for e in estimates], ddof=1)
        ratios[name] = 1.0 if error == spread == 0 else float(error / spread)
    assert ratios == pytest.approx(dict.fromkeys(ratios, 1.0), abs=TOLERANCE)


def list_cases(cases: Mapping[str, tuple[object, ...]], slow: tuple[str, ...]) -> list[object]:
    """A parameter set for each size, which is the last entry of a case.

    Few samples are where errors go wrong: all but the smallest size are slow tests, and all sizes of a slow case.
    """
    return [
        pytest.param(*case, size, id=f"{name} {size}", marks=[pytest.mark.slow] * (name in slow or size != sizes[0]))
        for name, (*case, sizes) in cases.items()
        for size in sizes
    ]


GIVEN_GENERATED_IMAGES = "nll_parzen_cv"
"""The measure whose error is that of the choice of test images alone."""
ON_IMAGES = {
    "reconstruction": (Reconstruction(), "gaussian", 2, (2, 4, 10, 20, 1000)),
    "rate": (Rate(), "gaussian", 2, (2, 4, 1000)),
    "push-forward rate": (Rate(draws=32), "noisy", 2, (2, 4, 1000)),
    "moments": (LatentMoments(), "gaussian", 2, (10, 20, 500, 1000)),
    "moments of codes": (LatentMoments(), "deterministic", 2, (10, 20, 500, 1000)),
    "latent entropy": (LatentEntropy(), "gaussian", 2, (4, 8, 500, 1000)),
    "latent entropy of codes": (LatentEntropy(), "deterministic", 2, (3, 6, 500, 1000)),
    "entropy of codes": (Entropy(), "deterministic", 2, (200, 400, 1000)),
    "entropy of 8 latents": (Entropy(), "deterministic", 8, (200, 400, 1000)),
    "mmd": (AggregateMMD(replicates=19), "gaussian", 2, (20, 40, 1000)),
    "mmd of codes": (AggregateMMD(replicates=19), "deterministic", 2, (20, 40, 1000)),
    "information": (Information(), "gaussian", 2, (500, 1000)),
    "parzen": (Parzen(samples=200), "gaussian", 2, (2, 4, 1000)),
    "likelihood": (Likelihood(images=1000, ks=(1, 8), variance=0.02), "gaussian", 2, (2, 4, 1000)),
    "ais": (AIS(images=1000, steps=4, chains=2, simulated=2, variance=0.02), "gaussian", 2, (2, 4, 1000)),
    "svm": (Svm(labels=20, label_draws=3, noise_draws=2, conditions=("clean",)), "gaussian", 2, (4, 8, 1000)),
}
"""Metrics whose errors cover fresh test images and draws: the encoder, its latents, and numbers of test images."""
SLOW_ON_IMAGES = ("ais", "mmd of codes", "information", "svm")


@pytest.mark.parametrize(("metric", "kind", "latent", "n"), list_cases(ON_IMAGES, SLOW_ON_IMAGES))
def test_errors_of_fresh_test_images_and_draws(make_model, metric, kind, latent, n):
    model = make_model(kind, latent)

    def measure(seed: int) -> Measured:
        found = metric(replace_samples(model, n, seed))
        return {name: estimate for name, estimate in found.items() if name != GIVEN_GENERATED_IMAGES}

    compare_errors(measure)


@pytest.mark.parametrize("n", [2, 4, 1000])
def test_error_of_fresh_test_images_where_generated_ones_are_given(make_model, n):
    """They are those of one seed."""
    model = make_model("gaussian", 2)

    def measure(seed: int) -> Measured:
        found = Parzen(samples=200)(replace(replace_samples(model, n, seed), seed=0))
        return {GIVEN_GENERATED_IMAGES: found[GIVEN_GENERATED_IMAGES]}

    compare_errors(measure)


@dataclass(frozen=True)
class PixelFeatures:
    """Pixels as features."""

    @property
    def key(self):
        return {"features": "pixels"}

    def __call__(self, images, device):
        return images.reshape(len(images), -1).astype(np.float32)


class DistanceOfPixels(GenerativeDistance):
    """As `fid`, a distance of one set of drawn images."""

    name: ClassVar[str] = "fd"

    def features(self, splits):
        return PixelFeatures()

    def distance(self, features, real):
        return estimate_frechet_distance(features, real.moments)


class KernelDistanceOfPixels(DistanceOfPixels):
    """As `kid`."""

    name: ClassVar[str] = "kd"

    def distance(self, features, real):
        # Its subsets are the same places each time: in another order of real images they are chosen anew.
        order = np.random.default_rng(crc32(features.tobytes())).permutation(len(real.features))
        return estimate_kernel_distance(features / 255, real.features[order] / 255, 10, 100)


ON_DRAWS = {
    "entropy": (lambda n: Entropy(draws=n), (2, 4, 1000)),
    "sharpness": (lambda n: Sharpness(images=n), (2, 4, 1000)),
    "fd_pca64": (lambda n: FdPca64(images=n), (2, 4, 1000)),
    "one Fréchet distance": (lambda n: DistanceOfPixels(images=n), (20, 40, 1000)),
    "kernel distance": (lambda n: KernelDistanceOfPixels(images=n), (20, 40, 1000)),
    "parzen sets": (lambda n: Parzen(samples=100 * n, images=50), (2, 4, 20)),
    "episodes": (lambda n: Episodes(("clean",), "random", n, ways=2, train=3, test=2), (2, 4, 100)),
}
"""Metrics whose errors cover fresh draws, given the model and all images: how they are made, and numbers of draws."""
SLOW_ON_DRAWS = ("fd_pca64", "kernel distance", "episodes")


@pytest.mark.parametrize(("make_metric", "n"), list_cases(ON_DRAWS, SLOW_ON_DRAWS))
def test_errors_of_fresh_draws(make_model, cache, make_metric, n):
    model, metric = make_model("gaussian"), make_metric(n)
    # Of as many real images as are compared none is chosen: they stay the same.
    tests = draw_images(n if isinstance(metric, GenerativeDistance) else 1000, 10**6 + 1)
    splits = Splits(FIXED, Examples(FIXED.x[:0], None), tests)

    def measure(seed: int) -> Measured:
        found = metric(replace(model, splits=splits, dataset=f"set {seed}", seed=seed))
        return {name: e for name, e in found.items() if not name.startswith(("nll_parzen_cv", "parzen width"))}

    compare_errors(measure)

"""Generated images against real ones, in principal components of pixels: no Inception network is needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import ClassVar

import numpy as np
import torch

from vimae_bench.data import array_sha256, cached_arrays
from vimae_bench.functional import estimate_frechet_distance
from vimae_bench.metrics import FeatureExtractor, GenerativeDistance, ReferenceStatistics
from vimae_bench.plugin import Estimate, Metric, ModelSpec, Splits, derive_seed, hookimpl

COMPONENTS = 64
FITTED = 10_000
CHUNK = 1000


@dataclass(frozen=True)
class FdPca64(GenerativeDistance):
    """The Fréchet distance in the first 64 principal components of training pixels, in [0, 1] units.

    The components are fitted to 10,000 training images chosen at random, once for a data set; images of fewer pixels
    have as many components as pixels. It sees colours and coarse shapes, and no sharpness. The value is a mean over 5
    sets of drawn images, whose spread gives the standard error: that of fresh drawn images, given the real ones.
    """

    name: ClassVar[str] = "fd_pca64"
    title: ClassVar[str] = "Fréchet distance (PCA)"
    description: ClassVar[str] = (
        "Fréchet distance of generated from real images in 64 principal components; 0 if they are alike."
    )
    unit: ClassVar[str] = "[0,1]^2"
    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = (
        "the real images are chosen at random, and 5 sets of drawn images are averaged",
    )
    draws: ClassVar[int] = 5
    estimator: ClassVar[str] = (
        "Fréchet distance of Gaussians with the moments of 64 principal components, in float64, "
        "a mean over five sets of images; se by their spread"
    )
    bias: ClassVar[str] = "upwards, of order 1/n: compare at equal numbers of images only"
    source: ClassVar[str] = "the distance of Heusel et al., 1706.08500, in features of the data set's own"
    use_for: ClassVar[str] = "colours and coarse shapes of samples, without weights to download"

    def cost(self, spec: ModelSpec, device: str) -> float:
        """Nearly all of it decodes, here by a convolutional net of width 64."""
        return self.estimate_cost({"cpu": 5e-7 * spec.input_size, "cuda": 1e-6}, device)

    def features(self, splits: Splits) -> FeatureExtractor:
        return PcaFeatures(splits.train.x)

    def distance(self, features: np.ndarray, real: ReferenceStatistics) -> Estimate:
        return estimate_frechet_distance(features, real.moments)


@dataclass(frozen=True)
class PcaFeatures:
    """The first 64 principal components of training images uint8 [N, C, H, W], as features of others."""

    training: np.ndarray

    @cached_property
    def key(self) -> Mapping[str, str]:
        by = f"scikit-learn {version('scikit-learn')}"
        return {"features": f"pca{COMPONENTS}", "training images": array_sha256(self.training), "by": by}

    def __call__(self, images: np.ndarray, device: torch.device) -> np.ndarray:  # noqa: ARG002
        """Projections float32 [N, 64] in [0, 1] units."""
        axes = cached_arrays("pca", self.key, self._fit)["axes"]
        return np.concatenate([_flatten_images(images[i : i + CHUNK]) @ axes.T for i in range(0, len(images), CHUNK)])

    def _fit(self) -> Mapping[str, np.ndarray]:
        from sklearn.decomposition import PCA

        rng = np.random.Generator(np.random.Philox(key=derive_seed("fd_pca64")))
        few = np.sort(rng.choice(len(self.training), min(FITTED, len(self.training)), replace=False))
        x = _flatten_images(self.training[few])
        with np.errstate(invalid="ignore"):  # shares of a variance of 0, which are not used, of images all equal
            pca = PCA(min(COMPONENTS, *x.shape), random_state=0).fit(x)
        return {"axes": pca.components_.astype(np.float32)}


def _flatten_images(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"fd_pca64": FdPca64}

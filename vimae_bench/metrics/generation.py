"""What metrics of generated images share: the two sets of images, and features that are computed once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Literal, Protocol

import numpy as np
import torch
from annotated_types import Ge, MinLen
from torch import Tensor

from ..core.canonical import canonical_json
from ..core.results import Estimate, Measure
from ..core.seeds import derive_seed
from ..data.types import Splits
from ..functional.frechet_distance import Moments
from ..models.model_spec import ModelSpec
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Metric
from ..plugin.latent_sampling import LatentDistribution
from ..storage.array_cache import array_sha256, cached_arrays


class FeatureExtractor(Protocol):
    """Images uint8 [N, C, H, W] to features float32 [N, F]; `key` (JSON values) is all that decides them."""

    @property
    def key(self) -> Mapping[str, object]: ...
    def __call__(self, images: np.ndarray, device: torch.device, /) -> np.ndarray: ...


@dataclass(frozen=True)
class ReferenceStatistics:
    """Features of real images uint8 [N, C, H, W] and their moments, which are kept on disk and shared by all runs."""

    images: np.ndarray
    extractor: FeatureExtractor
    device: torch.device

    @cached_property
    def features(self) -> np.ndarray:
        """Float32 [N, F]."""
        return cached_arrays("features", self._key, lambda: {"x": self.extractor(self.images, self.device)})["x"]

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the features."""
        found = cached_arrays("moments", self._key, self._compute_moments)
        return Moments(len(self.images), found["mean"], found["root"])

    def _compute_moments(self) -> Mapping[str, np.ndarray]:
        moments = Moments.from_features(self.features)
        return {"mean": moments.mean, "root": moments.root}

    @cached_property
    def _key(self) -> Mapping[str, object]:
        return {"images": array_sha256(self.images), "features": dict(self.extractor.key)}


@dataclass(frozen=True)
class GenerativeDistance(Metric, ABC):
    """A distance of generated images from real ones: of `images` drawn ones from the first `images` of `reference`.

    If there are fewer real images, as many are drawn as there are. Drawn images are rounded to bytes, as real ones
    are. `sources` says where codes are drawn (see `LatentDistribution`), with a measure for each; `reconstruction`
    adds one of the first test images, rebuilt from the posterior's mean.
    """

    images: Annotated[int, Ge(2)] = 10_000
    reference: Literal["test", "train"] = "test"
    sources: Annotated[tuple[LatentDistribution, ...], MinLen(1)] = ("prior",)
    reconstruction: bool = False

    name: ClassVar[str] = ""
    """The measure's name; other sources than the prior are added to it."""
    unit: ClassVar[str] = ""

    @abstractmethod
    def features(self, splits: Splits) -> FeatureExtractor:
        """The features that distances are measured in."""

    @abstractmethod
    def distance(self, features: np.ndarray, real: ReferenceStatistics) -> Estimate:
        """The distance of the features [n, F] of generated images, as many as there are real ones."""

    def measures(self) -> tuple[Measure, ...]:
        names = [self._format_name(source) for source in self.sources]
        names += [f"{self.name} reconstruction"] if self.reconstruction else []
        return tuple(Measure(name, self.unit, "lower", family=self.name) for name in names)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        extractor = self.features(evaluation.splits)
        real = self._create_reference(evaluation.splits, extractor, evaluation.device)

        def measure(images: Tensor) -> Estimate:
            return self.distance(compute_features(evaluation, extractor, to_uint8(images)), real)

        n = len(real.images)
        found = {self._format_name(source): measure(evaluation.generate(n, source)) for source in self.sources}
        if self.reconstruction:
            found[f"{self.name} reconstruction"] = measure(evaluation.decode(evaluation.posterior("test").mean[:n]))
        return found

    def references(
        self,
        splits: Splits,
        spec: ModelSpec,  # noqa: ARG002
        dataset: str,
    ) -> Mapping[str, Mapping[str, Estimate]]:
        """Real images of the other split, as many, chosen at random: the floor, which is not 0 for so many images.

        Nothing if there are not as many.
        """
        device = torch.device("cuda" if torch.cuda.is_initialized() else "cpu")  # a GPU that the run has
        extractor = self.features(splits)
        real = self._create_reference(splits, extractor, device)
        label, other = ("training images", splits.train) if self.reference == "test" else ("test images", splits.test)
        n = len(real.images)
        if len(other) < n:
            return {}
        rng = np.random.Generator(np.random.Philox(key=derive_seed("real images", dataset)))
        images = np.asarray(other.x)[np.sort(rng.choice(len(other), n, replace=False))]
        features = ReferenceStatistics(images, extractor, device).features
        return {label: {self._format_name(source): self.distance(features, real) for source in self.sources}}

    def estimate_cost(self, seconds: Mapping[str, float], device: str) -> float:
        """About how many seconds a model takes where the features of an image take so many on `cpu` and on `cuda`."""
        return self.images * (len(self.sources) + self.reconstruction) * seconds["cuda" if "cuda" in device else "cpu"]

    def _format_name(self, source: LatentDistribution) -> str:
        return self.name if source == "prior" else f"{self.name} {source}"

    def _create_reference(
        self, splits: Splits, extractor: FeatureExtractor, device: torch.device
    ) -> ReferenceStatistics:
        split = splits.test if self.reference == "test" else splits.train
        return ReferenceStatistics(np.asarray(split.x[: self.images]), extractor, device)


def to_uint8(images: Tensor) -> np.ndarray:
    """Images in [0, 1] units, rounded and clipped to uint8."""
    return (images * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def compute_features(evaluation: Evaluation, extractor: FeatureExtractor, images: np.ndarray) -> np.ndarray:
    """Features of generated images uint8 [N, C, H, W], computed once for all metrics of an evaluation."""
    key = canonical_json({"images": array_sha256(images), "features": dict(extractor.key)})
    return evaluation.compute_once(key, lambda: extractor(images, evaluation.device))

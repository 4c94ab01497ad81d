"""What metrics of generated images share: the two sets of images, and features that are computed once."""

from abc import ABC, abstractmethod
from collections import OrderedDict
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
    """Real images under some features, which are kept on disk and shared by all runs."""

    images: np.ndarray
    features_of: FeatureExtractor
    device: torch.device

    @property
    def features(self) -> np.ndarray:
        """Float32 [N, F]."""
        return cached_arrays("features", self._origin, lambda: {"x": self.features_of(self.images, self.device)})["x"]

    @property
    def moments(self) -> Moments:
        """Their mean and covariance."""
        found = cached_arrays("moments", self._origin, self._moments)
        return Moments(len(self.images), found["mean"], found["root"])

    def _moments(self) -> Mapping[str, np.ndarray]:
        made = Moments.of(self.features)
        return {"mean": made.mean, "root": made.root}

    @cached_property
    def _origin(self) -> Mapping[str, object]:
        return {"images": array_sha256(self.images), "features": dict(self.features_of.key)}


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
        """What distances are measured in."""

    @abstractmethod
    def distance(self, made: np.ndarray, real: ReferenceStatistics) -> Estimate:
        """The distance of the features of as many made images [n, F] as there are real ones."""

    def measures(self) -> tuple[Measure, ...]:
        names = [self._named(source) for source in self.sources]
        names += [f"{self.name} reconstruction"] if self.reconstruction else []
        return tuple(Measure(name, self.unit, "lower") for name in names)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        features = self.features(evaluation.splits)
        real = self._real(evaluation.splits, features, evaluation.device)

        def distance(images: Tensor) -> Estimate:
            return self.distance(features_of(features, to_uint8(images), evaluation.device), real)

        n = len(real.images)
        found = {self._named(source): distance(evaluation.generate(n, source)) for source in self.sources}
        if self.reconstruction:
            found[f"{self.name} reconstruction"] = distance(evaluation.decode(evaluation.posterior("test").mean[:n]))
        return found

    def references(
        self,
        splits: Splits,
        spec: ModelSpec,  # noqa: ARG002
        dataset: str,
    ) -> Mapping[str, Mapping[str, Estimate]]:
        """Real images of the other split, as many, chosen at random: the floor, which is not 0 for so many images.

        None if there are not as many.
        """
        device = torch.device("cuda" if torch.cuda.is_initialized() else "cpu")  # a GPU that the run has
        features = self.features(splits)
        real = self._real(splits, features, device)
        label, other = ("training images", splits.train) if self.reference == "test" else ("test images", splits.test)
        n = len(real.images)
        if len(other) < n:
            return {}
        rng = np.random.Generator(np.random.Philox(key=derive_seed("real images", dataset)))
        images = np.asarray(other.x)[np.sort(rng.choice(len(other), n, replace=False))]
        made = ReferenceStatistics(images, features, device).features
        return {label: {self._named(source): self.distance(made, real) for source in self.sources}}

    def seconds(self, each: Mapping[str, float], device: str) -> float:
        """About how long a model takes where features of an image take so many seconds on `cpu` and on `cuda`."""
        return self.images * (len(self.sources) + self.reconstruction) * each["cuda" if "cuda" in device else "cpu"]

    def _named(self, source: LatentDistribution) -> str:
        return self.name if source == "prior" else f"{self.name} {source}"

    def _real(self, splits: Splits, features: FeatureExtractor, device: torch.device) -> ReferenceStatistics:
        part = splits.test if self.reference == "test" else splits.train
        return ReferenceStatistics(np.asarray(part.x[: self.images]), features, device)


def to_uint8(images: Tensor) -> np.ndarray:
    """Images in [0, 1] units, rounded and clipped to uint8."""
    return (images * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


_LATEST: OrderedDict[str, np.ndarray] = OrderedDict()
LATEST = 4


def features_of(features: FeatureExtractor, images: np.ndarray, device: torch.device) -> np.ndarray:
    """Features of generated images, computed once for all metrics of a run that ask for the same."""
    name = canonical_json({"images": array_sha256(images), "features": dict(features.key)})
    if name not in _LATEST:
        _LATEST[name] = features(images, device)
    _LATEST.move_to_end(name)
    while len(_LATEST) > LATEST:
        _LATEST.popitem(last=False)
    return _LATEST[name]

"""What metrics of generated images share: the two sets of images, and features that are computed once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar, Literal, Protocol

import numpy as np
import torch
from annotated_types import Ge, MinLen
from numpy.typing import NDArray
from torch import Tensor

from ..core.canonical import canonical_json
from ..core.results import Estimate, Measure
from ..data.choice import choose_places
from ..data.types import Splits
from ..functional.estimates import estimate_from_draws
from ..functional.frechet_distance import Moments
from ..models.model_spec import ModelSpec
from ..plugin.evaluation import Evaluation, SplitName
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
    """A distance of generated images from real ones: of `images` drawn ones from as many of `reference`.

    The real images are chosen at random for the data set, the same for all methods and runs. If there are fewer, as
    many are drawn as there are. Drawn images are rounded to bytes, as real ones are. `sources` says where codes are
    drawn (see `LatentDistribution`), with a measure for each; `reconstruction` adds one of test images, rebuilt from
    the posterior's mean: of those that are compared with, where these are test images.

    A value is that of the run's own drawn images, or a mean over several sets of them (`draws`), whose codes all runs
    share. The standard error is that of fresh drawn images, given the model and the real images.
    """

    images: Annotated[int, Ge(2)] = 10_000
    reference: Literal["test", "train"] = "test"
    sources: Annotated[tuple[LatentDistribution, ...], MinLen(1)] = ("prior",)
    reconstruction: bool = False

    name: ClassVar[str] = ""
    """The measure's name; other sources than the prior are added to it."""
    unit: ClassVar[str] = ""
    title: ClassVar[str] = ""
    """The name that readers see; other sources than the prior are added to it."""
    description: ClassVar[str] = ""
    """A sentence for readers that defines the measure."""
    draws: ClassVar[int] = 1
    """Sets of drawn images whose distances are averaged."""

    @abstractmethod
    def features(self, splits: Splits) -> FeatureExtractor:
        """The features that distances are measured in."""

    @abstractmethod
    def distance(self, features: np.ndarray, real: ReferenceStatistics) -> Estimate:
        """The distance of the features [n, F] of generated images, as many as there are real ones."""

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        """Raises ValueError for a single test image, which has no covariance."""
        if (n := len(splits.test)) < 2:
            raise ValueError(f"{self.name}: there is {n} test image; it takes 2 or more for a covariance")

    def measures(self) -> tuple[Measure, ...]:
        named = {self._format_name(source): f" ({source} codes)" * (source != "prior") for source in self.sources}
        named |= {f"{self.name} reconstruction": " (reconstructions)"} if self.reconstruction else {}
        return tuple(
            Measure(
                name,
                self.unit,
                "lower",
                family=self.name,
                topic="Generation",
                display_name=self.title + rest if self.title else "",
                description=self.description,
            )
            for name, rest in named.items()
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        extractor = self.features(evaluation.splits)
        real = self._create_reference(evaluation.splits, extractor, evaluation.device, evaluation.dataset)

        def measure(images: Tensor) -> Estimate:
            return self.distance(compute_features(evaluation, extractor, to_uint8(images)), real)

        def measure_generated(source: LatentDistribution) -> Estimate:
            if self.draws == 1:
                return measure(evaluation.generate(n, source))
            found = [measure(evaluation.generate(n, source, draw)).value for draw in range(self.draws)]
            return estimate_from_draws(found, n)

        n = len(real.images)
        found = {self._format_name(source): measure_generated(source) for source in self.sources}
        if self.reconstruction:
            tests = torch.from_numpy(self._choose_places(len(evaluation.splits.test), "test", evaluation.dataset))
            z = evaluation.posterior("test").mean
            found[f"{self.name} reconstruction"] = measure(evaluation.decode(z[tests.to(z.device)]))
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
        real = self._create_reference(splits, extractor, device, dataset)
        other: SplitName = "train" if self.reference == "test" else "test"
        n, images = len(real.images), np.asarray(getattr(splits, other).x)
        if len(images) < n:
            return {}
        chosen = images[self._choose_places(len(images), other, dataset)[:n]]
        features = ReferenceStatistics(chosen, extractor, device).features
        label = "training images" if other == "train" else "test images"
        return {label: {self._format_name(source): self.distance(features, real) for source in self.sources}}

    def estimate_cost(self, seconds: Mapping[str, float], device: str) -> float:
        """About how many seconds a model takes where the features of an image take so many on `cpu` and on `cuda`."""
        sets = self.draws * len(self.sources) + self.reconstruction
        return self.images * sets * seconds["cuda" if "cuda" in device else "cpu"]

    def _format_name(self, source: LatentDistribution) -> str:
        return self.name if source == "prior" else f"{self.name} {source}"

    def _create_reference(
        self, splits: Splits, extractor: FeatureExtractor, device: torch.device, dataset: str
    ) -> ReferenceStatistics:
        images = np.asarray(splits.test.x if self.reference == "test" else splits.train.x)
        places = np.sort(self._choose_places(len(images), self.reference, dataset))
        return ReferenceStatistics(images[places], extractor, device)

    def _choose_places(self, n: int, split: SplitName, dataset: str) -> NDArray[np.int64]:
        return choose_places(n, self.images, "real images", split, dataset)


def to_uint8(images: Tensor) -> np.ndarray:
    """Images in [0, 1] units, rounded and clipped to uint8."""
    return (images * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def compute_features(evaluation: Evaluation, extractor: FeatureExtractor, images: np.ndarray) -> np.ndarray:
    """Features of generated images uint8 [N, C, H, W], computed once for all metrics of an evaluation."""
    key = canonical_json({"images": array_sha256(images), "features": dict(extractor.key)})
    return evaluation.compute_once(key, lambda: extractor(images, evaluation.device))

"""How sharp generated images are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, MinLen
from torch import Tensor
from torch.nn.functional import conv2d

from vimae_bench.functional import estimate_mean
from vimae_bench.metrics import draw_images
from vimae_bench.plugin import (
    Estimate,
    Evaluation,
    LatentDistribution,
    Measure,
    Metric,
    ModelSpec,
    Splits,
    hookimpl,
)

LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
LUMA = (0.299, 0.587, 0.114)
"""What red, green and blue weigh in grey (ITU-R BT.601), as in the code of WAE."""
CHUNK = 250
SETS = 5


@dataclass(frozen=True)
class Sharpness(Metric):
    """The variance of the 3x3 Laplacian of an image in grey, in [0, 1] units: a mean over generated ones.

    They are 5 sets of `images`, whose codes all runs share where they have the same prior. The standard error is that
    of fresh generated images of the model.

    `sharpness` is of images decoded from draws of the model's own prior, `sharpness gaussian` of a Gaussian fitted to
    the training codes, and so on for each of the `sources`. The reference row says it of as many test images, which is
    what a model should come near: a blurred image has less, one with noise has more. The Laplacian is taken where it
    lies inside the image; 1711.01558 gives it in network units, four times as large for images in [-1, 1].
    """

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = ("values are means over 5 sets of images from shared draws",)
    estimator: ClassVar[str] = "mean over generated images of the variance of their Laplacian over pixels"
    bias: ClassVar[str] = "none; noise counts as sharpness"
    source: ClassVar[str] = "Tolstikhin et al., 1711.01558, section 4; github.com/tolstikhin/wae"
    use_for: ClassVar[str] = "whether samples are as sharp as real images; noise is sharp too"

    sources: Annotated[tuple[LatentDistribution, ...], MinLen(1)] = ("prior",)
    images: Annotated[int, Ge(2)] = 1000

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        _, height, width = spec.shape
        if min(height, width) < len(LAPLACIAN) or height * width == len(LAPLACIAN) ** 2:
            raise ValueError(
                f"sharpness: images of {height}x{width} pixels have no variance of a 3x3 Laplacian; take 4x4"
            )

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            Measure(
                format_name(source),
                "[0,1]^2",
                None,
                topic="Generation",
                display_name="Sharpness" if source == "prior" else f"Sharpness ({source} codes)",
                description="Variance of the Laplacian of generated images; compare it with that of test images.",
            )
            for source in self.sources
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        return {format_name(source): self._measure(evaluation, source) for source in self.sources}

    def _measure(self, evaluation: Evaluation, source: LatentDistribution) -> Estimate:
        sets = [compute_sharpness(evaluation.generate(self.images, source, draw)) for draw in range(SETS)]
        return replace(estimate_mean(torch.cat(sets)), per_draw=tuple(float(each.mean()) for each in sets))

    def references(self, splits: Splits, spec: ModelSpec, dataset: str) -> Mapping[str, Mapping[str, Estimate]]:  # noqa: ARG002
        """The same of test images, chosen for the data set: they may lie in the order of their classes."""
        real = estimate_mean(compute_sharpness(draw_images(splits.test, self.images, "sharpness", dataset)))
        return {"test images": {format_name(source): real for source in self.sources}}


def format_name(source: LatentDistribution) -> str:
    """The measure's name."""
    return "sharpness" if source == "prior" else f"sharpness {source}"


def compute_sharpness(x: Tensor) -> Tensor:
    """The variance [N] over pixels of the Laplacian of images [N, C, H, W] in [0, 1] units, float64."""
    kernel = torch.tensor(LAPLACIAN, dtype=torch.float64, device=x.device).reshape(1, 1, 3, 3)
    return torch.cat([conv2d(to_grey(few.double()), kernel).flatten(1).var(1, correction=0) for few in x.split(CHUNK)])


def to_grey(x: Tensor) -> Tensor:
    """Images [N, C, H, W] as [N, 1, H, W]: by the weights of three colours, or the mean of any other channels."""
    if x.shape[1] != len(LUMA):
        return x.mean(1, keepdim=True)
    return (x * torch.tensor(LUMA, dtype=x.dtype, device=x.device).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"sharpness": Sharpness}

"""How well images come back from their codes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.models import DiracPosterior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, hookimpl

MSE_FLOOR = 1e-10


@dataclass(frozen=True)
class Reconstruction(Metric):
    """Errors of the test images decoded from the posterior's mean, in [0, 1] units; each a mean over images.

    `sse` sums squared errors over all pixels and channels of an image, `l2` is its root and `mse` its mean over them.
    `psnr` is -10 log10(mse) of each image, at most 100 dB. `sse sampled` decodes one draw of the posterior instead,
    and is left out where the encoder is deterministic. `explained variance` is 1 - sse over that of the mean test
    image, at most 1; near 0 the model ignores its data. It has no standard error, and is left out where all test images
    are equal. The other standard errors are those of fresh test images and draws.
    """

    estimator: ClassVar[str] = "means over test images"
    bias: ClassVar[str] = "none"
    source: ClassVar[str] = (
        "Alemi et al., 1711.00464 (distortion); sse is that of the WAE code, times what its range asks"
    )

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "sse",
                "[0,1]^2",
                "lower",
                scale="log",
                margin=0.05,
                family="distortion",
                topic="Reconstruction",
                display_name="Squared error",
                description="Squared error of reconstructed test images, summed over pixels in [0, 1].",
            ),
            Measure(
                "sse sampled",
                "[0,1]^2",
                "lower",
                scale="log",
                margin=0.05,
                family="sampled distortion",
                topic="Reconstruction",
                display_name="Squared error, sampled codes",
                description="Squared error of test images decoded from one draw of the posterior.",
            ),
            Measure(
                "l2",
                "[0,1]",
                "lower",
                scale="log",
                margin=0.025,
                topic="Reconstruction",
                display_name="Euclidean error",
                description="Euclidean distance of test images from their reconstructions, pixels in [0, 1].",
            ),
            Measure(
                "mse",
                "[0,1]^2",
                "lower",
                scale="log",
                margin=0.05,
                topic="Reconstruction",
                display_name="Mean squared error",
                description="Squared error of reconstructed test images, a mean over pixels in [0, 1].",
            ),
            Measure(
                "psnr",
                "dB",
                "higher",
                margin=0.2,
                topic="Reconstruction",
                display_name="PSNR",
                description="Peak signal-to-noise ratio of reconstructed test images.",
            ),
            Measure(
                "explained variance",
                "",
                "higher",
                collapse_below=0.05,
                margin=0.01,
                topic="Reconstruction",
                display_name="Explained variance",
                description="Share of the variance of test images that reconstructions keep; 0 if images are ignored.",
            ),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        sse = evaluation.squared_error("test").double()
        mse = sse / evaluation.spec.input_size
        errors: dict[str, Tensor] = {"sse": sse, "l2": sse.sqrt(), "mse": mse, "psnr": decibels(mse)}
        if not isinstance(evaluation.posterior("test"), DiracPosterior):
            errors["sse sampled"] = evaluation.squared_error("test", of="draws")
        found = {name: estimate_mean(error) for name, error in errors.items()}
        if total := compute_total_variance(evaluation.images("test")):
            found["explained variance"] = Estimate(1 - float(sse.mean()) / total, len(sse))
        return found


def decibels(mse: Tensor) -> Tensor:
    """The peak signal-to-noise ratio in dB of mean squared errors in [0, 1] units, finite for a perfect image too."""
    return -10 * torch.log10(mse.clamp(min=MSE_FLOOR))


def compute_total_variance(chunks: Iterator[Tensor]) -> float:
    """The mean squared distance of images, in chunks [B, C, H, W], from their mean: the SSE of that mean."""
    count, total, squares = 0, torch.zeros(()), torch.zeros((), dtype=torch.float64)
    for x in chunks:
        flat = x.flatten(1).double()
        count, total, squares = count + len(x), total + flat.sum(0).cpu(), squares + flat.square().sum().cpu()
    return float(squares / count - (total / count).square().sum())


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"reconstruction": Reconstruction}

"""How well images come back from their codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.models import DiracPosterior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, hookimpl

MSE_FLOOR = 1e-10
ROUNDING = 1e-12
"""Squared distances, in [0, 1] units, up to which images are equal."""
COST_IMAGES = 10_000
LEAST_FOR_RATIO = 10
"""With fewer images than this the standard error of a ratio is not known."""


@dataclass(frozen=True)
class Reconstruction(Metric):
    """Errors of the test images decoded from the posterior's mean, in [0, 1] units; each a mean over images.

    `sse` sums squared errors over all pixels and channels of an image, `l2` is its root and `mse` its mean over them.
    `psnr` is -10 log10(mse) of each image, at most 100 dB. `sse sampled` decodes one draw of the posterior instead,
    and is left out where the encoder is deterministic. `explained variance` is 1 - sse over that of the mean test
    image, at most 1; near 0 the model ignores its data. It is left out where all test images are equal.
    Standard errors are those of fresh test images and draws; `explained variance` has one from 10 images on.
    """

    estimator: ClassVar[str] = "means over test images"
    bias: ClassVar[str] = "none"
    source: ClassVar[str] = (
        "Alemi et al., 1711.00464 (distortion); sse is that of the WAE code, times what its range asks"
    )
    use_for: ClassVar[str] = "always: the error that every objective trades against the rest"

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
                display_name="Squared error (sampled codes)",
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

    def cost(self, spec: ModelSpec, device: str) -> float:
        """Of 10,000 test images and a convolutional net of width 64, which takes 0.3 ms to decode 784 pixels."""
        return 2 * COST_IMAGES * spec.input_size * (4e-7 if device == "cpu" else 1e-8)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        sse = evaluation.squared_error("test").double()
        mse = sse / evaluation.spec.input_size
        errors: dict[str, Tensor] = {"sse": sse, "l2": sse.sqrt(), "mse": mse, "psnr": decibels(mse)}
        if not isinstance(evaluation.posterior("test"), DiracPosterior):
            errors["sse sampled"] = evaluation.squared_error("test", of="draws")
        found = {name: estimate_mean(error) for name, error in errors.items()}
        distances = measure_distances(evaluation)
        return found | ({"explained variance": explain_variance(sse, distances)} if distances.max() > ROUNDING else {})


def measure_distances(evaluation: Evaluation) -> Tensor:
    """The squared distances [N] of the test images from their mean in [0, 1] units, float64: the SSE of that mean."""
    total = torch.stack([x.double().sum(0) for x in evaluation.images("test")]).sum(0)
    mean = total / len(evaluation.splits.test)
    return torch.cat([(x - mean).square().flatten(1).sum(1) for x in evaluation.images("test")])


def explain_variance(sse: Tensor, distances: Tensor) -> Estimate:
    """1 less the ratio of the means of both [N], with the standard error of a ratio, of so many images or more."""
    share = float(sse.mean() / distances.mean())
    influence = estimate_mean((share * distances - sse) / distances.mean())
    return Estimate(1 - share, len(sse), influence.se if len(sse) >= LEAST_FOR_RATIO else None)


def decibels(mse: Tensor) -> Tensor:
    """The peak signal-to-noise ratio in dB of mean squared errors in [0, 1] units, finite for a perfect image too."""
    return -10 * torch.log10(mse.clamp(min=MSE_FLOOR))


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"reconstruction": Reconstruction}

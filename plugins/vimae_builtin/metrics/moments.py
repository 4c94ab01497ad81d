"""Moments of the aggregated posterior: how far q(z) is from zero mean, unit variance and normal tails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, hookimpl

from ._shared.codes import draw_codes

LEAST_FOR_VARIANCE, LEAST_FOR_KURTOSIS = 10, 500
"""With fewer images than this the standard error is not known, as it is that of many images."""


@dataclass(frozen=True)
class LatentMoments(Metric):
    """Means over latent dimensions of |mean|, variance and excess kurtosis of one draw for each test image.

    The excess kurtosis is 0 for a normal and 1.2 for a logistic distribution. It is left out when a dimension does not
    vary. Values are means over 5 draws of each code, which all runs share.

    Standard errors are those of fresh test images and draws, by the delta method: of the variance from 10 images on, of
    the kurtosis from 500 on. |mean| has none, as its distribution is not normal where a mean is near 0.
    """

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = (
        "values are means over 5 draws that all runs share, and small samples have no errors",
    )
    estimator: ClassVar[str] = "sample moments of one draw for each test image, means over dimensions and draws"
    bias: ClassVar[str] = (
        "latent abs mean: upwards, 0.8 / sqrt(n) for means of 0 and variances of 1; latent variance: by -1/n of it; "
        "latent kurtosis: downwards, by 6/n for a normal distribution and more for heavy tails"
    )
    source: ClassVar[str] = "the textbook's; excess kurtosis 0 is normal, 1.2 logistic"
    use_for: ClassVar[str] = "a first look at codes that do not follow the prior"

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "latent abs mean",
                "",
                None,
                topic="Prior match",
                display_name="|Mean| of codes",
                description="Absolute mean of a latent dimension, a mean over dimensions; 0 under the prior.",
            ),
            Measure(
                "latent variance",
                "",
                None,
                topic="Prior match",
                display_name="Variance of codes",
                description="Variance of a latent dimension, a mean over dimensions; 1 under a standard normal prior.",
            ),
            Measure(
                "latent kurtosis",
                "",
                None,
                topic="Prior match",
                display_name="Kurtosis of codes",
                description="Excess kurtosis of a latent dimension, a mean; 0 for a normal, 1.2 for a logistic prior.",
            ),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        z = draw_codes(evaluation).double()
        mean, variance = z.mean(1, keepdim=True), z.var(1, correction=0, keepdim=True)
        deviation = z - mean
        estimates = {
            "latent abs mean": replace(_average_dimensions(mean.abs(), deviation, LEAST_FOR_VARIANCE), se=None),
            "latent variance": _average_dimensions(variance, deviation.square() - variance, LEAST_FOR_VARIANCE),
        }
        if (variance > 0).all():
            u = deviation / variance.sqrt()
            kurtosis = u.pow(4).mean(1, keepdim=True)
            influence = u.pow(4) - kurtosis - 2 * kurtosis * (u.square() - 1)
            estimates["latent kurtosis"] = _average_dimensions(kurtosis - 3, influence, LEAST_FOR_KURTOSIS)
        return estimates


def _average_dimensions(value: Tensor, influence: Tensor, least: int) -> Estimate:
    """The mean over draws and dimensions of a statistic [draws, 1, d].

    Its error follows from the influence function [draws, n, d], for `least` images or more.
    """
    per_draw = tuple(value.mean((1, 2)).tolist())
    error = estimate_mean(influence.mean((0, 2)))
    return Estimate(float(value.mean()), error.n, error.se if error.n >= least else None, per_draw)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"moments": LatentMoments}

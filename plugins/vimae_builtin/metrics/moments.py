"""Moments of the aggregated posterior: how far q(z) is from zero mean, unit variance and normal tails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, hookimpl


@dataclass(frozen=True)
class LatentMoments(Metric):
    """Means over latent dimensions of |mean|, variance and excess kurtosis of one draw for each test image.

    The excess kurtosis is 0 for a normal and 1.2 for a logistic distribution. Standard errors are those of sampling n
    images, by the delta method. The kurtosis is left out when a dimension does not vary.
    """

    estimator: ClassVar[str] = "sample moments of one draw for each test image, means over dimensions"
    bias: ClassVar[str] = (
        "latent abs mean: upwards, 0.8 / sqrt(n) for means of 0 and variances of 1; latent variance: by -1/n of it; "
        "latent kurtosis: downwards, by 6/n for a normal distribution and more for heavy tails"
    )
    source: ClassVar[str] = "the textbook's; excess kurtosis 0 is normal, 1.2 logistic"

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("latent abs mean", "", None),
            Measure("latent variance", "", None),
            Measure("latent kurtosis", "", None),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        z = evaluation.posterior_samples("test").double()
        mean, variance = z.mean(0), z.var(0, correction=0)
        estimates = {
            "latent abs mean": _average_dimensions(mean.abs(), mean.sign() * (z - mean)),
            "latent variance": _average_dimensions(variance, (z - mean).square() - variance),
        }
        if (variance > 0).all():
            u = (z - mean) / variance.sqrt()
            kurtosis = u.pow(4).mean(0)
            influence = u.pow(4) - kurtosis - 2 * kurtosis * (u.square() - 1)
            estimates["latent kurtosis"] = _average_dimensions(kurtosis - 3, influence)
        return estimates


def _average_dimensions(value: Tensor, influence: Tensor) -> Estimate:
    """The mean over dimensions of a statistic [d], with the error that follows from its influence function [n, d]."""
    error = estimate_mean(influence.mean(1))
    return Estimate(float(torch.mean(value)), error.n, error.se)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"moments": LatentMoments}

"""Generated images against real ones, in the features of the Inception network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge, MinLen

from vimae_bench.functional import estimate_frechet_distance, estimate_u_statistic_error
from vimae_bench.metrics import (
    ORIGINAL_INCEPTION,
    FeatureExtractor,
    GenerativeDistance,
    InceptionLayer,
    Precision,
    ReferenceStatistics,
    WeightsUnavailable,
    estimate_inception_cost,
    load_inception,
)
from vimae_bench.plugin import Estimate, Metric, ModelSpec, RunOption, Splits, hookimpl

Weights = Annotated[str, MinLen(8)]
"""How the sha256 of the weights begins, in hexadecimal digits."""
SEED = 2020  # torch-fidelity's
ROWS = 500
HINT = "Or give it by --inception-weights PATH; the metrics fd_pca64 and fd_cnn do without."


@dataclass(frozen=True)
class _InceptionDistance(GenerativeDistance):
    """A distance in features of the Inception network with the weights whose sha256 begins with `weights`.

    The sum is that of the file, or of those weights in it that the layer uses. Grey images are repeated in three
    channels, which is no standard use of the network. Without the weights nothing is measured.
    """

    weights: Weights = ORIGINAL_INCEPTION
    weights_file: str = ""

    run_options: ClassVar[tuple[RunOption, ...]] = (
        RunOption(
            "--inception-weights",
            "The weights of the Inception network, for fid and kid.  [default: $VIMAE_BENCH_INCEPTION, or downloaded]",
            setting="weights_file",
            metavar="PATH",
            is_path=True,
        ),
    )

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = ("the real images are chosen at random",)
    layer: ClassVar[InceptionLayer] = "2048"
    precision: ClassVar[Precision] = "float32"
    """In which published values were computed."""

    def check(self, splits: Splits, spec: ModelSpec) -> None:
        super().check(splits, spec)
        if spec.shape[0] not in (1, 3):
            raise ValueError(f"{self.name} needs images of 1 or 3 channels, not {spec.shape[0]}")
        self.features(splits)

    slow: ClassVar[bool] = True

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        return self.estimate_cost(
            {kind: estimate_inception_cost(self.precision, kind) for kind in ("cpu", "cuda")}, device
        )

    def features(self, splits: Splits) -> FeatureExtractor:  # noqa: ARG002
        try:
            return load_inception(self.layer, self.weights, self.weights_file, precision=self.precision)
        except WeightsUnavailable as error:
            raise WeightsUnavailable(f"{error} {HINT}") from error


@dataclass(frozen=True)
class Fid(_InceptionDistance):
    """The Fréchet inception distance of 1706.08500, by torch-fidelity's port of its network, on uncompressed images.

    The features are the 2048 of the last pooling. The standard error is that of fresh drawn images, given the model and
    the real ones; there is none for fewer than 20 images.
    """

    name: ClassVar[str] = "fid"
    title: ClassVar[str] = "FID"
    description: ClassVar[str] = (
        "Fréchet distance of generated from real images in features of the Inception network; 0 if they are alike."
    )
    estimator: ClassVar[str] = (
        "Fréchet distance of Gaussians with the moments of 2048 Inception features, in float64; se by the influence "
        "function; grey images in three channels, which is not standard"
    )
    bias: ClassVar[str] = (
        "upwards, of order 1/n and different for each model (1911.07023): compare at equal numbers of images only"
    )
    source: ClassVar[str] = "Heusel et al., 1706.08500; github.com/toshas/torch-fidelity, inception-v3-compat"
    use_for: ClassVar[str] = "samples of colour images, to compare with published values"

    def distance(self, features: np.ndarray, real: ReferenceStatistics) -> Estimate:
        return estimate_frechet_distance(features, real.moments)


@dataclass(frozen=True)
class Fid768(Fid):
    """As `fid`, in the 768 features before the auxiliary classifier: not comparable with a published FID.

    Weights and activations of the network are rounded to bfloat16 on every machine, for generated and real images,
    which takes a third of the time on a processor that multiplies in it. It changes distances by less than 1 %.
    """

    name: ClassVar[str] = "fid768"
    title: ClassVar[str] = "FID-768"
    description: ClassVar[str] = (
        "Fréchet distance as FID, in 768 features of an inner layer: not comparable with published FIDs."
    )
    layer: ClassVar[InceptionLayer] = "768"
    precision: ClassVar[Precision] = "bfloat16"
    version: ClassVar[int] = 3
    changes: ClassVar[tuple[str, ...]] = (
        *_InceptionDistance.changes,
        "the network's weights and activations are of bfloat16, which changes distances by less than 1 %",
    )
    estimator: ClassVar[str] = Fid.estimator.replace("2048 Inception features", "768 Inception features (bfloat16)")
    use_for: ClassVar[str] = "as `fid`, with few samples: fewer features have less bias"


@dataclass(frozen=True)
class Kid(_InceptionDistance):
    """The kernel inception distance of 1801.01401: unbiased MMD^2 with the kernel (x'y/2048 + 1)^3, as torch-fidelity.

    A mean over `subsets` random subsets of `subset_size` images of each side (of all images, if there are fewer). The
    standard error is that of fresh drawn images and of the choice of subsets, given the model and the real images;
    there is none for fewer than 20 images.
    """

    subsets: Annotated[int, Ge(1)] = 100
    subset_size: Annotated[int, Ge(2)] = 1000

    name: ClassVar[str] = "kid"
    title: ClassVar[str] = "KID"
    description: ClassVar[str] = (
        "Squared kernel distance of generated from real images in features of the Inception network; 0 if alike."
    )
    estimator: ClassVar[str] = (
        "unbiased MMD^2 of 2048 Inception features under a cubic kernel, a mean over subsets; se as a U-statistic of "
        "drawn images, and of the choice of subsets"
    )
    bias: ClassVar[str] = "none over draws of both sides; it may be negative"
    source: ClassVar[str] = "Binkowski et al., 1801.01401; github.com/toshas/torch-fidelity"
    use_for: ClassVar[str] = "as `fid`, with few samples: it has no bias"

    def distance(self, features: np.ndarray, real: ReferenceStatistics) -> Estimate:
        return estimate_kernel_distance(features, real.features, self.subsets, self.subset_size)


def estimate_kernel_distance(generated: np.ndarray, real: np.ndarray, subsets: int, size: int) -> Estimate:
    """KID of features [n, F] from real ones [m, F] as torch-fidelity has it, with its standard error over draws.

    Subsets overlap, so their spread does not tell the error of their mean. That is the one of the statistic of all
    images, which the mean estimates, and that of having so many subsets only, added as variances.
    """
    from torch_fidelity.metric_kid import kid_features_to_metric

    found = kid_features_to_metric(
        torch.tensor(generated),
        torch.tensor(real),
        kid_subsets=subsets,
        kid_subset_size=min(size, len(generated), len(real)),
        rng_seed=SEED,
        verbose=False,
    )
    mean, sd = found["kernel_inception_distance_mean"], found["kernel_inception_distance_std"]
    of_all = estimate_error(generated, real)
    return Estimate(mean, len(generated), None if of_all is None else float(np.hypot(of_all, sd / subsets**0.5)))


def estimate_error(generated: np.ndarray, real: np.ndarray) -> float | None:
    """The standard error of the unbiased MMD^2 of generated [n, F] from real features [m, F], given the latter.

    But for a constant it is the U-statistic of k(x, y) - r(x) - r(y), r(x) being the mean kernel of x with real ones.
    """
    n = len(generated)
    across = _average_kernel(generated, real)
    row_sums, squares = np.empty(n), 0.0
    for start in range(0, n, ROWS):
        rows = slice(start, start + ROWS)
        h = _compute_kernel(generated[rows] @ generated.T, generated.shape[1]) - across[rows, None] - across
        h[np.arange(len(h)), np.arange(n)[rows]] = 0
        row_sums[rows] = h.sum(1)
        squares += float((h**2).sum())
    return estimate_u_statistic_error(torch.from_numpy(row_sums), squares)


def _average_kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The mean of the kernel of each of a [n, F] with all of b [m, F], float64 [n]."""
    return np.concatenate([_compute_kernel(a[i : i + ROWS] @ b.T, a.shape[1]).mean(1) for i in range(0, len(a), ROWS)])


def _compute_kernel(products: np.ndarray, features: int) -> np.ndarray:
    return (products.astype(np.float64) / features + 1) ** 3


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"fid": Fid, "kid": Kid, "fid768": Fid768}

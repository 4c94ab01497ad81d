"""Where the codes of test images are, and the prior."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from vimae_bench.plugin import Evaluation, Picture, ScatterPlot, hookimpl

OUTSIDE, DRAWS, SIDE = 0.05, 50_000, 201
"""The share of the prior that is outside its outline; draws of the prior; points along the side of a grid."""
MOST = 4_000
"""The points kept at most, spread evenly over the test split."""
MIN_MARGIN = 1e-6
"""Around draws without any extent along an axis."""
SMOOTHING = 4.0
"""The width in points of the grid of the kernel by which a density is estimated from draws."""


@dataclass(frozen=True)
class Codes(Picture):
    """Codes of test images by class, with the outline of the densest 95 % of the model's own prior.

    With two latent dimensions: one draw z ~ q(z|x) for each image. With more: the two principal components of the
    posterior means, with the share of their variance that each explains, and the prior's density in the same plane,
    estimated from 50,000 draws.
    """

    def __call__(self, evaluation: Evaluation) -> ScatterPlot:
        count = len(evaluation.examples("test"))
        chosen = np.linspace(0, count - 1, min(count, MOST)).astype(np.int64)
        y = evaluation.examples("test").y
        classes = None if y is None else np.asarray(y)[chosen]
        if evaluation.spec.latent == 2:
            z = evaluation.posterior_samples("test").cpu().numpy()
            title, axes, outline = "Codes z ~ q(z|x) of test images", ("z1", "z2"), compute_prior_outline(evaluation)
        else:
            z, outline, shares = project_codes(evaluation)
            title = "Posterior means of test images, principal components"
            axes = tuple(f"component {i + 1} ({100 * share:.0f} % of the variance)" for i, share in enumerate(shares))
        return ScatterPlot(z[chosen], title, *axes, classes, outline, f"densest {100 - 100 * OUTSIDE:g} % of the prior")

    def explain_absence(self, evaluation: Evaluation) -> str:
        return "" if evaluation.spec.latent > 1 else "it has 1 latent dimension"


def compute_prior_outline(evaluation: Evaluation) -> NDArray[np.float32]:
    """Lines [M, 2] around the densest 95 % of a prior of two dimensions; a row of NaN ends each.

    A density that is the same everywhere has no densest part, and is outlined where it ends.
    """
    z = evaluation.prior_samples(DRAWS, "densest regions", draw=0)
    with torch.inference_mode():
        log_p = evaluation.model.prior.log_prob(z)
        level = float(log_p.sort().values[round(OUTSIDE * DRAWS)]) - 1e-4
        reach = 1.1 * float(z[log_p >= level].abs().max())
        side = torch.linspace(-reach, reach, SIDE, device=evaluation.device)
        density = evaluation.model.prior.log_prob(torch.cartesian_prod(side, side)).view(SIDE, SIDE).T
    along = side.cpu().numpy()
    # Outside the support there is no density; contours need a number.
    return _draw_contour(along, along, np.maximum(density.cpu().numpy(), level - 100), level)


def project_codes(evaluation: Evaluation) -> tuple[NDArray[np.float32], NDArray[np.float32], list[float]]:
    """Posterior means [N, 2] in the plane of their principal components, the prior's outline, the shares of variance.

    Axes point to where their largest loading is positive. Codes that never move have no such plane, and the first two
    dimensions are taken.
    """
    mean = evaluation.posterior("test").mean.double().cpu().numpy()
    centre = mean.mean(0)
    values, vectors = np.linalg.eigh(np.cov(mean.T))
    plane = vectors[:, ::-1][:, :2]
    plane = plane * np.sign(plane[np.abs(plane).argmax(0), range(2)])
    total = max(float(values.sum()), 1e-300)
    shares = [max(float(value) / total, 0.0) for value in values[::-1][:2]]
    draws = evaluation.prior_samples(DRAWS, "densest regions", draw=0).double().cpu().numpy()
    outline = outline_draws((draws - centre) @ plane)
    return ((mean - centre) @ plane).astype(np.float32), outline, shares


def outline_draws(z: NDArray[np.float64]) -> NDArray[np.float32]:
    """Lines [M, 2] around the densest 95 % of the distribution that z [N, 2] are draws of."""
    from scipy.ndimage import gaussian_filter

    low, high = np.quantile(z, (0.0005, 0.9995), axis=0)
    margin = np.maximum(0.25 * (high - low), MIN_MARGIN)
    start, width = low - margin, (high - low + 2 * margin) / SIDE
    # The cells are all alike, so that which one a draw is in is found without a search.
    cells = np.floor((z - start) / width).astype(np.int64)
    inside = cells[((cells >= 0) & (cells < SIDE)).all(1)]
    drawn = np.bincount(inside[:, 0] * SIDE + inside[:, 1], minlength=SIDE**2).reshape(SIDE, SIDE)
    counts = gaussian_filter(drawn.astype(np.float64), SMOOTHING)
    densest = np.sort(counts, axis=None)[::-1]
    level = densest[np.searchsorted(densest.cumsum(), (1 - OUTSIDE) * len(z))]
    x, y = start[:, None] + (np.arange(SIDE) + 0.5) * width[:, None]
    return _draw_contour(x, y, counts.T, float(level))


def _draw_contour(x: NDArray, y: NDArray, height: NDArray, level: float) -> NDArray[np.float32]:
    """The lines [M, 2] along which a surface [len(y), len(x)] has this height, a row of NaN at the end of each."""
    from contourpy import LineType, contour_generator

    contours = contour_generator(x, y, height, line_type=LineType.Separate)
    lines = cast("Sequence[NDArray[np.float64]]", contours.lines(level))
    end = np.full((1, 2), np.nan)
    return np.concatenate([np.empty((0, 2)), *(part for line in lines for part in (line, end))]).astype(np.float32)


@hookimpl
def vimae_pictures() -> Mapping[str, Callable[..., Picture]]:
    return {"codes": Codes}

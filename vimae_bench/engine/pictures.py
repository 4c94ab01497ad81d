"""Draws the pictures of a run: reconstructions, samples, codes in two dimensions, losses by epoch."""

import shutil
from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.canonical import Json
from ..data.pixels import to_unit
from ..plugin.evaluation import Evaluation
from ..storage import image_grid
from ..storage.image_grid import COLUMNS, Images

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUTSIDE = 0.05
"""The share of the prior that is outside its outline."""
MAX_LEGEND_CLASSES = 10
"""More classes than this have colours only."""


def draw_pictures(evaluation: Evaluation, history: Sequence[Json], folder: Path) -> None:
    """Draw a run into `folder`, which is not there yet and appears with all its pictures at once.

    `history` is a line for each epoch, with its `epoch` and its `terms`. Where the latent space has two dimensions,
    the codes are saved as well: codes.npz has z float16 [N, 2], where there are labels y int64 [N], and as `prior` the
    outline of the densest 95 % of the model's prior, float32 [M, 2], with a row of NaN between one line and the next.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    columns = min(COLUMNS, len(evaluation.examples("test")))
    image_grid.save_grid(
        to_uint8(make_reconstructions(evaluation, columns)), columns, unfinished / "reconstructions.png"
    )
    samples = evaluation.decode(evaluation.prior_samples(COLUMNS**2, "samples"))
    image_grid.save_grid(to_uint8(samples), COLUMNS, unfinished / "samples.png")
    if evaluation.spec.latent == 2:
        _draw_codes(evaluation, unfinished)
    if history:
        _draw_losses(history, unfinished / "losses.png")
    unfinished.rename(folder)


def make_reconstructions(evaluation: Evaluation, columns: int) -> Tensor:
    """Test images in the odd rows (the first, third, ...), the reconstruction below each, in [0, 1] units.

    They stand as far apart in the test split as can be, since a data set may have its classes one after the other.
    """
    images = evaluation.examples("test").x
    rows = min(COLUMNS // 2, len(images) // columns)
    places = np.linspace(0, len(images) - 1, rows * columns).astype(np.int64)
    x = to_unit(torch.from_numpy(images[places]).to(evaluation.device))
    xhat = evaluation.decode(evaluation.posterior("test").mean[torch.from_numpy(places).to(evaluation.device)])
    return torch.cat([part for pair in zip(x.split(columns), xhat.split(columns), strict=True) for part in pair])


def to_uint8(images: Tensor) -> Images:
    """Images [N, C, H, W] in [0, 1] units as uint8 [N, H, W, C]."""
    return images.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def compute_prior_levels(evaluation: Evaluation) -> list[float]:
    """Values of log p(z) that bound the prior's densest regions, with the mass of 3, 2 and 1 sigma of a 2-D normal.

    For N(0, I) these are circles of radius 3, 2 and 1; they exist for every other prior as well.
    """
    z = evaluation.prior_samples(100_000, "densest regions")
    with torch.inference_mode():
        outside = z.new_tensor([exp(-(sigma**2) / 2) for sigma in (3, 2, 1)])
        return evaluation.model.prior.log_prob(z).quantile(outside).unique().tolist()


def compute_prior_outline(evaluation: Evaluation) -> NDArray[np.float32]:
    """Lines [M, 2] around the densest 95 % of a prior of two dimensions; a row of NaN ends each.

    A density that is the same everywhere has no densest part, and is outlined where it ends.
    """
    from contourpy import LineType, contour_generator

    z = evaluation.prior_samples(100_000, "densest regions")
    with torch.inference_mode():
        log_p = evaluation.model.prior.log_prob(z)
        level = float(log_p.quantile(OUTSIDE)) - 1e-4
        reach = 1.1 * float(z[log_p >= level].abs().max())
        along, density = _evaluate_prior(evaluation, reach)
    # Outside the support there is no density; contours need a number.
    contours = contour_generator(along, along, np.maximum(density, level - 100), line_type=LineType.Separate)
    lines = cast(Sequence[NDArray[np.float64]], contours.lines(level))
    end = np.full((1, 2), np.nan)
    return np.concatenate([np.empty((0, 2)), *(part for line in lines for part in (line, end))]).astype(np.float32)


def _evaluate_prior(evaluation: Evaluation, limit: float) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
    """Coordinates [201] from -limit to limit, and log p(z) at each pair of them, the first dimension along columns."""
    side = torch.linspace(-limit, limit, 201, device=evaluation.device)
    with torch.inference_mode():
        log_p = evaluation.model.prior.log_prob(torch.cartesian_prod(side, side)).view(201, 201).T
    return side.cpu().numpy(), log_p.cpu().numpy()


def _draw_codes(evaluation: Evaluation, folder: Path) -> None:
    z, y = evaluation.posterior_samples("test").cpu().numpy(), evaluation.examples("test").y
    labels: dict[str, Any] = {} if y is None else {"y": np.asarray(y)}
    np.savez_compressed(folder / "codes.npz", z=z.astype(np.float16), prior=compute_prior_outline(evaluation), **labels)
    figure = _make_figure(6, 6)
    axes = figure.add_axes((0.07, 0.05, 0.91, 0.91))
    _scatter_codes(axes, z, y)
    limit = max(4.0, 1.05 * float(abs(z).max()))
    _outline_prior(axes, evaluation, limit)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
    axes.tick_params(labelsize=8)
    axes.set_title("test codes z ~ q(z|x); lines: densest 39, 86 and 99 % of the prior", fontsize=9)
    figure.savefig(folder / "codes.png")


def _scatter_codes(axes: "Axes", z: np.ndarray, y: np.ndarray | None) -> None:
    classes, colour = np.unique(np.zeros(len(z), np.int64) if y is None else y, return_inverse=True)
    few = len(classes) <= MAX_LEGEND_CLASSES
    cmap, vmax = ("tab10", MAX_LEGEND_CLASSES - 1) if few else ("turbo", len(classes))
    size = max(4.0, 6000 / len(z))
    points = axes.scatter(z[:, 0], z[:, 1], s=size, alpha=0.6, linewidths=0, c=colour, cmap=cmap, vmin=0, vmax=vmax)
    if few and y is not None:
        handles, _ = points.legend_elements(num=list(range(len(classes))), alpha=1)
        axes.legend(handles, [str(c) for c in classes], loc="upper right", fontsize=8)


def _outline_prior(axes: "Axes", evaluation: Evaluation, limit: float) -> None:
    along, log_p = _evaluate_prior(evaluation, limit)
    axes.contour(
        along, along, log_p, compute_prior_levels(evaluation), colors="0.5", linewidths=0.8, linestyles="solid"
    )


def _draw_losses(history: Sequence[Json], path: Path) -> None:
    names = list(history[0]["terms"])
    epochs = [line["epoch"] for line in history]
    figure = _make_figure(3 * len(names), 2.6)
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        axes.plot(epochs, [line["terms"][name] for line in history], marker=".", markersize=3, linewidth=1)
        # A plugin names its terms, and a dollar sign in a name does not begin a formula. Ticks take most of a figure's
        # time, and looking where there is room for a title much of the rest.
        axes.set_title(name, fontsize=9, y=1, parse_math=False)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=4)
        axes.xaxis.get_major_locator().set_params(integer=True)
    # Margins by hand: a layout engine draws everything twice, which is half of the time of all pictures.
    figure.subplots_adjust(left=0.17 / len(names), right=1 - 0.03 / len(names), bottom=0.18, top=0.9, wspace=0.28)
    figure.savefig(path)


def _make_figure(width: float, height: float) -> "Figure":
    # Made without pyplot: nothing global, and the import alone takes half a second.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100)

"""A figure of two-dimensional codes: a panel for each method, with every test image in the colour of its class."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import ResultsError
from ..core.results import find_measure
from ..storage.latent_codes import LatentCodes, read_latent_codes
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .plot_style import BLACK, METHOD_ID
from .table_format import COLLAPSED, clean_text, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patheffects import AbstractPathEffect

COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377", "#222222", "#EE7733", "#009988", "#A0A0A0")
"""Paul Tol's bright and vibrant colours, for colour-blind readers; they repeat after ten classes."""

GREY, FAINT = "#6B6B6B", "#CCCCCC"
CAPTION = (
    "Codes of test images from one seed, coloured by class. Codes that fill the dashed outline, the densest 95 % of "
    "the model's own prior, with few outside it, match that prior."
)
DEFAULT_FAMILIES = ("prior mismatch", "rate", "distortion")
"""The measures that are written above each panel."""

MAX_LABELLED_CLASSES = 10
"""With more classes than this, none is labelled."""

MIN_LIMIT = 3.0
"""The least half width of all panels."""


def draw_codes(run_results: Sequence[RunResult], measures: Sequence[str] = (), seed: int | None = None) -> "Figure":
    """The codes of each method of one table from one seed (None: the lowest that has kept any).

    `measures` are written above each panel (empty: prior mismatch, rate and distortion). Axes are equal and shared;
    codes outside them are counted. Raises ResultsError if no run has kept its codes, which only two-dimensional models
    do.
    """
    from matplotlib.figure import Figure

    seeds = (result.entry.seed for result in run_results if has_codes(result))
    shown_seed = min(seeds, default=0) if seed is None else seed
    panels = [(result, _read_codes_or_reason(result)) for result in run_results if result.entry.seed == shown_seed]
    readable = [codes for _, codes in panels if isinstance(codes, LatentCodes)]
    if not any(has_codes(result) for result, _ in panels):
        raise ResultsError(f"no run from seed {shown_seed} has kept two-dimensional codes")
    columns = min(3, len(panels))
    rows = ceil(len(panels) / columns)
    figure = Figure((2.5 * columns, 2.8 * rows + 0.3), layout="constrained", dpi=150)
    # The layout does not know how high the titles are.
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.12 / figure.get_figheight()))  # pyright: ignore
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (result, codes) in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, result, codes, measures, _choose_axis_limit(readable))
    dataset = panels[0][0].entry.run.dataset.name
    count = max((len(codes.z) for codes in readable), default=0)
    caption = f"{dataset}: z ~ q(z|x) of {count:,} test images, seed {shown_seed}."
    if any(len(codes.prior) for codes in readable):
        caption += "   Dashed: the densest 95 % of the model's prior."
    figure.supxlabel(clean_text(caption), fontsize=7, color=GREY, parse_math=False)
    return figure


def has_codes(result: RunResult) -> bool:
    """Whether a finished run has kept its two-dimensional codes, damaged or not."""
    return result.status == "done" and result.entry.run.latent == 2 and _get_codes_path(result).exists()


def _get_codes_path(result: RunResult) -> Path:
    return RunFolder(result.folder).pictures / "codes.npz"


def _read_codes_or_reason(result: RunResult) -> LatentCodes | str:
    """The codes of a run, or why there are none."""
    if not has_codes(result):
        return result.status if result.status != "done" else "no codes kept"
    try:
        return read_latent_codes(_get_codes_path(result))
    except ResultsError:
        return "damaged; see vimae-bench doctor"


def _choose_axis_limit(codes: Sequence[LatentCodes]) -> float:
    """Half the width of all panels: enough for nearly all codes of most methods and for their priors."""
    extents = [float(np.quantile(np.abs(one.z), 0.995)) for one in codes]
    priors = [float(np.nanmax(np.abs(one.prior))) for one in codes if np.isfinite(one.prior).any()]
    return max(MIN_LIMIT, 1.1 * float(np.median(extents or [0.0])), *(1.2 * reach for reach in priors))


def _draw_panel(
    axes: "Axes", result: RunResult, codes: LatentCodes | str, measures: Sequence[str], limit: float
) -> None:
    axes.set_gid(METHOD_ID + clean_text(result.entry.label))
    label = shorten_name(result.entry.label) + (f" {COLLAPSED}" if result.collapsed else "")
    axes.set_title(label, fontsize=9, fontweight="bold", loc="left", pad=14, parse_math=False)
    default = (find_measure(result.measures.values(), family) for family in DEFAULT_FAMILIES)
    shown = [result.measures.get(name) for name in measures] or default
    values = [f"{m.label} {result.estimates[m.name].value:.3g}" for m in shown if m and m.name in result.estimates]
    _add_text(axes, 0, 1.03, clean_text("    ".join(values)))
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    axes.tick_params(labelsize=7, length=2, color=FAINT, labelcolor=GREY)
    axes.spines[:].set(color=FAINT, linewidth=0.6)
    if isinstance(codes, str):
        _add_text(axes, 0.03, 0.03, codes)
        return
    _draw_points(axes, codes)
    if not result.collapsed:  # in a collapsed model, all classes have the same codes
        _label_classes(axes, codes)
    outside = float(np.mean(np.abs(codes.z).max(1) > limit))
    if outside >= 0.0005:
        _add_text(axes, 0.03, 0.03, f"{outside:.1%} outside")


def _draw_points(axes: "Axes", codes: LatentCodes) -> None:
    """Draw the codes in random order, so that no class hides another, and the outline of the model's prior."""
    order = np.random.default_rng(0).permutation(len(codes.z))
    colours = np.array(COLOURS)[np.unique(codes.y, return_inverse=True)[1][order] % len(COLOURS)]
    size = min(max(4000 / len(order), 0.6), 12)
    axes.scatter(*codes.z[order].T, s=size, c=colours, alpha=0.6, linewidths=0, rasterized=True)
    axes.plot(*codes.prior.T, linestyle=(0, (4, 3)), linewidth=0.8, color=BLACK)


def _label_classes(axes: "Axes", codes: LatentCodes) -> None:
    """Write the name of each class at its median."""
    classes = np.unique(codes.y)
    if 1 < len(classes) <= MAX_LABELLED_CLASSES:
        for name, colour in zip(classes, COLOURS, strict=False):
            x, y = np.median(codes.z[codes.y == name], axis=0)
            text = axes.text(x, y, str(name), fontsize=8, fontweight="bold", color=colour, ha="center", va="center")
            text.set(clip_on=True, path_effects=_create_outline())


def _add_text(axes: "Axes", x: float, y: float, text: str) -> None:
    label = axes.text(x, y, text, transform=axes.transAxes, fontsize=7, color=GREY, parse_math=False)
    label.set_path_effects(_create_outline())


def _create_outline() -> "list[AbstractPathEffect]":
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2, foreground="white")]

"""A figure of two-dimensional codes: a panel for each method, with every test image in the colour of its class."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ResultsError
from ..core.results import find_measure
from ..storage.chart_image import CLASS_COLOURS
from ..storage.latent_codes import LatentCodes, read_latent_codes
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .plot_axes import BLACK, FAINT, GREY, set_axis, write_title
from .plot_style import DPI, METHOD_ID, TEXT_WIDTH
from .plot_text import FONT_SIZE, LINE_HEIGHT, wrap_text
from .table_format import COLLAPSED, clean_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patheffects import AbstractPathEffect

PANEL_WIDTH, LARGEST_PANEL = 1.55, 2.4
"""The least and the greatest width of a panel in inches."""
AXIS_SPACE = 0.3
"""Inches for the ticks at the left."""
DENSITY_BINS, CLUSTER_DENSITY, MIN_CLUSTER_SHARE, MIN_CLUSTERED = 64, 0.3, 0.15, 30
"""A cluster is a region whose density is above a share of its maximum, with a share of the points of the class.

Of fewer points than the last of these, none are searched for.
"""
NOTE_STYLE: Any = {"fontsize": FONT_SIZE, "color": GREY, "linespacing": 1.1, "parse_math": False}
LABEL_SPACE = 0.11
"""Inches between the centres of labels."""
DEFAULT_FAMILIES = ("prior mismatch", "rate", "distortion")
"""The measures that are written above each panel."""

MAX_LABELLED_CLASSES = 10
"""With more classes than this, none is labelled."""

MIN_LIMIT = 3.0
"""The least half width of all panels."""


def draw_codes(
    run_results: Sequence[RunResult],
    measures: Sequence[str] = (),
    seed: int | None = None,
    width: float = TEXT_WIDTH,
) -> "Figure":
    """The codes of each method of one table from one seed (None: the lowest that has kept any).

    `measures` are written above each panel (empty: prior mismatch, rate and distortion). Axes are equal and shared;
    codes outside them are counted. `width` is in inches. Raises ResultsError if no run has kept its codes, which only
    two-dimensional models do.
    """
    from matplotlib.figure import Figure

    seeds = (result.entry.seed for result in run_results if has_codes(result))
    shown_seed = min(seeds, default=0) if seed is None else seed
    panels = [(result, _read_codes_or_reason(result)) for result in run_results if result.entry.seed == shown_seed]
    readable = [codes for _, codes in panels if isinstance(codes, LatentCodes)]
    if not any(has_codes(result) for result, _ in panels):
        raise ResultsError(f"no run from seed {shown_seed} has kept two-dimensional codes")
    columns = min(len(panels), max(1, int(width / PANEL_WIDTH)))
    rows = ceil(len(panels) / columns)
    inches = min((width - AXIS_SPACE) / columns - 0.08, LARGEST_PANEL)
    notes = [wrap_text(_describe_values(result, measures), inches) for result, _ in panels]
    lines = max(note.count("\n") + 1 for note in notes)
    figure = Figure((width, rows * (inches + (lines + 1.3) * LINE_HEIGHT) + AXIS_SPACE / 2), dpi=DPI)
    figure.set_layout_engine("compressed", w_pad=0.02, h_pad=0.03)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    limit = _choose_axis_limit(readable)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes in grid.flat[max(len(panels) - columns, 0) : len(panels)]:  # with nothing below them
        axes.tick_params(labelbottom=True)
    for axes, (result, codes), note in zip(grid.flat, panels, notes, strict=False):
        _draw_panel(axes, result, codes, limit, inches)
        lines = note.count("\n") + bool(note)
        write_title(axes, _name_panel(result), inches, pad=3 + lines * FONT_SIZE * 1.3)
        axes.annotate(note, (0, 1), (0, 3), xycoords="axes fraction", textcoords="offset points", **NOTE_STYLE)
    return figure


def describe_codes(run_results: Sequence[RunResult], seed: int | None = None) -> str:
    """The caption, for the same seed as the figure."""
    seeds = (result.entry.seed for result in run_results if has_codes(result))
    shown_seed = min(seeds, default=0) if seed is None else seed
    found = [_read_codes_or_reason(result) for result in run_results if result.entry.seed == shown_seed]
    readable = [codes for codes in found if isinstance(codes, LatentCodes)]
    count = max((len(codes.z) for codes in readable), default=0)
    outline = " Dashed: the densest 95 % of the model's prior." if any(len(codes.prior) for codes in readable) else ""
    return (
        f"Codes z ~ q(z|x) of {count:,} test images by class, seed {shown_seed}.{outline} "
        "Labels are at clusters. Codes that fill the outline, with few outside it, match the prior."
    )


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


def _name_panel(result: RunResult) -> str:
    return clean_text(result.entry.label) + (f" {COLLAPSED}" if result.collapsed else "")


def _describe_values(result: RunResult, measures: Sequence[str]) -> str:
    default = (find_measure(result.measures.values(), family) for family in DEFAULT_FAMILIES)
    shown = [result.measures.get(name) for name in measures] or default
    values = [f"{m.label} {result.estimates[m.name].value:.3g}" for m in shown if m and m.name in result.estimates]
    return clean_text(", ".join(values))


def _draw_panel(axes: "Axes", result: RunResult, codes: LatentCodes | str, limit: float, inches: float) -> None:
    axes.set_gid(METHOD_ID + clean_text(result.entry.label))
    set_axis(axes, "x", (-limit, limit), inches)
    set_axis(axes, "y", (-limit, limit), inches)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=FONT_SIZE, length=2, color=FAINT, labelcolor=GREY, pad=2)
    axes.spines[:].set(color=FAINT, linewidth=0.6)
    if isinstance(codes, str):
        _add_text(axes, 0.03, 0.03, codes)
        return
    _draw_points(axes, codes)
    if not result.collapsed:  # in a collapsed model, all classes have the same codes
        _label_classes(axes, codes, limit, inches)
    outside = float(np.mean(np.abs(codes.z).max(1) > limit))
    if outside >= 0.0005:
        _add_text(axes, 0.03, 0.03, f"{outside:.1%} outside")


def _draw_points(axes: "Axes", codes: LatentCodes) -> None:
    """Draw the codes in random order, so that no class hides another, and the outline of the model's prior."""
    order = np.random.default_rng(0).permutation(len(codes.z))
    colours = np.array(CLASS_COLOURS)[np.unique(codes.y, return_inverse=True)[1][order] % len(CLASS_COLOURS)]
    size = min(max(4000 / len(order), 0.6), 12)
    axes.scatter(*codes.z[order].T, s=size, c=colours, alpha=0.6, linewidths=0, rasterized=True)
    axes.plot(*codes.prior.T, linestyle=(0, (4, 3)), linewidth=0.8, color=BLACK)


def find_clusters(points: NDArray[np.floating]) -> list[tuple[float, float]]:
    """The median of each cluster of points [N, 2]: of the regions of high density with enough of the points.

    The density is a kernel estimate with Scott's bandwidth. Of points without a region, the median of all.
    """
    from scipy.ndimage import gaussian_filter, label

    low, high = np.quantile(points, 0.01, axis=0), np.quantile(points, 0.99, axis=0)
    if len(points) < MIN_CLUSTERED or not (high > low).all():
        return [tuple(np.median(points, axis=0).tolist())]
    bin_size = (high - low) / DENSITY_BINS
    bandwidth = points.std(0) * len(points) ** (-1 / 6)
    place = np.floor((points - low) / bin_size).astype(np.int64)
    inside = ((place >= 0) & (place < DENSITY_BINS)).all(1)
    counts = np.zeros((DENSITY_BINS, DENSITY_BINS))
    np.add.at(counts, tuple(place[inside].T), 1)
    density = gaussian_filter(counts, bandwidth / bin_size)
    regions: NDArray[np.int64] = label(density > CLUSTER_DENSITY * density.max())[0]  # pyright: ignore
    of_points = np.zeros(len(points), np.int64)
    of_points[inside] = regions[tuple(place[inside].T)]
    sizes = np.bincount(of_points, minlength=2)
    large = [n for n in range(1, len(sizes)) if sizes[n] >= MIN_CLUSTER_SHARE * len(points)]
    chosen = [points[of_points == n] for n in large] or [points]
    return [tuple(np.median(one, axis=0).tolist()) for one in chosen]


def _label_classes(axes: "Axes", codes: LatentCodes, limit: float, inches: float) -> None:
    """Write the name of each class at each of its clusters."""
    classes = np.unique(codes.y)
    if not 1 < len(classes) <= MAX_LABELLED_CLASSES:
        return
    found = [
        (str(name), colour, place)
        for name, colour in zip(classes, CLASS_COLOURS, strict=False)
        for place in find_clusters(codes.z[codes.y == name])
    ]
    places = np.array([place for _, _, place in found])
    inside = np.abs(places).max(1) < limit
    apart = LABEL_SPACE * 2 * limit / inches
    for (name, colour, _), (x, y), is_inside in zip(found, _move_apart(places, apart), inside, strict=True):
        if is_inside:
            text = axes.text(x, y, name, fontsize=FONT_SIZE, fontweight="bold", color=colour, ha="center", va="center")
            text.set(clip_on=True, parse_math=False, path_effects=_create_outline())


def _move_apart(places: NDArray[np.floating], distance: float) -> NDArray[np.floating]:
    """Places [N, 2] that are at least about so far from each other, as near as possible to those given."""
    moved = places.astype(np.float64) + np.random.default_rng(0).normal(0, 1e-6, places.shape)
    for _ in range(100):
        between = moved[:, None] - moved[None]
        length = np.linalg.norm(between, axis=2) + np.eye(len(moved)) * 1e9
        push = np.maximum(distance - length, 0) / 2
        if not push.any():
            break
        moved += ((push / length)[:, :, None] * between).sum(1)
    return moved


def _add_text(axes: "Axes", x: float, y: float, text: str) -> None:
    label = axes.text(x, y, text, transform=axes.transAxes, fontsize=FONT_SIZE, color=GREY, parse_math=False)
    label.set_path_effects(_create_outline())


def _create_outline() -> "list[AbstractPathEffect]":
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2, foreground="white")]

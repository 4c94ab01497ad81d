"""The axes of figures: few round ticks that do not touch, labels that fit, limits that say what lies outside."""

from math import log10
from typing import TYPE_CHECKING, Any, Literal

from ..analysis.method_colours import COLOURS
from ..core.results import Scale
from .plot_text import BOLD_WIDTH, FONT_SIZE, fit_name, format_rounded, format_tick, measure_text, wrap_text
from .table_format import clean_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLACK, GREY, FAINT = COLOURS[-1], "#6B6B6B", "#DDDDDD"
Direction = Literal["x", "y"]


def style_axes(axes: "Axes") -> "Axes":
    """The same axes, without a box and over a faint grid."""
    axes.tick_params(labelsize=FONT_SIZE, length=2, pad=2)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["right", "top"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=GREY, linewidth=0.6)
    return axes


def write_text(axes: "Axes", x: float, y: float, text: str, **options: Any) -> None:  # noqa: ANN401 - of matplotlib
    """Write text at a place of the axes' data, to its right and vertically centred unless the options say otherwise."""
    style: Any = {"fontsize": FONT_SIZE, "color": BLACK, "va": "center", **options}
    axes.text(x, y, text, parse_math=False, **style)


def label_axis(axes: "Axes", which: Direction, text: str, inches: float) -> None:
    """Write what an axis shows, in lines of at most this width."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_label_text(wrap_text(clean_text(text), inches), fontsize=FONT_SIZE, parse_math=False)
    axis.labelpad = 2


def write_title(axes: "Axes", name: str, inches: float, pad: float = 3.0) -> None:
    """Write a name above a panel of this width, so many points from it."""
    text = fit_name(name, inches / BOLD_WIDTH)
    axes.set_title(text, fontsize=FONT_SIZE, fontweight="bold", loc="left", pad=pad, y=1, parse_math=False)


def set_axis(
    axes: "Axes", which: Direction, limits: tuple[float, float], inches: float, scale: Scale = "linear"
) -> None:
    """Set the limits and the scale of an axis, with as many round ticks as fit into so many inches."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)(scale)
    (axes.set_xlim if which == "x" else axes.set_ylim)(limits)
    ticks = choose_ticks(*limits, inches, scale, is_vertical=which == "y")
    axis.set_ticks(ticks, [format_tick(tick) for tick in ticks], parse_math=False)
    axis.set_ticks([], minor=True)


def choose_ticks(
    low: float, high: float, inches: float, scale: Scale = "linear", *, is_vertical: bool = False
) -> list[float]:
    """Round values from `low` to `high` whose labels do not touch on an axis of this length."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    ends = (log10(low), log10(high)) if scale == "log" else (low, high)
    spans_decades = scale == "log" and ends[1] - ends[0] > 1
    ticks = list[float]()
    for most in range(5, 0, -1):
        locator = LogLocator(numticks=most) if spans_decades else MaxNLocator(most, steps=[1, 2, 2.5, 5, 10])
        ticks = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
        places = [((log10(t) if scale == "log" else t) - ends[0]) / (ends[1] - ends[0]) * inches for t in ticks]
        sizes = [FONT_SIZE / 72 if is_vertical else measure_text(format_tick(tick)) for tick in ticks]
        gap = 0.04 if is_vertical else 0.07
        if all(b - a >= (c + d) / 2 + gap for a, b, c, d in zip(places, places[1:], sizes, sizes[1:], strict=False)):
            return ticks
    return ticks[:1]


def write_outside(axes: "Axes", at: float, value: float, *, is_above: bool, colour: str) -> None:
    """Mark at the left or right edge of a panel, at the height `at`, a value that lies outside of it."""
    text = f"{format_rounded(value)} →" if is_above else f"← {format_rounded(value)}"
    axes.text(
        0.99 if is_above else 0.01,
        at,
        text,
        transform=axes.get_yaxis_transform(),
        fontsize=FONT_SIZE,
        color=colour,
        ha="right" if is_above else "left",
        va="center",
        parse_math=False,
    )

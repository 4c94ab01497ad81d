"""What the figures of a comparison share: how each method looks in all of them, legends, axes, files."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from ..analysis.leaderboard_data import LeaderboardRow
from .intervals import OTHER, QUIET
from .table_format import COLLAPSED, clean_text, format_seed_count, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAINT = "#DDDDDD"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", OTHER)
"""Those of Okabe and Ito which can be seen on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One more than there are colours, so that 56 methods look different."""
MAX_COLUMNS = 4
"""Panels side by side."""
SAVE_OPTIONS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "vimae-bench", "pdf.fonttype": 42}
"""Text stays text in SVG, fonts are embedded as TrueType in PDF, and the same figure gives the same file."""
METADATA_WITHOUT_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


class MethodStyle(NamedTuple):
    """How a method is drawn."""

    colour: str
    marker: str


MethodStyles = Mapping[str, MethodStyle]
"""By label."""


def assign_styles(labels: Iterable[str]) -> dict[str, MethodStyle]:
    """A look for each method, by its place among all of a comparison; the same labels give the same looks."""
    known = dict.fromkeys(labels)
    return {label: MethodStyle(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]) for i, label in enumerate(known)}


def format_method_name(row: LeaderboardRow) -> str:
    """A method's name, with a dagger where it collapsed and its seeds where some are lacking."""
    mark = f" {COLLAPSED}" if row.collapsed_seeds else ""
    return f"{shorten_name(row.label)}{mark}" + ("" if row.complete else f" ({format_seed_count(row)})")


def create_panels(count: int, size: tuple[float, float], legend_lines: int = 0) -> "tuple[Figure, list[Axes]]":
    """A figure with `count` panels of a size in inches, at most four in a row, and room for a legend."""
    from matplotlib.figure import Figure

    across = min(max(count, 1), MAX_COLUMNS)
    rows = ceil(max(count, 1) / across)
    width = across * size[0] + (1.6 if legend_lines else 0.0)
    figure = Figure((width, max(rows * size[1] + 0.4, 0.17 * legend_lines + 0.6)), layout="constrained", dpi=200)
    grid = figure.subplots(rows, across, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return figure, [style_axes(axes) for axes in grid.flat[:count]]


def style_axes(axes: "Axes") -> "Axes":
    """Axes without a box, over a faint grid."""
    axes.tick_params(labelsize=7, length=2)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["right", "top"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=QUIET, linewidth=0.6)
    return axes


def add_title(figure: "Figure", title: str, note: str = "") -> "Figure":
    """The same figure with a title above it and a note below it."""
    figure.suptitle(clean_text(title), fontsize=9, fontweight="bold", parse_math=False)
    if note:
        figure.supxlabel(note, fontsize=6.5, color=QUIET, parse_math=False)
    return figure


def add_legend(
    figure: "Figure", shown: MethodStyles, names: Sequence[str], others: Mapping[str, Any] | None = None
) -> None:
    """Methods down the right side; `others` are handles of what is no method, by their names."""
    from matplotlib.lines import Line2D

    kinds = [Line2D([], [], color=look.colour, marker=look.marker, markersize=5) for look in shown.values()]
    kinds += [*(others or {}).values()]
    labels = [*names, *map(shorten_name, others or {})]
    made = figure.legend(kinds, ["-"] * len(kinds), loc="outside right upper", frameon=False, fontsize=7.5)
    for text, label in zip(made.get_texts(), labels, strict=True):  # later, as a legend passes over what begins with _
        text.set(text=label, parse_math=False)


def encode_figure(figure: "Figure", form: str) -> bytes:
    """The bytes of a figure as `png`, `svg` or `pdf`; the same figure gives the same bytes."""
    import matplotlib as mpl

    file = BytesIO()
    with mpl.rc_context(SAVE_OPTIONS):
        figure.savefig(file, format=form, metadata=METADATA_WITHOUT_DATE.get(form))
    return file.getvalue()

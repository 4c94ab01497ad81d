"""What all figures of a benchmark share: colours, the style of each method, legends, axes, files."""

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..analysis.leaderboard_data import LeaderboardRow
from ..analysis.method_colours import COLOURS, number_methods
from ..core.errors import BenchError
from ..storage.atomic import atomic_write
from .table_format import clean_text, format_label, format_seed_count, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, BLACK = COLOURS[0], COLOURS[1], COLOURS[-1]
GREY, FAINT = "#8C8C8C", "#DDDDDD"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One more than there are colours, so that 56 methods look different."""
METHOD_ID = "method:"
"""How the ids of elements begin that belong to a method."""
MAX_COLUMNS, LEGEND_WIDTH = 4, 1.6
"""Panels in a row, and inches for the legend next to them."""
SAVE_OPTIONS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "vimae-bench", "pdf.fonttype": 42}
"""Text stays text in SVG, fonts are embedded as TrueType in PDF, and the same figure gives the same file."""
METADATA_WITHOUT_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


class MethodStyle(NamedTuple):
    """How a method is drawn."""

    colour: str
    marker: str


MethodStyles = Mapping[str, MethodStyle]
"""By label."""


def assign_styles(labels: Iterable[str], controls: Collection[str] = ()) -> dict[str, MethodStyle]:
    """A style for each method, by its number (see `number_methods`)."""
    return {label: _make_style(number) for label, number in number_methods(labels, controls).items()}


def _make_style(number: int) -> MethodStyle:
    """The colour repeats sooner than the pair of colour and marker."""
    return MethodStyle(COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)])


@contextmanager
def tag_method(axes: "Axes", label: str) -> Generator[None]:
    """Mark what is drawn meanwhile as a method's, so that a page can hide it."""
    before = {*axes.get_children()}
    yield
    for artist in axes.get_children():
        if artist not in before:
            artist.set_gid(METHOD_ID + clean_text(label))


def format_method_name(row: LeaderboardRow) -> str:
    """A method's name, marked if it is a control or not comparable, with its number of seeds if some are missing."""
    return format_label(row, shorten_name(row.label)) + ("" if row.is_complete else f" ({format_seed_count(row)})")


def create_panels(count: int, size: tuple[float, float], legend_lines: int = 0) -> "tuple[Figure, list[Axes]]":
    """A figure with `count` panels of a size in inches, at most four in a row, and room for a legend."""
    from matplotlib.figure import Figure

    columns = min(max(count, 1), MAX_COLUMNS)
    rows = ceil(max(count, 1) / columns)
    width = columns * size[0] + (LEGEND_WIDTH if legend_lines else 0.0)
    figure = Figure((width, max(rows * size[1] + 0.4, 0.17 * legend_lines + 0.6)), layout="constrained", dpi=200)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return figure, [style_axes(axes) for axes in grid.flat[:count]]


def style_axes(axes: "Axes") -> "Axes":
    """The same axes, without a box and over a faint grid."""
    axes.tick_params(labelsize=7, length=2)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["right", "top"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=GREY, linewidth=0.6)
    return axes


def add_title(figure: "Figure", title: str, note: str = "") -> "Figure":
    """The same figure, with a title above it and a note below it."""
    figure.suptitle(clean_text(title), fontsize=9, fontweight="bold", parse_math=False)
    if note:
        figure.supxlabel(note, fontsize=6.5, color=GREY, parse_math=False)
    return figure


def add_legend(
    figure: "Figure", styles: MethodStyles, names: Sequence[str], other_handles: Mapping[str, Any] | None = None
) -> None:
    """A legend on the right: the methods under these names, then other handles by name."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=style.colour, marker=style.marker, markersize=5) for style in styles.values()]
    handles += [*(other_handles or {}).values()]
    labels = [*names, *map(shorten_name, other_handles or {})]
    legend = figure.legend(handles, ["-"] * len(handles), loc="outside right upper", frameon=False, fontsize=7.5)
    for text, label in zip(legend.get_texts(), labels, strict=True):  # set now: a legend skips labels that begin with _
        text.set(text=label, parse_math=False)


def encode_figure(figure: "Figure", form: str) -> bytes:
    """The bytes of a figure as `png`, `svg` or `pdf`; the same figure gives the same bytes."""
    import matplotlib as mpl

    file = BytesIO()
    with mpl.rc_context(SAVE_OPTIONS):
        figure.savefig(file, format=form, metadata=METADATA_WITHOUT_DATE.get(form))
    return file.getvalue()


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure to a file, in the format of its ending. Raises BenchError if it cannot be written."""
    data = encode_figure(figure, path.suffix[1:])
    try:
        atomic_write(path, lambda temporary: temporary.write_bytes(data))
    except OSError as error:
        raise BenchError(f"{path}: cannot be written: {error.strerror}") from error

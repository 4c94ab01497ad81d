"""What all figures of a benchmark share: widths, colours, the style of each method, legends, axes, files.

All text of a figure has one size, which can be read where the figure is printed in the width that it was drawn for.
Figures have no titles: a caption says what they show.
"""

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
from .plot_axes import GREY, style_axes
from .plot_text import FONT_SIZE, LINE_HEIGHT, fit_name, measure_text
from .table_format import clean_text, format_label, format_seed_count, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

BLUE, ORANGE = COLOURS[0], COLOURS[1]
MARKERS = ("o", "s", "^", "D", "v", "P", "p", "*")
"""One more than there are colours, so that 56 methods look different."""
DASHES = ((4, 2), (1, 1.5), (6, 2, 1, 2), (2, 2), (8, 2), (6, 2, 1, 2, 1, 2))
"""Of the lines of baselines, which repeat after six."""
METHOD_ID = "method:"
"""How the ids of elements begin that belong to a method."""
WIDTHS = {"column": 3.25, "text": 5.5}
"""In inches: a column of the two in ICML and CVPR, and the text in NeurIPS and ICLR."""
TEXT_WIDTH = WIDTHS["text"]
MIN_WIDTH, MAX_WIDTH = 2.5, 12.0
PANEL_WIDTH, MAX_COLUMNS = 1.5, 4
"""The least width of a panel in inches, and the most panels in a row."""
LEGEND_HANDLE, LEGEND_GAP = 0.24, 0.11
"""Inches for the sign before a name in a legend, with the space after it, and between its columns."""
DPI = 200
SAVE_OPTIONS: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "vimae-bench", "pdf.fonttype": 42}
"""Text stays text in SVG, fonts are embedded as TrueType in PDF, and the same figure gives the same file."""
METADATA_WITHOUT_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


class MethodStyle(NamedTuple):
    """How a method is drawn."""

    colour: str
    marker: str


MethodStyles = Mapping[str, MethodStyle]
"""By label."""
LegendEntries = Sequence[tuple[str, Any]]
"""Names with their signs."""


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


def parse_width(width: str | float) -> float:
    """A width of figures in inches: `column`, `text`, or a number. Raises BenchError for any other."""
    try:
        inches = WIDTHS[width] if isinstance(width, str) and width in WIDTHS else float(width)
    except ValueError:
        inches = 0.0
    if not MIN_WIDTH <= inches <= MAX_WIDTH:
        known = " or ".join(f"{name} ({value:g} inches)" for name, value in WIDTHS.items())
        raise BenchError(f"width {width}: has to be {known}, or {MIN_WIDTH:g} to {MAX_WIDTH:g} inches")
    return inches


def create_panels(count: int, width: float, aspect: float = 0.85) -> "tuple[Figure, list[Axes]]":
    """A figure of a width in inches with `count` panels, as many in a row as there is room for.

    `aspect` is the height of a panel divided by its width.
    """
    from matplotlib.figure import Figure

    columns = min(max(count, 1), MAX_COLUMNS, max(1, int(width / PANEL_WIDTH)))
    rows = ceil(max(count, 1) / columns)
    columns = ceil(max(count, 1) / rows)  # rows of about the same length
    height = min(width / columns * aspect, 2.4) * rows
    figure = Figure((width, height), layout="constrained", dpi=DPI)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return figure, [style_axes(axes) for axes in grid.flat[:count]]


def add_legend(figure: "Figure", entries: LegendEntries) -> None:
    """A legend above the panels, in as few rows as fit into the figure, which becomes higher by these rows."""
    width = figure.get_figwidth() - 0.1
    names = [fit_name(name, width - LEGEND_HANDLE) for name, _ in entries]
    if not names:
        return
    columns = max(n for n in range(1, len(names) + 1) if n == 1 or _measure_legend(names, n) <= width)
    columns = ceil(len(names) / ceil(len(names) / columns))
    order = [i for column in range(columns) for i in range(column, len(names), columns)]  # matplotlib fills columns
    figure.set_figheight(figure.get_figheight() + LINE_HEIGHT * ceil(len(names) / columns) + 0.03)
    legend = figure.legend(
        [entries[i][1] for i in order],
        ["-"] * len(names),
        loc="outside upper left",
        ncols=columns,
        frameon=False,
        fontsize=FONT_SIZE,
        handlelength=1.8,
        handletextpad=0.5,
        columnspacing=1.0,
        labelspacing=0.25,
        borderpad=0,
        borderaxespad=0.2,
    )
    for text, i in zip(legend.get_texts(), order, strict=True):  # set now: a legend skips labels that begin with _
        text.set(text=names[i], parse_math=False)


def _measure_legend(names: Sequence[str], columns: int) -> float:
    """The width of a legend in so many columns, in inches."""
    widths = [max(map(measure_text, names[column::columns])) + LEGEND_HANDLE for column in range(columns)]
    return sum(widths) + LEGEND_GAP * (columns - 1)


def create_method_entries(rows: Sequence[LeaderboardRow], styles: MethodStyles) -> LegendEntries:
    """The methods in a legend."""
    return [(format_method_name(row), create_line(styles[row.label])) for row in rows]


def create_line(style: MethodStyle) -> "Line2D":
    """The sign of a method in a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=style.colour, marker=style.marker, markersize=4, linewidth=1)


def create_dashed_line(dashes: tuple[float, ...]) -> "Line2D":
    """The sign of a baseline in a legend."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=GREY, linewidth=1, linestyle=(0, dashes))


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

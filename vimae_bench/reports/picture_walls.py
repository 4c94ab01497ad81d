"""Walls of pictures: what a run keeps of one kind, for every method of a table side by side, all from one seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from ..storage.image_grid import make_grid, to_pillow_image
from ..storage.picture_data import BarChart, Images, ImageTable, PictureData, ScatterPlot
from ..storage.picture_files import load_pictures
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .chart_axes import draw_bar_chart, draw_scatter_plot
from .plot_axes import GREY, label_axis, style_axes, write_text, write_title
from .plot_style import DPI, TEXT_WIDTH, add_legend
from .plot_text import FONT_SIZE, LINE_HEIGHT, fit_name, measure_text, split_words, wrap_text
from .table_format import COLLAPSED, clean_text, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALLEST_TILE, LARGEST_TILE, TILE_GAP = 0.24, 0.45, 2
"""The least and the greatest width of an image in inches; the pixels between images."""
TABLE_GAP, MAX_HEIGHT = 0.13, 8.0
"""Inches between tables, and about those of the highest figure, unless tables have the least number of rows."""
MIN_ROWS, MIN_COLUMNS = 2, 5
"""The least rows of a table, and the least columns of one of two tables next to each other."""
MAX_ORDERED_ROWS = 10
"""Of so many rows the first ones are kept, of more, as in a grid, ones that are spread evenly."""
EVEN_SHARE = 0.75
"""Rows and columns with equal steps are kept if they are at least this share of those for which there is room."""
CHART_WIDTH = 1.6
"""The least width of a chart in inches."""
SMOOTHED_BELOW, ENLARGED_SIZE = 20, 48
"""Images with fewer pixels on a side are enlarged smoothly to this size: their squares hide what they show."""
MAX_NOTED_COLUMNS = 10
"""With more columns than this, notes below the images would overlap, and are left out."""


@dataclass(frozen=True)
class MethodPicture:
    """The picture of one method, or the reason why there is none."""

    result: RunResult
    data: PictureData | str

    @property
    def label(self) -> str:
        return shorten_name(self.result.entry.label) + (f" {COLLAPSED}" if self.result.collapsed else "")


@dataclass(frozen=True)
class PictureWall:
    """The pictures of one kind of all methods of a table, in the table's order, from one seed."""

    name: str
    seed: int
    pictures: tuple[MethodPicture, ...]

    @property
    def shown(self) -> tuple[MethodPicture, ...]:
        """Those that are there, at least one."""
        return tuple(picture for picture in self.pictures if not isinstance(picture.data, str))

    @property
    def example(self) -> PictureData:
        """The first picture that is there."""
        return next(one.data for one in self.pictures if not isinstance(one.data, str))

    @property
    def title(self) -> str:
        """The kind of picture, as a heading."""
        words = self.name.replace("_", " ").replace(" kl", " KL")
        return words[0].upper() + words[1:]

    @property
    def caption(self) -> str:
        """What is shown, of which seed, and which methods are missing."""
        missing = "".join(f" {p.label}: {p.data}." for p in self.pictures if isinstance(p.data, str))
        title = self.example.title.partition(";" if ";" in self.example.title else "\n")[0]
        what = title if isinstance(self.example, ImageTable) else title.partition(":")[0]
        return f"{what}. Models from seed {self.seed}.{missing}"


def collect_walls(run_results: Sequence[RunResult]) -> list[PictureWall]:
    """A wall for each kind of picture that some method of a table has kept, of the lowest seed with the most runs."""
    seeds = [result.entry.seed for result in run_results if _has_pictures(result)]
    seed = max(sorted(set(seeds)), key=seeds.count, default=None)
    chosen = [result for result in run_results if result.entry.seed == seed]
    loaded = [_load_pictures(result) for result in chosen]
    names = {name: None for found in loaded for name, data in found.items() if not isinstance(data, str)}
    return [
        PictureWall(name, seed or 0, tuple(_get_picture(*one, name) for one in zip(chosen, loaded, strict=True)))
        for name in names
    ]


def draw_wall(wall: PictureWall, width: float = TEXT_WIDTH) -> "Figure":
    """A panel for each method that has the picture, in a figure of a width in inches."""
    if isinstance(wall.example, ImageTable):
        return _draw_tables([(p.label, p.data) for p in wall.shown if isinstance(p.data, ImageTable)], width)
    return _draw_charts([(p.label, p.data) for p in wall.shown if not isinstance(p.data, ImageTable | str)], width)


def crop_table(table: ImageTable, rows: int, columns: int) -> ImageTable:
    """At most so many rows and columns of a table, spread evenly, its first and last ones among them."""
    kept_rows, kept_columns = (
        spread_places(count, most) for count, most in zip(table.images.shape[:2], (rows, columns), strict=True)
    )
    notes = tuple(tuple(table.notes[r][c] for c in kept_columns) for r in kept_rows) if table.notes else ()
    return replace(
        table,
        images=table.images[np.ix_(kept_rows, kept_columns)],
        row_labels=tuple(table.row_labels[r] for r in kept_rows),
        column_labels=tuple(table.column_labels[c] for c in kept_columns),
        notes=notes,
    )


def spread_places(count: int, most: int) -> list[int]:
    """At most so many of `count` places, the first and the last among them, with equal steps unless few would be left.

    What is shown there, such as quantiles, mostly has equal steps itself.
    """
    most = min(count, most)
    even = max((n for n in range(2, most + 1) if (count - 1) % (n - 1) == 0), default=1)
    kept = even if even >= EVEN_SHARE * most else most
    return np.linspace(0, count - 1, kept).round().astype(int).tolist()


def enlarge_images(images: Images, size: int = ENLARGED_SIZE) -> Images:
    """Images [N, H, W, C] of few pixels, enlarged smoothly by an integer to at least a `size`; others as they are."""
    side = max(images.shape[1:3])
    if side >= SMOOTHED_BELOW:
        return images
    factor = -(-size // side)
    width, height = images.shape[2] * factor, images.shape[1] * factor
    resized = [np.asarray(to_pillow_image(image).resize((width, height), resample=3)) for image in images]  # 3: bicubic
    return np.stack(resized).reshape(len(images), height, width, -1)


def _has_pictures(result: RunResult) -> bool:
    return result.status == "done" and RunFolder(result.folder).pictures.exists()


def _load_pictures(result: RunResult) -> dict[str, PictureData | str]:
    return load_pictures(RunFolder(result.folder)) if _has_pictures(result) else {}


def _get_picture(result: RunResult, found: dict[str, PictureData | str], name: str) -> MethodPicture:
    absent = result.status if result.status != "done" else "not kept"
    return MethodPicture(result, found.get(name, absent))


def _draw_tables(panels: Sequence[tuple[str, ImageTable]], width: float) -> "Figure":
    from matplotlib.figure import Figure

    layout = _arrange_tables([table for _, table in panels], width)
    down = ceil(len(panels) / layout.across)
    figure = Figure((width, down * layout.height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for i, (label, table) in enumerate(panels):
        corner = i % layout.across * width / layout.across, i // layout.across * layout.height
        _draw_table(axes, label, _crop_to_layout(table, layout), corner, layout)
    axes.set(xlim=(0, width), ylim=(down * layout.height, 0))
    return figure


@dataclass(frozen=True)
class _TableLayout:
    """How tables are arranged: so many `across`, each with so many rows and columns of images; lengths in inches.

    `left` and `top` are the room for labels, `tile` the width and height of an image, `note` that of a line below it.
    """

    across: int
    rows: int
    columns: int
    left: float
    top: float
    tile: tuple[float, float]
    note: float

    @property
    def height(self) -> float:
        """Of a table with its labels."""
        return self.top + self.rows * (self.tile[1] + self.note) + TABLE_GAP


def _arrange_tables(tables: Sequence[ImageTable], width: float) -> _TableLayout:
    """Two tables next to each other unless their images would be too small; rows and columns that fit on a page."""
    first = tables[0]
    rows, columns = first.images.shape[:2]
    left = max(measure_text(label) for table in tables for label in table.row_labels) + 0.12
    has_notes = bool(first.notes) and columns <= MAX_NOTED_COLUMNS
    labels = [word for label in first.column_labels for word in split_words(label)]
    notes = [note for row in first.notes for note in row] if has_notes else []
    smallest = max(SMALLEST_TILE, max(map(measure_text, [*labels, *notes])) + 0.04)
    room = [width / across - left - TABLE_GAP for across in (1, 2)]
    across = 2 if len(tables) > 1 and room[1] / min(columns, MIN_COLUMNS) >= smallest else 1
    columns = len(spread_places(columns, max(1, int(room[across - 1] / smallest))))
    tile = min(room[across - 1] / columns, LARGEST_TILE)
    sides = tile, tile * first.images.shape[2] / first.images.shape[3]
    label_lines = max(wrap_text(label, tile).count("\n") for label in first.column_labels) + 1
    note, top = LINE_HEIGHT * bool(notes), 0.2 + LINE_HEIGHT * label_lines
    most = int((MAX_HEIGHT / ceil(len(tables) / across) - top - TABLE_GAP) / (sides[1] + note))
    return _TableLayout(across, min(rows, max(MIN_ROWS, most)), columns, left, top, sides, note)


def _crop_to_layout(table: ImageTable, layout: _TableLayout) -> ImageTable:
    if len(table.images) <= MAX_ORDERED_ROWS:
        table = replace(
            table,
            images=table.images[: layout.rows],
            row_labels=table.row_labels[: layout.rows],
            notes=table.notes[: layout.rows],
        )
    return crop_table(table, layout.rows, layout.columns)


def _draw_table(axes: "Axes", label: str, table: ImageTable, corner: tuple[float, float], layout: _TableLayout) -> None:
    left, (tile_width, tile_height) = corner[0] + layout.left, layout.tile
    write_text(axes, left, corner[1] + 0.1, fit_name(label, tile_width * layout.columns), weight="bold")
    for c, name in enumerate(table.column_labels):
        text = wrap_text(clean_text(name), tile_width)
        x, y = left + (c + 0.5) * tile_width, corner[1] + layout.top - 0.03
        write_text(axes, x, y, text, ha="center", va="bottom", linespacing=1)
    for r, name in enumerate(table.row_labels):
        y = corner[1] + layout.top + r * (tile_height + layout.note)
        write_text(axes, left - 0.05, y + tile_height / 2, name, ha="right")
        images = enlarge_images(table.images[r])
        strip = make_grid(images, len(images), gap=TILE_GAP)
        extent = left, left + len(images) * tile_width, y + tile_height * 0.97, y
        axes.imshow(strip, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none", aspect="auto")
        if layout.note:
            for c, note in enumerate(table.notes[r]):
                x = left + (c + 0.5) * tile_width
                write_text(axes, x, y + tile_height + LINE_HEIGHT / 2, note, ha="center", color=GREY)


def _draw_charts(panels: Sequence[tuple[str, ScatterPlot | BarChart]], width: float) -> "Figure":
    from matplotlib.figure import Figure

    across = min(len(panels), max(1, int(width / CHART_WIDTH)))
    down = ceil(len(panels) / across)
    is_bars = isinstance(panels[0][1], BarChart)
    inches = width / across - 0.4
    height = min(inches * (0.6 if is_bars else 1.0), 2.2) + 0.55
    figure = Figure((width, down * height), layout="constrained", dpi=DPI)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)  # pyright: ignore
    grid = figure.subplots(down, across, squeeze=False, sharey=is_bars)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (label, data) in zip(grid.flat, panels, strict=False):
        style_axes(axes)
        if isinstance(data, ScatterPlot):
            draw_scatter_plot(axes, data)
        else:
            draw_bar_chart(axes, data)
            _thin_labels(axes, data, inches)
        write_title(axes, label, inches)
        axes.tick_params(labelsize=FONT_SIZE, length=2, pad=2)
        label_axis(axes, "x", data.x_label, inches)
        label_axis(axes, "y", data.y_label, height - 0.5)
        axes.locator_params(axis="y", nbins=4)
        if isinstance(data, ScatterPlot):
            axes.locator_params(axis="x", nbins=4)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    add_legend(figure, [*zip(labels, handles, strict=True)])
    return figure


def _thin_labels(axes: "Axes", data: BarChart, inches: float) -> None:
    """Label as many bars as there is room for, evenly from the first."""
    if data.labels:
        width = max(map(measure_text, data.labels)) + 0.06
        step = ceil(len(data.labels) * width / inches)
        places = range(0, len(data.labels), step)
        axes.set_xticks(places, [data.labels[i] for i in places], rotation=0, fontsize=FONT_SIZE, parse_math=False)

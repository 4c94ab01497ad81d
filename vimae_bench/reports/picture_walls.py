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
from .plot_style import BLACK, GREY
from .table_format import COLLAPSED, clean_text, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.0
"""Of a figure, in inches: the text of a page."""
FONT_SIZE = 7
TILE, SMALLEST_TILE, TILE_GAP = 0.29, 0.24, 2
"""The width of an image in inches, and the least; the pixels between images."""
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


def draw_wall(wall: PictureWall) -> "Figure":
    """A panel for each method that has the picture, wrapped to the width of a page."""
    if isinstance(wall.example, ImageTable):
        return _draw_tables([(p.label, p.data) for p in wall.shown if isinstance(p.data, ImageTable)])
    return _draw_charts([(p.label, p.data) for p in wall.shown if not isinstance(p.data, ImageTable | str)])


def crop_table(table: ImageTable, rows: int, columns: int) -> ImageTable:
    """At most so many rows and columns of a table, spread evenly, its first and last ones among them."""
    kept_rows, kept_columns = (
        np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()
        for count, most in zip(table.images.shape[:2], (rows, columns), strict=True)
    )
    notes = tuple(tuple(table.notes[r][c] for c in kept_columns) for r in kept_rows) if table.notes else ()
    return replace(
        table,
        images=table.images[np.ix_(kept_rows, kept_columns)],
        row_labels=tuple(table.row_labels[r] for r in kept_rows),
        column_labels=tuple(table.column_labels[c] for c in kept_columns),
        notes=notes,
    )


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


def _draw_tables(panels: Sequence[tuple[str, ImageTable]]) -> "Figure":
    from matplotlib.figure import Figure

    first = panels[0][1]
    rows, columns = first.images.shape[:2]
    left = max(_measure_inches(label) for _, table in panels for label in table.row_labels) + 0.12
    shows_notes = bool(first.notes) and columns <= MAX_NOTED_COLUMNS
    note = 0.13 if shows_notes else 0.0
    # Two panels next to each other, unless their images would be too small.
    half, whole = ((WIDTH / count - left - 0.13) / columns for count in (2, 1))
    tile_width = min(TILE, half if half >= SMALLEST_TILE else whole)
    names = [_break_label(label, tile_width) for label in first.column_labels]
    top = 0.22 + 0.12 * max(len(name.splitlines()) for name in names)
    tile_height = tile_width * first.images.shape[2] / first.images.shape[3]
    heights = [tile_height + (note if shows_notes and any(first.notes[row]) else 0.0) for row in range(rows)]
    panel = left + columns * tile_width + 0.12, top + sum(heights) + 0.12
    across = max(1, min(len(panels), int(WIDTH / panel[0])))
    down = ceil(len(panels) / across)
    size = across * panel[0], down * panel[1]
    figure = Figure(size, dpi=200)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, size[0]), ylim=(size[1], 0))
    axes.set_axis_off()
    for i, (label, table) in enumerate(panels):
        corner = i % across * panel[0], i // across * panel[1]
        _write(axes, corner[0] + left, corner[1] + 0.1, label, weight="bold")
        for c, name in enumerate(names):
            x = corner[0] + left + (c + 0.5) * tile_width
            axes.text(x, corner[1] + top - 0.03, name, fontsize=FONT_SIZE, color=BLACK, ha="center", parse_math=False)
        y = corner[1] + top
        for r, height in enumerate(heights[: len(table.images)]):
            _write(axes, corner[0] + left - 0.05, y + tile_height / 2, table.row_labels[r], ha="right")
            images = enlarge_images(table.images[r])
            strip = make_grid(images, len(images), gap=TILE_GAP)
            extent = corner[0] + left, corner[0] + left + len(images) * tile_width, y + tile_height * 0.97, y
            axes.imshow(strip, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none", aspect="auto")
            if height > tile_height and r < len(table.notes):
                for c, text in enumerate(table.notes[r]):
                    x = corner[0] + left + (c + 0.5) * tile_width
                    _write(axes, x, y + tile_height + 0.05, text, ha="center", color=GREY)
            y += height
    axes.set(xlim=(0, size[0]), ylim=(size[1], 0))
    return figure


def _draw_charts(panels: Sequence[tuple[str, ScatterPlot | BarChart]]) -> "Figure":
    from matplotlib.figure import Figure

    across = min(3, len(panels))
    down = ceil(len(panels) / across)
    width = min(WIDTH, 2.6 * across + 0.4)
    height = 2.1 if isinstance(panels[0][1], BarChart) else 2.4
    figure = Figure((width, down * height + 0.3), layout="constrained", dpi=200)
    grid = figure.subplots(down, across, squeeze=False, sharey=isinstance(panels[0][1], BarChart))
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (label, data) in zip(grid.flat, panels, strict=False):
        if isinstance(data, ScatterPlot):
            draw_scatter_plot(axes, data)
        else:
            draw_bar_chart(axes, data)
        axes.set_title(label, fontsize=FONT_SIZE + 1, fontweight="bold", loc="left", parse_math=False)
        axes.tick_params(labelsize=FONT_SIZE - 1, length=2)
        axes.xaxis.label.set_size(FONT_SIZE)
        axes.yaxis.label.set_size(FONT_SIZE)
        axes.spines[["right", "top"]].set_visible(False)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, labels, loc="outside upper left", ncols=11, fontsize=FONT_SIZE, frameon=False, handletextpad=0.2
        )
    return figure


def _write(axes: "Axes", x: float, y: float, text: str, **options: object) -> None:
    options = {"fontsize": FONT_SIZE, "color": BLACK, **options}
    axes.text(x, y, clean_text(text), parse_math=False, va="center", **options)  # pyright: ignore


def _break_label(text: str, width: float) -> str:
    """A label on two lines where it is wider than so many inches and has two words."""
    is_wide = _measure_inches(text) > width and not text.endswith("%")
    return clean_text(text).replace(" ", "\n", 1) if is_wide else clean_text(text)


def _measure_inches(text: str) -> float:
    """The width of a text at the size of labels."""
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), text.replace("$", "S"), size=FONT_SIZE).get_extents().width / 72 if text.strip() else 0.0

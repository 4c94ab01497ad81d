"""Images as a page shows them: a strip of small images for each method, with every pixel stored once."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np

from ...analysis.leaderboard import group_by_table
from ...analysis.leaderboard_data import Leaderboard
from ...analysis.summary import choose_topic, select_key_columns
from ...core.results import Measure
from ...storage import image_grid as tiles
from ...storage.image_grid import Images
from ...storage.labelled_grid import encode_image_table
from ...storage.picture_data import ImageTable
from ...storage.store import RunResult
from ..image_grid_figure import FILES, MethodImages, collect_images, describe_image_grid
from ..picture_walls import MethodPicture, collect_walls, crop_table, enlarge_images
from ..table_format import clean_text, format_arrow, format_number, format_unit
from .runs import choose_run_decimals

WALL_SIZE = 6, 10
"""The rows and columns shown at most of other pictures."""
IMAGES_PER_STRIP, IMAGE_SIZE = 10, 32
"""Images in a strip, and about their size on the page in pixels, so that two strips fit next to a name."""
STRIP_TOPICS = {"Reconstructions": "Reconstruction", "Samples": "Generation"}
"""The strips of a row, and the topic whose first measure says as a number how good each is."""


@dataclass(frozen=True)
class ImageStrip:
    """A row of images as one picture, which the page enlarges to this width and height in pixels.

    `number` is what a measure gives the model that made them.
    """

    source: str
    width: int
    height: int
    description: str
    number: str = ""


@dataclass(frozen=True)
class StripHead:
    """What a strip shows, and the measure of the numbers next to it: empty without one."""

    title: str
    measure: str = ""
    unit: str = ""


@dataclass(frozen=True)
class ImageRow:
    """A method's reconstructions and samples, or the reason why there are none; `method` is empty for test images."""

    label: str
    strips: tuple[ImageStrip, ...]
    missing_reason: str = ""
    method: str = ""


@dataclass(frozen=True)
class ImageGridView:
    """The images of one table: those in one column come from the same input, or from the same draw of noise."""

    title: str
    caption: str
    rows: tuple[ImageRow, ...]
    heads: tuple[StripHead, ...] = ()


def build_image_grids(
    leaderboards: Sequence[Leaderboard], run_results: Sequence[RunResult]
) -> Iterator[ImageGridView | None]:
    """A grid for each table, with its methods in the table's order; None if no run has kept its images.

    `run_results` are those of the leaderboards.
    """
    for leaderboard, group in zip(leaderboards, group_by_table(run_results).values(), strict=True):
        if images := collect_images(group):
            title = f"Reconstructions and samples, {leaderboard.title}"
            places = {row.label: i for i, row in enumerate(leaderboard.rows)}
            images.sort(key=lambda method: places.get(method.result.entry.label, len(places)))
            seed = images[0].result.entry.seed
            columns = [_build_column(leaderboard, title, topic, seed) for title, topic in STRIP_TOPICS.items()]
            heads = tuple(column.head for column in columns)
            caption = describe_image_grid(images) + _describe_numbers(heads, seed, len(leaderboard.seeds))
            yield ImageGridView(title, caption, tuple(_build_rows(images, columns)), heads)
        else:
            yield None


def build_walls(leaderboards: Sequence[Leaderboard], run_results: Sequence[RunResult]) -> Iterator[ImageGridView]:
    """The other pictures that runs have kept, for each table in turn, with methods in the table's order."""
    for leaderboard, group in zip(leaderboards, group_by_table(run_results).values(), strict=True):
        places = {row.label: i for i, row in enumerate(leaderboard.rows)}
        ordered = sorted(group, key=lambda result: places.get(result.entry.label, len(places)))
        for wall in collect_walls(ordered):
            if isinstance(wall.example, ImageTable) and f"{wall.name}.png" not in FILES:
                rows = tuple(_build_wall_row(picture) for picture in wall.pictures)
                yield ImageGridView(f"{wall.title}, {leaderboard.title}", wall.caption, rows)


@dataclass(frozen=True)
class _StripColumn:
    """A strip's head, and how the numbers of its measure are written."""

    head: StripHead
    measure: Measure | None
    decimals: int = 0

    def format_value(self, result: RunResult) -> str:
        estimate = result.estimates.get(self.measure.name) if self.measure else None
        return format_number(estimate.value, self.decimals) if estimate else ""


def _build_column(leaderboard: Leaderboard, title: str, topic: str, seed: int) -> _StripColumn:
    names = [*select_key_columns(leaderboard), *leaderboard.columns]
    measures = (leaderboard.measures[name] for name in names)
    measure = next((one for one in measures if choose_topic(one) == topic and one.better), None)
    if measure is None:
        return _StripColumn(StripHead(title), None)
    name = clean_text(f"{measure.title} {format_arrow(measure)}")
    head = StripHead(title, f"{name} of seed {seed}", format_unit(measure))
    return _StripColumn(head, measure, choose_run_decimals(leaderboard, measure.name))


def _describe_numbers(heads: Sequence[StripHead], seed: int, seeds: int) -> str:
    if seeds < 2 or not any(head.measure for head in heads):
        return ""
    return (
        f" Each number is that of one model, of seed {seed}, over all test images, not of the images shown; the table "
        f"has means over {seeds} seeds, so its numbers are others."
    )


def _build_rows(images: Sequence[MethodImages], columns: Sequence[_StripColumn]) -> Iterator[ImageRow]:
    inputs = next(method.grids.inputs for method in images if method.grids)
    yield ImageRow("test images", (_build_strip(inputs, "Test images"),))
    for method in images:
        grids, strips = method.grids, ()
        if grids:
            drawn = (
                _build_strip(grids.reconstructions, f"Their reconstructions by {method.label}"),
                _build_strip(grids.samples, f"Samples of {method.label}"),
            )
            pairs = zip(drawn, columns, strict=True)
            strips = tuple(replace(strip, number=column.format_value(method.result)) for strip, column in pairs)
        yield ImageRow(method.label, strips, method.missing_reason, clean_text(method.result.entry.label))


def _build_wall_row(picture: MethodPicture) -> ImageRow:
    """A method's picture with its labels, with fewer images than are kept."""
    if not isinstance(picture.data, ImageTable):
        reason = picture.data if isinstance(picture.data, str) else "of another kind"
        return ImageRow(picture.label, (), reason)
    table = replace(crop_table(picture.data, *WALL_SIZE), title="")
    rows, columns = table.images.shape[:2]
    images = enlarge_images(table.images.reshape(-1, *table.images.shape[2:]))
    content, (width, height) = encode_image_table(
        replace(table, images=images.reshape(rows, columns, *images.shape[1:]))
    )
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return ImageRow(picture.label, (ImageStrip(source, width, height, f"{picture.data.title}, {picture.label}"),))


def _build_strip(images: Images, description: str) -> ImageStrip:
    """A strip of images spread evenly over those given, uint8 [N, H, W, C]."""
    chosen = images[np.linspace(0, len(images) - 1, min(IMAGES_PER_STRIP, len(images))).astype(np.int64)]
    chosen = enlarge_images(chosen, IMAGE_SIZE)
    canvas, file = tiles.make_grid(chosen, len(chosen), gap=1), BytesIO()
    tiles.to_pillow_image(canvas).save(file, format="PNG", optimize=True)
    factor = max(1, round(IMAGE_SIZE / max(chosen.shape[1:3])))
    height, width = (length * factor for length in canvas.shape[:2])
    data = base64.b64encode(file.getvalue()).decode()
    return ImageStrip(f"data:image/png;base64,{data}", width, height, description)

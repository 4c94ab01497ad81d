"""Walls of pictures as a page shows them: a strip of small images for each method, every pixel sent once."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from ...analysis.leaderboard import group_by_table
from ...analysis.leaderboard_data import Leaderboard
from ...storage import image_grid as tiles
from ...storage.image_grid import Images
from ...storage.store import RunResult
from .. import image_grid_figure

IMAGES_PER_STRIP, IMAGE_SIZE = 10, 32
"""Images in a strip; in pixels, towards what a page enlarges small ones, so that two strips fit beside a name."""


@dataclass(frozen=True)
class ImageStrip:
    """A few images side by side; the page enlarges them to this width and height in pixels."""

    source: str
    width: int
    height: int
    description: str


@dataclass(frozen=True)
class ImageRow:
    """What a method made of the test images, what its prior's draws decode to; or why there are none."""

    label: str
    strips: tuple[ImageStrip, ...]
    missing_reason: str = ""


@dataclass(frozen=True)
class ImageGridView:
    """The pictures of one table: images below each other are of one input, or of one draw of noise."""

    title: str
    caption: str
    rows: tuple[ImageRow, ...]


def build_image_grids(boards: Sequence[Leaderboard], run_results: Sequence[RunResult]) -> Iterator[ImageGridView]:
    """A wall for each table of which some run has kept its pictures; `run_results` are those of the boards."""
    for board, group in zip(boards, group_by_table(run_results).values(), strict=True):
        if found := image_grid_figure.collect_images(group):
            yield ImageGridView(
                f"Reconstructions and samples, {board.title}",
                image_grid_figure.describe_image_grid(found),
                tuple(_build_rows(found)),
            )


def _build_rows(found: Sequence[image_grid_figure.MethodImages]) -> Iterator[ImageRow]:
    inputs = next(one.grids.inputs for one in found if one.grids)
    yield ImageRow("test images", (_build_strip(inputs, "Test images"),))
    for one in found:
        made = one.grids
        strips = (
            (
                _build_strip(made.reconstructions, f"The same by {one.label}"),
                _build_strip(made.samples, f"Samples of {one.label}"),
            )
            if made
            else ()
        )
        yield ImageRow(one.label, strips, one.missing_reason)


def _build_strip(images: Images, said: str) -> ImageStrip:
    """Images from all over those given [N, H, W, C]."""
    chosen = images[np.linspace(0, len(images) - 1, min(IMAGES_PER_STRIP, len(images))).astype(np.int64)]
    canvas, file = tiles.make_grid(chosen, len(chosen), gap=1), BytesIO()
    tiles.to_pillow_image(canvas).save(file, format="PNG", optimize=True)
    factor = max(1, round(IMAGE_SIZE / max(chosen.shape[1:3])))
    height, width = (length * factor for length in canvas.shape[:2])
    return ImageStrip(f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", width, height, said)

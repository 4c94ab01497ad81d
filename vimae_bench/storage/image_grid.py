"""Grids of small images with gaps between them, as PNG files from which the images can be read back.

Version 0.1 wrote such files, without labels; `labelled_grid.py` has those that are written now.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import ResultsError
from .labelled_grid import KEY as TABLE_KEY
from .labelled_grid import read_image_table
from .picture_data import Images as Images
from .png_files import open_png

COLUMNS, TILE, GAP = 10, 64, 2
"""Images in a row, the width in pixels that small images are enlarged towards, pixels between them."""
KEY = "tile"
"""The metadata of a grid's file: height and width of an image before it was enlarged, and the factor."""


def make_grid(images: Images, columns: int, factor: int = 1, gap: int = GAP) -> Images:
    """Images [N, H, W, C] in rows of `columns`, as [height, width, C]; each pixel becomes a square of `factor`."""
    pixels = images.repeat(factor, axis=1).repeat(factor, axis=2)
    n, height, width, channels = pixels.shape
    rows = -(-n // columns)
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, np.uint8)
    for i, image in enumerate(pixels):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return canvas


def load_grid(path: Path) -> Images:
    """The images [rows, columns, H, W, C] of a grid or of an image table, as they were before they were enlarged.

    Raises ResultsError if the file is damaged, or not such a grid.
    """
    try:
        with open_png(path) as opened:
            if TABLE_KEY in opened.info:
                return read_image_table(opened).images
            height, width, factor = map(int, str(opened.info[KEY]).split())
            pixels = np.asarray(opened, dtype=np.uint8)
        rows, columns = _count_tiles(pixels.shape[0], height * factor), _count_tiles(pixels.shape[1], width * factor)
    except ResultsError:
        raise
    except Exception as error:  # a damaged picture fails in many ways
        raise ResultsError(
            f"{path}: is not a grid of images ({error!r}); remove {path.parent} and run again"
        ) from error
    high, wide = height * factor, width * factor
    pixels = pixels.reshape(*pixels.shape[:2], -1)  # a grey picture has no channels
    padded = np.zeros((rows * (high + GAP), columns * (wide + GAP), pixels.shape[2]), np.uint8)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    tiles = padded.reshape(rows, high + GAP, columns, wide + GAP, -1).swapaxes(1, 2)
    return tiles[:, :, :high:factor, :wide:factor]


def to_pillow_image(canvas: Images) -> Any:  # noqa: ANN401
    """A Pillow image of [height, width, C], grey where there is one channel."""
    from PIL import Image

    return Image.fromarray(canvas[..., 0] if canvas.shape[-1] == 1 else canvas)


def _count_tiles(length: int, side: int) -> int:
    """The number of tiles of a side along a grid."""
    if side < 1 or (length + GAP) % (side + GAP):
        raise ValueError(f"tiles of {side} pixels do not fill {length}")
    return (length + GAP) // (side + GAP)

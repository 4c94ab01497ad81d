"""Tables of images as PNG files that a person can look at, and from which the images and labels can be read back.

Images are enlarged by an integer factor, so that every pixel stays a sharp square, with the labels around them.
The metadata of the file says where they are.
"""

import json
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Any, cast

import numpy as np

from .picture_data import Images, ImageTable
from .picture_font import load_font, measure_text
from .png_files import MAX_PIXELS

KEY = "image table"
"""The metadata of a table's file."""
TILE, GAP, MARGIN = 56, 4, 8
"""In pixels: the width that small images are enlarged towards, the space between images and around the table."""
LINE = 16
"""The height of a line of text in pixels."""
MAX_IMAGES = 10_000
"""A file with more is refused."""


@dataclass(frozen=True)
class _Layout:
    """Where the images are: `left` of the first column, `step` from one to the next, and `tops` of the rows."""

    tops: tuple[int, ...]
    columns: int
    height: int
    width: int
    factor: int
    left: int
    step: int

    def __post_init__(self) -> None:
        numbers = (*self.tops, self.columns, self.height, self.width, self.factor, self.left, self.step)
        if not all(type(n) is int and 0 <= n < 2**20 for n in numbers) or not self.factor * self.height * self.width:
            raise ValueError("no table has images at such places")
        if not 0 < len(self.tops) * self.columns <= MAX_IMAGES:
            raise ValueError(f"no table has {len(self.tops)} x {self.columns} images")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width that the images take from the corner of the picture."""
        right = self.left + (self.columns - 1) * self.step + self.width * self.factor
        return max(self.tops) + self.height * self.factor, right


def write_image_table(table: ImageTable, path: Path) -> None:
    """Write a table as a PNG with its title and labels."""
    path.write_bytes(encode_image_table(table)[0])


def encode_image_table(table: ImageTable) -> tuple[bytes, tuple[int, int]]:
    """A table as a PNG with its title and labels, with its width and height in pixels."""
    from PIL import Image, ImageDraw
    from PIL.PngImagePlugin import PngInfo

    layout = _make_layout(table)
    height, width = (length + MARGIN for length in layout.size)
    title = _wrap_title(table.title, width)
    width = max(width, *(round(measure_text(line)) + 2 * MARGIN for line in ("", *title)))
    height += LINE * _has_notes(table, -1)
    if height * width > MAX_PIXELS:
        raise ValueError(f"a table of {width} x {height} pixels is larger than the {MAX_PIXELS:,} of any picture")
    canvas = np.full((height, width, table.images.shape[-1]), 255, np.uint8)
    for top, images in zip(layout.tops, table.images, strict=True):
        _get_row(canvas, layout, top)[:] = images.repeat(layout.factor, 1).repeat(layout.factor, 2)
    picture = Image.fromarray(canvas[..., 0] if canvas.shape[-1] == 1 else canvas)
    draw, font = ImageDraw.Draw(picture), load_font()
    black, grey = (0, 80) if canvas.shape[-1] == 1 else ((0, 0, 0), (80, 80, 80))
    for i, line in enumerate(title):
        draw.text((MARGIN, MARGIN + i * LINE), line, black, font)
    tall, wide = layout.height * layout.factor, layout.width * layout.factor
    centres = [layout.left + column * layout.step + wide / 2 for column in range(layout.columns)]
    for top, label in zip(layout.tops, table.row_labels, strict=True):
        draw.text((layout.left - MARGIN, top + tall / 2), label, black, font, "rm")
    for centre, label in zip(centres, table.column_labels, strict=True):
        draw.text((centre, layout.tops[0] - LINE / 2), label, black, font, "mm")
    for top, row in zip(layout.tops, table.notes, strict=False):
        for centre, note in zip(centres, row, strict=True):
            draw.text((centre, top + tall + LINE / 2), note, grey, font, "mm")
    metadata = PngInfo()
    texts = {"title": table.title, "rows": table.row_labels, "columns": table.column_labels, "notes": table.notes}
    metadata.add_text(KEY, json.dumps({"layout": asdict(layout), **texts}))
    file = BytesIO()
    picture.save(file, format="PNG", pnginfo=metadata, compress_level=4)  # two thirds of the time, hardly larger
    return file.getvalue(), picture.size


def read_image_table(opened: Any) -> ImageTable:  # noqa: ANN401
    """The table in an opened Pillow image. Raises ValueError, KeyError or TypeError if it is not one."""
    found = cast("dict[str, Any]", json.loads(opened.info[KEY]))
    where: dict[str, Any] = found["layout"]
    layout = _Layout(tuple(where.pop("tops")), **where)
    if opened.mode not in ("L", "RGB"):
        raise ValueError(f"no table is a picture of {opened.width} x {opened.height} pixels in mode {opened.mode}")
    if layout.size[0] > opened.height or layout.size[1] > opened.width:
        raise ValueError("the images are beyond the edge of the picture")
    if len(layout.tops) * layout.columns * layout.height * layout.width > opened.width * opened.height:
        raise ValueError("the images overlap")
    canvas = np.asarray(opened, np.uint8).reshape(opened.height, opened.width, -1)
    images = [_get_row(canvas, layout, top)[:, :: layout.factor, :: layout.factor] for top in layout.tops]
    notes = tuple(tuple(row) for row in found["notes"])
    return ImageTable(np.stack(images), found["title"], (*found["rows"],), (*found["columns"],), notes)


def _make_layout(table: ImageTable) -> _Layout:
    rows, columns, height, width, _ = table.images.shape
    factor = max(1, TILE // max(height, width))
    widest = max(map(measure_text, (*table.column_labels, *(note for row in table.notes for note in row))))
    step = max(width * factor + GAP, round(widest) + 2 * GAP)
    labels = round(max(map(measure_text, table.row_labels)))
    left = MARGIN + labels + (MARGIN if labels else 0) + max(0, (step - width * factor - GAP) // 2)
    title = len(_wrap_title(table.title, left + columns * step + MARGIN))
    tops = [MARGIN + title * LINE + (LINE + GAP if any(table.column_labels) else GAP)]
    for row in range(rows - 1):
        tops.append(tops[-1] + max(height * factor, LINE) + LINE * _has_notes(table, row) + GAP)
    return _Layout((*tops,), columns, height, width, factor, left, step)


def _has_notes(table: ImageTable, row: int) -> bool:
    return bool(table.notes) and any(table.notes[row])


def _get_row(canvas: Images, layout: _Layout, top: int) -> Images:
    """The images of a row in a canvas [height, width, C], enlarged, as a view [columns, height, width, C]."""
    y, x, c = canvas.strides
    shape = (layout.columns, layout.height * layout.factor, layout.width * layout.factor, canvas.shape[2])
    return np.lib.stride_tricks.as_strided(canvas[top:, layout.left :], shape, (x * layout.step, y, x, c))


def _wrap_title(title: str, width: int) -> list[str]:
    """The lines of a title in a picture of this width in pixels, but at least 320."""
    return wrap(title, max(width, 320) // 7)

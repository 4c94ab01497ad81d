"""PNG files, whose size in pixels is looked at before anything is decoded: some kilobytes may unpack to gigabytes."""

import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import ResultsError
from .plain_files import open_plain_file

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 2**25
"""Of a picture, such as 8,192 x 4,096: eight by ten images of 512 x 512 with their labels."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = struct.Struct(">8s4x4sII")
"""The signature, and the name, width and height of the first chunk."""


def check_png_size(path: Path) -> None:
    """Raises ResultsError for a file that is no PNG, or has more than `MAX_PIXELS`."""
    with open_plain_file(path) as file:
        start = file.read(HEADER.size)
    if len(start) < HEADER.size or not start.startswith(SIGNATURE) or start[12:16] != b"IHDR":
        raise ResultsError(f"{path}: is not a PNG; remove {path.parent} and run again")
    _, _, width, height = HEADER.unpack(start)
    if not 0 < width * height <= MAX_PIXELS:
        pixels = f"{width:,} x {height:,} pixels, and a picture has at most {MAX_PIXELS:,}"
        raise ResultsError(f"{path}: has {pixels}; remove {path.parent} and run again")


@contextmanager
def open_png(path: Path) -> Generator["Image"]:
    """A PNG opened by Pillow, which has decoded nothing yet. Raises ResultsError as `check_png_size` does."""
    from PIL import Image

    check_png_size(path)
    with open_plain_file(path) as file, Image.open(file, formats=["PNG"]) as opened:
        yield opened

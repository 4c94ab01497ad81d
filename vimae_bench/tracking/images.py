"""Pictures under the names that MLflow's image grid expects."""

import tempfile
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import ResultsError
from ..storage.plain_files import read_plain_file
from ..storage.png_files import open_png

FOLDER = "images"
SHOWN = "mlflow.loggedImages"
"""Without this tag MLflow does not look for pictures to put into its grid."""
THUMBNAIL = 256
"""Pixels of the longer side of the small picture that the grid loads first."""


@contextmanager
def make_grid_images(pictures: Sequence[Path]) -> Generator[Path]:
    """A folder with two copies of each picture, full and reduced, named as `MlflowClient.log_image` names them.

    The names are the same every time, so that a picture that is sent twice is there once. Their step is 0, which the
    grid shows first. A damaged picture is left out; `vimae-bench doctor` reports it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for picture in pictures:
            time = round(picture.stat().st_mtime * 1000)
            identifier = uuid.uuid5(uuid.NAMESPACE_OID, f"{picture.stem} {time}")
            name = f"{picture.stem}+step+0+timestamp+{time}+{identifier}"
            if _write_thumbnail(picture, Path(scratch) / f"{name}+compressed.webp"):
                (Path(scratch) / f"{name}.png").write_bytes(read_plain_file(picture))
        yield Path(scratch)


def _write_thumbnail(picture: Path, small: Path) -> bool:
    """Write the small picture. Gives whether it could be read."""
    try:
        with open_png(picture) as opened:
            image = opened.convert("RGB") if opened.mode == "P" else opened.copy()  # a palette has no mixed colours
            image.thumbnail((THUMBNAIL, THUMBNAIL))
            image.save(small, method=0)  # a third of the time, a tenth larger
    except (OSError, ResultsError, SyntaxError, ValueError):
        return False
    return True

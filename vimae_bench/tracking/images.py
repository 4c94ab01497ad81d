"""Pictures under the names that MLflow's image grid expects."""

import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "images"
SHOWN = "mlflow.loggedImages"
"""Without this tag MLflow does not look for pictures to put into its grid."""
THUMBNAIL = 256
"""Pixels of the longer side of the small picture that the grid loads first."""


@contextmanager
def make_grid_images(picture: Path) -> Generator[list[Path]]:
    """Copies of a picture, full and reduced, named as `MlflowClient.log_image` names them, but the same every time.

    Their step is 0, which the grid shows first. A picture that is sent twice is then there once; a damaged
    one is left out.
    """
    time = round(picture.stat().st_mtime * 1000)
    identifier = uuid.uuid5(uuid.NAMESPACE_OID, f"{picture.stem} {time}")
    name = f"{picture.stem}+step+0+timestamp+{time}+{identifier}"
    with tempfile.TemporaryDirectory() as scratch:
        full, small = Path(scratch) / f"{name}.png", Path(scratch) / f"{name}+compressed.webp"
        full.write_bytes(picture.read_bytes())
        yield [full, small] if _write_thumbnail(picture, small) else []


def _write_thumbnail(picture: Path, small: Path) -> bool:
    """Write the small picture; one that is damaged cannot be shown, and is reported by `vimae-bench doctor`."""
    from PIL import Image

    try:
        with Image.open(picture) as image:
            image.thumbnail((THUMBNAIL, THUMBNAIL))
            image.save(small)
    except (OSError, SyntaxError, ValueError):
        return False
    return True

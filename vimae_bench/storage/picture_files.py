"""The pictures of a run as files: those of images are PNGs, those of points and bars arrays, with a PNG next to them.

pictures/
  samples.png, traversals.png ...   images with labels, which are read back from it (`labelled_grid.py`)
  codes.npz, latent_kl.npz ...      points or bars, and the same drawn
  left-out.json                     the pictures that the run does not have, each with the reason
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.canonical import Json
from ..core.errors import ResultsError
from .atomic import read_json, write_json
from .chart_image import write_chart
from .image_grid import load_grid
from .labelled_grid import KEY, read_image_table, write_image_table
from .picture_data import BarChart, ImageTable, PictureData, ScatterPlot
from .plain_files import list_plain_folder, open_plain_file
from .png_files import open_png
from .run_folder import RunFolder

LEFT_OUT = "left-out.json"
DRAWN_ONLY = ("losses",)
"""Pictures of earlier versions that cannot be read back."""
MAX_ARRAYS = 2**24
"""Bytes of all arrays of a file; a larger one is refused before it is unpacked."""


def load_pictures(folder: RunFolder) -> dict[str, PictureData | str]:
    """The pictures of a run by name, each as data, or the reason why it is not there.

    Empty if none were kept. A picture that is damaged, or was written by a later version, has that as its reason.
    """
    paths = {path.stem: path for suffix in ("png", "npz") for path in list_plain_folder(folder.pictures, f"*.{suffix}")}
    found: dict[str, PictureData | str] = dict(_read_reasons(folder.pictures / LEFT_OUT))
    for name in sorted(paths.keys() - set(DRAWN_ONLY)):
        try:
            found[name] = read_picture(paths[name])
        except ResultsError:
            found[name] = "damaged, or of another version"
    return found


def write_picture(data: PictureData, folder: Path, name: str) -> Path:
    """Write a picture's data as `<name>.png`, or as `<name>.npz` with a PNG next to it; gives the path of the data."""
    if isinstance(data, ImageTable):
        path = folder / f"{name}.png"
        write_image_table(data, path)
        return path
    path = folder / f"{name}.npz"
    if isinstance(data, ScatterPlot):
        texts = {"title": data.title, "x": data.x_label, "y": data.y_label, "outline": data.outline_label}
        arrays: dict[str, Any] = {"z": data.points.astype(np.float16)}
        if data.classes is not None:
            arrays["y"] = data.classes
        if data.outline is not None:
            arrays["prior"] = data.outline.astype(np.float32)
    else:
        names = ("title", "x_label", "y_label", "labels", "threshold", "threshold_label")
        texts = {name: getattr(data, name) for name in names}
        arrays = {"values": data.values.astype(np.float64)}
    np.savez_compressed(path, text=np.array(json.dumps(texts)), **arrays)
    write_chart(data, path.with_suffix(".png"))
    return path


def read_picture(path: Path) -> PictureData:
    """The data of a picture. Raises ResultsError if it is damaged or of another version."""
    try:
        return _read_table(path) if path.suffix == ".png" else _read_arrays(path)
    except ResultsError:
        raise
    except Exception as error:  # damaged files fail in many ways
        raise ResultsError(f"{path}: is not a picture ({error!r}); remove {path.parent} and run again") from error


def write_reasons(reasons: Mapping[str, str], folder: Path) -> None:
    """Write why a run does not have these pictures; no file if there are none."""
    if reasons:
        write_json(folder / LEFT_OUT, dict(reasons))


def check_array_sizes(path: Path) -> None:
    """Raises ValueError if the arrays of a file are larger than those of any run."""
    with open_plain_file(path) as file, zipfile.ZipFile(file) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > MAX_ARRAYS:
        raise ValueError(f"its arrays take {size} bytes")


def _read_reasons(path: Path) -> dict[str, str]:
    try:
        found: Json = read_json(path)
    except ResultsError:  # damaged, or not there
        return {}
    return {name: reason for name, reason in found.items() if isinstance(reason, str)}


def _read_table(path: Path) -> ImageTable:
    with open_png(path) as opened:
        if KEY in opened.info:
            return read_image_table(opened)
    images = load_grid(path)  # of version 0.1, which wrote no labels
    return ImageTable(np.ascontiguousarray(images), path.stem, ("",) * images.shape[0], ("",) * images.shape[1])


def _read_arrays(path: Path) -> ScatterPlot | BarChart:
    check_array_sizes(path)
    with open_plain_file(path) as file, np.load(file, allow_pickle=False) as kept:
        texts: Json = json.loads(str(kept["text"])) if "text" in kept else {}
        if "values" in kept:
            labels = tuple(texts.pop("labels"))
            return BarChart(np.asarray(kept["values"], np.float64), labels=labels, **texts)
        classes = np.asarray(kept["y"], np.int64) if "y" in kept else None
        outline = np.asarray(kept["prior"], np.float32) if "prior" in kept else None
        texts = {"title": "codes of test images", "x": "", "y": "", "outline": "", **texts}
        points = np.asarray(kept["z"], np.float32)
    return ScatterPlot(points, texts["title"], texts["x"], texts["y"], classes, outline, texts["outline"])

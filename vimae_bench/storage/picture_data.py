"""What a picture of a run shows, as data from which it can be drawn again in any size and style."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
MAX_TEXT = 2000
"""Characters of a title or label."""


@dataclass(frozen=True, eq=False)
class ImageTable:
    """Images in rows and columns: uint8 [rows, columns, H, W, C], with C = 1 or 3.

    There is a label for each row and each column, and in `notes` a text below each image, row by row; no notes at all
    if there are none. Raises ValueError if the numbers do not agree.
    """

    images: Images
    title: str
    """What the images are, in one sentence without a full stop."""
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    notes: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 5 or shape[-1] not in (1, 3) or not self.images.size:
            raise ValueError(f"images are uint8 [rows, columns, H, W, 1 or 3], not {self.images.dtype} {shape}")
        if (len(self.row_labels), len(self.column_labels)) != shape[:2]:
            raise ValueError(f"{len(self.row_labels)} and {len(self.column_labels)} labels of images {shape}")
        if self.notes and [len(row) for row in self.notes] != [shape[1]] * shape[0]:
            raise ValueError(f"the notes are not {shape[0]} rows of {shape[1]}")
        _check_texts(self.title, *self.row_labels, *self.column_labels, *(note for row in self.notes for note in row))


@dataclass(frozen=True, eq=False)
class ScatterPlot:
    """Points [N, 2], with a class [N] for each (None: no classes), and lines [M, 2] around them.

    A row of NaN ends each line. Raises ValueError for other shapes.
    """

    points: NDArray[np.floating]
    title: str
    x_label: str
    y_label: str
    classes: NDArray[np.integer] | None = None
    outline: NDArray[np.float32] | None = None
    outline_label: str = ""

    def __post_init__(self) -> None:
        outline = np.empty((0, 2)) if self.outline is None else self.outline
        if any(one.ndim != 2 or one.shape[1] != 2 for one in (self.points, outline)):
            raise ValueError(f"points and lines are [N, 2], not {self.points.shape} and {outline.shape}")
        if self.classes is not None and self.classes.shape != self.points.shape[:1]:
            raise ValueError(f"{self.classes.shape} classes of {len(self.points)} points")
        _check_texts(self.title, self.x_label, self.y_label, self.outline_label)


@dataclass(frozen=True, eq=False)
class BarChart:
    """A bar for each of the values [N], and a horizontal line at `threshold`, unless None.

    Raises ValueError if labels and values differ in number.
    """

    values: NDArray[np.floating]
    title: str
    x_label: str
    y_label: str
    labels: tuple[str, ...]
    threshold: float | None = None
    threshold_label: str = ""

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.labels),):
            raise ValueError(f"{len(self.labels)} labels of values {self.values.shape}")
        _check_texts(self.title, self.x_label, self.y_label, self.threshold_label, *self.labels)


PictureData = ImageTable | ScatterPlot | BarChart


def _check_texts(*texts: object) -> None:
    for text in texts:
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise ValueError(f"a label is a text of at most {MAX_TEXT} characters, not {str(text)[:40]!r}")

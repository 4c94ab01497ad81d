"""Images and figures that a notebook shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from torch import Tensor

from ..engine.pictures import tile
from ..errors import BenchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

DPI, SHOWN = 120, 96
"""Dots to an inch of a figure in a notebook, and of those that it is shown at."""
COLOURS = 256
"""Of a figure in a notebook, where it takes a third of the room that all would, and looks the same."""


@dataclass(frozen=True)
class Tiles:
    """Images float32 [N, C, H, W] in [0, 1] units, shown in rows of `columns`."""

    images: Tensor
    columns: int

    @property
    def array(self) -> np.ndarray:
        """The whole picture, uint8 [height, width] or [height, width, 3], every pixel a sharp square."""
        canvas = tile(self.images, self.columns)
        return canvas[..., 0] if canvas.shape[-1] == 1 else canvas

    def save(self, path: str | Path) -> None:
        """Write the picture to a file; its ending says the format."""
        from PIL import Image

        Image.fromarray(self.array).save(path)

    def _repr_png_(self) -> bytes:
        from PIL import Image

        return _encoded(Image.fromarray(self.array))

    def __repr__(self) -> str:
        return f"{len(self.images)} images of shape {tuple(self.images.shape[1:])}"


class Figures(Sequence["Figure"]):
    """Matplotlib figures, one for each table, each shown below the other."""

    def __init__(self, figures: Sequence["Figure"]):
        self._figures = tuple(figures)

    @overload
    def __getitem__(self, index: int) -> "Figure": ...
    @overload
    def __getitem__(self, index: slice) -> "Sequence[Figure]": ...
    def __getitem__(self, index: Any) -> Any:
        return self._figures[index]

    def __len__(self) -> int:
        return len(self._figures)

    def __iter__(self) -> Iterator["Figure"]:
        return iter(self._figures)

    def save(self, path: str | Path) -> list[Path]:
        """Write a file for each figure, numbered where there are several. Raises BenchError for an unknown format."""
        path, written = Path(path), list[Path]()
        for n, figure in enumerate(self, 1):
            target = path if len(self) == 1 else path.with_stem(f"{path.stem}-{n}")
            if target.suffix[1:] not in figure.canvas.get_supported_filetypes():
                raise BenchError(f"{target}: has to end in .png, .svg or .pdf")
            figure.savefig(target)
            written.append(target)
        return written

    def _ipython_display_(self) -> None:
        """As images, which are shown where HTML that holds them is not."""
        from IPython.display import Image, display  # pyright: ignore

        for figure in self:
            display(Image(_png(figure), width=round(figure.get_figwidth() * SHOWN)))

    def __repr__(self) -> str:
        return f"{len(self)} figure{'s' if len(self) != 1 else ''}"


def _png(figure: "Figure") -> bytes:
    from PIL import Image

    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return _encoded(Image.open(out).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE))


def _encoded(image: "Image") -> bytes:
    out = BytesIO()
    image.save(out, format="png", optimize=True)
    return out.getvalue()

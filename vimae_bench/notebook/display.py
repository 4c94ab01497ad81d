"""Images and figures that display themselves in a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from torch import Tensor

from ..core.errors import BenchError
from ..data.pixels import to_uint8
from ..reports.plot_style import encode_figure
from ..reports.table_format import clean_text
from ..storage.cache_folder import expand_home
from ..storage.image_grid import TILE, make_grid, to_pillow_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

Captioned = tuple["Figure", str]
FORMATS = ("png", "svg", "pdf")
DPI, DISPLAY_DPI = 120, 96
"""Dots per inch of a figure in a notebook, and at which it is displayed."""
COLOURS = 256
"""Colours of a figure in a notebook: it looks the same as with all colours, at a third of the size."""


@dataclass(frozen=True)
class ImageGrid:
    """Images float32 [N, C, H, W] in [0, 1] units, displayed in rows of `columns`."""

    images: Tensor
    columns: int

    @property
    def image(self) -> "Image":
        """The grid as one image, enlarged so that every pixel is a sharp square."""
        pixels = to_uint8(self.images)
        return to_pillow_image(make_grid(pixels, self.columns, max(1, TILE // max(pixels.shape[1:3]))))

    def save(self, path: str | Path) -> None:
        """Write the grid to a file, in the format of its ending."""
        self.image.save(path)

    def _repr_png_(self) -> bytes:
        return _encode_png(self.image)

    def __repr__(self) -> str:
        return f"{len(self.images)} images of shape {tuple(self.images.shape[1:])}"


class Figures(Sequence["Figure"]):
    """Matplotlib figures, one for each table, each with a caption."""

    def __init__(self, drawn: "Sequence[Captioned]"):
        self._figures = tuple(figure for figure, _ in drawn)
        self.captions = tuple(caption for _, caption in drawn)

    @overload
    def __getitem__(self, index: int) -> "Figure": ...
    @overload
    def __getitem__(self, index: slice) -> "Sequence[Figure]": ...
    def __getitem__(self, index: Any) -> Any:
        return self._figures[index]

    def __len__(self) -> int:
        return len(self._figures)

    def save(self, path: str | Path) -> list[Path]:
        """Write a file for each figure, numbered if there are several. Raises BenchError for an unknown format."""
        path = expand_home(Path(path))
        if (form := path.suffix[1:]) not in FORMATS:
            raise BenchError(f"{path}: has to end in {' or '.join(f'.{form}' for form in FORMATS)}")
        several = len(self) > 1
        paths = [path.with_stem(f"{path.stem}-{n}") if several else path for n in range(1, len(self) + 1)]
        for target, figure in zip(paths, self, strict=True):
            target.write_bytes(encode_figure(figure, form))
        return paths

    def _ipython_display_(self) -> None:
        """Display figures as images, since some viewers do not show images within HTML."""
        from IPython.display import HTML, Image, display  # pyright: ignore

        for figure, caption in zip(self._figures, self.captions, strict=True):
            display(Image(_figure_to_png(figure), width=round(figure.get_figwidth() * DISPLAY_DPI)))
            display(HTML(f"<p>{escape(clean_text(caption))}</p>"))

    def __repr__(self) -> str:
        return f"{len(self)} figure{'s' if len(self) != 1 else ''}"


def _figure_to_png(figure: "Figure") -> bytes:
    from PIL import Image

    out = BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return _encode_png(Image.open(out).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE))


def _encode_png(image: "Image") -> bytes:
    out = BytesIO()
    image.save(out, format="png", optimize=True)
    return out.getvalue()

"""A figure of images: what every method makes of the same test images and of the same draws of noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import ResultsError
from ..storage import image_grid as tiles
from ..storage.image_grid import Images
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .plot_style import BLACK, GREY
from .table_format import COLLAPSED, clean_text, shorten_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILES = ("reconstructions.png", "samples.png")
"""The pictures of a run that are shown."""
IMAGES_PER_ROW = 12
"""Reconstructions, and as many samples, in a method's row."""
IMAGE_SIZE, GAP, MARGIN, LINE_HEIGHT = 56, 4, 24, 30
"""In pixels: about the size of an enlarged image; the space between images and around blocks; a line of text."""
DPI = 150
FONT_SIZE = 8
"""In points."""


@dataclass(frozen=True)
class ImageGrids:
    """The images of a run: `inputs`, their `reconstructions` and `samples` of the prior, uint8 [N, H, W, C] each."""

    inputs: Images
    reconstructions: Images
    samples: Images


@dataclass(frozen=True)
class MethodImages:
    """The images of one method, or the reason why there are none."""

    result: RunResult
    grids: ImageGrids | None
    missing_reason: str = ""

    @property
    def label(self) -> str:
        return shorten_name(self.result.entry.label) + (f" {COLLAPSED}" if self.result.collapsed else "")


def collect_images(run_results: Sequence[RunResult]) -> list[MethodImages]:
    """The images of the methods of one table, all from one seed: the lowest of those with the most images.

    Empty if no images can be read.
    """
    seeds = [result.entry.seed for result in run_results if _has_images(result)]
    seed = max(sorted(set(seeds)), key=seeds.count, default=None)
    images = [_read_method_images(result) for result in run_results if result.entry.seed == seed]
    first = next((method.grids for method in images if method.grids), None)
    return [_drop_other_inputs(method, first) for method in images] if first else []


def draw_image_grid(images: Sequence[MethodImages], title: str) -> "Figure":
    """The test images, and below them a row for each method: reconstructions on the left, samples on the right.

    Images in one column come from the same input, or from the same draw of noise.
    """
    from matplotlib.figure import Figure

    canvas, centres, samples_left = _compose_canvas(images)
    left = MARGIN + round(max(map(_measure_text_width, _list_row_names(images))))
    top, width, height = 2 * LINE_HEIGHT, left + canvas.shape[1] + MARGIN, canvas.shape[0] + 3 * LINE_HEIGHT
    figure = Figure((width / DPI, height / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    extent = (left, left + canvas.shape[1], top + canvas.shape[0], top)
    axes.imshow(canvas, extent=extent, interpolation="none", aspect="auto")

    def write(x: float, y: float, text: str, **options: object) -> None:
        options = {"fontsize": FONT_SIZE, "color": BLACK, **options}
        axes.text(x, y, text, parse_math=False, va="center", **options)  # pyright: ignore

    write(width / 2, LINE_HEIGHT / 2, clean_text(title), ha="center", fontweight="bold")
    write(left, 1.5 * LINE_HEIGHT, "reconstructions")
    write(left + samples_left, 1.5 * LINE_HEIGHT, "samples (decoded from the prior)")
    reasons = ("", *(method.missing_reason for method in images))
    for name, reason, centre in zip(_list_row_names(images), reasons, centres, strict=True):
        write(left - MARGIN / 3, top + centre, name, ha="right")
        write(left, top + centre, reason, color=GREY)
    return figure


def describe_image_grid(images: Sequence[MethodImages]) -> str:
    """The caption: what to look for, and which methods have no images."""
    missing = "".join(f" No images of {m.label}: {m.missing_reason}." for m in images if m.missing_reason)
    return (
        f"Models from seed {images[0].result.entry.seed}, on the same test images, and on the same noise for equal "
        "priors. If samples are worse than reconstructions, the prior does not fit the codes." + missing
    )


def _list_row_names(images: Sequence[MethodImages]) -> list[str]:
    return ["test images", *(method.label for method in images)]


def _has_images(result: RunResult) -> bool:
    return result.status == "done" and (RunFolder(result.folder).pictures / "samples.png").exists()


def _read_method_images(result: RunResult) -> MethodImages:
    if not _has_images(result):
        return MethodImages(result, None, result.status if result.status != "done" else "no images kept")
    folder = RunFolder(result.folder).pictures
    try:
        grids = _split_grids(*(tiles.load_grid(folder / file) for file in FILES))
    except (ResultsError, ValueError):
        return MethodImages(result, None, "images damaged, or of another version")
    return MethodImages(result, grids)


def _split_grids(pairs: Images, samples: Images) -> ImageGrids:
    """Grids [rows, columns, H, W, C] as lists of images. Raises ValueError for shapes that no run writes."""
    if len(pairs) % 2 or pairs.shape[2:] != samples.shape[2:] or samples.shape[-1] not in (1, 3):
        raise ValueError(f"no run writes images of shapes {pairs.shape} and {samples.shape}")
    return ImageGrids(*(grid.reshape(-1, *grid.shape[2:]) for grid in (pairs[::2], pairs[1::2], samples)))


def _drop_other_inputs(method: MethodImages, first: ImageGrids) -> MethodImages:
    """The same, but without images if the run was shown other inputs than the first one."""
    if method.grids and not np.array_equal(method.grids.inputs, first.inputs):
        return MethodImages(method.result, None, "was shown other test images")
    return method


def _compose_canvas(images: Sequence[MethodImages]) -> tuple[Images, list[float], int]:
    """All images as one [height, width, 3], the vertical centre of each row, and where the samples begin."""
    first = next(method.grids for method in images if method.grids)
    height, width = first.inputs.shape[1:3]
    factor = max(1, round(IMAGE_SIZE / max(height, width)))
    row_height = height * factor + GAP
    columns = min(IMAGES_PER_ROW, len(first.inputs))
    samples_left = columns * (width * factor + GAP) + MARGIN
    shape = (len(images) + 1) * row_height, samples_left + IMAGES_PER_ROW * (width * factor + GAP), 3
    canvas = np.full(shape, 255, np.uint8)
    blocks = [(first.inputs, 0, 0)]
    for row, method in enumerate(images, 1):
        if method.grids:
            blocks += [(method.grids.reconstructions, row, 0), (method.grids.samples, row, samples_left)]
    for block, row, left in blocks:
        chosen = np.linspace(0, len(block) - 1, min(IMAGES_PER_ROW, len(block))).astype(np.int64)
        strip = tiles.make_grid(block[chosen], len(chosen), factor, GAP)
        canvas[row * row_height :, left:][: strip.shape[0], : strip.shape[1]] = strip
    return canvas, [(row + 0.5) * row_height - GAP / 2 for row in range(len(images) + 1)], samples_left


def _measure_text_width(text: str) -> float:
    """The width of a text in pixels."""
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), text.replace("$", "S"), size=FONT_SIZE).get_extents().width * DPI / 72

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
from .picture_walls import enlarge_images
from .plot_axes import GREY, write_text
from .plot_style import DPI, TEXT_WIDTH
from .plot_text import LINE_HEIGHT, fit_name, measure_text
from .table_format import COLLAPSED, shorten_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILES = ("reconstructions.png", "samples.png")
"""The pictures of a run that are shown."""
IMAGES_PER_ROW = 12
"""Reconstructions, and as many samples, in a method's row at most."""
IMAGE_INCHES = 0.27
"""About the width of an image."""
GAP, MARGIN = 0.02, 0.08
"""Inches between images, and between and around blocks."""
NAME_SHARE = 0.3
"""The most of the width that names of methods take."""


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


def draw_image_grid(images: Sequence[MethodImages], width: float = TEXT_WIDTH) -> "Figure":
    """The test images, and below them a row for each method: reconstructions on the left, samples on the right.

    Images in one column come from the same input, or from the same draw of noise. `width` is in inches.
    """
    from matplotlib.figure import Figure

    names = [fit_name(name, NAME_SHARE * width) for name in _list_row_names(images)]
    first = next(method.grids for method in images if method.grids)
    left = max(map(measure_text, names)) + 2 * MARGIN
    room = (width - left - 2 * MARGIN) / 2
    count = max(1, min(IMAGES_PER_ROW, int(room / IMAGE_INCHES)))
    tile = room / count, room / count * first.inputs.shape[1] / first.inputs.shape[2]
    top, height = LINE_HEIGHT + MARGIN, LINE_HEIGHT + 2 * MARGIN + (len(images) + 1) * tile[1]
    figure = Figure((width, height), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    samples_left = left + room + MARGIN

    def show(images_of_row: Images, x: float, row: int) -> None:
        chosen = np.linspace(0, len(images_of_row) - 1, min(count, len(images_of_row))).astype(np.int64)
        for i, image in enumerate(enlarge_images(images_of_row[chosen])):
            corner = x + i * tile[0], top + row * tile[1]
            extent = corner[0], corner[0] + tile[0] - GAP, corner[1] + tile[1] - GAP, corner[1]
            axes.imshow(image, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none", aspect="auto")

    show(first.inputs, left, 0)
    for row, method in enumerate(images, 1):
        if method.grids:
            show(method.grids.reconstructions, left, row)
            show(method.grids.samples, samples_left, row)
    write_text(axes, left, top / 2, "Reconstructions")
    write_text(axes, samples_left, top / 2, "Samples")
    reasons = ("", *(method.missing_reason for method in images))
    for row, (name, reason) in enumerate(zip(names, reasons, strict=True)):
        y = top + (row + 0.5) * tile[1] - GAP / 2
        write_text(axes, left - MARGIN, y, name, ha="right")
        write_text(axes, left, y, reason, color=GREY)
    axes.set(xlim=(0, width), ylim=(height, 0))
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

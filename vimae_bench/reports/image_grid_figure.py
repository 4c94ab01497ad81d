"""Walls of pictures: what every method makes of the same test images, and of the same draws of noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import ResultsError
from ..storage import image_grid as tiles
from ..storage.image_grid import Images
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .intervals import OTHER, QUIET
from .table_format import COLLAPSED, clean_text, shorten_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IMAGES_PER_ROW = 12
"""Images of a kind in a method's row."""
IMAGE_SIZE, GAP, MARGIN, LINE_HEIGHT, DPI = 56, 4, 24, 30, 150
"""In pixels: towards what images are enlarged, between them, around blocks, a line of text; how many are an inch."""
FONT_SIZE = 8
"""Of text, in points."""


@dataclass(frozen=True)
class ImageGrids:
    """What a run has drawn: `inputs`, their `reconstructions` and `samples` of the prior, [N, H, W, C] each."""

    inputs: Images
    reconstructions: Images
    samples: Images


@dataclass(frozen=True)
class MethodImages:
    """A method's place on a wall: its sheets, or why there are none."""

    result: RunResult
    grids: ImageGrids | None
    missing_reason: str = ""

    @property
    def label(self) -> str:
        return shorten_name(self.result.entry.label) + (f" {COLLAPSED}" if self.result.collapsed else "")


def collect_images(run_results: Sequence[RunResult]) -> list[MethodImages]:
    """The methods of one table, all from one seed: the lowest of those from which most have drawn pictures.

    Empty if there is no picture that can be read.
    """
    drawn = [result.entry.seed for result in run_results if _has_images(result)]
    seed = max(sorted(set(drawn)), key=drawn.count, default=None)
    hung = [_read_method_images(result) for result in run_results if result.entry.seed == seed]
    first = next((one.grids for one in hung if one.grids), None)
    return [_drop_other_inputs(one, first) for one in hung] if first else []


def draw_image_grid(hung: Sequence[MethodImages], title: str) -> "Figure":
    """A row for each method below that of the test images: on the left what came back of them, on the right samples.

    Images below each other are of one input, or of one draw of noise.
    """
    from matplotlib.figure import Figure

    wall, centres, middle = _compose_canvas(hung)
    left = MARGIN + round(max(map(_measure_text_width, _list_row_names(hung))))
    top, wide, high = 2 * LINE_HEIGHT, left + wall.shape[1] + MARGIN, wall.shape[0] + 3 * LINE_HEIGHT
    figure = Figure((wide / DPI, high / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, wide), ylim=(high, 0))
    axes.set_axis_off()
    axes.imshow(
        wall, extent=(left, left + wall.shape[1], top + wall.shape[0], top), interpolation="none", aspect="auto"
    )

    def say(x: float, y: float, text: str, **how: object) -> None:
        axes.text(x, y, text, parse_math=False, va="center", **{"fontsize": FONT_SIZE, "color": OTHER, **how})  # pyright: ignore

    say(wide / 2, LINE_HEIGHT / 2, clean_text(title), ha="center", fontweight="bold")
    say(left, 1.5 * LINE_HEIGHT, "reconstructions")
    say(left + middle, 1.5 * LINE_HEIGHT, "samples: the prior's draws, decoded")
    for name, absent, centre in zip(
        _list_row_names(hung), ("", *(one.missing_reason for one in hung)), centres, strict=True
    ):
        say(left - MARGIN / 3, top + centre, name, ha="right")
        say(left, top + centre, absent, color=QUIET)
    return figure


def describe_image_grid(hung: Sequence[MethodImages]) -> str:
    """What to look for, and of which methods there is nothing."""
    lacking = "".join(f" Nothing of {one.label}: {one.missing_reason}." for one in hung if one.missing_reason)
    return (
        f"Models from seed {hung[0].result.entry.seed}, on the same test images, and on the same noise where priors "
        "are alike. Where samples are worse than reconstructions, the prior does not fit the codes." + lacking
    )


def _list_row_names(hung: Sequence[MethodImages]) -> list[str]:
    return ["test images", *(one.label for one in hung)]


def _has_images(result: RunResult) -> bool:
    return result.status == "done" and (RunFolder(result.folder).pictures / "samples.png").exists()


def _read_method_images(result: RunResult) -> MethodImages:
    if not _has_images(result):
        return MethodImages(result, None, result.status if result.status != "done" else "no pictures kept")
    pictures = RunFolder(result.folder).pictures
    try:
        return MethodImages(
            result,
            _split_grids(tiles.load_grid(pictures / "reconstructions.png"), tiles.load_grid(pictures / "samples.png")),
        )
    except (ResultsError, ValueError):
        return MethodImages(result, None, "pictures damaged, or of another version")


def _split_grids(pairs: Images, samples: Images) -> ImageGrids:
    """Sheets [rows, columns, H, W, C] taken apart. Raises ValueError for such as no run draws."""
    if len(pairs) % 2 or pairs.shape[2:] != samples.shape[2:] or samples.shape[-1] not in (1, 3):
        raise ValueError(f"no run draws {pairs.shape} and {samples.shape}")
    return ImageGrids(*(sheet.reshape(-1, *sheet.shape[2:]) for sheet in (pairs[::2], pairs[1::2], samples)))


def _drop_other_inputs(one: MethodImages, first: ImageGrids) -> MethodImages:
    """The same, but nothing of a run that was shown other images than the first."""
    if one.grids and not np.array_equal(one.grids.inputs, first.inputs):
        return MethodImages(one.result, None, "saw other test images")
    return one


def _compose_canvas(hung: Sequence[MethodImages]) -> tuple[Images, list[float], int]:
    """All images of a wall at once [height, width, 3], the middle of each row, where the samples begin."""
    first = next(one.grids for one in hung if one.grids)
    high, wide = first.inputs.shape[1:3]
    factor = max(1, round(IMAGE_SIZE / max(high, wide)))
    step = high * factor + GAP
    across = min(IMAGES_PER_ROW, len(first.inputs))
    middle = across * (wide * factor + GAP) + MARGIN
    canvas = np.full(((len(hung) + 1) * step, middle + IMAGES_PER_ROW * (wide * factor + GAP), 3), 255, np.uint8)
    blocks = [(first.inputs, 0, 0)]
    for row, one in enumerate(hung, 1):
        blocks += [(one.grids.reconstructions, row, 0), (one.grids.samples, row, middle)] if one.grids else []
    for images, row, left in blocks:
        chosen = np.linspace(0, len(images) - 1, min(IMAGES_PER_ROW, len(images))).astype(np.int64)
        strip = tiles.make_grid(images[chosen], len(chosen), factor, GAP)
        canvas[row * step :, left:][: strip.shape[0], : strip.shape[1]] = strip
    return canvas, [(row + 0.5) * step - GAP / 2 for row in range(len(hung) + 1)], middle


def _measure_text_width(text: str) -> float:
    """The width of a text in pixels."""
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), text.replace("$", "S"), size=FONT_SIZE).get_extents().width * DPI / 72

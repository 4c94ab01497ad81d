"""A part of a picture with axes, drawn pixel by pixel: discs, dashed lines, bars, ticks and labels.

What is drawn is averaged over `FINE` by `FINE` pixels, so that edges are smooth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .picture_font import FONT_SIZE, load_font

if TYPE_CHECKING:
    from PIL.Image import Image

FINE = 2
"""Drawn pixels along the side of one of the picture."""
INK = "#222222"
"""The colour of texts and axes."""
TICK, TICK_FONT, MAX_TICKS = 4, 11, 6
"""The length of a tick and the size of its number in pixels; ticks along an axis at most."""
DASH = 4.0
"""The length in pixels of a dash, and of the space after it."""

Points = NDArray[np.float64]


@dataclass
class PlotArea:
    """Where the area is in its picture, in pixels, and the values at the ends of its axes."""

    left: int
    top: int
    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]

    def __post_init__(self) -> None:
        self._canvas = np.full((self.height * FINE, self.width * FINE, 3), 255, np.uint8)

    @property
    def right(self) -> int:
        """The first pixel to the right of it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first pixel below it."""
        return self.top + self.height

    def locate(self, x: float, y: float) -> tuple[int, int]:
        """The pixel of the picture that a value of x and one of y are at."""
        across, down = self._place(np.array([[x, y]]))[0] / FINE
        return self.left + round(across), self.top + round(down)

    def draw_discs(self, points: Points, radius: float, colours: NDArray[np.uint8]) -> None:
        """Discs of a radius in pixels around points [N, 2] in colours [N, 3], the later ones in front."""
        self._fill_discs(self._place(points), radius * FINE, colours)

    def draw_dashes(self, points: Points, colour: str) -> None:
        """A dashed line along points [N, 2]; a row of NaN ends one and begins another."""
        for line in np.split(points, np.flatnonzero(np.isnan(points).any(1))):
            places = self._place(line[np.isfinite(line).all(1)])
            if len(places) > 1:
                along = np.append(0, np.hypot(*np.diff(places, axis=0).T).cumsum())
                steps = np.arange(0, along[-1])
                steps = steps[steps % (2 * DASH * FINE) < DASH * FINE]
                path = np.stack([np.interp(steps, along, part) for part in places.T], 1)
                self._fill_discs(path, 0.5 * FINE, parse_colours([colour] * len(path)))

    def draw_bar(self, x: tuple[float, float], height: float, colour: str) -> None:
        """A bar from 0 to a height, between two values of x."""
        (left, start), (right, end) = np.rint(self._place(np.array([[x[0], 0.0], [x[1], height]]))).astype(int)
        self._canvas[min(start, end) : max(start, end), left:right] = parse_colours([colour])

    def paste_into(self, picture: "Image", x_label: str, y_label: str) -> None:
        """Put the area into a picture, with a frame, the labels of its axes and ticks at round values of y."""
        from PIL import Image, ImageDraw

        picture.paste(Image.fromarray(self._canvas).reduce(FINE), (self.left, self.top))
        draw = ImageDraw.Draw(picture)
        draw.rectangle((self.left, self.top, self.right, self.bottom), outline=INK)
        draw.text(((self.left + self.right) / 2, picture.height - 6), x_label, INK, load_font(), "md")
        write_upright(picture, 14, (self.top + self.bottom) / 2, y_label)
        for value, text in choose_ticks(*self.y).items():
            _, y = self.locate(self.x[0], value)
            draw.line((self.left - TICK, y, self.left, y), INK)
            draw.text((self.left - TICK - 3, y), text, INK, load_font(TICK_FONT), "rm")

    def draw_x_ticks(self, picture: "Image", ticks: dict[float, str], *, upright: bool = False) -> None:
        """Draw ticks below the area in a picture, each with its text."""
        from PIL import ImageDraw

        draw = ImageDraw.Draw(picture)
        for value, text in ticks.items():
            x, _ = self.locate(value, self.y[0])
            draw.line((x, self.bottom, x, self.bottom + TICK), INK)
            if upright:
                length = load_font(TICK_FONT).getlength(text)
                write_upright(picture, x, self.bottom + TICK + 3 + length / 2, text, TICK_FONT)
            else:
                draw.text((x, self.bottom + TICK + 3), text, INK, load_font(TICK_FONT), "ma")

    def _place(self, points: Points) -> Points:
        """The places [N, 2] of points [N, 2] on the canvas."""
        (left, right), (low, high) = self.x, self.y
        share = np.stack([(points[:, 0] - left) / (right - left), (high - points[:, 1]) / (high - low)], 1)
        return share * self._canvas.shape[1::-1]

    def _fill_discs(self, places: Points, radius: float, colours: NDArray[np.uint8]) -> None:
        reach = ceil(radius)
        around = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
        around = around[(around**2).sum(1) <= radius**2]
        pixels = (np.rint(places).astype(np.int64)[:, None] + around).reshape(-1, 2)
        inside = ((pixels >= 0) & (pixels < self._canvas.shape[1::-1])).all(1)
        self._canvas[pixels[inside, 1], pixels[inside, 0]] = colours.repeat(len(around), 0)[inside]


def write_upright(picture: "Image", x: float, y: float, text: str, size: int = FONT_SIZE) -> None:
    """Write a text that is read from below, centred at a place of a picture."""
    from PIL import Image, ImageDraw

    width, height = ceil(load_font(size).getlength(text)) + 2, size + 6
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).text((width / 2, height / 2), text, 255, load_font(size), "mm")
    upright = mask.transpose(Image.Transpose.ROTATE_90)
    picture.paste(INK, (round(x - height / 2), round(y - width / 2)), upright)


def choose_ticks(low: float, high: float) -> dict[float, str]:
    """Round values between two others, MAX_TICKS at most, each as a text."""
    unit = 10.0 ** floor(log10((high - low) / MAX_TICKS))
    step = next(unit * n for n in (1, 2, 2.5, 5, 10, 20) if (high - low) / (unit * n) < MAX_TICKS)
    values = [n * step for n in range(ceil(low / step), floor(high / step) + 1)]
    return {value: f"{value:.6g}".replace("-", "\N{MINUS SIGN}") for value in values}


def parse_colours(colours: Sequence[str]) -> NDArray[np.uint8]:
    """Red, green and blue [N, 3] of colours such as `#4477AA`."""
    return np.array([[*bytes.fromhex(colour[1:])] for colour in colours], np.uint8)

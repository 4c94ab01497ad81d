"""Pixels in their three units: bytes as stored, [0, 1] as measured, and what the network sees."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .types import PixelRange

if TYPE_CHECKING:
    from torch import Tensor


def to_unit(x: "Tensor") -> "Tensor":
    """Images uint8, of any shape, to float32 in [0, 1]."""
    return x.float() / 255


def to_network(x: "Tensor", pixel_range: PixelRange) -> "Tensor":
    """Images in [0, 1] to what the network sees: themselves for `unit`, 2x - 1 for `sym`."""
    return x if pixel_range == "unit" else x * 2 - 1


def from_network(x: "Tensor", pixel_range: PixelRange) -> "Tensor":
    """What the network gives to images in [0, 1]: the inverse of `to_network`."""
    return x if pixel_range == "unit" else (x + 1) / 2


def to_uint8(images: "Tensor") -> NDArray[np.uint8]:
    """Images [N, C, H, W] in [0, 1] units as bytes [N, H, W, C], for pictures; what is beyond 0 and 1 is cut off."""
    return images.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()

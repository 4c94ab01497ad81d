"""Damage done to images before they are encoded: the same damage to the same image for every method and every run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.conditions import Condition
from ..core.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1000


@dataclass(frozen=True)
class Corruption(Condition):
    """One kind of damage to images in [0, 1] units, where 0 is black.

    `clean`: none. `gauss_<s>`: s * N(0, 1) added to every entry, not clipped. `mask_<p>`: every entry set to 0 with
    probability p (Vincent et al. 2008). `mask_pixel_<p>`: the same, one coin for all channels of a pixel.
    Variants with the same noise: `gauss_clip_<s>` is clipped to [0, 1], and `mask_grey_<p>` sets to 0.5, which is the
    network's 0 where the pixels' range is `sym`.
    """

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Damaged copies of images float32 [N, C, H, W] in [0, 1] units."""
        if self.kind == "clean":
            return x
        if self.kind in ("gauss", "gauss_clip"):
            noised = x + np.float32(self.level) * rng.standard_normal(x.shape, dtype=np.float32)
            return noised.clip(0, 1) if self.kind == "gauss_clip" else noised
        coins = (len(x), 1, *x.shape[2:]) if self.kind == "mask_pixel" else x.shape
        kept = rng.random(coins, dtype=np.float32) >= self.level
        return np.where(kept, x, np.float32(0.5)) if self.kind == "mask_grey" else x * kept


def apply_corruption(x: np.ndarray, name: str, *stream: int | str) -> "Iterator[Tensor]":
    """Images uint8 [N, C, H, W] under the corruption of this name, float32 in [0, 1] units, in chunks of 1,000.

    The noise depends on its name, the stream's name (data set, split, number of the draw) and an image's place only.
    """
    import torch  # a figure that reads names need not wait for it

    from .pixels import to_unit

    corruption = Corruption.parse(name)
    noise = name.replace("gauss_clip", "gauss").replace("mask_grey", "mask")  # variants differ in nothing else
    for start in range(0, len(x), CHUNK):
        rng = np.random.Generator(np.random.Philox(key=derive_seed("corruption", noise, *stream, start // CHUNK)))
        unit = to_unit(torch.from_numpy(np.array(x[start : start + CHUNK])))
        yield torch.from_numpy(corruption(unit.numpy(), rng))

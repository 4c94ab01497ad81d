"""Damage done to images before they are encoded: the same damage to the same image for every method and every run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np

from ..core.seeds import derive_seed

if TYPE_CHECKING:
    from torch import Tensor

CorruptionKind = Literal["clean", "gauss", "gauss_clip", "mask", "mask_pixel", "mask_grey"]
CHUNK = 1000


@dataclass(frozen=True)
class Corruption:
    """One kind of damage to images in [0, 1] units, where 0 is black.

    `clean`: none. `gauss_<s>`: s * N(0, 1) added to every entry, not clipped. `mask_<p>`: every entry set to 0 with
    probability p (Vincent et al. 2008). `mask_pixel_<p>`: the same, one coin for all channels of a pixel.
    Variants with the same noise: `gauss_clip_<s>` is clipped to [0, 1], and `mask_grey_<p>` sets to 0.5, which is the
    network's 0 where the pixels' range is `sym`.
    """

    kind: CorruptionKind
    level: float = 0.0

    @classmethod
    def parse(cls, name: str) -> "Corruption":
        """The corruption of this name. Raises ValueError, saying which names there are."""
        kind, _, level = name.rpartition("_") if name != "clean" else (name, "", "0")
        try:
            found = cls(cast(CorruptionKind, kind), float(level))
        except ValueError:
            found = None
        if found is None or not found._is_possible():
            raise ValueError(
                f"there is no corruption '{name}': it is 'clean', 'gauss_<s>' or 'gauss_clip_<s>' with s > 0, "
                "or 'mask_<p>', 'mask_pixel_<p>' or 'mask_grey_<p>' with 0 < p < 1"
            )
        return found

    @property
    def title(self) -> str:
        """What a reader is told, such as `noise 0.4` or `50 % masked`."""
        percent = f"{100 * self.level:g} %"
        titles: dict[CorruptionKind, str] = {
            "clean": "clean",
            "gauss": f"noise {self.level:g}",
            "gauss_clip": f"clipped noise {self.level:g}",
            "mask": f"{percent} masked",
            "mask_pixel": f"{percent} of pixels masked",
            "mask_grey": f"{percent} masked grey",
        }
        return titles[self.kind]

    @property
    def description(self) -> str:
        """The images in words, such as `images with Gaussian noise of standard deviation 0.4`."""
        noise = f"images with Gaussian noise of standard deviation {self.level:g}"
        chance = f"with probability {self.level:g}"
        words: dict[CorruptionKind, str] = {
            "clean": "clean images",
            "gauss": noise,
            "gauss_clip": f"{noise}, clipped to [0, 1]",
            "mask": f"images whose entries are set to black {chance}",
            "mask_pixel": f"images whose pixels are set to black {chance}",
            "mask_grey": f"images whose entries are set to grey {chance}",
        }
        return words[self.kind]

    def _is_possible(self) -> bool:
        positive = 0 < self.level < float("inf")
        bounds = {"clean": self.level == 0, "gauss": positive, "gauss_clip": positive}
        return self.kind in get_args(CorruptionKind) and bounds.get(self.kind, 0 < self.level < 1)

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

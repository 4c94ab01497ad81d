"""The names of corruptions of images, under which representations are tested: what they say, and in words."""

from dataclasses import dataclass
from typing import Literal, Self, cast, get_args

CorruptionKind = Literal["clean", "gauss", "gauss_clip", "mask", "mask_pixel", "mask_grey"]


@dataclass(frozen=True)
class Condition:
    """A kind of damage and its level, as in `gauss_0.4`; `clean` is none. `Corruption` says what each does."""

    kind: CorruptionKind
    level: float = 0.0

    @classmethod
    def parse(cls, name: str) -> Self:
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
        """In words, such as `noise 0.4` or `50 % masked`."""
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

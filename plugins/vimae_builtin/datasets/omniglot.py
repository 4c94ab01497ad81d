"""Omniglot at 28x28 pixels, ink white on black, with the three rotations that few-shot learning adds to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal
from zipfile import ZipFile

import numpy as np
from annotated_types import Ge

from vimae_bench.data import fetch
from vimae_bench.plugin import DataError, Dataset, Examples, PixelRange, PreparedDataset, derive_seed, hookimpl

DRAWERS = 20
SIDE = 28

Rotations = Literal["same_class", "new_classes", "none"]
Filter = Literal["lanczos", "box"]


@dataclass(frozen=True)
class Drawings:
    """One half of Omniglot: x uint8 [C, 20, 28, 28], 255 is ink, the drawers in order; alphabet int64 [C]."""

    x: np.ndarray
    alphabet: np.ndarray


@dataclass(frozen=True)
class Omniglot:
    """Omniglot (Lake et al. 2015): 964 characters of 30 alphabets to train on, 659 characters of 20 others to test on.

    Every character was drawn once by each of 20 people. Drawings are resized to 28x28 and inverted, so that 0 is
    the empty ground as in MNIST, and each comes in four rotations by a right angle: 77,120 training and 52,720 test
    images. Factors: `alphabet`, `drawer` (of a character; the people differ between alphabets) and `rotation`
    (quarter turns against the clock, where there are any).
    """

    pixel_range: PixelRange = "unit"
    held_out_characters: Annotated[int, Ge(0)] = 0
    """How many whole training characters, drawn once for all, are held out with all their drawings."""
    rotations: Rotations = "same_class"
    """A rotated drawing is of its character's class (1905.10549), a class of its own (1606.04080), or left out."""
    resize: Filter = "lanczos"
    """Pillow's filter from 105x105 to 28x28."""

    reading_settings: ClassVar[tuple[str, ...]] = ("held_out_characters",)
    url: ClassVar[str] = "https://github.com/brendenlake/omniglot/raw/master/python"
    sha256: ClassVar[Mapping[str, str]] = {
        "images_background.zip": "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
        "images_evaluation.zip": "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
    }
    """The sums of both archives, from the checksums of TensorFlow Datasets (tensorflow/datasets)."""

    @property
    def folder(self) -> str:
        """`omniglot-28-rotated` at the defaults."""
        turned = {"same_class": "-rotated", "new_classes": "-rotated-classes", "none": ""}[self.rotations]
        return f"omniglot-28{turned}" + ("-box" if self.resize == "box" else "")

    @property
    def turns(self) -> int:
        """How many images are made of a drawing."""
        return 1 if self.rotations == "none" else 4

    @property
    def validation(self) -> int:
        """The held-out characters' images."""
        return self.held_out_characters * DRAWERS * self.turns

    def prepare(self, scratch: Path) -> PreparedDataset:
        files = [fetch(f"{self.url}/{name}", scratch / name, sha256=known) for name, known in self.sha256.items()]
        return self.arrange(*map(self._read_drawings, files))

    def arrange(self, background: Drawings, evaluation: Drawings) -> PreparedDataset:
        """Images by character, drawer and rotation; labels and alphabets are counted on from one half to the other.

        The training characters come in an order drawn for it, so that the last of them are a random choice.
        """
        characters, alphabets = len(background.x), int(background.alphabet.max()) + 1
        order = np.array(sorted(range(characters), key=lambda c: derive_seed("omniglot", "characters", c)))
        after = Drawings(evaluation.x, evaluation.alphabet + alphabets)
        train = self._make_examples(background, order, 0)
        test = self._make_examples(after, np.arange(len(after.x)), characters)
        return PreparedDataset(train, test, f"{self.url}, {SIDE}x{SIDE} by {self.resize}")

    def _make_examples(self, drawings: Drawings, order: np.ndarray, first: int) -> Examples:
        """The characters in this order; the label of character c is first + c."""
        x = np.stack([np.rot90(drawings.x[order], k, axes=(2, 3)) for k in range(self.turns)], axis=2)
        of = np.broadcast_to
        grid = x.shape[:3]
        drawer, rotation = of(np.arange(DRAWERS)[:, None], grid), of(np.arange(self.turns), grid)
        label = of((first + order)[:, None, None], grid)
        y = label * self.turns + rotation if self.rotations == "new_classes" else label
        factors = {"alphabet": of(drawings.alphabet[order][:, None, None], grid), "drawer": drawer}
        if self.turns > 1:
            factors["rotation"] = rotation
        flat = {name: values.reshape(-1).astype(np.int64) for name, values in factors.items()}
        return Examples(x.reshape(-1, 1, SIDE, SIDE), y.reshape(-1).astype(np.int64), flat)

    def _read_drawings(self, path: Path) -> Drawings:
        """A half's drawings from its archive; alphabets, characters and drawers in the order of their names."""
        with ZipFile(path) as archive:
            names = sorted(
                p for name in archive.namelist() if (p := PurePosixPath(name)).match(f"{path.stem}/*/*/*.png")
            )
            x = [self._decode(archive.read(str(name))) for name in names]
        folders, drawers = [name.parent for name in names], [int(name.stem.rpartition("_")[2]) for name in names]
        if not names or drawers != list(range(1, DRAWERS + 1)) * len(set(folders)):
            raise DataError(f"{path.name} does not hold {DRAWERS} drawings of each character, numbered from 1")
        alphabets = [folder.parent.name for folder in folders[::DRAWERS]]
        index = {alphabet: number for number, alphabet in enumerate(sorted(set(alphabets)))}
        return Drawings(
            np.stack(x).reshape(-1, DRAWERS, SIDE, SIDE), np.array([index[name] for name in alphabets], dtype=np.int64)
        )

    def _decode(self, png: bytes) -> np.ndarray:
        """A drawing, black ink on white, as uint8 [28, 28] with 255 for ink."""
        from PIL import Image

        grey = Image.open(BytesIO(png)).convert("L")
        return 255 - np.asarray(grey.resize((SIDE, SIDE), Image.Resampling[self.resize.upper()]))


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"omniglot": Omniglot}

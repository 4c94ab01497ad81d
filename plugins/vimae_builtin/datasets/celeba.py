"""CelebA's aligned faces, cropped and resized to 64x64 as in the code of WAE."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Annotated, ClassVar, Literal
from zipfile import ZipFile

import numpy as np
from annotated_types import Ge

from vimae_bench.data import fetch, progress
from vimae_bench.plugin import DataError, Dataset, Examples, PixelRange, PreparedDataset, hookimpl

WHOLE = (178, 218)
CROP = (19, 39, 159, 179)  # left, top, right, bottom: the 140x140 pixels in the middle
SIDE = 64


@dataclass(frozen=True)
class CelebA:
    """CelebA (Liu et al., 1411.7766): 182,599 faces to train on, the last 20,000 to test on, 3x64x64, no labels.

    The middle 140x140 of the aligned 178x218 pixels, resized with Pillow's Lanczos filter: `closecrop` in the code of
    WAE (tolstikhin/wae). Google Drive often refuses the download (1.4 GB); put img_align_celeba.zip into the folder
    `originals` of the data folder then. Preparing takes some minutes, and 6.5 GB of disk for that time.
    """

    pixel_range: PixelRange = "sym"
    validation: Annotated[int, Ge(0)] = 0
    """How many of the last training images are held out."""
    order: Literal["file", "wae"] = "file"
    """By file name, whose last 20,000 are nearly the official test partition, or shuffled as in the code of WAE."""

    url: ClassVar[str] = (
        "https://drive.usercontent.google.com/download?id=0B7EVK8r0v71pZjFTYXZWM3FlRnM&export=download&confirm=t"
    )
    sha256: ClassVar[str] = "46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74"
    """The archive's sum, from the checksums of TensorFlow Datasets (tensorflow/datasets)."""
    test_images: ClassVar[int] = 20_000

    @property
    def folder(self) -> str:
        """`celeba-64` at the defaults."""
        return f"celeba-{SIDE}" + ("-wae" if self.order == "wae" else "")

    def prepare(self, scratch: Path) -> PreparedDataset:
        zipped = fetch(self.url, scratch / "img_align_celeba.zip", sha256=self.sha256)
        pixels = scratch / "faces"
        with ZipFile(zipped) as archive, pixels.open("wb") as file:
            names = self._order_names(archive)
            for face in progress(_decode_faces(archive, names), len(names), "celeba, faces"):
                file.write(face.tobytes())
        x = np.memmap(pixels, np.uint8, "r", shape=(len(names), 3, SIDE, SIDE))
        cut = len(names) - self.test_images
        return PreparedDataset(
            Examples(x[:cut], None), Examples(x[cut:], None), f"img_align_celeba.zip, order by {self.order}"
        )

    def _order_names(self, archive: ZipFile) -> list[str]:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        if len(names) <= self.test_images:
            raise DataError(
                f"img_align_celeba.zip holds {len(names)} faces, of which {self.test_images} are to be tested on"
            )
        return names if self.order == "file" else [names[i] for i in compute_wae_order(len(names))]


def compute_wae_order(n: int) -> list[int]:
    """0 to n-1 as `random.seed(123); random.shuffle(...)` of Python 2 leaves them, in which WAE is written.

    Python 3 shuffles otherwise from the same seed.
    """
    order, generator = list(range(n)), Random(123)  # noqa: S311  (as it was)
    for i in range(n - 1, 0, -1):
        j = int(generator.random() * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def _decode_faces(archive: ZipFile, names: list[str]) -> Iterator[np.ndarray]:
    """Each face as uint8 [3, 64, 64]."""
    from PIL import Image

    for name in names:
        image = Image.open(BytesIO(archive.read(name)))
        if image.size != WHOLE:
            raise DataError(f"{name} is {image.size[0]}x{image.size[1]}, not the aligned {WHOLE[0]}x{WHOLE[1]}")
        small = image.convert("RGB").crop(CROP).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        yield np.asarray(small).transpose(2, 0, 1)


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"celeba": CelebA}

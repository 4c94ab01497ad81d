"""dSprites: shapes whose generating factors are known, for scores of disentanglement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar
from zipfile import ZipFile

import numpy as np
from annotated_types import Ge

from vimae_bench.data import fetch, progress
from vimae_bench.plugin import DataError, Dataset, Examples, PixelRange, PreparedDataset, derive_seed, hookimpl

SIDE = 64
CHUNK = 4096


@dataclass(frozen=True)
class DSprites:
    """dSprites (Matthey et al. 2017): every combination of a white sprite's five factors once, 1x64x64.

    Factors: `shape` (square, ellipse, heart; the label as well), `scale` (6), `orientation` (40), `posX` and `posY` (32
    each). In an order drawn for it, so that the last tenth of the 737,280 images, the test set, is a random choice.
    """

    pixel_range: PixelRange = "unit"
    validation: Annotated[int, Ge(0)] = 0
    """How many of the last training images are held out."""

    folder = "dsprites"
    url: ClassVar[str] = (
        "https://github.com/google-deepmind/dsprites-dataset/raw/master/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
    )
    md5: ClassVar[str] = "7da33b31b13a06f4b04a70402ce90c2e"
    """No stronger sum of the file is published; the factors are compared with the grid that they have to be."""
    grid: ClassVar[Mapping[str, int]] = {"shape": 3, "scale": 6, "orientation": 40, "posX": 32, "posY": 32}
    """How many values each factor has, the last varying fastest."""

    def prepare(self, scratch: Path) -> PreparedDataset:
        path = fetch(self.url, scratch / "dsprites.npz", md5=self.md5)
        sizes = tuple(self.grid.values())
        count = int(np.prod(sizes))
        order = np.array(sorted(range(count), key=lambda i: derive_seed("dsprites", "order", i)))
        with ZipFile(path) as archive:
            self._check_classes(archive, sizes)
            x = _read_images(archive, order, scratch / "images")
        values = np.stack(np.unravel_index(order, sizes), axis=1).astype(np.int64)
        cut = count - count // 10
        return PreparedDataset(
            self._make_examples(x[:cut], values[:cut]), self._make_examples(x[cut:], values[cut:]), self.url
        )

    def _check_classes(self, archive: ZipFile, sizes: tuple[int, ...]) -> None:
        """The first of the six columns is the colour, of which there is one."""
        with archive.open("latents_classes.npy") as file:
            try:
                classes = np.lib.format.read_array(file, allow_pickle=False)
            except ValueError as error:
                raise DataError(f"the classes in {self.url} are no numbers ({error})") from error
        expected = np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)
        if (
            classes.shape != (len(expected), 1 + len(sizes))
            or (classes[:, 1:] != expected).any()
            or classes[:, 0].any()
        ):
            raise DataError(f"the classes in {self.url} are not the grid of {' x '.join(map(str, sizes))} sprites")

    def _make_examples(self, x: np.ndarray, values: np.ndarray) -> Examples:
        return Examples(x, values[:, 0], {name: values[:, i] for i, name in enumerate(self.grid)})


def _read_images(archive: ZipFile, order: np.ndarray, path: Path) -> np.ndarray:
    """The images in this order as a map of a file, [N, 1, 64, 64]: the 3 GB of them are never in memory at once."""
    place = np.argsort(order)  # of each image in the order
    with archive.open("imgs.npy") as source, path.open("wb", buffering=0) as target:
        np.lib.format.read_magic(source)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(source)
        if (shape, fortran, dtype) != ((len(order), SIDE, SIDE), False, np.uint8):
            raise DataError(f"the images are {dtype} {shape}, not uint8 {(len(order), SIDE, SIDE)}")
        for start in progress(range(0, len(order), CHUNK), -(-len(order) // CHUNK), f"dsprites, {CHUNK} images"):
            places = place[start : start + CHUNK]
            few = np.frombuffer(source.read(len(places) * SIDE * SIDE), np.uint8).reshape(-1, SIDE * SIDE) * 255
            for to, image in zip(places, few, strict=True):
                target.seek(int(to) * SIDE * SIDE)
                target.write(image.tobytes())
    return np.memmap(path, np.uint8, "r", shape=(len(order), 1, SIDE, SIDE))


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"dsprites": DSprites}

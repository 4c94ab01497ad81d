"""CIFAR-10 from the binary version of its authors' page, which holds nothing that could be executed."""

import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from vimae_bench.data import fetch
from vimae_bench.plugin import Dataset, Examples, PixelRange, PreparedDataset, hookimpl

PIXELS = 3 * 32 * 32


@dataclass(frozen=True)
class Cifar10:
    """CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images of 32x32 colour pixels in ten classes.

    The order is that of the original batches: data_batch_1 to data_batch_5, then test_batch.
    """

    pixel_range: PixelRange = "sym"
    validation: Annotated[int, Ge(0)] = 0
    """How many of the last images of data_batch_5 are held out."""

    folder = "cifar10"
    url: ClassVar[str] = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    sha256: ClassVar[str] = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    """The archive's sum, from the checksums of TensorFlow Datasets (tensorflow/datasets)."""

    def prepare(self, scratch: Path) -> PreparedDataset:
        path = fetch(self.url, scratch / "cifar-10-binary.tar.gz", sha256=self.sha256)
        with tarfile.open(path) as archive:
            train = [_read_batch(archive, f"data_batch_{number}.bin") for number in range(1, 6)]
            test = _read_batch(archive, "test_batch.bin")
        return PreparedDataset(_make_examples(np.concatenate(train)), _make_examples(test), self.url)


def _read_batch(archive: tarfile.TarFile, name: str) -> np.ndarray:
    """Records uint8 [N, 1 + 3072]: a label, then the red, the green and the blue plane, each by rows."""
    data = archive.extractfile(f"cifar-10-batches-bin/{name}").read()
    return np.frombuffer(data, np.uint8).reshape(-1, 1 + PIXELS)


def _make_examples(records: np.ndarray) -> Examples:
    return Examples(records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64))


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"cifar10": Cifar10}

"""MNIST and Fashion-MNIST, downloaded by torchvision and checked against known sums."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

from vimae_bench.plugin import DataError, Dataset, Examples, PixelRange, PreparedDataset, hookimpl


@dataclass(frozen=True)
class IdxImages:
    """60,000 training and 10,000 test images of 28x28 grey pixels, in the order of the official files.

    torchvision checks what it downloads by md5, which can be forged, so the sha256 of every file is checked as well.
    """

    pixel_range: PixelRange = "unit"
    validation: Annotated[int, Ge(0)] = 10_000
    """How many of the last images of the training file are held out."""

    folder: ClassVar[str]
    original: ClassVar[str]
    """The name of the class in `torchvision.datasets`."""
    sha256: ClassVar[Mapping[str, str]]
    """The sums of the four files as published, from the checksums of TensorFlow Datasets (tensorflow/datasets)."""

    def prepare(self, scratch: Path) -> PreparedDataset:
        from torchvision import datasets

        kind = getattr(datasets, self.original)
        mirrors = " or ".join(kind.mirrors)
        try:
            train = kind(scratch, train=True, download=True)  # and the files of the other part with it
            test = kind(scratch, train=False)
        except (OSError, RuntimeError, ValueError, HTTPException) as error:
            reason = " ".join(str(error).split())
            raise DataError(f"cannot be downloaded from {mirrors} ({reason})") from error
        for name, expected in self.sha256.items():
            _check_digest(Path(train.raw_folder) / name, expected, mirrors)
        return PreparedDataset(_make_examples(train), _make_examples(test), mirrors)


class Mnist(IdxImages):
    """MNIST (LeCun et al. 1998): handwritten digits, 50,000 to train on, 10,000 held out, 10,000 to test on."""

    folder = "mnist"
    original = "MNIST"
    sha256: ClassVar[Mapping[str, str]] = {
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    }


class FashionMnist(IdxImages):
    """Fashion-MNIST (1708.07747): articles of clothing, in the format and the counts of MNIST."""

    folder = "fashion_mnist"
    original = "FashionMNIST"
    sha256: ClassVar[Mapping[str, str]] = {
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    }


def _check_digest(path: Path, expected: str, mirrors: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise DataError(f"{path.name} from {mirrors} is not the published file: its sha256 is {found}, not {expected}")


def _make_examples(images: Any) -> Examples:  # noqa: ANN401
    return Examples(images.data.numpy()[:, None], images.targets.numpy())


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"mnist": Mnist, "fashion_mnist": FashionMnist}

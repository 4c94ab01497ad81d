"""A trained model and what it makes of its data, as files for other programs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..core.errors import BenchError
from ..data.prepare import ensure_prepared, open_splits
from ..models.image_model import to_bytes
from ..storage.atomic import atomic_write
from .build import make_dataset
from .saved_model import LoadedModel


def export_model(model: LoadedModel, data: Path, folder: Path, samples: int) -> Iterator[Path]:
    """Write the model, codes of training and test images, reconstructions of test images, and samples; gives each path.

    Raises DataError where the data are not prepared and cannot be.
    """
    if model.run is None:
        raise BenchError(f"{model.name} has no run, so that its data are unknown")
    yield model.save(folder / "model.safetensors")
    dataset = make_dataset(model.run)
    ensure_prepared(dataset, data, print)
    splits = open_splits(dataset, data)
    arrays: dict[str, np.ndarray] = {}
    for name, examples in (("train", splits.train), ("test", splits.test)):
        arrays[name] = model.encode(examples.x)
        if examples.y is not None:
            arrays[f"{name}_y"] = np.asarray(examples.y)
    yield _write_arrays(folder / "codes.npz", **arrays)
    yield _write_arrays(folder / "reconstructions.npz", images=to_bytes(model.decode(arrays["test"])))
    yield _write_arrays(folder / "samples.npz", images=to_bytes(model.sample(samples, model.run.seed)))


def _write_arrays(path: Path, **arrays: np.ndarray) -> Path:
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a path, numpy would add an ending to it
            np.savez(file, allow_pickle=False, **arrays)

    atomic_write(path, write)
    return path

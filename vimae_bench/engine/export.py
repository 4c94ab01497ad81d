"""A trained model and what it makes of its data, as files for other programs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..data.prepare import ensure_prepared, open_splits
from ..models.image_model import to_bytes
from ..storage.atomic import atomic_write
from ..storage.store import RunResult
from .build import make_dataset
from .provenance import read_data_digests, require_same_data
from .saved_model import load_result_model


def export_model(
    result: RunResult, data: Path, folder: Path, samples: int, report: Callable[[str], object]
) -> Iterator[Path]:
    """Write the model, codes of training and test images, reconstructions of test images, and samples; gives each path.

    Raises BenchError where there is no model, and DataError where its data are not prepared and cannot be, or are
    others by now.
    """
    model, run = load_result_model(result), result.entry.run
    dataset = make_dataset(run)
    ensure_prepared(dataset, data, report)
    require_same_data(result.record.get("data") or {}, read_data_digests(run, data), model.name)
    splits = open_splits(dataset, data)
    yield model.save(folder / "model.safetensors")
    arrays: dict[str, np.ndarray] = {}
    for name, examples in (("train", splits.train), ("test", splits.test)):
        arrays[name] = model.encode(examples.x)
        if examples.y is not None:
            arrays[f"{name}_y"] = np.asarray(examples.y)
    yield _write_arrays(folder / "codes.npz", **arrays)
    yield _write_arrays(folder / "reconstructions.npz", images=to_bytes(model.decode(arrays["test"])))
    yield _write_arrays(folder / "samples.npz", images=to_bytes(model.sample(samples, run.seed)))


def _write_arrays(path: Path, **arrays: Any) -> Path:  # noqa: ANN401
    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a path, numpy would add an ending to it
            np.savez(file, **arrays)

    atomic_write(path, write)
    return path

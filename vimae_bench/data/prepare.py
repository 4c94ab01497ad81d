"""A run's data: prepared once under the data root, memory-mapped by every run after that (`layout.py`)."""

import contextlib
import inspect
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.canonical import Json, canonical_json
from ..core.errors import DataError, ResultsError, shorten_text
from ..storage.cache_folder import expand_home, get_user_folder, make_own_folder
from ..storage.locks import wait_for_lock
from . import download, layout

if TYPE_CHECKING:
    from .types import Dataset, Examples, PreparedDataset, Splits


READING_SETTINGS = ("pixel_range", "validation")
"""Settings of every data set that change nothing of what is prepared."""
MAX_COMPARED_BYTES = 2**28
"""Bytes of images among which equal ones are looked for."""
MAX_SHARED = 0.01
"""The share of test images among the training images that is not worth a word, as chance and blank images cause it."""


def get_data_folder() -> Path:
    """`$VIMAE_BENCH_DATA`, or the user's cache folder."""
    named = os.environ.get("VIMAE_BENCH_DATA")
    return expand_home(Path(named)) if named else get_user_folder() / "data"


def resolve_folder(dataset: "Dataset", root: Path) -> Path:
    """The folder of a data set's arrays. Raises DataError for a relative folder outside the data root."""
    folder = Path(dataset.folder)
    if ".." in folder.parts and not folder.is_absolute():
        raise DataError(f"{folder}: leaves the data folder {root}; name it by its absolute path")
    return root / folder


def open_splits(dataset: "Dataset", root: Path) -> "Splits":
    """The prepared arrays, mapped but not read; the last `validation` training images are held out.

    They replace the test images of a data set that is `tested` on them; there are no validation images then.
    Raises DataError as `layout.load_arrays` does, and where no training image would be left, or none to test on.
    """
    from .types import Splits  # torch comes with them, and those who only look at folders need not wait

    folder = resolve_folder(dataset, root)
    check_settings(dataset, folder)
    arrays = layout.load_arrays(folder)
    names, count = layout.read_factor_names(folder, arrays), len(arrays["train_x"])
    cut = count - dataset.validation
    if not 0 < cut <= count:
        raise DataError(f"{folder}: validation = {dataset.validation} leaves none of its {count} training images")
    train, held_out = (_make_examples(arrays, "train", names, rows) for rows in (slice(cut), slice(cut, None)))
    if getattr(dataset, "tested", "test") == "validation":
        if not len(held_out):
            raise DataError(f"{folder}: no training image is held out to be measured on; set `validation`, as to 300")
        return Splits(train, _make_examples(arrays, "train", names, slice(count, None)), held_out)
    return Splits(train, held_out, _make_examples(arrays, "test", names, slice(None)))


def _make_examples(arrays: dict[str, np.ndarray], part: str, names: tuple[str, ...], rows: slice) -> "Examples":
    from .types import Examples

    y, factors = arrays.get(f"{part}_y"), arrays.get(f"{part}_factors")
    columns = {} if factors is None else {name: factors[rows, column] for column, name in enumerate(names)}
    return Examples(arrays[f"{part}_x"][rows], None if y is None else y[rows], columns)


def ensure_prepared(dataset: "Dataset", root: Path, report: Callable[[str], object] = lambda line: None) -> Path:  # noqa: ARG005
    """The folder of a data set's arrays, prepared now if it is not there, and checked as `layout.load_arrays` does.

    A folder that holds anything is used as it is, and so is one named by its absolute path: that is the user's own.
    Several processes may ask at once. Raises DataError where the data can be neither found nor prepared.
    """
    folder = resolve_folder(dataset, root)
    if not Path(dataset.folder).is_absolute():
        _prepare_alone(dataset, root, folder, report, again=False)
    arrays = layout.load_arrays(folder)
    layout.check_brightness(arrays, folder)
    if shared := _describe_shared_images(arrays):
        report(f"{folder.name}: {shared}")
    return folder


def prepare_again(dataset: "Dataset", root: Path, report: Callable[[str], object] = lambda line: None) -> str:  # noqa: ARG005
    """Prepare a data set anew from its originals, in place of what is there; which arrays differ now, in words.

    Runs on the earlier arrays are refused from then on. Raises DataError as `ensure_prepared` does, and for a folder
    that was not prepared here, as it may be the only copy.
    """
    folder = resolve_folder(dataset, root)
    if Path(dataset.folder).is_absolute():
        raise DataError(f"{folder}: is your own folder, which is used as it is; there is nothing to prepare again")
    if not _is_occupied(folder):
        ensure_prepared(dataset, root, report)
        return ""
    before = layout.read_recorded_digests(folder)
    if not before:
        raise DataError(f"{folder}: was put there by hand, and may be the only copy; move it away to prepare it again")
    _prepare_alone(dataset, root, folder, report, again=True)
    ensure_prepared(dataset, root, report)
    return layout.describe_other_data(before, layout.read_digests(folder))


def _describe_shared_images(arrays: dict[str, np.ndarray]) -> str:
    """What to say of test images that are training images; empty if there are few, or too many images to look."""
    count = len(arrays["test_x"])
    if arrays["train_x"].nbytes + arrays["test_x"].nbytes > MAX_COMPARED_BYTES:
        return ""
    shared = layout.count_shared_images(arrays)
    is_many = shared > MAX_SHARED * count
    return f"{shared:,} of {count:,} test images are training images: no measure of them tells what is new" * is_many


def describe_settings(dataset: "Dataset") -> Json:
    """The name and the settings of a data set that decide what it prepares, as JSON values.

    Those of a data set made from another one are the other's.
    """
    reading = (*READING_SETTINGS, *getattr(dataset, "reading_settings", ()))
    settings = {name: getattr(dataset, name, None) for name in inspect.signature(type(dataset)).parameters}
    inner: list[Any] = [value for value in settings.values() if hasattr(value, "prepare")]
    if inner:
        return describe_settings(inner[0])
    described: Json = {"class": type(dataset).__name__}
    for name, value in settings.items():
        with contextlib.suppress(TypeError, ValueError):  # what JSON cannot hold is not compared
            described |= {name: json.loads(canonical_json(value))} if name not in reading else {}
    return described


def check_settings(dataset: "Dataset", folder: Path) -> None:
    """Raises DataError for a folder that was prepared with other settings than the data set has.

    Those that only one of both knows are not compared.
    """
    made, asked = layout.read_settings(folder), describe_settings(dataset)
    for name in sorted(made.keys() & asked.keys()):
        if made[name] != asked[name]:
            raise DataError(
                f"{folder}: was prepared with {name} = {shorten_text(made[name])}, not {shorten_text(asked[name])}; "
                "the data set's `folder` has to differ between settings that decide its images, and its "
                "`reading_settings` to name those that do not"
            )


def _make_root(root: Path) -> None:
    """The data folder; the default one is the user's own, a folder that is named may be shared with others."""
    if root == get_user_folder() / "data":
        make_own_folder(root.parent)
    root.mkdir(parents=True, exist_ok=True)


def _is_occupied(folder: Path) -> bool:
    return folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))


def _prepare_alone(
    dataset: "Dataset", root: Path, folder: Path, report: Callable[[str], object], *, again: bool
) -> None:
    """Prepare a folder that is empty, or what is there `again`, as the only process."""
    try:
        if not again and _is_occupied(folder):
            return
        _make_root(root)
        with wait_for_lock(root / f".{folder.name}.lock", report):
            if again or not _is_occupied(folder):
                _prepare(dataset, root, folder, report)
    except (OSError, ResultsError) as error:
        remedy = "name another folder with --data DIR or VIMAE_BENCH_DATA"
        raise DataError(f"{folder}: cannot be written ({error}); {remedy}") from error


def _prepare(dataset: "Dataset", root: Path, folder: Path, report: Callable[[str], object]) -> None:
    """Under the lock: make everything aside and move it into place in one step."""
    report(f"{folder.name}: preparing {folder}, once")
    aside, earlier = root / f".{folder.name}.preparing", root / f".{folder.name}.earlier"
    for left in (aside, earlier):
        shutil.rmtree(left, ignore_errors=True)  # of a process that was killed
    aside.mkdir(parents=True)  # which a link is not taken for
    try:
        (aside / "originals").mkdir()
        (aside / "originals" / download.ORIGINALS_LINK).symlink_to((root / "originals").absolute())
        prepared = _decode_originals(dataset, aside / "originals", folder)
        arrays = _name_arrays(prepared)
        layout.check_arrays(arrays, folder)
        factors, settings = tuple(prepared.train.factors), describe_settings(dataset)
        layout.write_arrays(aside / "arrays", folder.name, arrays, prepared.source, factors, settings)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if _is_occupied(folder):
            folder.replace(earlier)
        (aside / "arrays").replace(folder)
        shutil.rmtree(earlier, ignore_errors=True)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _decode_originals(dataset: "Dataset", scratch: Path, folder: Path) -> "PreparedDataset":
    try:
        return dataset.prepare(scratch)
    except (DataError, OSError) as error:
        files = ", ".join(f"{name}.npy" for name in layout.NAMES)
        raise DataError(f"{folder.name}: {error}; to do without, put {files} into {folder} yourself") from error


def _name_arrays(prepared: "PreparedDataset") -> dict[str, np.ndarray]:
    arrays = {
        "train_x": prepared.train.x,
        "train_y": prepared.train.y,
        "test_x": prepared.test.x,
        "test_y": prepared.test.y,
    }
    if list(prepared.train.factors) != list(prepared.test.factors):
        names = " and ".join(str(list(part.factors)) for part in (prepared.train, prepared.test))
        raise DataError(f"the factors of training and test images differ: {names}")
    factors = {f"{part}_factors": _stack_factors(getattr(prepared, part)) for part in ("train", "test")}
    return {name: array for name, array in {**arrays, **factors}.items() if array is not None}


def _stack_factors(examples: "Examples") -> np.ndarray | None:
    """The factors as columns, [N, F], or None if there are none. Raises DataError for a factor of another length."""
    count = len(examples.x)
    for name, values in examples.factors.items():
        if values.shape != (count,):
            raise DataError(f"factor '{name}' has shape {values.shape}; there is one value for each image, ({count},)")
    return np.stack(list(examples.factors.values()), axis=1) if examples.factors else None

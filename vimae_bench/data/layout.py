"""Prepared images on disk: one layout for every data set, memory-mapped by every run.

{train,test}_x.npy   images uint8 [N, C, H, W], 0 black and 255 white, one or three channels
{train,test}_y.npy   labels int64 [N]; may be missing
{train,test}_factors.npy   what else is known of each image, int64 [N, F]; both may be missing
dataset.json         name, shape, counts, names of the factors, source, sha256 of each array's bytes; may be missing
"""

import contextlib
import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from ..core.canonical import Json, fingerprint
from ..core.errors import DataError, ResultsError
from ..storage.atomic import atomic_write, read_json, write_json
from ..storage.cache_folder import get_cache_folder, make_cache_folder

NAMES = ("train_x", "train_y", "test_x", "test_y")
FACTORS = ("train_factors", "test_factors")
CARD = "dataset.json"
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""What reads the header of an array, by the version of its format."""
SCANNED_IMAGES = 100
"""Images that are looked at together."""
SETTLED_NS = 2_000_000_000
"""The age from which a file's times say whether it was written again: file systems round them."""


def is_prepared(folder: Path) -> bool:
    """Whether a folder claims to be in this layout."""
    return (folder / CARD).exists() or _array_path(folder, "train_x").exists()


def load_arrays(folder: Path) -> dict[str, np.ndarray]:
    """The arrays by name, mapped but not read; labels and factors that are missing are left out.

    Nothing in the files is ever executed. Raises DataError, naming the file, for one that is missing, damaged or
    not as the layout has it, and for a dataset.json that does not agree with the arrays.
    """
    arrays: dict[str, np.ndarray] = {name: _map_array(path) for name, path in _list_paths(folder).items()}
    check_arrays(arrays, folder)
    card = _read_card(folder)
    says = {key: card.get(key) for key in ("shape", "train", "test")}
    if card and says != (holds := _count_images(arrays)):
        raise DataError(
            f"{folder / CARD}: says {says}, but the arrays hold {holds}; one of them is not of this data set"
        )
    read_factor_names(folder, arrays)
    return arrays


def read_settings(folder: Path) -> Json:
    """The settings that a folder was prepared with; empty where its dataset.json does not say."""
    settings: object = _read_card(folder).get("settings")
    return cast("Json", settings) if isinstance(settings, dict) else {}


def check_brightness(arrays: Mapping[str, np.ndarray], folder: Path) -> None:
    """Raises DataError for images whose white is 1, and so nearly black: values are from 0 to 255."""
    for name in ("train_x", "test_x"):
        if _find_maximum(arrays[name]) == 1:
            remedy = _format_remedy(_array_path(folder, name), "x * 255")
            raise DataError(f"{_array_path(folder, name)}: holds only 0 and 1, which are both black of 255{remedy}")


def count_shared_images(arrays: Mapping[str, np.ndarray]) -> int:
    """How many of the test images are among the training images, pixel for pixel."""
    test = [image.tobytes() for image in arrays["test_x"]]
    asked = {*test}
    shared = {content for image in arrays["train_x"] if (content := image.tobytes()) in asked}
    return sum(content in shared for content in test)


def read_factor_names(folder: Path, arrays: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """The names of the factors' columns: those of dataset.json, or f0, f1 and so on where it names none.

    Raises DataError where it names others than there are.
    """
    count = arrays["train_factors"].shape[1] if "train_factors" in arrays else 0
    said: object = _read_card(folder).get("factors")
    if said is None:
        return tuple(f"f{i}" for i in range(count))
    names = tuple(said) if isinstance(said, list) else ()
    if len(names) != count or len(set(map(str, names))) != count or not all(isinstance(name, str) for name in names):
        raise DataError(
            f"{folder / CARD}: names the factors {said}, but the arrays hold {count}; it takes a list of as many names"
        )
    return names


def check_arrays(arrays: Mapping[str, np.ndarray], folder: Path) -> None:
    """Raises DataError for arrays that do not fit the layout, naming the file in `folder` they are meant for."""
    for part in ("train", "test"):
        x, y = arrays[f"{part}_x"], arrays.get(f"{part}_y")
        _check_images(x, _array_path(folder, f"{part}_x"))
        if y is not None:
            _check_labels(y, len(x), _array_path(folder, f"{part}_y"))
    _check_factors(arrays, folder)
    train, test = (arrays[name].shape[1:] for name in ("train_x", "test_x"))
    if train != test:
        raise DataError(f"{folder}: training images are {train} and test images {test} (C, H, W); they have to agree")


def write_arrays(
    folder: Path,
    name: str,
    arrays: Mapping[str, np.ndarray],
    source: str,
    factors: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
) -> None:
    """Write arrays that fit the layout, with their dataset.json; `factors` names the factors' columns.

    `settings` are those of the data set that they were prepared with, JSON values.

    Raises OSError where they cannot be written.
    """
    for key, array in arrays.items():
        atomic_write(_array_path(folder, key), lambda path, array=array: _write_array(path, array))
    card = {"name": name, **_count_images(arrays)} | ({"factors": list(factors)} if factors else {})
    made = {"settings": dict(settings)} if settings is not None else {}
    write_json(folder / CARD, {**card, "source": source, **made, "sha256": compute_digests(folder)})


def compute_digests(folder: Path) -> dict[str, str]:
    """The sha256 of each array's bytes on disk, by name. Raises DataError as `load_arrays` does."""
    return {name: _compute_digest(path) for name, path in _list_paths(folder).items()}


def read_digests(folder: Path) -> dict[str, str]:
    """The digests in dataset.json if it has all and is not older than any array, else those of the arrays' bytes.

    The latter are computed once for each state of a file on a machine. Raises DataError as `load_arrays` does.
    """
    paths, said = _list_paths(folder), _read_card(folder).get("sha256")
    if (
        isinstance(said, dict)
        and said.keys() == paths.keys()
        and not any(_is_newer(p, folder / CARD) for p in paths.values())
    ):
        return said
    return {name: _read_cached_digest(path) for name, path in paths.items()}


def describe_other_data(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which arrays are not those of earlier digests, in words; empty if none differs. Arrays that are new do not."""
    other = [f"{name}.npy" for name, digest in before.items() if now.get(name) != digest]
    return " and ".join(filter(None, [", ".join(other[:-1]), *other[-1:]]))


def verify_arrays(folder: Path) -> list[str]:
    """All that is wrong with a prepared folder: damage, and bytes that are not those of its dataset.json.

    Without sums there, as of a user's own arrays, only their form is verified.
    """
    try:
        check_brightness(load_arrays(folder), folder)
        if not has_digests(folder):
            return []
        said, found = _read_card(folder)["sha256"], compute_digests(folder)
    except DataError as error:
        return [str(error)]
    if not isinstance(said, dict):
        return [f"{folder / CARD}: has sha256 sums that are no table of them"]
    return [
        f"{_array_path(folder, name)}: sha256 is {found.get(name)}, but {CARD} says {said.get(name)}"
        for name in (*NAMES, *FACTORS)
        if said.get(name) != found.get(name)
    ]


def read_recorded_digests(folder: Path) -> Mapping[str, str]:
    """The sums in dataset.json, whatever the arrays are now; empty without any. Raises DataError as `has_digests`."""
    said = _read_card(folder).get("sha256")
    return said if isinstance(said, dict) else {}


def has_digests(folder: Path) -> bool:
    """Whether there are sums to compare the arrays with. Raises DataError for a dataset.json that cannot be read."""
    return _read_card(folder).get("sha256") is not None


def describe_arrays(folder: Path) -> str:
    """Counts, shape and factors of a prepared folder, in words. Raises DataError as `load_arrays` does."""
    arrays = load_arrays(folder)
    counts, names = _count_images(arrays), read_factor_names(folder, arrays)
    images = f"{counts['train']:,} + {counts['test']:,} images of {' x '.join(map(str, counts['shape']))}"
    return f"{images} (factors: {', '.join(names)})" if names else images


def _array_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.npy"


def _list_paths(folder: Path) -> dict[str, Path]:
    """The files to be read: images always, labels and factors where they are there."""
    paths = {name: _array_path(folder, name) for name in (*NAMES, *FACTORS)}
    return {name: path for name, path in paths.items() if name.endswith("_x") or path.exists()}


def _map_array(path: Path) -> np.memmap:
    # Copy-on-write: the file stays as it is, and torch does not warn of memory it must not write to.
    # `open_memmap` reads this one format; `np.load` would also look for pickles and archives.
    try:
        _check_header(path)
        array = np.lib.format.open_memmap(path, mode="c")
    except FileNotFoundError as error:
        raise DataError(f"{path}: is missing; `vimae-bench data list` lists what can be prepared") from error
    except Exception as error:  # whatever a damaged header does to numpy's parser
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: is damaged or no NumPy array ({reason}); {_describe_remedy(path)}") from error
    if (excess := path.stat().st_size - array.offset - array.nbytes) > 0:
        raise DataError(f"{path}: is damaged ({excess} bytes behind its array); {_describe_remedy(path)}")
    if not array.flags.c_contiguous:
        raise DataError(f"{path}: is in Fortran order; write it with np.save(path, np.ascontiguousarray(x))")
    return array


def _describe_remedy(path: Path) -> str:
    """What to do about an array that cannot be read. Only what was downloaded is ever to be removed."""
    if (path.parent / CARD).exists():
        return "if a data set was downloaded there, remove it and prepare it again"
    name = path.stem
    if name.endswith("_y"):
        how = (
            f"np.save('{path.name}', np.unique(labels, return_inverse=True)[1].astype(np.int64)) makes labels of names"
        )
    else:
        how = f"np.save('{path.name}', x) writes an array x of numbers"
    return how


def _check_header(path: Path) -> None:
    """Raises ValueError for a header that numpy's map would end the process on: values of no size, more than can be."""
    if path.exists() and not path.is_file():
        raise ValueError("no regular file")  # a pipe would never be read to its end
    with path.open("rb") as file:
        read = HEADERS[np.lib.format.read_magic(file)]
        shape, _, dtype = read(file)
    if dtype.kind not in "biufc" or any(n < 0 for n in shape) or math.prod(shape) * dtype.itemsize >= 2**63:
        raise ValueError(f"{dtype} of shape {shape}")


def _check_images(x: np.ndarray, path: Path) -> None:
    if x.dtype != np.uint8:
        remedy = _describe_conversion(x, path)
        raise DataError(f"{path}: holds {x.dtype}; images are uint8, from 0 for black to 255 for white{remedy}")
    if x.ndim != 4 or x.shape[1] not in (1, 3):
        remedy = _describe_reshaping(x.shape, path)
        raise DataError(f"{path}: has shape {x.shape}; images are [N, C, H, W] with 1 or 3 channels C{remedy}")
    if not x.size:
        raise DataError(f"{path}: has shape {x.shape}, which is not a single pixel")


def _describe_conversion(x: np.ndarray, path: Path) -> str:
    """The line of NumPy that makes images of an array's type, by the values of its first images; empty for others."""
    first = x[:SCANNED_IMAGES]
    low, high = (first.min(), first.max()) if first.size else (0, 0)
    match x.dtype.kind:
        case "b":
            return _format_remedy(path, "x.astype(np.uint8) * 255")
        case "f" if not np.isfinite(first).all():
            return ", and some are not finite"
        case "f" if low >= 0 and high <= 1:
            return _format_remedy(path, "(255 * x).round().astype(np.uint8)", "of values from 0 to 1")
        case "f" if low >= -1 and high <= 1:
            return _format_remedy(path, "(127.5 * (x + 1)).round().astype(np.uint8)", "of values from -1 to 1")
        case "f" if low >= 0 and high <= 255:
            return _format_remedy(path, "x.round().astype(np.uint8)", "of values from 0 to 255")
        case "i" | "u" if low >= 0 and high <= 1:
            return _format_remedy(path, "(255 * x).astype(np.uint8)", "of values 0 and 1")
        case "i" | "u" if low >= 0 and high <= 255:
            return _format_remedy(path, "x.astype(np.uint8)", "of values from 0 to 255")
        case "i" | "u" if low >= 0 and high <= 65535:
            return _format_remedy(path, "(x // 256).astype(np.uint8)", "of 16 bits")
        case "f" | "i" | "u":
            line = "(255 * (x - x.min()) / (x.max() - x.min())).round().astype(np.uint8)"
            return _format_remedy(path, line, "from the least to the largest value")
        case _:
            return ""


def _describe_reshaping(shape: tuple[int, ...], path: Path) -> str:
    """The line of NumPy that makes images of an array of this shape; empty where it is not known."""
    match shape:
        case (_, _, _):
            return _format_remedy(path, "x[:, None]", "of [N, H, W]")
        case (_, _, _, 1 | 3):
            return _format_remedy(path, "x.transpose(0, 3, 1, 2)", "of [N, H, W, C]")
        case (_, 4, _, _):
            return _format_remedy(path, "x[:, :3]", "of RGBA")
        case (_, 2, _, _):
            return _format_remedy(path, "x[:, :1]", "of grey and alpha")
        case (_, _, _, 4):
            return _format_remedy(path, "x[..., :3].transpose(0, 3, 1, 2)", "of RGBA in [N, H, W, C]")
        case (_, _, _, 2):
            return _format_remedy(path, "x[..., :1].transpose(0, 3, 1, 2)", "of grey and alpha in [N, H, W, C]")
        case (_, pixels) if pixels and (side := math.isqrt(pixels)) ** 2 == pixels:
            return _format_remedy(path, f"x.reshape(-1, 1, {side}, {side})", "of flattened images")
        case (_, pixels) if pixels % 3 == 0 and (side := math.isqrt(pixels // 3)) ** 2 == pixels // 3 > 0:
            return _format_remedy(path, f"x.reshape(-1, 3, {side}, {side})", "of flattened images")
        case _:
            return ""


def _format_remedy(path: Path, expression: str, what: str = "") -> str:
    return f"; np.save('{path.name}', {expression}) makes them{f' {what}' * bool(what)}"


def _check_labels(y: np.ndarray, count: int, path: Path) -> None:
    if y.ndim == 2 and len(y) == count and y.shape[1] > 1:
        remedy = _format_remedy(path, "y.argmax(1)", "of one column for each class")
        raise DataError(f"{path}: has shape {y.shape}; there is one label for each image{remedy}")
    if y.shape == (count, 1):
        remedy = _format_remedy(path, "y[:, 0].astype(np.int64)")
        raise DataError(f"{path}: has shape {y.shape}; labels have one dimension{remedy}")
    if y.dtype != np.int64:
        is_whole = y.dtype.kind in "iub" or (y.dtype.kind == "f" and bool((y == np.round(y)).all()))
        numbered = "np.unique(y, return_inverse=True)[1].astype(np.int64)"
        remedy = _format_remedy(path, "y.astype(np.int64)" if is_whole else numbered)
        raise DataError(f"{path}: holds {y.dtype}; labels are int64{remedy}")
    if y.shape != (count,):
        raise DataError(f"{path}: has shape {y.shape}; there is one label for each image, so it has to be ({count},)")


def _check_factors(arrays: Mapping[str, np.ndarray], folder: Path) -> None:
    found = {name: arrays[name] for name in FACTORS if name in arrays}
    for name, factors in found.items():
        path, count = _array_path(folder, name), len(arrays[name.replace("factors", "x")])
        if factors.dtype != np.int64:
            remedy = _format_remedy(path, f"{name}.astype(np.int64)", "of whole numbers")
            raise DataError(f"{path}: holds {factors.dtype}; factors are int64{remedy}")
        if factors.ndim != 2 or len(factors) != count or not factors.shape[1]:
            raise DataError(f"{path}: has shape {factors.shape}; factors are [N, F], a row for each of {count} images")
    if len(found) == 1:
        raise DataError(f"{folder}: {next(iter(found))}.npy stands alone; factors are given of both parts or of none")
    if len({factors.shape[1] for factors in found.values()}) > 1:
        columns = " and ".join(str(factors.shape[1]) for factors in found.values())
        raise DataError(f"{folder}: {columns} factors of training and test images; they have to be the same")


def _find_maximum(x: np.ndarray) -> int:
    """The largest value, or one above 1 as soon as it is found."""
    largest = 0
    for start in range(0, len(x), SCANNED_IMAGES):
        largest = max(largest, int(x[start : start + SCANNED_IMAGES].max()))
        if largest > 1:
            break
    return largest


def _count_images(arrays: Mapping[str, np.ndarray]) -> Json:
    x = arrays["train_x"]
    return {"shape": list(x.shape[1:]), "train": len(x), "test": len(arrays["test_x"])}


def _read_card(folder: Path) -> Json:
    if not (folder / CARD).exists():
        return {}
    try:
        return read_json(folder / CARD)
    except ResultsError as error:
        raise DataError(str(error)) from error


def _write_array(path: Path, array: np.ndarray) -> None:
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        # np.save does not notice a disk that is full when the last bytes are flushed; a Python file raises OSError.
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


def _is_newer(path: Path, other: Path) -> bool:
    """Whether a file was written, or put into its place, after the other."""
    one, two = path.stat(), other.stat()
    return one.st_mtime_ns > two.st_mtime_ns or one.st_ctime_ns > two.st_ctime_ns


def _read_cached_digest(path: Path) -> str:
    """The digest of an array's bytes, computed once for each state of its file."""
    try:
        stat = path.stat()
    except OSError:
        return _compute_digest(path)  # which says what is wrong
    newest = max(stat.st_mtime_ns, stat.st_ctime_ns)
    state = [str(path.absolute()), stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
    known = get_cache_folder() / "sums" / f"{fingerprint(state)}.json"
    try:
        make_cache_folder(known.parent)
        if isinstance(digest := read_json(known).get("sha256"), str):
            return digest
    except OSError:  # what is there may be others', or nothing can be written
        return _compute_digest(path)
    except ResultsError:  # not known yet
        pass
    digest = _compute_digest(path)
    if time.time_ns() - newest > SETTLED_NS:
        with contextlib.suppress(OSError):  # a folder that cannot be written costs time and nothing else
            write_json(known, {"sha256": digest})
    return digest


def _compute_digest(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(_map_array(path).offset)
        return hashlib.file_digest(file, "sha256").hexdigest()

import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest
from torchvision import datasets

from vimae_bench.data.prepare import ensure_prepared, get_data_folder, open_splits
from vimae_bench.plugin import DataError
from vimae_builtin.datasets.cifar10 import Cifar10

RNG = np.random.default_rng(0)
TRAIN = [f"data_batch_{number}" for number in range(1, 6)]
PIXELS = {name: RNG.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8) for name in (*TRAIN, "test_batch")}
LABELS = {name: RNG.integers(0, 10, 4) for name in PIXELS}


def record(label: int, x: np.ndarray) -> bytes:
    """A record of the binary version as its page describes it.

    The first byte is the label; the next 1024 are the red values, then come the green and the blue ones, each in
    row-major order, so that the first 32 bytes are the red values of the first row.
    """
    return bytes([label]) + bytes(int(x[c, row, column]) for c in range(3) for row in range(32) for column in range(32))


def pack(path, files: dict[str, bytes]) -> str:
    """Writes the archive; gives its sha256."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def published_archive(tmp_path, monkeypatch):
    """A small CIFAR-10 at a file:// address, with its files in another order than that of their numbers."""
    batches = {
        f"cifar-10-batches-bin/{name}.bin": b"".join(map(record, LABELS[name], PIXELS[name]))
        for name in reversed(PIXELS)
    }
    path = tmp_path / "published.tar.gz"
    monkeypatch.setattr(Cifar10, "sha256", pack(path, batches))
    monkeypatch.setattr(Cifar10, "url", path.as_uri())
    return path


def test_batches_come_in_the_order_of_their_numbers(published_archive, tmp_path):
    ensure_prepared(Cifar10(), tmp_path / "data")
    splits = open_splits(Cifar10(validation=4), tmp_path / "data")
    assert (splits.train.x == np.concatenate([PIXELS[name] for name in TRAIN[:4]])).all()
    assert (splits.train.y == np.concatenate([LABELS[name] for name in TRAIN[:4]])).all()
    assert (splits.validation.x == PIXELS["data_batch_5"]).all()
    assert (splits.test.x == PIXELS["test_batch"]).all()
    assert (splits.test.y == LABELS["test_batch"]).all()


def test_images_are_those_that_torchvision_finds_in_the_python_version(published_archive, tmp_path, monkeypatch):
    """Its pickles hold rows of 3,072 values; here they are of our own making, so that loading them is safe."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name, x in PIXELS.items():
        (folder / name).write_bytes(pickle.dumps({"data": x.reshape(4, -1), "labels": LABELS[name].tolist()}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": []}))
    monkeypatch.setattr(datasets.CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    arrays = Cifar10().prepare(tmp_path)
    for ours, train in ((arrays.train, True), (arrays.test, False)):
        theirs = datasets.CIFAR10(tmp_path, train=train)
        assert (ours.x.transpose(0, 2, 3, 1) == theirs.data).all()
        assert ours.y.tolist() == theirs.targets


def test_the_network_sees_minus_one_to_one_and_nothing_is_held_out():
    assert (Cifar10().pixel_range, Cifar10().validation) == ("sym", 0)


def test_an_archive_that_was_not_published_is_not_opened(published_archive, tmp_path):
    published_archive.write_bytes(published_archive.read_bytes() + b"\0")
    with pytest.raises(DataError, match=r"cifar10: cifar-10-binary.tar.gz from file://.* is not the published file"):
        ensure_prepared(Cifar10(), tmp_path / "data")
    assert not (tmp_path / "data" / "cifar10").exists()


@pytest.mark.realdata
def test_the_real_images_have_the_means_and_deviations_that_everyone_normalises_by():
    if not (get_data_folder() / "cifar10").exists():
        pytest.skip(f"there is no cifar10 in {get_data_folder()}; set VIMAE_BENCH_DATA to a folder that holds it")
    splits = open_splits(Cifar10(), get_data_folder())
    assert (len(splits.train), len(splits.test), splits.shape) == (50_000, 10_000, (3, 32, 32))
    assert set(np.bincount(splits.train.y)) == {5_000}
    assert set(np.bincount(splits.test.y)) == {1_000}
    counts = np.stack([np.bincount(splits.train.x[:, c].ravel(), minlength=256) for c in range(3)]) / (50_000 * 1024)
    levels = np.arange(256) / 255
    mean = counts @ levels
    assert mean == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-4)
    assert np.sqrt(counts @ levels**2 - mean**2) == pytest.approx([0.2470, 0.2435, 0.2616], abs=1e-4)

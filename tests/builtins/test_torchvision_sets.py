import gzip
import hashlib
import struct
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from torchvision import datasets

from vimae_bench.data.layout import compute_digests
from vimae_bench.data.prepare import ensure_prepared, get_data_folder, open_splits
from vimae_bench.plugin import DataError
from vimae_builtin.datasets.torchvision_sets import FashionMnist, Mnist

pytestmark = pytest.mark.medium

RNG = np.random.default_rng(0)
SMALL = {
    "train_x": RNG.integers(0, 256, (30, 1, 28, 28), dtype=np.uint8),
    "train_y": RNG.integers(0, 10, 30),
    "test_x": RNG.integers(0, 256, (20, 1, 28, 28), dtype=np.uint8),
    "test_y": RNG.integers(0, 10, 20),
}
FILES = {
    "train_x": "train-images-idx3-ubyte.gz",
    "train_y": "train-labels-idx1-ubyte.gz",
    "test_x": "t10k-images-idx3-ubyte.gz",
    "test_y": "t10k-labels-idx1-ubyte.gz",
}

# The sha256 of the four official files' contents without their headers, labels as int64.
PUBLISHED = {
    "train_x": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "train_y": "e474323ac02fc156161b0bbb1f8c9cfeb327a74bcd9f9680a8385269a24f566c",
    "test_x": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "test_y": "2fd8de6bdb8d11780b4b96dc57847bcfe6953f7c32aa48bfcd8237c3b7847243",
}


def idx(array: np.ndarray) -> bytes:
    """The format of the official files: a magic number that tells type and dimensions, the sizes, the bytes."""
    sizes = array.squeeze(1).shape if array.ndim == 4 else array.shape
    return struct.pack(f">{len(sizes) + 1}I", 0x800 + len(sizes), *sizes) + array.astype(np.uint8).tobytes()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        return


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """Serves arrays as the official files, and tells torchvision and the plugins that they are."""
    site = tmp_path / "site"
    site.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(dataset, arrays):
        original = getattr(datasets, dataset.original)
        for name, array in arrays.items():
            (site / FILES[name]).write_bytes(gzip.compress(idx(array), 1))
        contents = {file.name: file.read_bytes() for file in site.iterdir()}
        md5 = [(name, hashlib.md5(content).hexdigest()) for name, content in contents.items()]
        monkeypatch.setattr(original, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        monkeypatch.setattr(original, "resources", md5)
        pins = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        monkeypatch.setattr(type(dataset), "sha256", pins)
        return site

    yield serve
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("kind", [Mnist, FashionMnist])
def test_what_is_downloaded_is_what_was_published(kind, mirror, tmp_path):
    dataset = kind(validation=10)
    mirror(dataset, SMALL)
    ensure_prepared(dataset, tmp_path / "data")
    splits = open_splits(dataset, tmp_path / "data")
    assert (splits.train.x == SMALL["train_x"][:20]).all()
    assert (splits.train.y == SMALL["train_y"][:20]).all()
    assert (splits.validation.x == SMALL["train_x"][20:]).all()
    assert (splits.validation.y == SMALL["train_y"][20:]).all()
    assert (splits.test.x == SMALL["test_x"]).all()
    assert (splits.test.y == SMALL["test_y"]).all()


def test_a_file_that_torchvision_accepts_but_was_never_published_is_refused(mirror, tmp_path, monkeypatch):
    published = Mnist.sha256
    mirror(Mnist(), SMALL)
    monkeypatch.setattr(Mnist, "sha256", published)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz from .* is not the published file"):
        ensure_prepared(Mnist(), tmp_path / "data")
    assert not (tmp_path / "data" / "mnist").exists()


def test_a_damaged_download_is_refused_in_one_line(mirror, tmp_path):
    site = mirror(Mnist(), SMALL)
    (site / FILES["test_y"]).write_bytes(b"an error page of the hotel")
    with pytest.raises(DataError, match=r"mnist: cannot be downloaded from http://127.0.0.1") as error:
        ensure_prepared(Mnist(), tmp_path / "data")
    assert "\n" not in str(error.value)
    assert f"into {tmp_path / 'data' / 'mnist'} yourself" in str(error.value)


def test_without_a_network_the_message_names_the_places_that_were_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", ["http://127.0.0.1:9/", "http://localhost:9/"])
    with pytest.raises(DataError, match=r"cannot be downloaded from http://127.0.0.1:9/ or http://localhost:9/"):
        ensure_prepared(FashionMnist(), tmp_path)


def test_the_last_ten_thousand_are_held_out_unless_said_otherwise():
    assert Mnist().validation == FashionMnist().validation == 10_000
    assert replace(Mnist(), validation=0).validation == 0


@pytest.mark.realdata
def test_the_real_digits_survive_the_way_through_torchvision(mirror, tmp_path):
    known = get_data_folder() / "mnist"
    if not known.exists():
        pytest.skip(f"there is no mnist in {get_data_folder()}; set VIMAE_BENCH_DATA to a folder that holds it")
    mirror(Mnist(), {name: np.load(known / f"{name}.npy") for name in FILES})
    assert compute_digests(ensure_prepared(Mnist(), tmp_path / "data")) == PUBLISHED

import hashlib
import io
import tracemalloc
import zipfile
from random import Random

import numpy as np
import pytest
from PIL import Image

from vimae_bench.data.download import ORIGINALS_LINK
from vimae_bench.data.prepare import ensure_prepared, open_splits
from vimae_bench.plugin import DataError
from vimae_builtin.datasets.celeba import CelebA, compute_wae_order

FACES = 7
TEST_IMAGES = 2


def jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


def face(i: int) -> np.ndarray:
    """218 rows of 178 pixels: smooth, and another colour for every face."""
    rows, columns = np.mgrid[:218, :178]
    channels = [rows * (i + 1) // 7 + 8 * i, columns, (rows + columns) // 2]
    return np.stack(channels, axis=2).clip(0, 255).astype(np.uint8)


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Puts a small CelebA at a file:// address; its files are not packed in the order of their names."""

    def pack(faces):
        path = tmp_path / "published.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("img_align_celeba/", "")
            for i in reversed(range(len(faces))):
                archive.writestr(f"img_align_celeba/{i + 1:06}.jpg", faces[i])
        monkeypatch.setattr(CelebA, "url", path.as_uri())
        monkeypatch.setattr(CelebA, "sha256", hashlib.sha256(path.read_bytes()).hexdigest())
        monkeypatch.setattr(CelebA, "test_images", TEST_IMAGES)
        return path

    return pack


def expected_face(content: bytes) -> np.ndarray:
    """Cropped in NumPy: rows 39 to 178 and columns 19 to 158."""
    whole = np.asarray(Image.open(io.BytesIO(content)))
    small = Image.fromarray(whole[39:179, 19:159]).resize((64, 64), Image.Resampling.LANCZOS)
    return np.asarray(small).transpose(2, 0, 1)


def test_faces_come_by_file_name_and_the_last_are_tested_on(publish, tmp_path):
    faces = [jpeg(face(i)) for i in range(FACES)]
    publish(faces)
    ensure_prepared(CelebA(), tmp_path / "data")
    splits = open_splits(CelebA(validation=1), tmp_path / "data")
    x = np.stack([expected_face(content) for content in faces])
    assert (splits.train.x == x[:4]).all()
    assert (splits.validation.x == x[4:5]).all()
    assert (splits.test.x == x[5:]).all()
    assert splits.train.y is None
    assert (CelebA().pixel_range, CelebA().validation) == ("sym", 0)


def test_the_crop_is_the_middle_of_the_picture(publish, tmp_path):
    """A white square of 140x140 in the middle fills the face; one that is a pixel smaller leaves a darker rim."""
    squares = []
    for shrink in (0, 1):
        pixels = np.zeros((218, 178, 3), np.uint8)
        pixels[39 + shrink : 179 - shrink, 19 + shrink : 159 - shrink] = 255
        squares.append(jpeg(pixels))
    publish([*squares, squares[0]])
    whole, rimmed = CelebA().prepare(tmp_path).train.x[0], CelebA().prepare(tmp_path).test.x[0]
    for x in (whole, rimmed):
        assert x[:, 8:-8, 8:-8].min() >= 250
    edges = [(x[:, 0].mean(), x[:, -1].mean(), x[:, :, 0].mean(), x[:, :, -1].mean()) for x in (whole, rimmed)]
    assert min(edges[0]) > 240
    assert max(edges[1]) < 200


def test_the_order_of_wae_is_another_folder_and_the_same_faces(publish, tmp_path):
    faces = [jpeg(face(i)) for i in range(FACES)]
    publish(faces)
    wae, file = CelebA(order="wae"), CelebA()
    assert wae.folder != file.folder
    arrays = wae.prepare(tmp_path)
    x = np.concatenate([arrays.train.x, arrays.test.x])
    assert (x == np.stack([expected_face(faces[i]) for i in compute_wae_order(FACES)])).all()


def test_the_order_of_wae_is_that_of_python_2():
    """Its shuffle, as Lib/random.py had it, from the same generator seeded apart from Python: MT19937 of NumPy."""
    uniform = np.random.RandomState([123]).random_sample
    order = list(range(1000))
    for i in reversed(range(1, len(order))):
        j = int(uniform() * (i + 1))
        order[i], order[j] = order[j], order[i]
    assert compute_wae_order(1000) == order
    python3 = list(range(1000))
    Random(123).shuffle(python3)
    assert compute_wae_order(1000) != python3


def test_memory_does_not_grow_with_the_number_of_faces(publish, tmp_path):
    peaks = []
    (tmp_path / ORIGINALS_LINK).mkdir()
    for count in (20, 20, 220):  # the first time with what is imported
        publish([jpeg(face(0))] * count).replace(
            tmp_path / ORIGINALS_LINK / "img_align_celeba.zip"
        )  # nothing to download
        tracemalloc.start()
        arrays = CelebA().prepare(tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert isinstance(arrays.train.x, np.memmap)
    assert peaks[2] - peaks[1] < 200 * 3 * 64 * 64 / 4


def test_a_picture_of_another_size_is_refused(publish, tmp_path):
    publish([jpeg(face(0))] * 2 + [jpeg(face(0)[:, :-1])])
    with pytest.raises(DataError, match=r"000003.jpg is 177x218, not the aligned 178x218"):
        ensure_prepared(CelebA(), tmp_path / "data")


def test_too_few_faces_are_refused(publish, tmp_path):
    publish([jpeg(face(0))] * TEST_IMAGES)
    with pytest.raises(DataError, match="holds 2 faces, of which 2 are to be tested on"):
        ensure_prepared(CelebA(), tmp_path / "data")


def test_a_page_instead_of_the_archive_is_reported_with_where_to_put_the_archive(publish, tmp_path):
    publish([jpeg(face(0))] * 3).write_text("Too many users have viewed or downloaded this file recently.")
    with pytest.raises(DataError, match=r"img_align_celeba.zip from .* is not the published file") as error:
        ensure_prepared(CelebA(), tmp_path / "data")
    assert f"put img_align_celeba.zip into {tmp_path / 'data' / 'originals'}" in str(error.value)
    assert "\n" not in str(error.value)


def test_an_archive_at_hand_needs_no_network(publish, tmp_path, monkeypatch):
    path = publish([jpeg(face(i)) for i in range(FACES)])
    (tmp_path / "data" / "originals").mkdir(parents=True)
    path.rename(tmp_path / "data" / "originals" / "img_align_celeba.zip")
    monkeypatch.setattr(CelebA, "url", "http://127.0.0.1:9/")
    ensure_prepared(CelebA(), tmp_path / "data")
    assert len(open_splits(CelebA(), tmp_path / "data").test) == TEST_IMAGES
    assert (tmp_path / "data" / "originals" / "img_align_celeba.zip").exists()

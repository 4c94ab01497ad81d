import hashlib
from math import prod
from pathlib import Path

import numpy as np
import pytest

from vimae_bench.data.prepare import ensure_prepared, open_splits
from vimae_bench.plugin import DataError
from vimae_builtin.datasets.dsprites import DSprites

GRID = {"shape": 3, "scale": 2, "orientation": 5, "posX": 4, "posY": 2}
COUNT = prod(GRID.values())


class Evil:
    """What the metadata of the archive might do to those who unpickle it."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def sprites() -> np.ndarray:
    """Black and white images whose first row spells their number in bits."""
    x = np.zeros((COUNT, 64, 64), np.uint8)
    x[:, 0] = np.arange(COUNT)[:, None] >> np.arange(64) & 1
    return x


def classes() -> np.ndarray:
    """The grid as nested loops, position Y the innermost; the colour, of which there is one, before it."""
    sizes = list(GRID.values())
    return np.array(
        [
            (0, a, b, c, d, e)
            for a in range(sizes[0])
            for b in range(sizes[1])
            for c in range(sizes[2])
            for d in range(sizes[3])
            for e in range(sizes[4])
        ]
    )


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Puts a small dSprites at a file:// address."""
    monkeypatch.setattr(DSprites, "grid", GRID)

    def pack(**changed):
        fields = {"imgs": sprites(), "latents_classes": classes(), **changed}
        path = tmp_path / "published.npz"
        np.savez_compressed(path, **fields, metadata=np.array([Evil(tmp_path / "executed")], dtype=object))
        monkeypatch.setattr(DSprites, "url", path.as_uri())
        monkeypatch.setattr(DSprites, "md5", hashlib.md5(path.read_bytes()).hexdigest())

    return pack


def test_every_sprite_keeps_its_factors(publish, tmp_path):
    publish()
    ensure_prepared(DSprites(), tmp_path / "data")
    splits = open_splits(DSprites(validation=20), tmp_path / "data")
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [
        COUNT * 9 // 10 - 20,
        20,
        COUNT // 10,
    ]
    seen = []
    for part in (splits.train, splits.validation, splits.test):
        assert list(part.factors) == ["shape", "scale", "orientation", "posX", "posY"]
        assert set(np.unique(part.x)) == {0, 255}
        number = (part.x[:, 0, 0] // 255).astype(np.int64) @ (1 << np.arange(64))
        assert (np.column_stack(list(part.factors.values())) == classes()[number, 1:]).all()
        assert (part.y == part.factors["shape"]).all()
        seen += number.tolist()
    assert sorted(seen) == list(range(COUNT))
    assert splits.shape == (1, 64, 64)


def test_the_test_set_is_a_random_choice_and_always_the_same(publish, tmp_path):
    publish()
    first, second = DSprites().prepare(tmp_path), DSprites().prepare(tmp_path)
    assert (first.test.x == second.test.x).all()
    number = (first.test.x[:, 0, 0] // 255).astype(np.int64) @ (1 << np.arange(64))
    assert number.min() < COUNT / 4  # the last tenth of the grid would begin at nine tenths
    assert len(set(np.diff(number))) > COUNT // 20


def test_nothing_in_the_archive_is_executed(publish, tmp_path):
    publish()
    ensure_prepared(DSprites(), tmp_path / "data")
    assert not (tmp_path / "executed").exists()
    with pytest.raises(ValueError, match="allow_pickle=False"):
        np.load(tmp_path / "published.npz")["metadata"]


@pytest.mark.parametrize(("field", "said"), [("imgs", "images are object"), ("latents_classes", "classes .* no num")])
def test_a_pickle_in_place_of_numbers_is_refused_and_not_executed(field, said, publish, tmp_path):
    publish(**{field: np.array([Evil(tmp_path / "executed")], dtype=object)})
    with pytest.raises(DataError, match=said):
        ensure_prepared(DSprites(), tmp_path / "data")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"latents_classes": classes()[::-1]}, "are not the grid of 3 x 2 x 5 x 4 x 2 sprites"),
        ({"latents_classes": classes()[:, 1:]}, "are not the grid"),
        ({"latents_classes": classes() + np.eye(1, 6, dtype=np.int64)}, "are not the grid"),
        ({"imgs": sprites()[:-1]}, r"the images are uint8 \(239, 64, 64\), not uint8 \(240, 64, 64\)"),
        ({"imgs": sprites() / 1.0}, "the images are float64"),
    ],
)
def test_another_archive_is_refused(publish, tmp_path, changed, said):
    publish(**changed)
    with pytest.raises(DataError, match=said):
        ensure_prepared(DSprites(), tmp_path / "data")
    assert not (tmp_path / "data" / "dsprites").exists()


def test_an_archive_that_was_not_published_is_not_opened(publish, tmp_path, monkeypatch):
    published = DSprites.md5
    publish()
    monkeypatch.setattr(DSprites, "md5", published)
    with pytest.raises(DataError, match=r"dsprites.npz from file://.* is not the published file: its md5 is"):
        ensure_prepared(DSprites(), tmp_path / "data")


def test_the_grid_is_the_published_one():
    assert prod(DSprites.grid.values()) == 737_280

"""Grids of images: how they look, and that the images can be read back."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.image_grids import save_grid
from vimae_bench.core.errors import ResultsError
from vimae_bench.storage import image_grid as tiles


def images(*shape: int) -> tiles.Images:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_every_pixel_is_a_sharp_square_of_its_own_grey(tmp_path: Path):
    four = images(4, 8, 8, 1)
    save_grid(four, 2, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as opened:
        canvas = np.asarray(opened)
    assert canvas.shape == (2 * 64 + 2, 2 * 64 + 2)
    for image, (top, left) in zip(four, [(0, 0), (0, 66), (66, 0), (66, 66)], strict=True):
        assert (canvas[top : top + 64, left : left + 64] == np.kron(image[..., 0], np.ones((8, 8)))).all()
    assert (canvas[64:66] == 255).all()


def test_large_images_are_shown_as_they_are_in_their_colours(tmp_path: Path):
    (one,) = images(1, 100, 70, 3)
    save_grid(one[None], 1, tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as opened:
        assert (np.asarray(opened) == one).all()


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (64, 64, 3), (100, 70, 3), (3, 9, 1)])
def test_a_sheet_is_taken_apart_into_what_it_was_made_of(tmp_path: Path, shape: tuple[int, ...]):
    made = images(12, *shape)
    save_grid(made, 4, tmp_path / "grid.png")
    assert (tiles.load_grid(tmp_path / "grid.png") == made.reshape(3, 4, *shape)).all()


def test_blank_images_keep_their_size(tmp_path: Path):
    save_grid(np.full((4, 28, 28, 1), 255, np.uint8), 2, tmp_path / "grid.png")
    assert tiles.load_grid(tmp_path / "grid.png").shape == (2, 2, 28, 28, 1)


def broken(path: Path, how: str) -> None:
    texts = {"no size": "", "another size": "9 9 7", "nothing": "0 0 0", "no numbers": "a b c"}
    if how == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif how == "absent":
        path.unlink()
    else:
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("tile" if texts[how] else "other", texts[how])
        with Image.open(path) as opened:
            opened.load()
        opened.save(path, pnginfo=info)


@pytest.mark.parametrize("how", ["cut", "absent", "no size", "another size", "nothing", "no numbers"])
def test_a_file_that_is_not_a_grid_is_named(tmp_path: Path, how: str):
    path = tmp_path / "grid.png"
    save_grid(images(4, 28, 28, 1), 2, path)
    broken(path, how)
    with pytest.raises(ResultsError, match=r"grid\.png: is not a grid of images"):
        tiles.load_grid(path)

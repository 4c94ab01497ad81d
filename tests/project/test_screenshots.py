"""The pictures of the documentation show what they would show if they were made now, and are small."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docs.screenshots.make import IMAGES, MAX_BYTES, compress_image, is_old, read_digests
from docs.screenshots.pictures import PICTURES

pytestmark = pytest.mark.medium

ROOT = Path(__file__).parents[2]
MAX_TOTAL = 2_500_000
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_not_old(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert not is_old(name), (
        f"docs/images/{name}.png is old: run `python docs/screenshots {name}`, which needs Chromium"
    )


def test_every_picture_is_shown_and_small() -> None:
    pictures = sorted(IMAGES.glob("*.png"))
    shown = {name for page in PAGES for name in re.findall(r"\]\([./\w]*images/([\w-]+)\.png\)", page.read_text())}
    assert shown == {path.stem for path in pictures}
    assert {*PICTURES} <= shown
    assert {*read_digests()} == {*PICTURES}
    assert max(path.stat().st_size for path in pictures) <= MAX_BYTES
    assert sum(path.stat().st_size for path in pictures) <= MAX_TOTAL


@pytest.mark.parametrize("noise", [0, 255])
def test_any_image_becomes_small_and_a_plain_one_keeps_its_colours(noise: int) -> None:
    pixels = np.random.default_rng(0).integers(0, noise, (600, 1600, 3), np.uint8, endpoint=True)
    content = compress_image(Image.fromarray(pixels + np.array([200, 60, 10], np.uint8) * (noise == 0)))
    assert len(content) <= MAX_BYTES
    with Image.open(io.BytesIO(content)) as image:
        assert image.width <= 1440
        if not noise:
            assert image.convert("RGB").getcolors() == [(image.width * image.height, (200, 60, 10))]

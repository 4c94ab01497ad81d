import hashlib
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from torchvision import datasets

from vimae_bench.data.prepare import ensure_prepared, get_data_folder, open_splits
from vimae_bench.plugin import DataError
from vimae_builtin.datasets.omniglot import DRAWERS, Drawings, Omniglot

# Characters of each alphabet, not in the order of their names.
BACKGROUND = {"Tifinagh": 2, "Braille": 1}
EVALUATION = {"ULOG": 1, "Angelic": 2}
SHAPE = (1, 28, 28)


def drawing(rng: np.random.Generator) -> Image.Image:
    """Black strokes on white, one bit a pixel, as in the archives."""
    image = Image.new("1", (105, 105), 1)
    ImageDraw.Draw(image).line([tuple(p) for p in rng.integers(5, 100, (5, 2)).tolist()], fill=0, width=3)
    return image


def pack(path, alphabets: dict[str, int], leave_out: str = "nothing") -> str:
    rng = np.random.default_rng(len(alphabets) + alphabets[min(alphabets)])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/", "")
        for alphabet, characters in alphabets.items():
            for character in range(characters, 0, -1):
                for drawer in rng.permutation(DRAWERS) + 1:
                    name = f"{path.stem}/{alphabet}/character{character:02}/{700 + character:04}_{drawer:02}.png"
                    png = io.BytesIO()
                    drawing(rng).save(png, "PNG")
                    if not name.endswith(leave_out):
                        archive.writestr(name, png.getvalue())
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def published_archives(tmp_path, monkeypatch):
    """Both archives, small, at a file:// address."""
    site = tmp_path / "site"
    site.mkdir()
    sums = {
        "images_background.zip": pack(site / "images_background.zip", BACKGROUND),
        "images_evaluation.zip": pack(site / "images_evaluation.zip", EVALUATION),
    }
    monkeypatch.setattr(Omniglot, "url", site.as_uri())
    monkeypatch.setattr(Omniglot, "sha256", sums)
    return site


@pytest.fixture
def reference(published_archives, tmp_path, monkeypatch):
    """Drawings by alphabet, character and drawer as torchvision reads them, 105x105."""
    monkeypatch.setattr(datasets.Omniglot, "_check_integrity", lambda self: True)
    for archive in published_archives.iterdir():
        zipfile.ZipFile(archive).extractall(tmp_path / "omniglot-py")
    found = {}
    for background in (True, False):
        theirs = datasets.Omniglot(tmp_path, background=background)
        for i, (name, character) in enumerate(theirs._flat_character_images):
            alphabet, folder = theirs._characters[character].split("/")
            found[alphabet, int(folder[-2:]), int(name[-6:-4])] = theirs[i][0]
    return found


ORDER = {  # labels by name: the background's characters, then those of evaluation
    0: ("Braille", 1), 1: ("Tifinagh", 1), 2: ("Tifinagh", 2), 3: ("Angelic", 1), 4: ("Angelic", 2), 5: ("ULOG", 1),
}  # fmt: skip
ALPHABETS = ["Braille", "Tifinagh", "Angelic", "ULOG"]


@pytest.mark.parametrize("resize", ["lanczos", "box"])
def test_every_image_is_the_drawing_that_its_label_and_factors_say(resize, published_archives, reference, tmp_path):
    dataset = Omniglot(resize=resize)
    ensure_prepared(dataset, tmp_path / "data")
    splits = open_splits(dataset, tmp_path / "data")
    assert splits.shape == SHAPE
    for part, characters in ((splits.train, {0, 1, 2}), (splits.test, {3, 4, 5})):
        assert set(part.y.tolist()) == characters
        assert len(part) == 80 * len(characters)
        for i in range(0, len(part), 7):
            alphabet, drawer, rotation = (int(part.factors[name][i]) for name in ("alphabet", "drawer", "rotation"))
            name, character = ORDER[int(part.y[i])]
            assert ALPHABETS[alphabet] == name
            grey = reference[name, character, drawer + 1].resize((28, 28), Image.Resampling[resize.upper()])
            turned = np.asarray(grey.transpose(Image.Transpose(rotation + 1)) if rotation else grey)  # ROTATE_90 is 2
            assert (part.x[i, 0] == 255 - turned).all()


def test_ink_is_white_on_black(published_archives, tmp_path):
    arrays = Omniglot().prepare(tmp_path)
    corners = arrays.train.x[:, 0, ::27, ::27]
    assert (corners == 0).all()
    assert (arrays.train.x.reshape(len(arrays.train), -1).max(1) > 128).all()
    assert arrays.train.x.mean() < 60


def test_a_split_by_drawer_leaves_no_rotated_copy_on_the_other_side(published_archives, tmp_path):
    test = Omniglot().prepare(tmp_path).test
    seen = {}
    drawers, rotations = test.factors["drawer"], test.factors["rotation"]
    for x, y, drawer, rotation in zip(test.x[:, 0], test.y, drawers, rotations, strict=True):
        upright = np.rot90(x, -rotation)
        assert seen.setdefault(upright.tobytes(), (y, drawer)) == (y, drawer)
    assert len(seen) == len(test) / 4
    assert (np.bincount(test.factors["drawer"]) == 4 * 3).all()


BIG = [Drawings(np.zeros((n, DRAWERS, 28, 28), np.uint8), np.arange(n) % a) for n, a in ((964, 30), (659, 20))]


@pytest.mark.parametrize(
    ("rotations", "counts", "classes"),
    [
        ("same_class", (77_120, 52_720), (964, 659)),
        ("new_classes", (77_120, 52_720), (3_856, 2_636)),  # 6,492 in all
        ("none", (19_280, 13_180), (964, 659)),
    ],
)
def test_the_counts_are_those_of_the_literature(rotations, counts, classes):
    arrays = Omniglot(rotations=rotations).arrange(*BIG)
    assert (len(arrays.train), len(arrays.test)) == counts
    labels = [np.unique(part.y) for part in (arrays.train, arrays.test)]
    assert tuple(map(len, labels)) == classes
    assert (np.concatenate(labels) == np.arange(sum(classes))).all()
    alphabets = [np.unique(part.factors["alphabet"]) for part in (arrays.train, arrays.test)]
    assert (np.concatenate(alphabets) == np.arange(50)).all()
    assert ("rotation" in arrays.test.factors) == (rotations != "none")


def test_a_rotated_drawing_of_a_new_class_is_of_its_characters_class_otherwise():
    old, new = (Omniglot(rotations=how).arrange(*BIG).test for how in ("same_class", "new_classes"))
    assert (new.y // 4 == old.y).all()
    assert (new.y % 4 == old.factors["rotation"]).all()


@pytest.mark.parametrize("rotations", ["same_class", "new_classes", "none"])
def test_whole_characters_are_held_out(rotations):
    dataset = Omniglot(rotations=rotations, held_out_characters=96)
    train = dataset.arrange(*BIG).train
    assert dataset.validation == 96 * (20 if rotations == "none" else 80)
    kept, held = train.y[: -dataset.validation], train.y[-dataset.validation :]
    assert not set(kept) & set(held)
    assert len(set(held)) == 96 * (4 if rotations == "new_classes" else 1)


def test_those_held_out_are_a_random_choice_of_all_alphabets_and_always_the_same():
    by_alphabet = Drawings(BIG[0].x, np.sort(BIG[0].alphabet))
    train = Omniglot().arrange(by_alphabet, BIG[1]).train
    alphabets = train.factors["alphabet"][-96 * 80 :]
    assert len(np.unique(alphabets)) > 20
    assert (train.y == Omniglot(rotations="same_class", pixel_range="sym").arrange(by_alphabet, BIG[1]).train.y).all()


def test_settings_that_change_the_arrays_change_the_folder_and_no_others():
    folders = {
        Omniglot(rotations=r, resize=f).folder
        for r in ("same_class", "new_classes", "none")
        for f in ("lanczos", "box")
    }
    assert len(folders) == 6
    assert "omniglot" not in folders  # which users have of other making
    assert replace(Omniglot(), pixel_range="sym", held_out_characters=5).folder == Omniglot().folder


def test_a_character_with_a_drawing_missing_is_refused(published_archives, tmp_path, monkeypatch):
    path = published_archives / "images_evaluation.zip"
    known = pack(path, EVALUATION, leave_out="character02/0702_07.png")
    monkeypatch.setattr(Omniglot, "sha256", {**Omniglot.sha256, path.name: known})
    with pytest.raises(DataError, match=r"images_evaluation.zip does not hold 20 drawings of each character"):
        ensure_prepared(Omniglot(), tmp_path / "data")


def test_an_archive_that_was_not_published_is_not_opened(published_archives, tmp_path):
    (published_archives / "images_evaluation.zip").write_bytes(b"an error page of the hotel")
    with pytest.raises(DataError, match=r"images_evaluation.zip from file://.* is not the published file"):
        ensure_prepared(Omniglot(), tmp_path / "data")
    assert not (tmp_path / "data" / Omniglot().folder).exists()


@pytest.mark.realdata
def test_the_real_drawings_have_the_statistics_of_an_independent_decoding():
    """Of the background half, without rotations: mean pixel, summed variance, mean squared norm; [0, 1] units."""
    folder = get_data_folder() / Omniglot().folder
    if not folder.exists():
        pytest.skip(f"there is no {folder}; set VIMAE_BENCH_DATA to a folder that holds it")
    splits = open_splits(Omniglot(), get_data_folder())
    assert (len(splits.train), len(splits.test)) == (77_120, 52_720)
    x = splits.train.x.reshape(-1, 784) / np.float32(255)
    upright = x[splits.train.factors["rotation"] == 0]
    assert len(upright) == 19_280
    assert upright.mean(dtype=np.float64) == pytest.approx(0.0815, abs=5e-5)
    assert upright.var(0, dtype=np.float64).sum() == pytest.approx(37.08, abs=5e-3)
    assert np.square(upright).sum(1).mean(dtype=np.float64) == pytest.approx(48.8, abs=0.05)
    assert x.var(0, dtype=np.float64).sum() == pytest.approx(37.39, abs=5e-3)


@pytest.mark.realdata
def test_the_real_drawers_have_a_hand_of_their_own_in_each_alphabet():
    """How much they ink says who drew: a third of its variance within characters, and none if drawers were mixed up."""
    if not (get_data_folder() / Omniglot().folder).exists():
        pytest.skip(f"there is no {Omniglot().folder} in {get_data_folder()}")
    test = open_splits(Omniglot(), get_data_folder()).test
    ink = test.x.reshape(-1, 20, 4, 784)[:, :, 0].mean(2, dtype=np.float64)
    alphabet = test.factors["alphabet"][::80]
    ink -= ink.mean(1, keepdims=True)
    between = sum((alphabet == a).sum() * (ink[alphabet == a].mean(0) ** 2).sum() for a in np.unique(alphabet))
    assert between / (ink**2).sum() > 0.3

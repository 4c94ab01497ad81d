import hashlib
import json
import os
import pickle
import re
import resource
import threading
import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vimae_bench.data import fetch
from vimae_bench.data.layout import compute_digests, describe_arrays, load_arrays, read_digests, verify_arrays
from vimae_bench.data.prepare import ensure_prepared, get_data_folder, open_splits, prepare_again, resolve_folder
from vimae_bench.plugin import DataError, Examples, PreparedDataset

X = np.arange(12 * 3 * 4 * 5, dtype=np.uint8).reshape(12, 3, 4, 5)
Y = np.arange(12)


@dataclass(frozen=True)
class Images:
    """Eight training and four test images, and a list of the times they were prepared."""

    folder: str = "images"
    pixel_range: str = "unit"
    validation: int = 0
    made: list[Path] = field(default_factory=list)

    def prepare(self, scratch: Path) -> PreparedDataset:
        (scratch / "download").write_text("the original files")
        self.made.append(scratch)
        return PreparedDataset(Examples(X[:8], Y[:8]), Examples(X[8:], Y[8:]), "counted")


KNOWN = {"angle": np.arange(12) % 5, "drawer": np.arange(12) // 4}


class Known(Images):
    """The same images, of which an angle and a drawer are known."""

    def prepare(self, scratch):
        train, test = ({name: values[part] for name, values in KNOWN.items()} for part in (slice(8), slice(8, None)))
        return PreparedDataset(Examples(X[:8], Y[:8], train), Examples(X[8:], None, test), "counted")


class Unreachable(Images):
    def prepare(self, _):
        raise OSError("no route to host")


@pytest.fixture
def folder(tmp_path):
    return ensure_prepared(Images(), tmp_path)


def message(error: pytest.ExceptionInfo) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# Preparing


def test_data_are_prepared_once(tmp_path):
    images, messages = Images(), []
    first, second = (
        ensure_prepared(images, tmp_path, messages.append),
        ensure_prepared(images, tmp_path, messages.append),
    )
    assert first == second == tmp_path / "images"
    assert len(images.made) == 1
    assert messages == [f"images: preparing {first}, once"]


def test_prepared_data_are_summed_up_in_words(folder):
    assert describe_arrays(folder) == "8 + 4 images of 3 x 4 x 5"


def test_the_layout_holds_the_arrays_and_a_truthful_card(folder):
    assert sorted(p.name for p in folder.iterdir()) == [
        "dataset.json", "test_x.npy", "test_y.npy", "train_x.npy", "train_y.npy",
    ]  # fmt: skip
    card = json.loads((folder / "dataset.json").read_text())
    assert (card["name"], card["shape"], card["train"], card["test"]) == ("images", [3, 4, 5], 8, 4)
    assert card["source"] == "counted"
    for name, array in {"train_x": X[:8], "train_y": Y[:8], "test_x": X[8:], "test_y": Y[8:]}.items():
        assert card["sha256"][name] == hashlib.sha256(array.tobytes()).hexdigest()
        assert (np.load(folder / f"{name}.npy") == array).all()


def test_arrays_in_fortran_order_are_written_in_c_order(tmp_path):
    class Turned(Images):
        def prepare(self, _):
            return PreparedDataset(Examples(np.asfortranarray(X), Y), Examples(X, None), "turned")

    folder = ensure_prepared(Turned(), tmp_path)
    assert (
        compute_digests(folder)["train_x"]
        == compute_digests(folder)["test_x"]
        == hashlib.sha256(X.tobytes()).hexdigest()
    )


def test_nothing_but_the_folder_is_left(folder):
    assert {p.name for p in folder.parent.iterdir()} <= {"images", ".images.lock"}


def test_a_folder_that_is_there_needs_no_preparing(folder):
    (folder / "dataset.json").unlink()
    (folder / "train_y.npy").unlink()
    splits = open_splits(Unreachable(), ensure_prepared(Unreachable(), folder.parent).parent)
    assert splits.train.y is None
    assert splits.test.y is not None


@dataclass(frozen=True)
class Brighter(Images):
    """The same data set after its originals have changed."""

    def prepare(self, scratch):
        before = super().prepare(scratch)
        return PreparedDataset(Examples(before.train.x + 1, before.train.y), before.test, "counted")


def test_data_that_are_prepared_again_are_those_of_the_originals_now(folder):
    mapped = load_arrays(folder)["train_x"]
    assert prepare_again(Images(), folder.parent) == ""
    assert prepare_again(Brighter(), folder.parent) == "train_x.npy"
    assert (load_arrays(folder)["train_x"] == X[:8] + 1).all()
    assert (mapped == X[:8]).all()  # as a run that is under way sees them
    assert verify_arrays(folder) == []
    assert {p.name for p in folder.parent.iterdir()} <= {"images", ".images.lock"}


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_damaged_data_are_repaired_by_preparing_them_again(folder, damage):
    path = folder / "train_x.npy"
    path.unlink() if damage == "missing" else path.write_bytes(path.read_bytes()[:200])
    assert prepare_again(Images(), folder.parent) == ""
    assert verify_arrays(folder) == []


def test_data_that_cannot_be_prepared_again_stay(folder, tmp_path):
    with pytest.raises(DataError, match="no route to host"):
        prepare_again(Unreachable(), folder.parent)
    assert verify_arrays(folder) == []
    with pytest.raises(DataError, match="your own folder, which is used as it is"):
        prepare_again(Brighter(folder=str(folder)), tmp_path)
    (folder / "dataset.json").unlink()
    with pytest.raises(DataError, match="may be the only copy; move it away"):
        prepare_again(Brighter(), folder.parent)
    assert (load_arrays(folder)["train_x"] == X[:8]).all()


def test_data_that_are_not_there_are_prepared_for_the_first_time(tmp_path):
    assert prepare_again(Images(), tmp_path) == ""
    assert verify_arrays(tmp_path / "images") == []


def test_a_failed_download_says_what_and_what_to_do_and_leaves_nothing(tmp_path):
    with pytest.raises(DataError) as error:
        ensure_prepared(Unreachable(), tmp_path)
    said = message(error)
    assert "no route to host" in said
    assert f"train_x.npy, train_y.npy, test_x.npy, test_y.npy into {tmp_path / 'images'}" in said
    assert {p.name for p in tmp_path.iterdir()} <= {".images.lock"}


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    aside = tmp_path / ".images.preparing"
    for half in ("originals/download", "arrays/train_x.npy", "arrays/of_another_version.npy"):
        (aside / half).parent.mkdir(parents=True, exist_ok=True)
        (aside / half).write_bytes(b"half of it")
    folder = ensure_prepared(Images(), tmp_path)
    assert not (folder / "of_another_version.npy").exists()
    assert verify_arrays(folder) == []
    assert not aside.exists()


def test_processes_that_ask_at_once_prepare_once(tmp_path):
    class Slow(Images):
        def prepare(self, scratch):
            time.sleep(0.1)
            return super().prepare(scratch)

    images, found = Slow(), []
    askers = [threading.Thread(target=lambda: found.append(ensure_prepared(images, tmp_path))) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert found == [tmp_path / "images"] * 4
    assert len(images.made) == 1


def test_a_full_disk_is_reported_and_leaves_no_partial_folder(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        with pytest.raises(DataError) as error:
            ensure_prepared(Images(), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written" in message(error)
    assert not (tmp_path / "images").exists()
    assert not (tmp_path / ".images.preparing").exists()


def test_a_root_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be written.*--data DIR"):
        ensure_prepared(Images(), tmp_path / "file" / "root")


def test_a_plugin_that_prepares_something_else_is_reported_before_anything_is_written(tmp_path):
    class Floats(Images):
        def prepare(self, _):
            return PreparedDataset(Examples(X / 255, None), Examples(X, None), "scaled")

    with pytest.raises(DataError, match=r"train_x.npy: holds float64; images are uint8"):
        ensure_prepared(Floats(), tmp_path)
    assert not (tmp_path / "images").exists()


# Where


def test_an_absolute_folder_is_the_users_own_and_never_prepared(folder, tmp_path):
    own = Images(str(folder))
    assert ensure_prepared(own, tmp_path / "elsewhere") == folder
    missing = Images(str(tmp_path / "typo" / "images"))
    with pytest.raises(DataError, match=r"typo/images/train_x.npy: is missing"):
        ensure_prepared(missing, tmp_path)
    assert not missing.made
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("folder", ["..", "../images", "images/../../other"])
def test_a_folder_that_leaves_the_root_is_refused(folder, tmp_path):
    with pytest.raises(DataError, match="leaves the data folder"):
        resolve_folder(Images(folder), tmp_path)


def test_the_root_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("VIMAE_BENCH_DATA", str(tmp_path))
    assert get_data_folder() == tmp_path
    monkeypatch.delenv("VIMAE_BENCH_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert get_data_folder() == tmp_path / "cache" / "vimae-bench" / "data"


# Opening


def test_the_last_training_images_are_held_out(folder):
    splits = open_splits(Images(validation=3), folder.parent)
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [5, 3, 4]
    assert (np.concatenate([splits.train.x, splits.validation.x, splits.test.x]) == X).all()
    assert (np.concatenate([splits.train.y, splits.validation.y, splits.test.y]) == Y).all()
    assert splits.shape == (3, 4, 5)


@pytest.mark.parametrize("validation", [8, 9, -1])
def test_holding_out_everything_is_refused(folder, validation):
    with pytest.raises(DataError, match=f"validation = {validation} leaves none of its 8 training images"):
        open_splits(Images(validation=validation), folder.parent)


def test_arrays_are_mapped_and_safe_to_hand_to_torch(folder):
    before = (folder / "train_x.npy").read_bytes()
    splits = open_splits(Images(), folder.parent)
    assert isinstance(splits.train.x, np.memmap)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(splits.train.x).zero_()
    assert (folder / "train_x.npy").read_bytes() == before


# Factors


@pytest.fixture
def prepared_known(tmp_path):
    return ensure_prepared(Known("known"), tmp_path)


def table(part: slice) -> np.ndarray:
    return np.column_stack([KNOWN["angle"][part], KNOWN["drawer"][part]])


def test_factors_are_a_column_each_beside_the_images(prepared_known):
    assert (np.load(prepared_known / "train_factors.npy") == table(slice(8))).all()
    assert (np.load(prepared_known / "test_factors.npy") == table(slice(8, None))).all()
    card = json.loads((prepared_known / "dataset.json").read_text())
    assert card["factors"] == ["angle", "drawer"]
    assert card["sha256"]["test_factors"] == hashlib.sha256(table(slice(8, None)).tobytes()).hexdigest()
    assert verify_arrays(prepared_known) == []
    assert describe_arrays(prepared_known) == "8 + 4 images of 3 x 4 x 5 (factors: angle, drawer)"


def test_factors_are_held_out_with_their_images(prepared_known):
    splits = open_splits(Known("known", validation=3), prepared_known.parent)
    for part, rows in ((splits.train, slice(5)), (splits.validation, slice(5, 8)), (splits.test, slice(8, None))):
        assert list(part.factors) == ["angle", "drawer"]
        for name, values in part.factors.items():
            assert values.dtype == np.int64
            assert isinstance(values, np.memmap)
            assert (values == KNOWN[name][rows]).all()


def test_their_sums_are_known_as_those_of_images_are(prepared_known):
    names = {"train_x", "train_y", "test_x", "train_factors", "test_factors"}
    assert read_digests(prepared_known) == compute_digests(prepared_known)
    assert compute_digests(prepared_known).keys() == names
    path = prepared_known / "train_factors.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    os.utime(path, ns=(0, (prepared_known / "dataset.json").stat().st_mtime_ns + 1))
    assert (
        read_digests(prepared_known)["train_factors"]
        != json.loads((prepared_known / "dataset.json").read_text())["sha256"]["train_x"]
    )
    assert read_digests(prepared_known) == compute_digests(prepared_known)
    (problem,) = verify_arrays(prepared_known)
    assert str(path) in problem


def test_nothing_of_factors_is_written_where_there_are_none(folder):
    assert compute_digests(folder).keys() == {"train_x", "train_y", "test_x", "test_y"} == read_digests(folder).keys()
    assert "factors" not in json.loads((folder / "dataset.json").read_text())
    assert open_splits(Images(), folder.parent).test.factors == {}


def test_factors_without_names_are_numbered(prepared_known):
    (prepared_known / "dataset.json").unlink()
    assert list(open_splits(Known("known"), prepared_known.parent).test.factors) == ["f0", "f1"]


FACTORS_DAMAGE = {
    "floats": (lambda f: np.save(f / "train_factors.npy", np.zeros((8, 2))), "train_factors.npy: holds float64"),
    "too few": (lambda f: np.save(f / "test_factors.npy", table(slice(3))), r"test_factors.npy: has shape \(3, 2\)"),
    "a column": (lambda f: np.save(f / "test_factors.npy", Y[:4]), r"test_factors.npy: has shape \(4,\).*\[N, F\]"),
    "no column": (lambda f: np.save(f / "test_factors.npy", table(slice(4))[:, :0]), r"has shape \(4, 0\)"),
    "another count": (lambda f: np.save(f / "test_factors.npy", table(slice(4))[:, :1].copy()), "2 and 1 factors"),
    "of one part": (lambda f: (f / "train_factors.npy").unlink(), "test_factors.npy stands alone"),
    "one name": (lambda f: card(factors=["angle"])(f), r"dataset.json: names the factors \['angle'\], .* hold 2"),
    "one name twice": (lambda f: card(factors=["angle", "angle"])(f), "dataset.json: names the factors"),
    "numbers": (lambda f: card(factors=[1, 2])(f), "dataset.json: names the factors"),
    "a word": (lambda f: card(factors="ab")(f), "dataset.json: names the factors ab"),
    "cut": (lambda f: cut("test_factors.npy", -1)(f), "test_factors.npy: is damaged"),
}


@pytest.mark.parametrize(("damage", "said"), FACTORS_DAMAGE.values(), ids=FACTORS_DAMAGE)
def test_each_kind_of_damage_to_factors_is_named(prepared_known, damage, said):
    damage(prepared_known)
    with pytest.raises(DataError, match=said) as error:
        open_splits(Known("known"), prepared_known.parent)
    assert str(prepared_known) in message(error)
    assert verify_arrays(prepared_known) == [str(error.value)]


def test_names_of_missing_factors_are_reported(folder):
    card(factors=["angle"])(folder)
    with pytest.raises(DataError, match=r"names the factors \['angle'\], but the arrays hold 0"):
        load_arrays(folder)


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        (
            {"angle": Y[:4], "scale": Y[:4]},
            r"training and test images differ: \['angle', 'drawer'\] and \['angle', 'sc",
        ),
        ({"drawer": Y[:4], "angle": Y[:4]}, "training and test images differ"),
        ({"angle": Y[:4], "drawer": Y[:3]}, r"factor 'drawer' has shape \(3,\); .* \(4,\)"),
        ({"angle": Y[:4], "drawer": Y[:4] / 2}, "test_factors.npy: holds float64"),
    ],
)
def test_factors_that_do_not_fit_are_reported_before_anything_is_written(tmp_path, factors, said):
    class Wrong(Images):
        def prepare(self, _):
            first = {"angle": Y[:8], "drawer": Y[:8]}
            return PreparedDataset(Examples(X[:8], None, first), Examples(X[8:], None, factors), "counted")

    with pytest.raises(DataError, match=said):
        ensure_prepared(Wrong(), tmp_path)
    assert not (tmp_path / "images").exists()


# Originals at hand


class Fetched(Images):
    def prepare(self, scratch):
        path = fetch("http://127.0.0.1:9/images.bin", scratch / "images.bin", sha256=hashlib.sha256(X).hexdigest())
        x = np.frombuffer(path.read_bytes(), np.uint8).reshape(X.shape)
        return PreparedDataset(Examples(x[:8], None), Examples(x[8:], None), "at hand")


def test_originals_that_the_user_has_fetched_by_hand_are_used_and_kept(tmp_path):
    (tmp_path / "originals").mkdir()
    (tmp_path / "originals" / "images.bin").write_bytes(X.tobytes())
    folder = ensure_prepared(Fetched(), tmp_path)
    assert (load_arrays(folder)["test_x"] == X[8:]).all()
    assert (tmp_path / "originals" / "images.bin").read_bytes() == X.tobytes()


def test_without_a_network_the_message_says_where_to_put_originals_and_arrays(tmp_path):
    with pytest.raises(DataError, match=f"put images.bin into {tmp_path / 'originals'} .* yourself") as error:
        ensure_prepared(Fetched(), tmp_path)
    assert f"into {tmp_path / 'images'} yourself" in message(error)


# Damage


def rewrite(name, array, **how):
    return lambda folder: np.save(folder / f"{name}.npy", array, **how)


def cut(name, to):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:to])


def header(shape, descr="|u1"):
    def damage(folder):
        with (folder / "train_x.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})

    return damage


def card(**change):
    def damage(folder):
        path = folder / "dataset.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    return damage


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def write_archive(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, x=X)


DAMAGE = {
    "missing": (lambda folder: (folder / "test_x.npy").unlink(), "test_x.npy: is missing"),
    "empty": (cut("train_x.npy", 0), "train_x.npy: is damaged"),
    "cut in its header": (cut("train_x.npy", 100), "train_x.npy: is damaged"),
    "cut in its data": (cut("test_y.npy", -1), "test_y.npy: is damaged"),
    "longer": (lambda f: append(f / "train_x.npy", b"more"), "train_x.npy: is damaged .4 bytes behind"),
    "text": (lambda f: (f / "train_y.npy").write_text("0 1 2"), "train_y.npy: is damaged"),
    "an archive": (lambda f: write_archive(f / "train_x.npy"), "train_x.npy: is damaged"),
    "a folder": (lambda f: ((f / "train_x.npy").unlink(), (f / "train_x.npy").mkdir()), "train_x.npy: is damaged"),
    "floats": (rewrite("train_x", X / 255), "train_x.npy: holds float64; images are uint8"),
    "no channels": (rewrite("test_x", X[:, 0]), r"test_x.npy: has shape \(12, 4, 5\); .*x\[:, None\]"),
    "channels last": (rewrite("train_x", X.transpose(0, 2, 3, 1).copy()), r"train_x.npy: has shape .*transpose"),
    "no images": (rewrite("test_x", X[:0]), r"test_x.npy: has shape \(0, 3, 4, 5\), which is not a single pixel"),
    "other images": (rewrite("test_x", X[:4, :, 1:]), r"images are \(3, 4, 5\) and test images \(3, 3, 5\)"),
    "Fortran order": (rewrite("train_x", np.asfortranarray(X)), "train_x.npy: is in Fortran order"),
    "small labels": (rewrite("train_y", Y[:8].astype(np.int32)), "train_y.npy: holds int32; labels are int64"),
    "big-endian labels": (rewrite("train_y", Y[:8].astype(">i8")), "train_y.npy: holds >i8; labels are int64"),
    "too few labels": (rewrite("test_y", Y[:3]), r"test_y.npy: has shape \(3,\); .* has to be \(4,\)"),
    "one-hot labels": (rewrite("test_y", np.eye(4, dtype=np.int64)), r"test_y.npy: has shape \(4, 4\)"),
    "values of no size": (header((8, 3, 4, 5), "|S0"), "train_x.npy: is damaged"),
    "more values than there can be": (header((10**15, 3, 4, 5)), "train_x.npy: is damaged"),
    "no JSON": (lambda f: (f / "dataset.json").write_text("{"), "dataset.json: cannot be read as JSON"),
    "no object": (lambda f: (f / "dataset.json").write_text("[]"), "dataset.json: is not a JSON object"),
    "another count": (card(train=9), "dataset.json: says .*'train': 9.* but the arrays hold"),
    "another shape": (card(shape=[3, 5, 4]), "dataset.json: says"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGE.values(), ids=DAMAGE)
def test_each_kind_of_damage_is_named_with_its_file(folder, damage, said):
    damage(folder)
    with pytest.raises(DataError, match=said) as error:
        open_splits(Images(), folder.parent)
    assert str(folder) in message(error)
    assert verify_arrays(folder) == [str(error.value)]


def test_no_damage_to_a_header_is_more_than_a_data_error(folder):
    path = folder / "train_x.npy"
    whole = path.read_bytes()
    for place in range(128):
        for flip in (1, 128, 255):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    load_arrays(folder)
                except DataError as error:
                    assert str(path) in str(error) or "training images are" in str(error)  # noqa: PT017


def test_a_pickle_in_an_array_is_not_executed(folder):
    class Evil:
        def __reduce__(self):
            return Path.touch, (folder / "executed",)

    np.save(folder / "train_x.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    (folder / "test_y.npy").write_bytes(pickle.dumps(Evil()))
    for name in ("train_x.npy", "test_y.npy"):
        with pytest.raises(DataError, match=f"{name}: is damaged or no NumPy array"):
            load_arrays(folder)
        (folder / name).write_bytes((folder / "test_x.npy").read_bytes())
    assert not (folder / "executed").exists()


# Verifying


def test_whole_data_verify(folder):
    assert verify_arrays(folder) == []


def test_a_single_flipped_bit_is_found(folder):
    path = folder / "test_x.npy"
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))
    load_arrays(folder)
    (problem,) = verify_arrays(folder)
    assert str(path) in problem


def test_an_array_added_or_taken_away_is_found(folder):
    (folder / "test_y.npy").unlink()
    (problem,) = verify_arrays(folder)
    assert "test_y.npy" in problem


def test_without_sums_the_form_alone_is_verified(folder):
    card(sha256=None)(folder)
    assert verify_arrays(folder) == []
    card(sha256="none")(folder)
    assert verify_arrays(folder) == [f"{folder / 'dataset.json'}: has sha256 sums that are no table of them"]
    (folder / "dataset.json").unlink()
    assert verify_arrays(folder) == []
    np.save(folder / "train_x.npy", X[:8] / 255)
    assert len(verify_arrays(folder)) == 1


UNIT = X[:8] / 255
CHANNELS_LAST = X[:8].transpose(0, 2, 3, 1).copy()
ALPHA = np.full((8, 1, 4, 5), 255, np.uint8)
CONVERTIBLE = {
    "floats from 0 to 1": ("train_x", UNIT, X[:8]),
    "small floats": ("train_x", UNIT.astype(np.float32), X[:8]),
    "floats from -1 to 1": ("train_x", 2 * UNIT - 1, X[:8]),
    "floats from 0 to 255": ("train_x", X[:8].astype(float), X[:8]),
    "int32": ("train_x", X[:8].astype(np.int32), X[:8]),
    "16 bits": ("train_x", X[:8].astype(np.uint16) * 257, X[:8]),
    "integers 0 and 1": ("train_x", X[:8].astype(int) // 128, X[:8] // 128 * 255),
    "bool": ("train_x", X[:8] > 127, X[:8] // 128 * 255),
    "RGBA": ("train_x", np.concatenate([X[:8], ALPHA], 1), X[:8]),
    "grey and alpha": ("train_x", np.concatenate([X[:8, :1], ALPHA], 1), X[:8, :1]),
    "channels last": ("train_x", CHANNELS_LAST, X[:8]),
    "RGBA, channels last": (
        "train_x",
        np.concatenate([X[:8], ALPHA], 1).transpose(0, 3, 2, 1).copy(),
        X[:8].swapaxes(2, 3),
    ),
    "no channels": ("train_x", X[:8, 0], X[:8, :1]),
    "flattened": ("train_x", X[:8, 0, :, :4].reshape(8, 16), X[:8, :1, :, :4]),
    "flattened colours": ("train_x", X[:8, :, :, :4].reshape(8, 48), X[:8, :, :, :4]),
    "int32 labels": ("train_y", Y[:8].astype(np.int32), Y[:8]),
    "float labels": ("train_y", Y[:8].astype(float), Y[:8]),
    "labels of halves": ("train_y", Y[:8] + 0.5, np.unique(Y[:8], return_inverse=True)[1]),
    "a column of labels": ("train_y", Y[:8, None], Y[:8]),
    "one-hot labels": ("train_y", np.eye(Y.max() + 1)[Y[:8]], Y[:8]),
}


@pytest.mark.parametrize(("name", "array", "meant"), CONVERTIBLE.values(), ids=CONVERTIBLE)
def test_the_line_of_numpy_in_a_refusal_makes_what_was_meant(name, array, meant, tmp_path):
    test_x = meant[:4] if name == "train_x" else X[8:]
    arrays = {"train_x": X[:8], "test_x": test_x, name: array}
    for key, value in arrays.items():
        np.save(tmp_path / f"{key}.npy", value)
    with pytest.raises(DataError, match=rf"{name}.npy: (holds|has shape)") as refused:
        load_arrays(tmp_path)
    expression = re.search(rf"np\.save\('{name}\.npy', (.+)\) makes", str(refused.value))[1]
    np.save(tmp_path / f"{name}.npy", eval(expression, {"np": np, name[-1]: array}))
    assert np.array_equal(load_arrays(tmp_path)[name], meant)


def test_images_that_are_not_finite_are_refused_without_a_remedy(tmp_path):
    np.save(tmp_path / "train_x.npy", np.where(UNIT > 0.5, np.nan, UNIT))
    np.save(tmp_path / "test_x.npy", X[8:])
    with pytest.raises(DataError, match=r"holds float64; .*, and some are not finite$"):
        load_arrays(tmp_path)


def test_digests_are_of_the_bytes_on_disk_whatever_the_card_says(folder):
    card(sha256={})(folder)
    assert compute_digests(folder)["train_x"] == hashlib.sha256(X[:8].tobytes()).hexdigest()
    assert compute_digests(folder)["test_y"] == hashlib.sha256(Y[8:].tobytes()).hexdigest()


def test_the_sums_of_the_card_are_taken_for_known_unless_an_array_is_newer(folder):
    said = dict.fromkeys(("train_x", "train_y", "test_x", "test_y"), "as the card says")
    card(sha256=said)(folder)
    assert read_digests(folder) == said
    changed, written = folder / "test_y.npy", (folder / "dataset.json").stat().st_mtime_ns
    os.utime(changed, ns=(written, written + 1))
    assert read_digests(folder) == compute_digests(folder)


def test_a_card_that_lacks_a_sum_is_not_relied_on(folder):
    card(sha256={"train_x": "as the card says"})(folder)
    assert read_digests(folder) == compute_digests(folder)


@pytest.mark.realdata
def test_a_folder_written_by_other_hands_is_used_as_it_is():
    if not (get_data_folder() / "mnist").exists():
        pytest.skip(f"there is no mnist in {get_data_folder()}; set VIMAE_BENCH_DATA to a folder that holds it")
    mnist = replace(Unreachable("mnist"), validation=10_000)
    ensure_prepared(mnist, get_data_folder())
    splits = open_splits(mnist, get_data_folder())
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [50_000, 10_000, 10_000]
    assert verify_arrays(get_data_folder() / "mnist") == []

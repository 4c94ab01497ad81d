from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from vimae_bench.cli import main
from vimae_builtin.datasets.digits import Digits
from vimae_builtin.datasets.omniglot import Omniglot


@pytest.fixture
def data(tmp_path):
    """The outcome of `vimae-bench data ... --data <an empty folder>`."""

    def call(*words):
        return CliRunner().invoke(main, ["data", *words, "--data", str(tmp_path)])

    return call


original = Digits.prepare


def prepare_darker(self, scratch):
    found = original(self, scratch)
    return replace(found, test=replace(found.test, x=found.test.x // 2))


def test_a_data_set_is_listed_prepared_and_verified(data, tmp_path):
    assert "digits           not prepared" in data("list").output
    assert data("verify").output == f"nothing is prepared in {tmp_path}\n"
    prepared = data("prepare", "digits")
    assert prepared.exit_code == 0
    assert f"digits: 1,437 + 360 images of 1 x 8 x 8 in {tmp_path / 'digits'}" in prepared.output
    listed = data("list").output
    assert "digits           1,437 + 360 images of 1 x 8 x 8\n" in listed
    assert listed.count("  digits ") == 1
    assert (
        data("verify", "digits").output == f"{tmp_path / 'digits'}: 1,437 + 360 images of 1 x 8 x 8, all sums agree\n"
    )


def test_preparing_again_changes_nothing(data, tmp_path):
    data("prepare", "digits")
    before = (tmp_path / "digits" / "train_x.npy").stat()
    again = data("prepare", "digits")
    assert again.exit_code == 0
    assert "once" not in again.output
    assert (tmp_path / "digits" / "train_x.npy").stat() == before


def test_what_has_changed_is_said_of_data_prepared_again(data, tmp_path, monkeypatch):
    first = data("prepare", "digits", "--again")
    assert " changed: " not in first.output
    assert " changed: " not in data("prepare", "digits", "--again").output
    monkeypatch.setattr("vimae_builtin.datasets.digits.Digits.prepare", prepare_darker)
    again = data("prepare", "digits", "--again")
    assert again.exit_code == 0
    said = "digits: test_x.npy changed: runs on the earlier data are not continued; keep new ones apart with --results"
    assert again.output.splitlines()[-1] == said
    assert "all sums agree" in data("verify", "digits").output


def test_a_flipped_bit_is_found_and_changes_the_exit_code(data, tmp_path):
    data("prepare", "digits")
    path = tmp_path / "digits" / "test_x.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    found = data("verify")
    assert found.exit_code == 1
    assert str(path) in found.output


def test_folders_of_the_users_own_are_listed_and_verified(data, tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for part in ("train", "test"):
        np.save(folder / f"{part}_x.npy", np.zeros((3, 3, 4, 4), dtype=np.uint8))
    assert "faces            3 + 3 images of 3 x 4 x 4, as arrays with path = 'faces'" in data("list").output
    verified = data("verify", "faces")
    assert verified.exit_code == 0
    assert verified.output == (
        f"{folder}: 3 + 3 images of 3 x 4 x 4, as they should be; no dataset.json has sums to compare them with\n"
    )


def test_own_arrays_without_sums_that_are_not_as_they_should_be_change_the_exit_code(data, tmp_path):
    folder = tmp_path / "faces"
    folder.mkdir()
    for part in ("train", "test"):
        np.save(folder / f"{part}_x.npy", np.ones((3, 3, 4, 4), dtype=np.uint8))
    verified = data("verify")
    assert verified.exit_code == 1
    assert "holds only 0 and 1" in verified.output


def test_data_are_prepared_with_settings(data, tmp_path):
    own = tmp_path / "own images"
    own.mkdir()
    for part in ("train", "test"):
        np.save(own / f"{part}_x.npy", np.zeros((3, 3, 4, 4), dtype=np.uint8))
    assert "arrays: 3 + 3 images of 3 x 4 x 4" in data("prepare", "arrays", "-s", f"path={own}").output
    done = data("prepare", "held_out", "-s", "of.use=digits", "-s", "of.validation=20")
    assert f"held_out: 1,437 + 360 images of 1 x 8 x 8 in {tmp_path / 'digits'}" in done.output


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["size=32"], "settings of blobs: size: there is no setting of this name"),
        (["validation=-1"], "settings of blobs: validation"),
        (["validation"], "write key=value"),
    ],
)
def test_settings_that_are_refused_prepare_nothing(data, tmp_path, settings, said):
    result = data("prepare", "blobs", "digits", *(word for setting in settings for word in ("-s", setting)))
    assert result.exit_code == 2
    assert said in result.output
    assert not (tmp_path / "blobs").exists()


def test_factors_are_listed(data):
    assert data("prepare", "blobs").exit_code == 0
    assert (
        "blobs            10,000 + 2,000 images of 1 x 28 x 28 (factors: x, y, width, brightness)\n"
        in data("list").output
    )


def test_a_folder_of_another_name_than_its_data_set_is_listed_with_it(data, tmp_path):
    folder = tmp_path / Omniglot().folder
    assert "omniglot         not prepared\n" in data("list").output
    folder.mkdir()
    for part in ("train", "test"):
        np.save(folder / f"{part}_x.npy", np.zeros((3, 1, 28, 28), dtype=np.uint8))
    assert "omniglot         3 + 3 images of 1 x 28 x 28, in omniglot-28-rotated\n" in data("list").output


def test_damage_is_listed_where_it_is(data, tmp_path):
    data("prepare", "digits")
    (tmp_path / "digits" / "test_x.npy").write_bytes(b"")
    listed = data("list")
    assert listed.exit_code == 0
    assert f"digits           {tmp_path / 'digits' / 'test_x.npy'}: is damaged" in listed.output


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("digist", "did you mean 'digits'?"),
        ("arrays", "arrays is your own: a benchmark file names its path; here -s path=... does"),
    ],
)
def test_preparation_errors_are_reported_in_one_line(data, name, said):
    result = data("prepare", name)
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("command", [(), ("list",), ("prepare",), ("verify",)])
def test_every_help_has_an_example(command):
    result = CliRunner().invoke(main, ["data", *command, "--help"])
    assert result.exit_code == 0
    assert f":\n    vimae-bench data {' '.join(command)}" in result.output

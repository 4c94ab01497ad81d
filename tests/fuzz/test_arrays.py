"""Any array file is read or refused with a message; it executes nothing and allocates no claimed size."""

import struct
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.fuzz_strategies import assert_readable, texts
from vimae_bench.core.errors import DataError, ResultsError
from vimae_bench.data.layout import load_arrays
from vimae_bench.storage.latent_codes import read_latent_codes

IMAGES = np.zeros((4, 1, 2, 2), np.uint8)
sizes = st.sampled_from([0, 1, 2, 3, 4, 10**15, 2**62, 2**64, 10**30, -1]) | st.integers()
shapes = st.lists(sizes, max_size=6).map(tuple)
types = st.sampled_from(["|u1", "<i8", "|O", "<f4", "|V8", "<U9", "|S0", ">i8", "<M8[s]", "x", [("a", "|O")]]) | texts


def npy(header, data):
    text = repr(header).encode() + b"\n"
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + data


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "test_x.npy", IMAGES)
    return tmp_path


@given(
    name=st.sampled_from(["train_x", "train_y", "train_factors"]),
    shape=shapes,
    descr=types,
    fortran=st.booleans(),
    data=st.binary(max_size=40),
)
@example(name="train_x", shape=(10**15, 1, 2, 2), descr="|u1", fortran=False, data=b"\0" * 16)
@example(name="train_x", shape=(2**64, 1, 2, 2), descr="|u1", fortran=False, data=b"")
@example(name="train_y", shape=(4,), descr="|O", fortran=False, data=b"\x80\x04.")
@example(name="train_x", shape=(4, 1, 2, 2), descr="|S0", fortran=False, data=b"")
@example(name="train_x", shape=(-1, 1, 2, 2), descr="|u1", fortran=False, data=b"")
def test_any_array_header_is_read_or_refused_with_a_message(folder, name, shape, descr, fortran, data):
    np.save(folder / "train_x.npy", IMAGES)
    path = folder / f"{name}.npy"
    path.write_bytes(npy({"descr": descr, "fortran_order": fortran, "shape": shape}, data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            load_arrays(folder)
        except DataError as error:
            assert_readable(str(error), str(folder))
    path.unlink()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a run's codes."""
    path = tmp_path_factory.mktemp("codes") / "codes.npz"
    np.savez_compressed(path, z=np.zeros((5, 2), np.float16), y=np.arange(5))
    return path.read_bytes()


@given(cut=st.integers(0, 600), put=st.binary(max_size=3), whole_after=st.booleans())
def test_truncated_or_overwritten_codes_are_read_or_refused_with_a_message(tmp_path, whole, cut, put, whole_after):
    path = tmp_path / "codes.npz"
    cut %= len(whole)
    path.write_bytes(whole[:cut] + put + (whole[cut + len(put) :] if whole_after else b""))
    try:
        read_latent_codes(path)
    except ResultsError as error:
        assert_readable(str(error), str(path))


@pytest.mark.parametrize("shape", [(10**15, 2), (2**62, 2)])
def test_codes_that_claim_to_be_huge_are_refused(tmp_path, shape):
    path = tmp_path / "codes.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("z.npy", npy({"descr": "<f2", "fortran_order": False, "shape": shape}, b""))
    with pytest.raises(ResultsError, match=r"codes\.npz: has no codes"):
        read_latent_codes(path)

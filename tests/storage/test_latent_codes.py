import contextlib

import numpy as np
import pytest

from vimae_bench.core.errors import ResultsError
from vimae_bench.storage.latent_codes import read_latent_codes


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "codes.npz"
    np.savez_compressed(path, z=np.arange(100).reshape(50, 2).astype(np.float16), y=np.arange(50))
    return path


def test_codes_and_their_classes_are_read_back(kept):
    found = read_latent_codes(kept)
    assert np.array_equal(found.z, np.arange(100).reshape(50, 2))
    assert np.array_equal(found.y, np.arange(50))


def test_without_labels_all_are_of_one_class(kept):
    np.savez_compressed(kept, z=np.zeros((3, 2), np.float16))
    assert np.array_equal(read_latent_codes(kept).y, [0, 0, 0])


def test_no_damage_to_a_byte_is_more_than_a_message(kept):
    whole, noticed = kept.read_bytes(), 0
    for place in range(len(whole)):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with contextlib.suppress(ResultsError):
            read_latent_codes(kept)
            continue
        noticed += 1
    assert noticed > len(whole) / 2


@pytest.mark.parametrize(("z", "y"), [(np.zeros(6), np.zeros(6)), (np.zeros((6, 2)), np.zeros(5)), ("text", "text")])
def test_arrays_of_other_shapes_are_no_codes(kept, z, y):
    np.savez_compressed(kept, z=z, y=y)
    with pytest.raises(ResultsError, match="has no codes"):
        read_latent_codes(kept)

import contextlib

import numpy as np
import pytest

from vimae_bench.core.errors import ResultsError
from vimae_bench.storage.latent_codes import read_latent_codes


@pytest.fixture
def codes_file(tmp_path):
    path = tmp_path / "codes.npz"
    np.savez_compressed(path, z=np.arange(100).reshape(50, 2).astype(np.float16), y=np.arange(50))
    return path


def test_codes_and_classes_are_read_as_written(codes_file):
    found = read_latent_codes(codes_file)
    assert np.array_equal(found.z, np.arange(100).reshape(50, 2))
    assert np.array_equal(found.y, np.arange(50))


def test_without_labels_all_codes_have_one_class(codes_file):
    np.savez_compressed(codes_file, z=np.zeros((3, 2), np.float16))
    assert np.array_equal(read_latent_codes(codes_file).y, [0, 0, 0])


def test_damage_to_any_byte_is_at_most_a_message(codes_file):
    complete, noticed = codes_file.read_bytes(), 0
    for place in range(len(complete)):
        codes_file.write_bytes(complete[:place] + bytes([complete[place] ^ 0xFF]) + complete[place + 1 :])
        with contextlib.suppress(ResultsError):
            read_latent_codes(codes_file)
            continue
        noticed += 1
    assert noticed > len(complete) / 2


def test_files_from_before_the_prior_was_kept_have_no_lines(codes_file):
    assert read_latent_codes(codes_file).prior.shape == (0, 2)


@pytest.mark.parametrize(
    ("z", "y", "prior"),
    [
        (np.zeros(6), np.zeros(6), np.zeros((0, 2))),
        (np.zeros((6, 2)), np.zeros(5), np.zeros((0, 2))),
        ("text", "text", "text"),
        (np.zeros((6, 2)), np.zeros(6), np.zeros((4, 3))),
    ],
)
def test_arrays_of_other_shapes_are_refused(codes_file, z, y, prior):
    np.savez_compressed(codes_file, z=z, y=y, prior=prior)
    with pytest.raises(ResultsError, match="has no codes"):
        read_latent_codes(codes_file)

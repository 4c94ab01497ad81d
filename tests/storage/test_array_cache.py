"""The array cache: names depend on all inputs, files are complete, and damaged ones are made again."""

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import numpy as np
import pytest

from vimae_bench.storage.array_cache import array_sha256, cached_arrays


class Maker:
    """Makes an array of its number, and counts how often."""

    def __init__(self, number: float = 1.0):
        self.number, self.times = number, 0

    def __call__(self):
        self.times += 1
        return {"x": np.full(1000, self.number)}


def files(cache):
    return sorted(cache.rglob("*.npz"))


def test_is_made_once_and_read_after_that(cache):
    make = Maker(3.0)
    first, second = (cached_arrays("numbers", {"of": 3}, make)["x"] for _ in range(2))
    assert make.times == 1
    assert np.array_equal(first, np.full(1000, 3.0))
    assert np.array_equal(second, first)
    assert len(files(cache)) == 1


def test_another_origin_is_another_file(cache):
    for number in (1.0, 2.0):
        assert cached_arrays("numbers", {"of": number}, Maker(number))["x"][0] == number
    assert len(files(cache)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:4000] + bytes([data[4000] ^ 1]) + data[4001:],
    ],
    ids=["cut off", "empty", "a flipped bit"],
)
def test_a_damaged_file_is_made_again(cache, damage):
    cached_arrays("numbers", {}, Maker(1.0))
    (path,) = files(cache)
    path.write_bytes(damage(path.read_bytes()))
    make = Maker(1.0)
    assert np.array_equal(cached_arrays("numbers", {}, make)["x"], np.ones(1000))
    assert make.times == 1
    assert np.array_equal(cached_arrays("numbers", {}, make)["x"], np.ones(1000))
    assert make.times == 1, "and is whole after that"


def test_a_file_under_the_name_of_another_is_not_believed(cache):
    for number in (1.0, 2.0):
        cached_arrays("numbers", {"of": number}, Maker(number))
    one, other = files(cache)
    other.write_bytes(one.read_bytes())
    assert [cached_arrays("numbers", {"of": n}, Maker(n))["x"][0] for n in (1.0, 2.0)] == [1.0, 2.0]


def test_of_several_at_once_one_makes_it(cache):
    make = Maker()

    def slowly():
        sleep(0.2)
        return make()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: cached_arrays("numbers", {}, slowly)["x"][0], range(4)))
    assert found == [1.0] * 4
    assert make.times == 1


def test_without_a_place_to_write_it_is_made_all_the_same(cache):
    cache.write_text("a file where the folder should be")
    make = Maker(2.0)
    assert [cached_arrays("numbers", {}, make)["x"][0] for _ in range(2)] == [2.0, 2.0]
    assert make.times == 2


def test_what_is_shared_cannot_be_written_to(cache):
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            cached_arrays("numbers", {}, Maker())["x"][0] = 5.0


def test_an_error_leaves_nothing_behind_and_no_lock(cache):
    def fail():
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        cached_arrays("numbers", {}, fail)
    assert not files(cache)
    assert cached_arrays("numbers", {}, Maker())["x"][0] == 1.0


def test_content_tells_values_shapes_and_types_apart():
    x = np.arange(12, dtype=np.uint8)
    changed = x.copy()
    changed[5] += 1
    sums = {array_sha256(a) for a in (x, changed, x.reshape(3, 4), x.reshape(4, 3), x.astype(np.int8), x[::-1])}
    assert len(sums) == 6
    assert array_sha256(x.reshape(3, 4).T) == array_sha256(np.ascontiguousarray(x.reshape(3, 4).T))

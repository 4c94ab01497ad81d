"""How many runs share a device, from what they have told: no process and no GPU is needed."""

import itertools
from math import inf
from pathlib import Path

import pytest

from vimae_builtin.executors.local.concurrency import GIB, Slots, gain, on_cpu, on_gpus, paces
from vimae_builtin.executors.local.run_monitor import Epoch, Told


def told(seconds, count=6, workload="w", warm=0.0, training=True):
    """A run that started at `warm` with an epoch of 10 s, then told `count` epochs of some seconds."""
    ends = itertools.accumulate([warm + 10.0, *[seconds] * count])
    epochs = [Epoch(end, 10.0 if i == 0 else seconds) for i, end in enumerate(ends)]
    return Told(Path(), workload, 0, epochs, training)


def grown(speed, free=lambda runs: 80.0, most=16):
    """The line told, and the number settled for, on a GPU where n runs go at speed(n) epochs a second each."""
    (slots,) = on_gpus(["cuda:0"], most, 1, 99)
    slots.free = int(free(0) * GIB)
    for _ in range(99):
        runs = [told(1 / speed(slots.limit)) for _ in range(slots.limit)]
        if line := slots.consider(runs, True, lambda n=slots.limit: int(free(n) * GIB)):
            return line, slots.limit
    raise AssertionError("never settled")


@pytest.mark.parametrize(
    ("bounds", "count", "why"),
    [
        ((16, 1, 64 * GIB, 99), 16, "16 cores, 1 thread each"),
        ((16, 3, 64 * GIB, 99), 5, "16 cores, 3 threads each"),
        ((1, 4, 64 * GIB, 99), 1, "1 core, 4 threads each"),
        ((16, 1, 7 * GIB // 2, 99), 3, "3.5 GiB of memory available, 1 GiB for each"),
        ((16, 1, 0, 99), 1, "0 GiB of memory available, 1 GiB for each"),
        ((16, 1, 64 * GIB, 2), 2, "there are no more"),
    ],
)
def test_on_a_cpu_the_scarcest_of_cores_memory_and_runs_decides(bounds, count, why):
    assert on_cpu(*bounds) == (count, why)


@pytest.mark.parametrize("full", [1, 2, 4, 7])
def test_a_gpu_that_is_full_with_some_runs_gets_no_more(full):
    line, count = grown(lambda n: min(1.0, full / n))
    assert count == full
    words = "one run at a time" if full == 1 else f"{full} runs side by side"
    assert line == f"{words} on cuda:0: one more added only 0 %"


def test_runs_that_hinder_each_other_are_told_so():
    assert grown(lambda n: 1 / n**2) == ("one run at a time on cuda:0: one more cost 50 %", 1)


def test_a_small_gain_is_not_worth_a_run_and_a_larger_one_is():
    assert grown(lambda n: [0, 1.0, 0.52, 0.2][n]) == ("one run at a time on cuda:0: one more added only 4 %", 1)
    assert grown(lambda n: [0, 1.0, 0.54, 0.2][n])[1] == 2


def test_memory_bounds_the_runs_on_a_gpu_with_some_left_for_metrics():
    line, count = grown(lambda n: 1.0, free=lambda n: 8 - 2 * n)
    assert (line, count) == ("3 runs side by side on cuda:0: 2 GiB of memory left, about 2 GiB for each", 3)
    assert grown(lambda n: 1.0, free=lambda n: 0)[1] == 1


def test_each_gpu_has_its_share_of_the_cores():
    assert grown(lambda n: 1.0, most=3) == ("3 runs side by side on cuda:0: 3 cores for 1 GPU, 1 thread each", 3)
    assert [(s.device, s.limit, s.most, s.growing) for s in on_gpus(["cuda:0", "cuda:1"], 9, 2, 3)] == [
        ("cuda:0", 1, 2, True),
        ("cuda:1", 1, 2, True),
    ]
    assert [s.growing for s in on_gpus(["cuda:0", "cuda:1"], 9, 2, 2)] == [False, False]


def test_growth_ends_when_nothing_waits():
    slots = Slots("cuda:0", 3, 9, growing=True)
    assert slots.consider([told(1.0)], False, lambda: 0) == "one run at a time on cuda:0: no more are waiting"
    assert not slots.growing


def test_a_run_out_of_memory_lowers_the_number_down_to_one():
    slots = Slots("cuda:0", 2, 9, growing=True)
    slots.lower()
    slots.lower()
    assert (slots.limit, slots.growing) == (1, False)


def test_epochs_count_from_when_the_last_run_has_warmed_up():
    """The first run slowed down from 1 s to 2 s when the second came."""
    second = told(2.0, warm=14.0)  # its first epoch ends at 24 s
    first = told(1.0, count=4)
    first.epochs += [Epoch(14.0 + 2.0 * i, 2.0) for i in range(1, 10)]
    first.workload = "other"
    assert paces([first, second]) == {"other": 2.0, "w": 2.0}


def test_there_is_no_pace_before_every_run_has_trained_long_enough_beside_the_others():
    assert not paces([told(1.0), told(1.0, count=2)])
    assert not paces([told(1.0), told(1.0, warm=90.0)])
    assert not paces([told(0.1), told(0.1)])  # six epochs, but 0.6 s
    assert not paces([told(1.0), told(1.0, training=False)])  # it is measuring
    assert paces([told(1.0), told(1.0)])


def test_a_gain_compares_each_workload_with_itself():
    assert gain({"a": 1.0, "b": 4.0}, {"a": 1.5, "b": 6.0}, 2) == pytest.approx(2 / 1.5 - 1)
    assert gain({"a": 1.0}, {"a": 1.25, "new": 9.0}, 5) == pytest.approx(0.8 * 5 / 4 - 1)
    assert gain({"a": 1.0}, {"new": 9.0}, 2) is None
    assert gain({}, {"a": 1.0}, 1) == inf
    assert gain({}, {}, 1) is None

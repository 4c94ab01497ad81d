"""How many runs share a device: no process and no GPU is needed to find out."""

import pytest

from vimae_builtin.executors.local.concurrency import (
    CPU_MEMORY_PER_RUN,
    GIB,
    GPU_MEMORY_PER_RUN,
    DeviceSlots,
    choose_limit,
)


@pytest.mark.parametrize(
    ("bounds", "count", "why"),
    [
        ((16, 1, 64 * GIB, CPU_MEMORY_PER_RUN, 99), 16, "16 cores, 1 thread each"),
        ((16, 3, 64 * GIB, CPU_MEMORY_PER_RUN, 99), 5, "16 cores, 3 threads each"),
        ((1, 4, 64 * GIB, CPU_MEMORY_PER_RUN, 99), 1, "1 core, 4 threads each"),
        ((16, 1, 7 * GIB // 2, CPU_MEMORY_PER_RUN, 99), 3, "3.5 GiB of memory available, 1 GiB for each"),
        ((16, 1, 0, CPU_MEMORY_PER_RUN, 99), 1, "0 GiB of memory available, 1 GiB for each"),
        ((16, 1, 64 * GIB, CPU_MEMORY_PER_RUN, 2), 2, "there are no more"),
        ((16, 1, 24 * GIB, GPU_MEMORY_PER_RUN, 99), 6, "24 GiB of memory available, 4 GiB for each"),
        ((16, 1, 0, GPU_MEMORY_PER_RUN, 99), 1, "0 GiB of memory available, 4 GiB for each"),
    ],
)
def test_the_scarcest_of_cores_memory_and_runs_decides(bounds, count, why):
    assert choose_limit(*bounds) == (count, why)


def test_a_run_out_of_memory_lowers_the_number_down_to_one():
    slots = DeviceSlots("cuda:0", 2)
    slots.lower()
    slots.lower()
    assert slots.limit == 1

"""What a process may use, read from a fabricated /proc and /sys."""

import os

import pytest

from vimae_builtin.executors.local.machine import count_cores, find_gpus, measure_free_memory, pin_gpu

GIB = 2**30


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Writes files under a root; 16 cores and 64 GiB of memory, of which 48 are available."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)

    def write(files):
        memory = f"MemTotal:       {64 * 2**20} kB\nMemAvailable:   {48 * 2**20} kB\n"
        for name, text in {"proc/meminfo": memory, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return write


def test_without_control_groups_the_machine_decides(root):
    assert (count_cores(root({})), measure_free_memory(root({}))) == (16, 48 * GIB)


def test_a_container_of_version_2_has_its_own_bounds(root):
    here = root(
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "350000 100000\n",
            "sys/fs/cgroup/memory.max": f"{8 * GIB}\n",
            "sys/fs/cgroup/memory.current": f"{6 * GIB}\n",
            "sys/fs/cgroup/memory.stat": f"anon 5\nfile 7\ninactive_file {GIB}\n",
        }
    )
    assert (count_cores(here), measure_free_memory(here)) == (4, 3 * GIB)


def test_the_tightest_of_nested_groups_decides(root):
    here = root(
        {
            "proc/self/cgroup": "0::/batch/job\n",
            "sys/fs/cgroup/batch/cpu.max": "200000 100000\n",
            "sys/fs/cgroup/batch/job/cpu.max": "max 100000\n",
            "sys/fs/cgroup/batch/memory.max": "max\n",
            "sys/fs/cgroup/batch/memory.current": f"{6 * GIB}\n",
            "sys/fs/cgroup/batch/job/memory.max": f"{4 * GIB}\n",
            "sys/fs/cgroup/batch/job/memory.current": f"{GIB}\n",
        }
    )
    assert (count_cores(here), measure_free_memory(here)) == (2, 3 * GIB)


def test_a_container_of_version_1_has_its_own_bounds(root):
    here = root(
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/docker/f00\n4:memory:/docker/f00\n1:name=systemd:/\n0::/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",  # half a core, mounted as the root of the container
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2 * GIB}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{3 * GIB // 2}\n",
            "sys/fs/cgroup/memory/memory.stat": f"inactive_file 7\ntotal_inactive_file {GIB // 4}\n",
        }
    )
    assert (count_cores(here), measure_free_memory(here)) == (1, 3 * GIB // 4)


def test_no_bound_is_none(root):
    here = root(
        {
            "proc/self/cgroup": "5:cpu,cpuacct:/\n4:memory:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB}\n",
        }
    )
    assert (count_cores(here), measure_free_memory(here)) == (16, 48 * GIB)


def test_a_group_that_is_over_its_bound_leaves_nothing(root):
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.max": "5",
        "sys/fs/cgroup/memory.current": "7",
    }
    assert measure_free_memory(root(files)) == 0


def test_system_without_affinity_and_memory_limits_has_all_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert count_cores(tmp_path) == 3
    assert measure_free_memory(tmp_path) == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("visible", "gpu", "pinned"),
    [
        (None, "cuda:2", "2"),
        ("", "cuda:0", "0"),
        ("3,5", "cuda:1", "5"),
        ("GPU-1f, GPU-2e", "cuda:1", "GPU-2e"),
        ("MIG-a,MIG-b", "cuda:1", "MIG-b"),
    ],
)
def test_a_worker_sees_the_gpu_that_its_scheduler_counted(monkeypatch, visible, gpu, pinned):
    monkeypatch.setattr(os, "environ", {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
    assert pin_gpu(gpu) == "cuda:0"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == pinned


def test_a_worker_on_the_cpu_is_left_as_it_is(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert pin_gpu("cpu") == "cpu"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"


def test_mig_instances_are_counted_by_their_names(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-a,MIG-b")
    assert find_gpus("auto") == ["cuda:0", "cuda:1"]

"""Workers keep the memory that they free, until they release it."""

import os
import subprocess
import sys

import pytest

from vimae_bench.execution import MALLOC_VARIABLES, is_glibc, keep_freed_memory

STEPS = """
import torch
from vimae_bench.execution.allocator import count_page_faults, release_freed_memory
torch.set_num_threads(1)

def read_resident():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024

def step():
    x = torch.ones(16 * 2**20)
    return (x * 2).sum()

for _ in range(5):  # until freed blocks are where they are needed
    step()
before = count_page_faults()
for _ in range(10):
    step()
faults = (count_page_faults() - before) // 10
held = read_resident()
release_freed_memory()
print(faults, held - read_resident())
"""


def run_steps():
    """The page faults of a step that uses 128 MiB for a moment, and the MiB given back afterwards, in a new process."""
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch):
    for name in MALLOC_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.medium
@pytest.mark.skipif(not is_glibc(), reason="needs glibc's allocator")
def test_freed_memory_stays_until_it_is_released():
    with keep_freed_memory():
        faults, released = run_steps()
    faults_otherwise, released_otherwise = run_steps()
    assert faults < faults_otherwise / 5, "a block that moves once costs some"
    assert faults_otherwise > 10_000
    assert released > 100
    assert released_otherwise < 20


def test_the_environment_is_as_it_was_and_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    before = dict(os.environ)
    with keep_freed_memory():
        assert os.environ["MALLOC_ARENA_MAX"] == "4"
        assert set(MALLOC_VARIABLES) <= set(os.environ)
    assert dict(os.environ) == before

"""The peak of memory is that since the last reset."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.medium

MIB = 2**20
HELD = """
import torch
from vimae_bench.engine.training.peak_memory import reset_peak_memory, read_peak_memory

device = torch.device("{device}")

def after(hold):
    reset_peak_memory(device)
    before = read_peak_memory(device)
    held = torch.ones(hold * 2**20 // 4, device=device)
    del held
    return read_peak_memory(device) - before

after(1)
print(after(64), after(1))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports a peak and can reset it")
def test_the_peak_counts_what_is_given_back_and_forgets_it(device):
    """In a process of its own: in one that has held more, memory may be taken from what it was left with."""
    code = HELD.format(device=device)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, then = map(int, done.stdout.split())
    assert 56 * MIB < first < 96 * MIB
    assert then < 16 * MIB

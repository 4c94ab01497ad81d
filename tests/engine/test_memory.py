"""The peak of memory is that since it was last forgotten."""

import sys

import pytest
import torch

from vimae_bench.engine.memory import forget_peak, peak

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a peak and forgets it")


def test_the_peak_counts_what_is_given_back_and_forgets_it(device):
    forget_peak(device)
    before = peak(device)
    held = torch.ones(64 * MIB // 4, device=device)
    del held
    assert before is not None
    assert 56 * MIB < peak(device) - before < 96 * MIB
    forget_peak(device)
    assert peak(device) < before + 16 * MIB

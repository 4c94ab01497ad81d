"""The memory of a run: measured in separate processes on a CPU, computed for a GPU."""

import subprocess
import sys

import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.execution import PluginSpec
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.plugin.registry import make_plugin

MIB = 2**20
PEAK = """
import resource
import sys
import numpy as np
import torch
from vimae_bench.data import Examples, Splits
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.execution import PluginSpec, Training
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Evaluation, ModelSpec
from vimae_bench.plugin.registry import make_plugin
torch.set_num_threads(1)

def peak():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux that would count what the process that started this one held.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024

def images(n):
    return np.random.default_rng(0).integers(0, 256, (n, 1, 28, 28), dtype=np.uint8)

def model(architecture, latent=8):
    objective = make_plugin("objective", PluginSpec("elbo", {"beta": 1.0}))
    spec = ModelSpec((1, 28, 28), latent)
    architecture = make_plugin("architecture", architecture)
    return objective, make_autoencoder(spec, architecture, StandardNormal, objective, 0)
"""
TRAINING = """
objective, net = model(PluginSpec("conv", {"width": 64}))
step = TrainingStep(net, objective, Training(), torch.from_numpy(images(50_000)))
for start in range(0, 1000, 100):
    step(torch.arange(start, start + 100), torch.zeros(()))
print(peak())
"""
METRIC = """
_, net = model(PluginSpec("mlp", {"hidden": (64,)}))
train, test, none = (Examples(images(n), None) for n in (50_000, 10_000, 0))
evaluation = Evaluation(net.eval(), Splits(train, none, test), "invented", 0, torch.device("cpu"))
evaluation.posterior_samples("test"), evaluation.posterior("train")
metric = make_plugin("metric", PluginSpec(NAME, SETTINGS))
small = Splits(Examples(train.x[:500], None), none, Examples(test.x[:500], None))
few = Evaluation(net, small, "x", 0, evaluation.device)
metric(few)  # loads what it needs
before = peak()
metric(evaluation)
print(peak() - before)
"""


def printed(*source: str) -> int:
    """The output of a new process."""
    done = subprocess.run([sys.executable, "-c", "\n".join(source)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.slow
def test_28x28_network_of_width_64_trains_within_1_gib():
    """Half of it is torch itself, in a GPU build."""
    assert printed(PEAK, TRAINING) < 1024 * MIB


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), [("aggregate_mmd", {"replicates": 19}), ("entropy", {})])
def test_metrics_of_many_codes_store_no_matrix_of_all_pairs(name, settings):
    """One of float32 for 10,000 codes would take 381 MiB, one of float64 for 2,000 draws and 50,000 images 763 MiB."""
    assert printed(PEAK, METRIC.replace("NAME", repr(name)).replace("SETTINGS", repr(settings))) < 128 * MIB


def test_28x28_network_of_full_width_fits_in_2_gib_of_gpu_memory():
    """By count, in float32: weights, their gradients and Adam's two means, what is kept for the backward pass at batch
    100, as much again for the gradients of activations, 50,000 images, and half a GiB for CUDA itself."""
    with torch.device("meta"):
        objective = make_plugin("objective", PluginSpec("elbo", {"beta": 1.0}))
        architecture, prior = (
            make_plugin("architecture", PluginSpec("conv", {"width": 1024})),
            StandardNormal,
        )
        model = make_autoencoder(ModelSpec((1, 28, 28), 8), architecture, prior, objective, 0)
        weights = sum(p.nbytes for p in model.parameters())
        kept: dict[int, torch.Tensor] = {}
        # Kept in a dictionary by identity: the same activation may be kept by two operations.
        with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.setdefault(id(x), x), lambda x: x):
            objective(model, Batch(torch.zeros(100, 1, 28, 28), torch.zeros(()), 100))
    activations = sum(x.nbytes for x in kept.values() if x.shape[:1] == (100,))
    assert weights > 40 * MIB
    assert activations > 100 * MIB
    assert 4 * weights + 2 * activations + 50_000 * 28**2 + 512 * MIB < 2048 * MIB

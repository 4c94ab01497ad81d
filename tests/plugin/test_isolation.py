"""What one plugin changes is not seen by another."""

import os
import random
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from vimae_bench.data.layout import load_arrays, write_arrays
from vimae_bench.data.types import Examples, Splits
from vimae_bench.models import Gaussian
from vimae_bench.plugin import BenchError
from vimae_bench.plugin.evaluation import Evaluation
from vimae_bench.plugin.isolation import copy_value, preserve_global_state
from vimae_bench.testing.fixtures import ReconstructionObjective, example_evaluation

pytestmark = pytest.mark.medium


@pytest.fixture
def evaluation():
    return example_evaluation(ReconstructionObjective(Gaussian()), 20)


DAMAGE = {
    "the default type": (lambda _: torch.set_default_dtype(torch.float64), torch.get_default_dtype),
    "the default device": (lambda _: torch.set_default_device("meta"), torch.get_default_device),
    "the generator of torch": (lambda _: torch.manual_seed(7), lambda: torch.get_rng_state().tolist()),
    "the generator of NumPy": (lambda _: np.random.seed(7), lambda: np.random.get_state(legacy=False)["state"]["pos"]),  # noqa: NPY002
    "the generator of Python": (lambda _: random.seed(7), random.getstate),
    "gradients": (lambda _: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "determinism": (
        lambda _: torch.use_deterministic_algorithms(True),
        torch.are_deterministic_algorithms_enabled,
    ),
    "threads": (lambda _: torch.set_num_threads(torch.get_num_threads() + 1), torch.get_num_threads),
    "precision": (lambda _: torch.set_float32_matmul_precision("medium"), torch.get_float32_matmul_precision),
    "filters of warnings": (lambda _: warnings.simplefilter("ignore"), lambda: [*warnings.filters]),
    "the current folder": (os.chdir, Path.cwd),
    "the environment": (lambda _: os.environ.update(HOME="/nowhere", NEW="1"), lambda: dict(os.environ)),
    "detection of anomalies": (lambda _: torch.autograd.set_detect_anomaly(True), torch.is_anomaly_enabled),
    "determinism of cuDNN": (
        lambda _: setattr(torch.backends.cudnn, "deterministic", not torch.backends.cudnn.deterministic),
        lambda: torch.backends.cudnn.deterministic,
    ),
    "errors of NumPy": (lambda _: np.seterr(all="ignore"), np.geterr),
}


@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.parametrize("fails", [False, True])
def test_global_state_is_put_back(what, fails, tmp_path):
    change, read = DAMAGE[what]
    before = read()
    try:
        with preserve_global_state():
            change(tmp_path)
            assert read() != before
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        assert fails
    assert read() == before


def test_determinism_that_only_warns_goes_on_to_warn():
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with preserve_global_state():
            torch.use_deterministic_algorithms(False)
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_constructor_goes_on_in_the_random_stream_that_it_is_in():
    torch.manual_seed(0)
    with preserve_global_state(generators=False):
        torch.rand(())
    drawn = torch.rand(())
    torch.manual_seed(0)
    assert drawn == torch.rand(2)[1]


def test_what_torch_is_left_in_by_the_plugin_that_imports_it_is_put_back():
    import subprocess
    import sys

    code = """
from vimae_bench.plugin.isolation import preserve_global_state
import sys
assert "torch" not in sys.modules
with preserve_global_state():
    import torch
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


CHANGES = {
    "codes": lambda own: own.posterior("test").m.zero_(),
    "draws": lambda own: own.posterior_samples("test").zero_(),
    "numbered draws": lambda own: own.posterior_samples("test", draw=1).fill_(9),
    "corrupted codes": lambda own: own.corrupted_posterior("test", "mask_0.5").l.zero_(),
    "errors": lambda own: own.squared_error().zero_(),
    "samples": lambda own: own.generate(5).zero_(),
    "samples seen as an array": lambda own: own.generate(5).numpy().fill(0),
    "images": lambda own: own.examples("test").x.fill(0),
    "labels": lambda own: own.examples("train").y.fill(0),
    "splits": lambda own: own.splits.test.x.fill(1),
    "what another has computed": lambda own: own.compute_once("shared", lambda: torch.ones(3)).zero_(),
    "a dictionary that another has computed": lambda own: own.compute_once("table", dict).update(a=1),
    "weights that it puts back": lambda own: prune_and_restore(own),
    "hooks": lambda own: own.model.encoder.register_forward_hook(lambda *_: (torch.zeros(1, 2),) * 2),
    "modules": lambda own: setattr(own.model, "decoder", nn.Identity()),
    "mode": lambda own: own.model.train(),
}


def prune_and_restore(own):
    weight = next(own.model.parameters())
    before = weight.detach().clone()
    with torch.no_grad():
        weight.zero_()
        own.posterior("test")
        weight.copy_(before)


def read_everything(evaluation):
    with evaluation.isolate() as own:
        return [
            own.posterior("test").m,
            own.posterior_samples("test"),
            own.posterior_samples("test", draw=1),
            own.corrupted_posterior("test", "mask_0.5").l,
            own.squared_error(),
            own.generate(5),
            torch.from_numpy(own.examples("test").x.astype(np.int64)),
            torch.from_numpy(own.examples("train").y),
            own.compute_once("shared", lambda: torch.ones(3)),
            torch.tensor(len(own.compute_once("table", dict))),
            own.encode(own.images("test")).m,
            own.decode(torch.zeros(2, own.spec.latent)),
        ]


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("first", [True, False], ids=["before anyone", "after others"])
def test_what_a_metric_changes_is_not_seen_by_others(what, first, evaluation):
    undisturbed = read_everything(example_evaluation(ReconstructionObjective(Gaussian()), 20))
    if not first:
        read_everything(evaluation)
    try:
        with torch.inference_mode(), evaluation.isolate() as own:
            CHANGES[what](own)
    except BenchError:
        assert what == "modules"
    found = read_everything(evaluation)
    assert all(torch.equal(a, b) for a, b in zip(found, undisturbed, strict=True))


def test_a_metric_that_changes_weights_fails_with_their_name_and_harms_no_other(evaluation):
    before = read_everything(evaluation)

    def measure():
        with evaluation.isolate() as own, torch.no_grad():
            next(own.model.parameters()).zero_()
            own.compute_once("of changed weights", lambda: 1)

    with pytest.raises(BenchError, match=r"changed encoder\.\S+ of the model; .*copy\.deepcopy"):
        measure()
    assert all(torch.equal(a, b) for a, b in zip(read_everything(evaluation), before, strict=True))
    with evaluation.isolate() as own:
        assert own.compute_once("of changed weights", lambda: 2) == 2


def test_statistics_that_move_in_training_mode_count_as_changed(evaluation):
    evaluation.model.encoder = nn.Sequential(nn.BatchNorm2d(1), evaluation.model.encoder).eval()
    with pytest.raises(BenchError, match=r"changed encoder\.0\.running_mean"), evaluation.isolate() as own:
        own.model.train().encoder(torch.rand(4, *own.spec.shape))


def test_a_model_that_cannot_be_copied_is_put_back(evaluation):
    weight = next(evaluation.model.parameters())
    evaluation.model.encoder.kept = weight * 2  # torch copies no such tensor
    before = weight.detach().clone()

    def measure():
        with evaluation.isolate() as own, torch.no_grad():
            assert own.model is evaluation.model
            next(own.model.parameters()).zero_()
            own.model.train()

    with pytest.raises(BenchError, match="changed"):
        measure()
    assert torch.equal(weight, before)
    assert not evaluation.model.training


def test_maps_of_files_are_mapped_anew_and_the_files_stay(tmp_path):
    x = np.arange(5 * 16, dtype=np.uint8).reshape(5, 1, 4, 4)
    y = np.arange(5)
    factors = np.arange(10).reshape(5, 2)
    arrays = {"train_x": x, "train_y": y, "test_x": x, "train_factors": factors, "test_factors": factors}
    write_arrays(tmp_path, "own", arrays, "a test", ("a", "b"))
    kept = load_arrays(tmp_path)
    part = Examples(kept["train_x"][1:4], kept["train_y"][1:4], {"b": kept["train_factors"][1:4, 1]})
    splits = Splits(part, part, Examples(kept["test_x"], None))
    twin = splits.copy()
    assert np.array_equal(twin.train.x, x[1:4])
    assert np.array_equal(twin.train.factors["b"], factors[1:4, 1])
    for array in (twin.train.x, twin.train.y, twin.train.factors["b"], twin.test.x):
        array[:] = 99
    assert np.array_equal(splits.train.x, x[1:4])
    assert np.array_equal(splits.train.y, y[1:4])
    assert np.array_equal(splits.train.factors["b"], factors[1:4, 1])
    assert np.array_equal(load_arrays(tmp_path)["test_x"], x)


@dataclass
class Pair:
    mean: torch.Tensor
    others: dict[str, list[np.ndarray]]


def test_copies_share_nothing_at_any_depth():
    value = Pair(torch.ones(2), {"a": [np.ones(2)]})
    twin = copy_value(value)
    twin.mean.zero_()
    twin.others["a"][0][:] = 0
    assert torch.equal(value.mean, torch.ones(2))
    assert value.others["a"][0].tolist() == [1, 1]
    with torch.inference_mode():
        made = torch.ones(2)
    assert copy_value(made).is_inference()
    assert not copy_value(value.mean).is_inference()


def test_what_cannot_be_copied_is_computed_by_each(evaluation):
    for _ in range(2):
        with evaluation.isolate() as own:
            assert next(own.compute_once("stream", lambda: iter([1, 2]))) == 1
    assert isinstance(evaluation, Evaluation)

"""A captured step. Without a GPU, a replay is simulated by calling the function again."""

import pytest
import torch

from helpers.step_factories import METHODS, PROGRESS, flatten_weights, make_method_step, run_steps
from vimae_bench.engine.step.cuda_graph import capture_cuda_graph, capture_step
from vimae_bench.engine.step.graph import get_step_tensors, list_leaves
from vimae_bench.engine.step.select_backend import select_backend
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.execution import Training

INDEX = torch.arange(50)


def recorded(work):
    """Warms up and records as a GPU does: what `work` reads and where its result stands are fixed from then on."""
    for _ in range(3):
        result = work()
    return lambda: result.copy_(work()), result


@pytest.mark.parametrize("name", METHODS)
def test_a_captured_step_takes_the_same_steps_bit_for_bit(name):
    eager, step = make_method_step(name), make_method_step(name)
    form = capture_step(step, list_leaves(get_step_tensors(step)), INDEX, PROGRESS, recorded)
    assert form.kind == "eager, CUDA graph"
    assert torch.equal(run_steps(form, 20), run_steps(eager, 20))
    assert form.terms == eager.terms
    assert torch.equal(flatten_weights(step), flatten_weights(eager))


def test_the_capture_leaves_the_training_as_it_was():
    step, before, random_before = (
        make_method_step("VAE"),
        flatten_weights(make_method_step("VAE")),
        torch.get_rng_state(),
    )
    capture_step(step, list_leaves(get_step_tensors(step)), INDEX, PROGRESS, recorded)
    assert torch.equal(flatten_weights(step), before)
    assert torch.equal(torch.get_rng_state(), random_before)
    assert float(step.optimisers[0].steps) == 0


def test_step_that_cannot_be_captured_runs_with_a_remark():
    def refuse(work):
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    step = make_method_step("VAE")
    chosen = select_backend(step, 50, 1, "auto", capture=refuse)
    assert chosen.backend is step
    assert "cannot be captured in a CUDA graph (operation not permitted" in chosen.remark
    assert "\n" not in chosen.remark


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU: whether CUDA graphs capture a step is not tested")
@pytest.mark.parametrize("name", METHODS)
def test_a_gpu_captures_a_step(name):
    def on_gpu():
        step = make_method_step(name)
        step.model.cuda()
        return TrainingStep(step.model, step.objective, Training(batch=50), step.images.cuda())

    eager, step = on_gpu(), on_gpu()
    index, progress = INDEX.cuda(), PROGRESS.cuda()
    form = capture_step(step, list_leaves(get_step_tensors(step)), index, progress, capture_cuda_graph)
    for one in (eager, form):
        torch.manual_seed(0)
        for i in range(20):
            one(index + i, progress)
    torch.testing.assert_close(flatten_weights(step), flatten_weights(eager), rtol=1e-4, atol=1e-4)

"""The learning rate follows its schedule, in every form of a step."""

import pytest
import torch

from helpers.step_factories import flatten_weights, make_step, run_steps
from vimae_bench.engine.step.graph import trace_step
from vimae_bench.engine.step.schedule import get_rate_factor
from vimae_bench.execution import PluginSpec, Training
from vimae_bench.plugin import Batch


def rates(schedule, epochs, steps=7):
    """The factor at the first, the second and the last step of every epoch [epochs, 3]."""
    training = Training(epochs=epochs, schedule=schedule)
    looked_at = torch.arange(epochs * steps).view(epochs, steps)[:, [0, 1, -1]]
    progress = looked_at / (epochs * steps)
    return get_rate_factor(training, progress)


def test_steps_are_those_of_the_wae_code_for_mnist():
    found = rates("wae_steps", 120, steps=771)
    expected = torch.tensor([1.0] * 30 + [0.5] * 20 + [0.1] * 50 + [0.01] * 20)
    torch.testing.assert_close(found, expected[:, None].expand(-1, 3))


def test_the_smooth_fall_is_that_of_the_wae_code_for_celeba():
    found = rates("wae_smooth", 50)
    decay, expected = 1.0, []
    for _ in range(50):  # as written there: at the start of every epoch
        decay /= 100 ** (1 / 50)
        expected.append(decay)
    torch.testing.assert_close(found, torch.tensor(expected)[:, None].expand(-1, 3))
    assert found[-1, -1] == pytest.approx(0.01)


def test_a_constant_rate_needs_no_factor():
    assert get_rate_factor(Training(), torch.tensor(0.5)) is None


@pytest.mark.parametrize("choice", [PluginSpec("ae"), PluginSpec("elbo")])
def test_an_eager_step_follows_the_schedule_as_torch_does(choice):
    ours = make_step(choice, schedule="wae_smooth", epochs=4)
    theirs = make_step(choice, schedule="constant", epochs=4)
    twin = torch.optim.Adam(theirs.model.parameters(), lr=1e-3, betas=(0.5, 0.999), eps=1e-8, fused=True)
    run_steps(ours, 8)
    torch.manual_seed(7)
    for i in range(8):
        index = torch.arange(i * 50, (i + 1) * 50)
        twin.param_groups[0]["lr"] = 1e-3 * 100 ** (-(i // 2 + 1) / 4)
        twin.zero_grad()
        theirs.objective(theirs.model, Batch(theirs.gather_images(index), torch.tensor(i / 8), 8)).total.backward()
        twin.step()
    moved = (flatten_weights(theirs) - flatten_weights(make_step(choice))).norm()
    assert (flatten_weights(ours) - flatten_weights(theirs)).norm() < 1e-3 * moved, (
        "alike but for the rounding of the rate"
    )


def test_the_graph_of_a_step_follows_the_schedule():
    eager, traced = (make_step(PluginSpec("elbo"), schedule="wae_steps", epochs=120) for _ in range(2))
    index, progress = torch.arange(50), torch.zeros(())
    graph = trace_step(traced, index, progress)

    def form(index, progress):
        return graph.module(*graph.leaves, traced.images, index, progress)[0]

    torch.testing.assert_close(run_steps(form, 6), run_steps(eager, 6))
    torch.testing.assert_close(flatten_weights(traced), flatten_weights(eager))
    plain = make_step(PluginSpec("elbo"))
    run_steps(plain, 6)
    assert (flatten_weights(plain) - flatten_weights(eager)).abs().max() > 1e-4, (
        "from a quarter of 120 epochs on the rate is halved"
    )

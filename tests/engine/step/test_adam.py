"""The optimiser against torch's own."""

import pytest
import torch
from torch import nn

from vimae_bench.engine.step.adam import Adam
from vimae_bench.engine.step.torch_internals import EPS

SETTINGS = {"lr": 1e-2, "betas": (0.5, 0.99)}


def weights():
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(*shape)) for shape in ((5, 3), (7,), (2, 3, 4, 4))]


def grads(step, like):
    torch.manual_seed(step)
    return [torch.randn_like(w) * 10.0 ** (step % 5 - 3) for w in like]


def theirs(steps, **how):
    kept = weights()
    optimiser = torch.optim.Adam(kept, eps=EPS, **SETTINGS, **how)
    for step in range(steps):
        for w, grad in zip(kept, grads(step, kept), strict=True):
            w.grad = grad
        optimiser.step()
    return kept


def made():
    kept = weights()
    return kept, Adam(kept, 1e-2, 0.5, 0.99)


def test_it_is_the_fused_optimiser_of_torch_bit_for_bit():
    kept, optimiser = made()
    for step in range(50):
        optimiser.step(grads(step, kept))
    assert all(torch.equal(a, b) for a, b in zip(kept, theirs(50, fused=True), strict=True))


def test_it_is_the_plain_formula_to_rounding():
    kept, optimiser = made()
    for step in range(50):
        optimiser.step(grads(step, kept))
    for a, b in zip(kept, theirs(50, foreach=False), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_gradients_may_have_other_strides():
    (kept, optimiser), (same, other) = made(), made()
    for step in range(5):
        straight = grads(step, kept)
        optimiser.step([g.t().contiguous().t() if g.dim() == 2 else g for g in straight])
        other.step(straight)
    assert all(torch.equal(a, b) for a, b in zip(kept, same, strict=True))


def test_a_weight_without_a_gradient_stays_as_it_is():
    kept, optimiser = made()
    before = [w.detach().clone() for w in kept]
    optimiser.step([None, *grads(0, kept)[1:]])
    assert torch.equal(kept[0], before[0])
    assert not torch.equal(kept[1], before[1])


def test_it_goes_on_from_a_state_in_its_own_memory():
    (kept, optimiser), (same, other) = made(), made()
    for step in range(5):
        optimiser.step(grads(step, kept))
    memory = [tensor.data_ptr() for tensor in other.exp_avg]
    other.restore_state(optimiser.get_state())
    for w, value in zip(same, kept, strict=True):
        w.data.copy_(value)
    assert [tensor.data_ptr() for tensor in other.exp_avg] == memory
    for step in range(5, 8):
        for one, of in ((optimiser, kept), (other, same)):
            one.step(grads(step, of))
    assert all(torch.equal(a, b) for a, b in zip(kept, same, strict=True))
    assert optimiser.steps == other.steps == 8


@pytest.mark.parametrize("seen", [[], [None]])
def test_nothing_to_train_is_no_error(seen):
    Adam(weights()[: len(seen)], 1e-3, 0.9, 0.999).step(seen)

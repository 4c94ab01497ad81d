"""Seeds trained as one batched model: each of them trains as it would alone."""

import pytest
import torch

from helpers.step_factories import (
    METHODS,
    AdversarialObjective,
    ItemReader,
    flatten_weights,
    make_images,
    make_method_step,
    make_step,
    run_steps,
)
from vimae_bench.engine.step.graph import TracingError
from vimae_bench.engine.step.vmapped_step import make_batched_step

pytestmark = pytest.mark.medium

SEEDS = 3


def form_of(members, batch=50):
    return make_batched_step(members, torch.zeros(len(members), batch, dtype=torch.int64), torch.zeros(()))


def together(form, steps, batch=50, offset=17):
    """The terms [steps, T, S]; seed s begins `offset * s` images later."""
    torch.manual_seed(7)
    n = len(make_images())
    starts = torch.arange(SEEDS)[:, None] * offset
    batches = [(torch.arange(i * batch, (i + 1) * batch) + starts) % n for i in range(steps)]
    return torch.stack([form(index, torch.tensor(i / steps)).clone() for i, index in enumerate(batches)])


def alone(step, seed, steps, batch=50, offset=17):
    n = len(make_images())
    batches = [(torch.arange(i * batch, (i + 1) * batch) + seed * offset) % n for i in range(steps)]
    return torch.stack([step(index, torch.tensor(i / steps)).clone() for i, index in enumerate(batches)])


def test_without_noise_every_seed_takes_the_steps_it_takes_alone():
    members = [make_method_step("AE", seed=seed) for seed in range(SEEDS)]
    form = form_of(members)
    terms = together(form, 30)
    assert form.kind == "3 seeds batched"
    for seed, member in enumerate(members):
        single = make_method_step("AE", seed=seed)
        torch.testing.assert_close(terms[..., seed], alone(single, seed, 30), rtol=1e-4, atol=1e-4)
        moved = (flatten_weights(single) - flatten_weights(make_method_step("AE", seed=seed))).norm()
        assert (flatten_weights(member) - flatten_weights(single)).norm() < 0.02 * moved
        assert member.optimisers[0].steps == single.optimisers[0].steps == 30
        for one, other in zip(member.optimisers[0].exp_avg, single.optimisers[0].exp_avg, strict=True):
            assert one.shape == other.shape


@pytest.mark.parametrize("name", METHODS)
def test_every_method_can_be_batched_and_its_seeds_have_noise_of_their_own(name):
    members = [make_method_step(name, seed=0) for _ in range(SEEDS)]
    terms = together(form_of(members), 40, offset=0)
    assert terms.isfinite().all()
    assert (terms[-5:, 1].mean(0) < terms[:5, 1].mean(0)).all(), "every seed learns"
    same = torch.equal(flatten_weights(members[0]), flatten_weights(members[1]))
    assert same == (name == "AE"), "equal weights and batches end apart only by noise"


def test_two_optimizer_steps_can_be_batched():
    members = [make_step(AdversarialObjective(), seed=seed) for seed in range(SEEDS)]
    form = form_of(members)
    assert together(form, 5).isfinite().all()
    assert form.terms == ("total", "sse", "generator", "total of step 2", "critic")


def test_a_seed_whose_loss_is_not_finite_leaves_the_others_as_they_are():
    def ends(spoilt):
        members = [make_method_step("VAE", seed=seed) for seed in range(SEEDS)]
        if spoilt:
            with torch.no_grad():
                next(members[1].model.parameters()).fill_(float("nan"))
        terms = together(form_of(members), 5)
        return terms, [flatten_weights(member) for member in members]

    terms, spoilt = ends(spoilt=True)
    _, sound = ends(spoilt=False)
    assert terms[:, 0, 1].isnan().all()
    assert torch.equal(spoilt[0], sound[0])
    assert torch.equal(spoilt[2], sound[2])


def test_step_that_cannot_be_traced_cannot_be_batched():

    members = [make_step(ItemReader(), seed=seed) for seed in range(SEEDS)]
    with pytest.raises(TracingError):
        form_of(members)
    assert run_steps(members[1], 3).isfinite().all(), "each can still be trained alone"

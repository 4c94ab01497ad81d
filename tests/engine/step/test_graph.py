"""A step as one graph computes what the step computes; for a step that cannot be one graph the reason is given."""

import random
from dataclasses import dataclass, field

import pytest
import torch

from helpers.step_factories import (
    METHODS,
    PROGRESS,
    AdversarialObjective,
    ElboObjective,
    ImportanceWeightedObjective,
    PseudoInputPrior,
    flatten_weights,
    make_method_step,
    make_step,
    run_steps,
)
from vimae_bench.engine.step.graph import TracingError, trace_step
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic
from vimae_bench.plugin import BenchError, Loss, Objective

pytestmark = pytest.mark.medium

INDEX = torch.arange(50)


def traced(step):
    graph = trace_step(step, INDEX, PROGRESS)

    def call(index, progress):
        (terms,) = graph.module(*graph.leaves, step.images, index, progress)
        return terms

    return graph, call


STEPS = {
    **{name: lambda name=name: make_method_step(name) for name in METHODS},
    "two players": lambda: make_step(AdversarialObjective()),
    "several draws": lambda: make_step(ImportanceWeightedObjective()),
    "a learned prior": lambda: make_step(ElboObjective(), PseudoInputPrior),
}


@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
def test_a_graph_takes_the_steps_that_the_step_takes(make):
    eager, step = make(), make()
    graph, call = traced(step)
    terms, same = run_steps(eager, 100), run_steps(call, 100)
    assert graph.terms == eager.terms
    torch.testing.assert_close(same, terms, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(flatten_weights(step), flatten_weights(eager), rtol=1e-5, atol=1e-5)


def test_tracing_changes_nothing():
    step, random_before = make_method_step("VIMAE-n"), torch.get_rng_state()
    before = flatten_weights(step)
    trace_step(step, INDEX, PROGRESS)
    assert torch.equal(flatten_weights(step), before)
    assert torch.equal(torch.get_rng_state(), random_before)
    assert all(p.grad is None for p in step.model.parameters())
    run_steps(step, 3)
    other = make_method_step("VIMAE-n")
    run_steps(other, 3)
    assert torch.equal(flatten_weights(step), flatten_weights(other)), (
        "an optimiser's first state is that of one without"
    )


def test_an_optimiser_goes_on_from_a_graphs_state_as_from_its_own():
    eager, step = make_method_step("VAE"), make_method_step("VAE")
    _, call = traced(step)
    for form in (eager, call):
        run_steps(form, 20)
    (one,), (other,) = eager.get_state(), step.get_state()
    assert one["steps"] == other["steps"] == 20
    for a, b in zip(one["exp_avg_sq"], other["exp_avg_sq"], strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(run_steps(step, 5), run_steps(eager, 5), rtol=1e-5, atol=1e-5)


@dataclass(frozen=True)
class Trained(Objective):
    """Reconstruction, times a factor that the test decides."""

    def posterior(self):
        return Deterministic()

    def __call__(self, model, batch):
        sse = squared_error(batch.x, model.decode(model.encode(batch.x).mean)).mean()
        return Loss(self.factor(sse) * sse, {"sse": sse})


class Reads(Trained):
    def factor(self, sse):
        return 1 / (1 + sse.item())


class Branches(Trained):
    def factor(self, sse):
        return 2.0 if sse > 1 else 1.0


class Leaves(Trained):
    def factor(self, sse):
        return float(sse.detach().numpy())


class Selects(Trained):
    def factor(self, sse):
        return sse.expand(3)[sse.expand(3) > 0].mean()


@dataclass(frozen=True)
class Counts(Trained):
    calls: list = field(default_factory=list)

    def factor(self, sse):
        self.calls.append(1)
        return 1 / len(self.calls)


class Gambles(Trained):
    def factor(self, sse):
        return random.random()


class Waits(Trained):
    """Its factor changes long after it was traced, and the count alone tells."""

    calls = 0

    def factor(self, sse):
        object.__setattr__(self, "calls", self.calls + 1)
        return 1.0 if self.calls < 1000 else 2.0


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        (Reads(), r"it reads numbers out of tensors \(\.item\(\)\)"),
        (Branches(), r"it looks at its data \(\.item\(\), or a branch on a tensor\) at test_graph\.py:\d+$"),
        (Leaves(), "numpy"),
        (Selects(), "shapes that depend on data"),
        (Counts(), "changes from call to call; let it depend on batch.progress"),
        (Gambles(), "changes from call to call"),
        (Waits(), "changes from call to call"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Objective) else "",
)
def test_step_that_cannot_be_traced_says_why_and_still_runs(objective, why):
    step = make_step(objective)
    with pytest.raises(TracingError, match=why) as caught:
        trace_step(step, INDEX, PROGRESS)
    assert "\n" not in str(caught.value)
    assert run_steps(step, 3).isfinite().all()


def test_constants_of_an_objective_are_part_of_what_a_graph_is():
    @dataclass(frozen=True, eq=False)
    class Weighted(Trained):
        constant: torch.Tensor

        def factor(self, sse):
            return self.constant

    texts = [trace_step(make_step(Weighted(torch.tensor(c))), INDEX, PROGRESS).text for c in (1.0, 1.0, 2.0)]
    assert texts[0] == texts[1] != texts[2]


def test_result_that_is_not_a_loss_is_the_same_error_in_tracing():
    class Wrong(Trained):
        def __call__(self, model, batch):
            return None

    with pytest.raises(BenchError, match="the objective gives NoneType"):
        trace_step(make_step(Wrong()), INDEX, PROGRESS)

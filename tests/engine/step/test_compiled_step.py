"""A compiled step and the step itself differ by the rounding of float32 and by nothing else."""

import copy
import shutil
from pathlib import Path

import pytest
import torch

from helpers.step_factories import PROGRESS, flatten_weights, make_method_step, make_step, run_steps
from vimae_bench.engine.step import compiled_step
from vimae_bench.engine.step.compiled_step import compile_step, make_step_key
from vimae_bench.engine.step.compiler_cache import get_step_folder
from vimae_bench.engine.step.graph import TracingError, trace_step
from vimae_bench.execution import PluginSpec
from vimae_bench.plugin import ModelSpec

INDEX, VIMAE = torch.arange(50), PluginSpec("vimae", {"divergence": {"use": "mmd"}})
pytestmark = [
    pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="needs a C++ compiler"),
    pytest.mark.medium,
]


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIMAE_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
        yield


def made(name):
    step = make_method_step(name)
    return step, compile_step(step, trace_step(step, INDEX, PROGRESS), INDEX, PROGRESS)


def rounded_otherwise(name, seed):
    """The same step from weights that are each moved by one unit in the last place, up or down."""
    step = make_method_step(name)
    torch.manual_seed(seed)
    with torch.no_grad():
        for p in step.model.parameters():
            p.mul_(1 + 2**-23 * (torch.rand_like(p) - 0.5).sign())
    return step


@pytest.mark.slow
@pytest.mark.parametrize("name", ["VAE", "VIMAE-l"])
def test_compiled_and_eager_training_agree_to_rounding_over_100_steps(name):
    """Adam magnifies any rounding: what the compiler may change is what another rounding of the weights changes."""
    eager, others = make_method_step(name), [rounded_otherwise(name, seed) for seed in range(3)]
    step, form = made(name)
    terms, same = run_steps(eager, 100), run_steps(form, 100)
    spreads = [float((run_steps(other, 100)[:, 0] - terms[:, 0]).abs().max()) for other in others]
    torch.testing.assert_close(same[:20], terms[:20], rtol=2e-6, atol=1e-6)
    assert (same[:, 0] - terms[:, 0]).abs().max() <= 3 * max(spreads)
    apart = [float((flatten_weights(other) - flatten_weights(eager)).norm()) for other in (step, *others)]
    # Differences grow exponentially, so that three other roundings tell their size to within some factor.
    assert 0 < apart[0] < 4 * max(apart[1:])
    assert (form.terms, form.kind) == (eager.terms, "compiled")


@pytest.mark.slow
@pytest.mark.parametrize("choice", [PluginSpec("elbo"), VIMAE], ids=lambda choice: choice.name)
def test_convolutions_are_compiled_too(choice):
    def conv():
        return make_step(choice, architecture=PluginSpec("conv", {"width": 8}), spec=ModelSpec((1, 28, 28), 2))

    eager, step = conv(), conv()
    before = flatten_weights(step)
    form = compile_step(step, trace_step(step, INDEX, PROGRESS), INDEX, PROGRESS)
    assert form.kind == "compiled"
    assert torch.equal(flatten_weights(step), before)
    torch.testing.assert_close(run_steps(form, 5), run_steps(eager, 5), rtol=1e-5, atol=1e-5)
    assert (flatten_weights(step) - flatten_weights(eager)).norm() < 0.1 * (flatten_weights(eager) - before).norm()


@pytest.mark.slow
def test_a_compiled_step_gives_the_same_bits_every_time():
    ends = []
    for _ in range(2):
        step, form = made("VIMAE-n")
        run_steps(form, 20)
        ends.append(flatten_weights(step))
    assert torch.equal(*ends)


@pytest.mark.slow
def test_its_optimiser_goes_on_from_a_checkpoint_and_with_an_eager_step():
    step, form = made("VAE")
    run_steps(form, 10)
    model, states = copy.deepcopy((step.model.state_dict(), step.get_state()))
    again = make_method_step("VAE")
    again.model.load_state_dict(model)
    again.restore_state(states)
    resumed = compile_step(again, trace_step(again, INDEX, PROGRESS), INDEX, PROGRESS)
    assert torch.equal(run_steps(resumed, 10), run_steps(form, 10))
    assert torch.equal(flatten_weights(again), flatten_weights(step))
    assert float(again.optimisers[0].steps) == 20


def test_steps_that_compute_the_same_share_a_name_and_others_do_not():
    def name(method_name, **settings):
        step = make_method_step(method_name, **settings)
        return make_step_key(trace_step(step, INDEX, PROGRESS), step.images)

    assert name("VAE", seed=0) == name("VAE", seed=1)
    assert len({name("VAE"), name("AE"), name("VIMAE-n"), name("VIMAE-l")}) == 4


def test_the_number_of_threads_is_part_of_the_name():
    step = make_method_step("AE")
    graph = trace_step(step, INDEX, PROGRESS)
    names = set()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        names.add(make_step_key(graph, step.images))
    torch.set_num_threads(1)
    assert len(names) == 2


def test_failing_compiler_is_reported_in_one_line(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no g++\nand much more")

    monkeypatch.setattr(compiled_step, "compile_graph", fail)
    with pytest.raises(TracingError, match=r"the compiler fails on it \(RuntimeError: no g\+\+\)$"):
        made("AE")


def test_the_cache_lies_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("VIMAE_BENCH_CACHE", "/somewhere")
    assert get_step_folder() == Path("/somewhere/steps")
    monkeypatch.delenv("VIMAE_BENCH_CACHE")
    assert get_step_folder().parent.name == "vimae-bench"

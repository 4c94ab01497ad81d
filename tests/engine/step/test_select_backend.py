"""Which backend of a step is chosen, and that choosing leaves no trace in the training."""

import errno
import json
import os
import stat
import time
from dataclasses import asdict, dataclass
from unittest.mock import Mock

import pytest
import torch

from helpers.step_factories import PROGRESS, ItemReader, flatten_weights, make_method_step, make_step, run_steps
from vimae_bench.engine.step import select_backend as select_backend_module
from vimae_bench.engine.step import trial as trial_module
from vimae_bench.engine.step.compiler_cache import VARIABLES, get_step_folder
from vimae_bench.engine.step.graph import TracingError, get_step_tensors, list_leaves
from vimae_bench.engine.step.select_backend import MIN_STEPS_TO_COMPILE, select_backend
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.engine.step.trial import BackendTrial, measure_spread, read_trial, time_steps
from vimae_bench.execution import PluginSpec
from vimae_bench.plugin import ModelSpec
from vimae_bench.storage.cache_folder import SharedFolderError

pytestmark = pytest.mark.medium

INDEX = torch.arange(50)
MANY, FEW = MIN_STEPS_TO_COMPILE, MIN_STEPS_TO_COMPILE - 1


@dataclass(frozen=True)
class Fake:
    """A compiled step: the step itself, slower by some seconds and wrong by a factor if asked."""

    step: object
    seconds: float = 0.0
    factor: float = 1.0
    kind: str = "compiled"
    terms: tuple[str, ...] = ("total",)

    def __call__(self, index, progress):
        time.sleep(self.seconds)
        return TrainingStep.__call__(self.step, index, progress) * self.factor


class Slow(TrainingStep):
    """A step that takes its time, so that a compiled one can be faster."""

    def __call__(self, index, progress):
        time.sleep(0.005)
        return super().__call__(index, progress)


class Untraceable(Slow):
    """A step that fails where it is traced."""

    def batch(self, index, progress):
        raise AssertionError


class FakeCompiler:
    """What stands for the compiler: keeps count of what it makes."""

    def __init__(self, **settings):
        self.settings, self.count = settings, 0

    def __call__(self, step, graph, index, progress):
        self.count += 1
        return Fake(step, **self.settings)


@pytest.fixture(autouse=True)
def cache_of_the_test(monkeypatch, tmp_path):
    monkeypatch.setenv("VIMAE_BENCH_CACHE", str(tmp_path))


@pytest.fixture
def timings(tmp_path):
    """Lists the files in which trials are kept."""
    return lambda: list(tmp_path.glob("steps/*.json"))


def slow(name="VAE", kind=Slow):
    step = make_method_step(name)
    step.__class__ = kind
    return step


def kind(step, steps, compiling="auto", before="", compiler=None):
    chosen = select_backend(step, 50, steps, compiling, before, compiler=compiler or FakeCompiler())
    return chosen.backend.kind, chosen.remark


def test_a_short_run_is_not_compiled_nor_even_traced():
    compiler = FakeCompiler()
    assert kind(slow(kind=Untraceable), FEW, compiler=compiler) == ("eager", "")
    assert not compiler.count


def test_a_long_run_is_compiled_where_a_trial_shows_that_it_pays(timings):
    assert kind(slow(), MANY) == ("compiled", "")
    (kept,) = timings()
    trial = json.loads(kept.read_text())
    assert trial["compiled"] < trial["eager"] - 0.004
    assert trial["difference"] == 0


def test_the_trial_is_made_once_on_a_machine(timings):
    compiler = FakeCompiler()
    kind(slow(), MANY, compiler=compiler)
    (kept,) = timings()
    trial = kept.read_text()
    assert kind(slow(), MANY, compiler=compiler) == ("compiled", "")
    assert kept.read_text() == trial
    assert compiler.count == 2


def test_a_step_that_gains_nothing_stays_eager_and_is_not_compiled_again():
    compiler = FakeCompiler(seconds=0.02)
    for _ in range(2):
        form, remark = kind(slow(), MANY, compiler=compiler)
        assert form == "eager"
        assert remark.startswith("its steps stay eager: compiled, one takes ")
    assert compiler.count == 1


@pytest.mark.parametrize("factor", [1.01, float("nan")])
def test_a_compiled_step_that_computes_something_else_is_not_used(factor):
    form, remark = kind(slow(), MANY, compiler=FakeCompiler(factor=factor))
    assert form == "eager"
    assert "its loss then differs by" in remark


def test_a_trial_of_another_version_is_made_again(timings):
    kind(slow(), MANY)
    (kept,) = timings()
    for damage in ('{"eager": 1}', "", "[]"):
        kept.write_text(damage)
        assert kind(slow(), MANY) == ("compiled", "")
        assert json.loads(kept.read_text())["difference"] == 0


@pytest.mark.parametrize(("before", "after"), [("eager", "eager"), ("compiled", "compiled")])
def test_a_run_that_goes_on_keeps_the_backend_it_began_with(timings, before, after):
    assert kind(slow(), MANY, before=before) == (after, "")
    assert kind(slow(), FEW, before=before) == (after, "")
    assert not timings(), "no trial may change its mind"


def test_always_and_never_are_obeyed(timings):
    assert kind(slow(), 1, "always") == ("compiled", "")
    assert kind(slow(), MANY, "never") == ("eager", "")
    assert not timings()


def test_objective_that_cannot_be_compiled_runs_with_a_remark():
    step = make_step(ItemReader())
    chosen = select_backend(step, 50, MANY, "auto")
    assert chosen.backend is step
    assert chosen.remark.startswith("not compiled, since it reads numbers out of tensors (.item())")
    assert "1.4 to 1.7 times as long" in chosen.remark
    assert "\n" not in chosen.remark
    assert run_steps(chosen.backend, 3).isfinite().all()


def test_timing_leaves_the_training_as_it_was():
    step, other = make_method_step("VIMAE-n"), make_method_step("VIMAE-n")
    run_steps(step, 3)
    run_steps(other, 3)
    random_before = torch.get_rng_state()
    time_steps(Fake(step), list_leaves(get_step_tensors(step)), INDEX, PROGRESS)
    assert torch.equal(flatten_weights(step), flatten_weights(other))
    assert torch.equal(torch.get_rng_state(), random_before)
    assert torch.equal(run_steps(step, 5), run_steps(other, 5)), "the optimiser's state is as it was"


def test_a_trial_objects_to_what_is_not_a_twentieth_faster():
    assert not make_trial(compiled=0.0094).objection
    assert make_trial(compiled=0.0096).objection == (
        "its steps stay eager: compiled, one takes 0.96 of the time (9.6 ms against 10 ms)"
    )


def test_a_trial_of_a_busy_machine_says_so():
    assert make_trial(compiled=0.02, spread=0.2).objection.endswith(", measured on a busy machine (± 20%)")


@pytest.mark.parametrize(
    ("days", "spread", "is_current"), [(29, 0.01, True), (31, 0.01, False), (0.01, 0.2, True), (1, 0.2, False)]
)
def test_a_trial_holds_for_a_month_and_one_of_a_busy_machine_for_an_hour(tmp_path, days, spread, is_current):
    path = tmp_path / "trial.json"
    path.write_text(json.dumps(asdict(make_trial(spread=spread, time=time.time() - days * 86_400))))
    assert (read_trial(path) is not None) == is_current


def test_rounds_are_timed_until_the_fastest_agree(monkeypatch):
    """Nine of ten rounds are slowed down by others; what is given is the time of those that were not."""
    now, count = 0.0, 0

    def step(index, progress):
        nonlocal now, count
        now, count = now + (0.01 if count % 50 < 8 else 0.03), count + 1
        return torch.zeros(1)

    monkeypatch.setattr(trial_module, "time", Mock(perf_counter=lambda: now))
    timing = time_steps(step, [torch.zeros(1)], INDEX, PROGRESS)
    assert (timing.seconds, timing.spread) == (pytest.approx(0.01), pytest.approx(0))
    assert count == 58, "until there is a third round that is not slowed down"


def test_the_spread_is_that_of_the_three_fastest():
    assert measure_spread([1.0, 5.0, 1.02, 1.01]) == pytest.approx(0.02)
    assert measure_spread([1.0, 1.0]) == 1


@pytest.mark.parametrize(("seconds", "kind_chosen", "layout"), [(0.0, "compiled", True), (0.05, "eager", False)])
def test_convolutions_have_channels_last_only_where_they_are_compiled(seconds, kind_chosen, layout):
    step, other = (
        make_step(PluginSpec("elbo"), architecture=PluginSpec("conv", {"width": 8}), spec=ModelSpec((1, 28, 28), 2))
        for _ in range(2)
    )
    step.__class__ = Slow
    before = run_steps(step, 3), run_steps(other, 3)
    assert torch.equal(*before)
    chosen = select_backend(step, 50, MANY, "auto", compiler=FakeCompiler(seconds=seconds))
    assert chosen.backend.kind == kind_chosen
    laid_out = [*step.model.parameters(), *step.optimisers[0].exp_avg, *step.optimisers[0].exp_avg_sq]
    wide = [x for x in laid_out if x.dim() == 4 and min(x.shape) > 1]
    assert wide
    assert all(x.is_contiguous(memory_format=torch.channels_last) == layout for x in wide)
    assert torch.equal(flatten_weights(step), flatten_weights(other))
    torch.testing.assert_close(run_steps(step, 2), run_steps(other, 2), rtol=1e-4, atol=1e-4)


def test_the_figures_of_the_trial_are_with_what_was_chosen():
    chosen = select_backend(slow(), 50, MANY, "auto", compiler=FakeCompiler())
    assert chosen.trial
    assert chosen.trial.compiled < chosen.trial.eager
    assert select_backend(slow(), 50, MANY, "always", compiler=FakeCompiler()).trial is None


def make_trial(eager=0.01, compiled=0.005, difference=0.0, spread=0.01, **more):
    return BackendTrial(eager, compiled, difference, spread, **{"time": time.time(), **more})


def fail_in(folder, error):
    """A compiler that cannot write to a folder."""

    def compile_step(step, graph, index, progress):
        if get_step_folder().is_relative_to(folder):
            raise error
        assert stat.S_IMODE(get_step_folder().stat().st_mode) == 0o700
        (get_step_folder() / "code").write_text("compiled")
        return Fake(step)

    return compile_step


def make_tracing_error(cause):
    """What the compiler's failure becomes."""
    try:
        raise TracingError("the compiler fails on it") from cause
    except TracingError as error:
        return error


FULL = OSError(errno.ENOSPC, "No space left on device")
UNWRITABLE = {
    "disk": make_tracing_error(FULL),
    "disk, as another compiler says": make_tracing_error(RuntimeError("g++: fatal error: No space left on device")),
    "lock": PermissionError(errno.EACCES, "Permission denied"),
    "folder of others": SharedFolderError("others may write to it"),
}


@pytest.mark.parametrize("compiling", ["auto", "always"])
@pytest.mark.parametrize("what", UNWRITABLE)
def test_code_that_cannot_be_kept_is_compiled_all_the_same(tmp_path, monkeypatch, what, compiling):
    monkeypatch.setattr(select_backend_module, "make_trial", lambda *_: make_trial())
    monkeypatch.setenv("VIMAE_BENCH_CACHE", str(tmp_path / "cache"))
    compiler = fail_in(tmp_path / "cache", UNWRITABLE[what])
    form, remark = kind(slow(), MANY, compiling, compiler=compiler)
    assert form == "compiled"
    assert remark.startswith(f"compiled code is not kept, since {tmp_path / 'cache' / 'steps'} cannot be written to (")
    assert str(UNWRITABLE[what].__cause__ or UNWRITABLE[what]) in remark
    assert os.environ["VIMAE_BENCH_CACHE"] == str(tmp_path / "cache")
    assert not any("/vimae-bench-" in os.environ.get(name, "") for name in VARIABLES)


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VIMAE_BENCH_CACHE", str(tmp_path / "file" / "cache"))
    form, remark = kind(slow(), MANY, "always")
    assert form == "compiled"
    assert remark.startswith("compiled code is not kept, since ")


def test_steps_stay_eager_where_nothing_can_be_written_anywhere(tmp_path):
    compiler = fail_in(tmp_path.anchor, make_tracing_error(FULL))
    form, remark = kind(slow(), MANY, "always", compiler=compiler)
    assert form == "eager"
    assert remark.startswith("not compiled, since the compiler fails on it; its steps stay eager")


def test_a_trial_that_cannot_be_kept_is_believed(monkeypatch):
    monkeypatch.setattr(select_backend_module, "make_trial", lambda *_: make_trial())
    monkeypatch.setattr(select_backend_module, "write_json", Mock(side_effect=FULL))
    assert kind(slow(), MANY) == ("compiled", "")


def test_another_error_of_the_compiler_is_tried_once():
    compiler = Mock(side_effect=make_tracing_error(FileNotFoundError(errno.ENOENT, "no compiler")))
    form, remark = kind(slow(), MANY, compiler=compiler)
    assert (form, compiler.call_count) == ("eager", 1)
    assert "not kept" not in remark

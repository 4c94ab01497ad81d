"""Which backend of a step is chosen, and that choosing leaves no trace in the training."""

import errno
import json
import os
import stat
import time
from dataclasses import dataclass
from unittest.mock import Mock

import pytest
import torch

from helpers.step_factories import PROGRESS, ItemReader, flatten_weights, make_method_step, make_step, run_steps
from vimae_bench.engine.step import select_backend as select_backend_module
from vimae_bench.engine.step.compiler_cache import VARIABLES, get_step_folder
from vimae_bench.engine.step.graph import TracingError
from vimae_bench.engine.step.select_backend import MIN_STEPS_TO_COMPILE, BackendTiming, compare_backends, select_backend
from vimae_bench.engine.step.step import TrainingStep
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
    form, remark = select_backend(step, 50, steps, compiling, before, compiler=compiler or FakeCompiler())
    return form.kind, remark


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
    form, remark = select_backend(step, 50, MANY, "auto")
    assert form is step
    assert remark.startswith("not compiled, since it reads numbers out of tensors (.item())")
    assert "1.4 to 1.7 times as long" in remark
    assert "\n" not in remark
    assert run_steps(form, 3).isfinite().all()


def test_a_comparison_leaves_the_training_as_it_was():
    step, other = make_method_step("VIMAE-n"), make_method_step("VIMAE-n")
    run_steps(step, 3)
    run_steps(other, 3)
    random_before = torch.get_rng_state()
    compare_backends(step, Fake(step), INDEX, PROGRESS)
    assert torch.equal(flatten_weights(step), flatten_weights(other))
    assert torch.equal(torch.get_rng_state(), random_before)
    assert torch.equal(run_steps(step, 5), run_steps(other, 5)), "the optimiser's state is as it was"


def test_a_trial_objects_to_what_is_not_a_twentieth_faster():
    assert not BackendTiming(1.0, 0.94, 0.0).objection
    assert BackendTiming(1.0, 0.96, 0.0).objection == "its steps stay eager: compiled, one takes 0.96 of the time"


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
    monkeypatch.setattr(select_backend_module, "compare_backends", Mock(return_value=BackendTiming(1.0, 0.5, 0.0)))
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
    monkeypatch.setattr(select_backend_module, "compare_backends", Mock(return_value=BackendTiming(1.0, 0.5, 0.0)))
    monkeypatch.setattr(select_backend_module, "write_json", Mock(side_effect=FULL))
    assert kind(slow(), MANY) == ("compiled", "")


def test_another_error_of_the_compiler_is_tried_once():
    compiler = Mock(side_effect=make_tracing_error(FileNotFoundError(errno.ENOENT, "no compiler")))
    form, remark = kind(slow(), MANY, compiler=compiler)
    assert (form, compiler.call_count) == ("eager", 1)
    assert "not kept" not in remark

"""Which backend to make training steps with. Results are the same up to the rounding of float32, whichever it is."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from ...core.errors import ResultsError
from ...execution.jobs import Compile
from ...storage.atomic import is_write_error, write_json
from ...storage.cache_folder import make_cache_folder
from ...storage.locks import wait_for_lock
from .compiled_step import compile_step, make_step_key
from .compiler_cache import get_step_folder, use_temporary_cache
from .cuda_graph import Capture, capture_cuda_graph, capture_step
from .graph import StepGraph, TracingError, format_first_line, get_step_tensors, list_leaves, trace_step
from .step import StepBackend, TrainingStep
from .trial import EAGER_COST, BackendTrial, StepTiming, make_trial, read_trial, time_steps

Compiler = Callable[[TrainingStep, StepGraph, Tensor, Tensor], StepBackend]
"""What compiles a traced step for batches like an index, at a progress."""
MIN_STEPS_TO_COMPILE = 20_000
"""The steps of a run from which compiling pays: it takes some 20 s of one core once on a machine and 3 s in each later
run, and saves 1 to 3 ms of a step of the small networks that gain from it."""


@dataclass(frozen=True)
class SelectedBackend:
    """A way to make steps, a remark if there is one, and the trial that it was chosen by, if it was."""

    backend: StepBackend
    remark: str = ""
    trial: BackendTrial | None = None


def select_backend(
    step: TrainingStep,
    batch: int,
    steps: int,
    compiling: Compile,
    before: str = "",
    *,
    compiler: Compiler = compile_step,
    capture: Capture | None = None,
) -> SelectedBackend:
    """The backend with which a run of so many steps of `batch` images is done soonest.

    `before` is the kind of backend with which the run began, if it did: it keeps it, as bits depend on it. Otherwise
    the choice follows from the number of steps, and from a trial of both backends that is kept on the machine, see
    `trial.py`. On a GPU the step is captured in a CUDA graph, with `capture` wherever one is given.
    """
    device = step.images.device
    index, progress = torch.arange(batch, device=device), torch.zeros((), device=device)
    chosen = _choose_backend(_CompileRequest(step, index, progress, compiler), steps, compiling, before)
    backend, objection = capture_on_gpu(chosen.backend, list_leaves(get_step_tensors(step)), index, progress, capture)
    return replace(chosen, backend=backend, remark=objection or chosen.remark)


def capture_on_gpu(
    backend: StepBackend, leaves: Sequence[Tensor], index: Tensor, progress: Tensor, capture: Capture | None = None
) -> tuple[StepBackend, str]:
    """On a GPU the step as a CUDA graph, or itself with a remark where that cannot be; elsewhere itself."""
    capture = capture or (capture_cuda_graph if index.device.type == "cuda" else None)
    if capture is None:
        return backend, ""
    try:
        return capture_step(backend, leaves, index, progress, capture), ""
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        return backend, f"its step cannot be captured in a CUDA graph ({reason}), and is slower for it"


@dataclass(frozen=True)
class _CompileRequest:
    """A step that may be compiled, with a batch like those of its run, and what compiles it."""

    step: TrainingStep
    index: Tensor
    progress: Tensor
    compiler: Compiler

    def compile(self, graph: StepGraph) -> StepBackend:
        """The step compiled: on a CPU with the channels of convolutions last in memory, which makes eager ones slower.

        It is laid out as it was where that fails.
        """
        if self.index.device.type != "cpu" or not self.step.has_convolutions():
            return self.compiler(self.step, graph, self.index, self.progress)
        self.step.set_memory_format(torch.channels_last)
        try:
            return self.compiler(self.step, self.trace(), self.index, self.progress)
        except BaseException:
            self.step.set_memory_format(torch.contiguous_format)
            raise

    def trace(self) -> StepGraph:
        return trace_step(self.step, self.index, self.progress)

    def time_steps(self, backend: StepBackend) -> StepTiming:
        """The time of its steps, and its losses; the step is left as it was."""
        return time_steps(backend, list_leaves(get_step_tensors(self.step)), self.index, self.progress)


def _choose_backend(request: _CompileRequest, steps: int, compiling: Compile, before: str) -> SelectedBackend:
    short = not before and steps < MIN_STEPS_TO_COMPILE
    if compiling == "never" or (compiling == "auto" and (before.startswith("eager") or short)):
        return SelectedBackend(request.step)
    try:
        return _compile_with_cache(request, request.trace(), is_certain=compiling == "always" or bool(before))
    except TracingError as error:
        return SelectedBackend(request.step, f"not compiled, since {error}; its {EAGER_COST}")


def _compile_with_cache(request: _CompileRequest, graph: StepGraph, *, is_certain: bool) -> SelectedBackend:
    """The step compiled with the cache of this machine or, where nothing can be written there, without one.

    Numbers must not depend on that. Raises TracingError where nothing can be written anywhere.
    """
    try:
        return _compile_in_cache(request, graph, is_certain=is_certain)
    except (OSError, ResultsError, TracingError) as error:
        cause = error.__cause__ if isinstance(error, TracingError) and error.__cause__ else error
        if isinstance(error, TracingError) and not is_write_error(cause):
            raise
    remark = f"compiled code is not kept, since {get_step_folder()} cannot be written to ({format_first_line(cause)})"
    try:
        with use_temporary_cache():
            chosen = _compile_in_cache(request, graph, is_certain=is_certain)
    except (OSError, ResultsError) as error:
        raise TracingError(f"there is no place for compiled code ({format_first_line(error)})") from error
    return replace(chosen, remark="; ".join(filter(None, [remark, chosen.remark])))


def _compile_in_cache(request: _CompileRequest, graph: StepGraph, *, is_certain: bool) -> SelectedBackend:
    """The compiled step unless, where that is not certain, it was or is found not to be worth it here.

    One process compiles a step; those that want the same wait for it.
    """
    name = make_step_key(graph, request.step.images)
    path = make_cache_folder(get_step_folder()) / f"{name}.json"
    with wait_for_lock(path.with_suffix(".lock")):
        trial = None if is_certain else read_trial(path)
        if trial and trial.objection:
            return SelectedBackend(request.step, trial.objection, trial)
        eager = None if is_certain or trial else request.time_steps(request.step)
        backend = request.compile(graph)
        if eager:
            trial = make_trial(eager, request.time_steps(backend))
            with contextlib.suppress(OSError):  # it is made again, which costs time and nothing else
                write_json(path, asdict(trial))
    if trial and trial.objection:
        request.step.set_memory_format(torch.contiguous_format)
        return SelectedBackend(request.step, trial.objection, trial)
    return SelectedBackend(backend, trial=trial)

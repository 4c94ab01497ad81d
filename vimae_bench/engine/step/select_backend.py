"""Which backend to make training steps with. Results are the same up to the rounding of float32, whichever it is."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...core.errors import ResultsError
from ...execution.jobs import Compile
from ...storage.atomic import is_write_error, read_json, write_json
from ...storage.cache_folder import make_cache_folder
from ...storage.locks import wait_for_lock
from .compiler_cache import get_step_folder, use_temporary_cache
from .cuda_graph import Capture, capture_cuda_graph, capture_step
from .graph import StepGraph, TracingError, format_first_line, get_step_tensors, list_leaves, trace_step
from .inductor import compile_step, make_step_key
from .rollback import restore_state_after
from .step import StepBackend, TrainingStep

Compiler = Callable[[TrainingStep, StepGraph, Tensor, Tensor], StepBackend]
"""What compiles a traced step for batches like an index, at a progress."""
MIN_STEPS_TO_COMPILE = 20_000
"""The steps of a run from which compiling pays: it takes some 20 s of one core once on a machine and 3 s in each later
run, and saves 1 to 3 ms of a step of the small networks that gain from it."""
MAX_RELATIVE_TIME = 0.95
"""The share of the eager step's time that a compiled one may take to be used."""
TIMED_STEPS, TIMED_SECONDS = 20, 5.0
"""How many steps of either backend are timed, at most, and for how many seconds."""
MAX_LOSS_DIFFERENCE = 1e-3
"""The relative difference of two losses after three steps above which two backends do not compute the same step."""
EAGER_COST = "steps stay eager, which takes 1.4 to 1.7 times as long on small networks"


@dataclass(frozen=True)
class BackendTiming:
    """What compiling a step brought on this machine.

    The seconds of the fastest step of either backend, and how far their losses differ, as a share of the loss.
    """

    eager: float
    compiled: float
    difference: float

    @property
    def objection(self) -> str:
        """Why not to use the compiled step; empty if there is no reason."""
        if not self.difference < MAX_LOSS_DIFFERENCE:
            return f"not compiled, since its loss then differs by {self.difference:.1g} of its value; its {EAGER_COST}"
        share = self.compiled / self.eager
        return f"its steps stay eager: compiled, one takes {share:.2f} of the time" if share > MAX_RELATIVE_TIME else ""


def select_backend(
    step: TrainingStep,
    batch: int,
    steps: int,
    compiling: Compile,
    before: str = "",
    *,
    compiler: Compiler = compile_step,
    capture: Capture | None = None,
) -> tuple[StepBackend, str]:
    """The backend with which a run of so many steps of `batch` images is done soonest, and a remark if there is one.

    `before` is the kind of backend with which the run began, if it did: it keeps it, as bits depend on it. Otherwise
    the choice follows from the number of steps, and from a trial of both backends that is made once on a machine. On a
    GPU the step is captured in a CUDA graph, with `capture` wherever one is given.
    """
    device = step.images.device
    index, progress = torch.arange(batch, device=device), torch.zeros((), device=device)
    backend, remark = _choose_backend(_CompileRequest(step, index, progress, compiler), steps, compiling, before)
    backend, objection = capture_on_gpu(backend, list_leaves(get_step_tensors(step)), index, progress, capture)
    return backend, objection or remark


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
        return self.compiler(self.step, graph, self.index, self.progress)


def _choose_backend(request: _CompileRequest, steps: int, compiling: Compile, before: str) -> tuple[StepBackend, str]:
    short = not before and steps < MIN_STEPS_TO_COMPILE
    if compiling == "never" or (compiling == "auto" and (before.startswith("eager") or short)):
        return request.step, ""
    try:
        graph = trace_step(request.step, request.index, request.progress)
        return _compile_with_cache(request, graph, is_certain=compiling == "always" or bool(before))
    except TracingError as error:
        return request.step, f"not compiled, since {error}; its {EAGER_COST}"


def _compile_with_cache(request: _CompileRequest, graph: StepGraph, *, is_certain: bool) -> tuple[StepBackend, str]:
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
            backend, objection = _compile_in_cache(request, graph, is_certain=is_certain)
    except (OSError, ResultsError) as error:
        raise TracingError(f"there is no place for compiled code ({format_first_line(error)})") from error
    return backend, "; ".join(filter(None, [remark, objection]))


def _compile_in_cache(request: _CompileRequest, graph: StepGraph, *, is_certain: bool) -> tuple[StepBackend, str]:
    """The compiled step unless, where that is not certain, it was or is found not to be worth it here.

    One process compiles a step; those that want the same wait for it.
    """
    name = make_step_key(graph, request.step.images)
    path = make_cache_folder(get_step_folder()) / f"{name}.json"
    with wait_for_lock(path.with_suffix(".lock")):
        timing = None if is_certain else _read_timing(path)
        if timing and timing.objection:
            return request.step, timing.objection
        backend = request.compile(graph)
        if not timing and not is_certain:
            timing = compare_backends(request.step, backend, request.index, request.progress)
            with contextlib.suppress(OSError):  # it is made again, which costs time and nothing else
                write_json(path, asdict(timing))
    return (request.step, timing.objection) if timing and timing.objection else (backend, "")


def _read_timing(path: Path) -> BackendTiming | None:
    try:
        return BackendTiming(**read_json(path)) if path.exists() else None
    except (ResultsError, TypeError):  # damaged, or of another version: tried again
        return None


def compare_backends(step: TrainingStep, backend: StepBackend, index: Tensor, progress: Tensor) -> BackendTiming:
    """Make both backends take the same steps, and time them in turns; the step is left as it was."""
    with restore_state_after(list_leaves(get_step_tensors(step))) as rewind:
        losses: list[Tensor] = []
        for one in (step, backend):
            rewind()
            torch.manual_seed(0)
            losses.append(torch.stack([one(index, progress)[0].double() for _ in range(3)]))
        difference = (losses[0] - losses[1]).abs().max() / losses[0].abs().max().clamp(min=1e-12)
        eager, fast = _time_steps((step, backend), index, progress)
    return BackendTiming(eager, fast, float(difference.nan_to_num(nan=1e9)))


def _time_steps(backends: Sequence[StepBackend], index: Tensor, progress: Tensor) -> list[float]:
    """The seconds of the fastest step of each backend: what else the machine does only adds to it."""
    found: list[list[float]] = [[] for _ in backends]
    end = time.perf_counter() + TIMED_SECONDS
    for _ in range(TIMED_STEPS):
        for backend, seconds in zip(backends, found, strict=True):
            began = time.perf_counter()
            backend(index, progress)[0].item()  # waits for the device
            seconds.append(time.perf_counter() - began)
        if time.perf_counter() > end:
            break
    return [min(seconds) for seconds in found]

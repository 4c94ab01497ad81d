"""Which form of a step to train with. Whatever the choice, results are the same up to the rounding of float32."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from ...core.errors import ResultsError
from ...execution.jobs import Compile
from ...storage.atomic import read_json, write_json
from .cuda_graph import cuda_graph, replayed
from .graph import Graph, NotOneGraph, leaves_of, tensors_of, trace
from .inductor import cache_folder, compiled, key
from .rollback import rehearsed
from .step import Form, TrainingStep

WORTH_COMPILING = 20_000
"""The steps of a run from which compiling pays: it takes some 20 s of one core once on a machine and 3 s in each later
run, and saves 1 to 3 ms of a step of the small networks that gain from it."""
WORTHWHILE = 0.95
"""The share of the eager step's time that a compiled one may take to be used."""
STEPS, SECONDS = 20, 5.0
"""How many steps of either form are timed, at most, and for how long."""
AGREEMENT = 1e-3
"""The relative difference of two losses after three steps above which two forms are not of one step."""
COST = "steps stay eager, which takes 1.4 to 1.7 times as long on small networks"


@dataclass(frozen=True)
class Gain:
    """What compiling a step brought on this machine.

    The seconds of the fastest step of either form, and how far their losses differ, as a share of the loss.
    """

    eager: float
    compiled: float
    difference: float

    @property
    def objection(self) -> str:
        """Why not to use the compiled step; empty if there is no reason."""
        if not self.difference < AGREEMENT:
            return f"not compiled, since its loss then differs by {self.difference:.1g} of its value; its {COST}"
        share = self.compiled / self.eager
        return f"its steps stay eager: compiled, one takes {share:.2f} of the time" if share > WORTHWHILE else ""


def fastest(step: TrainingStep, batch: int, steps: int, compiling: Compile, before: str = "") -> tuple[Form, str]:
    """The form of a step in which a run of so many steps of `batch` images is made soonest, and a remark if any.

    `before` is the kind of form in which the run began, if it did: it keeps it, as bits depend on it. Otherwise the
    choice follows from the number of steps, and from a trial of both forms that is made once on a machine.
    """
    device = step.images.device
    index, progress = torch.arange(batch, device=device), torch.zeros((), device=device)
    form, remark = _chosen(step, index, progress, steps, compiling, before)
    form, objection = captured(form, leaves_of(tensors_of(step)), index, progress)
    return form, objection or remark


def captured(form: Form, leaves: Sequence[Tensor], index: Tensor, progress: Tensor) -> tuple[Form, str]:
    """On a GPU the form as a CUDA graph, or itself with a remark where that cannot be; elsewhere itself."""
    if not _is_gpu(index.device):
        return form, ""
    try:
        return replayed(form, leaves, index, progress, cuda_graph), ""
    except RuntimeError as error:
        return form, f"its step cannot be captured in a CUDA graph ({str(error).splitlines()[0]}), and is slower for it"


def _is_gpu(device: torch.device) -> bool:
    return device.type == "cuda"


def _chosen(
    step: TrainingStep, index: Tensor, progress: Tensor, steps: int, compiling: Compile, before: str
) -> tuple[Form, str]:
    unasked = compiling == "auto" and (before.startswith("eager") or (not before and steps < WORTH_COMPILING))
    if compiling == "never" or unasked:
        return step, ""
    try:
        graph = trace(step, index, progress)
        untried = compiling == "always" or bool(before)
        return _compiled(step, graph, index, progress) if untried else _tried(step, graph, index, progress)
    except NotOneGraph as error:
        return step, f"not compiled, since {error}; its {COST}"


def _compiled(step: TrainingStep, graph: Graph, index: Tensor, progress: Tensor) -> tuple[Form, str]:
    with _locked(key(graph, step.images)):
        return compiled(step, graph, index, progress), ""


def _tried(step: TrainingStep, graph: Graph, index: Tensor, progress: Tensor) -> tuple[Form, str]:
    """The compiled step, unless it was or is found not to be worth it here."""
    name = key(graph, step.images)
    path = cache_folder() / f"{name}.json"
    with _locked(name):
        known = _read(path)
        if known and known.objection:
            return step, known.objection
        form = compiled(step, graph, index, progress)
        if not known:
            write_json(path, asdict(known := compare(step, form, index, progress)))
    return (step, known.objection) if known.objection else (form, "")


def _locked(name: str) -> FileLock:
    """One process compiles a step; those that want the same wait for it."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    return FileLock(cache_folder() / f"{name}.lock")


def _read(path: Path) -> Gain | None:
    try:
        return Gain(**read_json(path)) if path.exists() else None
    except (ResultsError, TypeError):  # damaged, or of another version: tried again
        return None


def compare(step: TrainingStep, form: Form, index: Tensor, progress: Tensor) -> Gain:
    """Make both forms take the same steps, and time them in turns; the step is left as it was."""
    with rehearsed(leaves_of(tensors_of(step))) as rewind:
        losses: list[Tensor] = []
        for one in (step, form):
            rewind()
            torch.manual_seed(0)
            losses.append(torch.stack([one(index, progress)[0].double() for _ in range(3)]))
        difference = (losses[0] - losses[1]).abs().max() / losses[0].abs().max().clamp(min=1e-12)
        eager, fast = _timed((step, form), index, progress)
    return Gain(eager, fast, float(difference.nan_to_num(nan=1e9)))


def _timed(forms: Sequence[Form], index: Tensor, progress: Tensor) -> list[float]:
    """The seconds of the fastest step of each form: what else the machine does only adds to it."""
    found: list[list[float]] = [[] for _ in forms]
    end = time.perf_counter() + SECONDS
    for _ in range(STEPS):
        for form, seconds in zip(forms, found, strict=True):
            began = time.perf_counter()
            form(index, progress)[0].item()  # waits for the device
            seconds.append(time.perf_counter() - began)
        if time.perf_counter() > end:
            break
    return [min(seconds) for seconds in found]

"""Training one model from its seed to its last epoch, resuming bit for bit where an earlier process was cut off."""

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ...core.errors import BenchError
from ...core.results import Status
from ...core.seeds import derive_seed
from ...core.spec import Training
from ...execution import signals
from ...execution.allocator import count_page_faults
from ...execution.jobs import NumericsOptions
from ...functional.random_state import seed_generators
from ...models.autoencoder import Autoencoder
from ...plugin.interfaces import Objective
from ...storage.run_folder import RunFolder, read_events
from ..provenance import OutdatedCheckpoint, Provenance, is_provenance, resume_provenance
from ..step.compiled_step import compile_step
from ..step.select_backend import Compiler, select_backend
from ..step.step import StepBackend, TrainingStep
from ..step.trial import BackendTrial
from . import checkpoint
from .precision import autocast_training
from .pretraining import pretrain_encoder

DEFAULT_NUMERICS = NumericsOptions()


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended: after how many epochs and steps, and why; with which kind of step and precision."""

    status: Status
    reason: str
    epochs: int
    steps: int
    step: str
    precision: str
    earlier: Sequence[Mapping[str, str]] = ()
    """The torch and device of earlier parts of the training, where these were others."""
    page_faults: float | None = None
    """Pages that the kernel gave for each step after the first epoch; thousands where freed memory is not kept."""
    trial: BackendTrial | None = None
    """What the kind of step was chosen by, if that was a trial of both."""


@dataclass(frozen=True)
class EpochProgress:
    """What was done of an epoch before it was interrupted: its steps, the float64 sums of their terms, its seconds.

    `noise` is the state of torch's generator behind them; None before the first.
    """

    steps: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    noise: Tensor | None = None
    seconds: float = 0.0


EPOCH_START = EpochProgress()


class EpochInterrupted(signals.Interrupted):
    """An epoch that was interrupted between two steps, so that the run can end."""

    def __init__(self, number: int, done: EpochProgress):
        super().__init__(number)
        self.done = done


def train_model(
    model: Autoencoder,
    objective: Objective,
    training: Training,
    images: Tensor,
    seed: int,
    folder: RunFolder,
    numerics: NumericsOptions = DEFAULT_NUMERICS,
    *,
    provenance: Provenance | None = None,
    checkpoint_seconds: float | None = None,
    compiler: Compiler = compile_step,
) -> TrainingResult:
    """Train on images uint8 [N, C, H, W]; each epoch is an event in `folder`, with a checkpoint now and then.

    `checkpoint_seconds` is the time of training between two checkpoints, by default `checkpoint.INTERVAL_SECONDS`.
    What the training is made from and by, its `provenance`, is kept in them: one of other data is refused by a
    DataError; one by another version of a plugin is removed, and the training starts over.

    Everything random in an epoch follows from (seed, epoch), so that a checkpoint between two epochs needs no
    generator's state. Raises BenchError if there are fewer images than one batch; Interrupted at the next step after a
    signal, on the CPU with a checkpoint of that step.
    """
    batches = len(images) // training.batch
    if not batches:
        raise BenchError(f"{len(images)} training images do not fill one batch of {training.batch}")
    step = TrainingStep(model.train(), objective, training, images)
    resumed = _restore_checkpoint(model, step, folder, provenance)
    first, before, done = resumed.epoch, resumed.step_kind, resumed.done
    earlier = resumed.provenance.earlier if resumed.provenance else ()
    by = {"made_from": resumed.provenance.key} if resumed.provenance else {}
    by["form"] = checkpoint.describe_form({"model": model.state_dict(), "optimisers": step.get_state()})
    folder.append_event("preparing", time=time.time())
    with autocast_training(model, images.device, training.precision, exact=numerics.exact) as precision:
        if not before:
            pretrain_encoder(model, step, training, seed)
        chosen = select_backend(
            step, training.batch, training.epochs * batches, numerics.compile, before, compiler=compiler
        )
        backend, remark = chosen.backend, "; ".join(filter(None, [resumed.remark, chosen.remark]))
        begun = TrainingResult("done", "", 0, 0, backend.kind, precision, earlier, trial=chosen.trial)
        folder.append_event("started", time=time.time(), resumed_from=first, step=backend.kind, remark=remark, **by)
        saved, interval = time.perf_counter(), checkpoint.get_interval(checkpoint_seconds)
        faults = count_page_faults()
        for epoch in range(first + 1, training.epochs + 1):
            began = time.perf_counter() - done.seconds
            try:
                terms = _train_epoch(backend, training, images, seed, epoch, done)
            except EpochInterrupted as interrupted:
                state = _make_state(model, step, backend, resumed.provenance)
                _save_interrupted(interrupted.done, epoch, began, state, folder, images.device)
                raise
            if reason := describe_non_finite_terms(terms, epoch):
                return replace(begun, status="diverged", reason=reason, epochs=epoch, steps=epoch * batches)
            seconds, done = time.perf_counter() - began, EPOCH_START
            if epoch == first + 1:
                faults = count_page_faults()
            folder.append_event("epoch", epoch=epoch, time=time.time(), seconds=round(seconds, 6), terms=terms)
            if epoch < training.epochs and time.perf_counter() - saved >= interval:
                checkpoint.save_checkpoint(
                    folder.checkpoints, epoch, _make_state(model, step, backend, resumed.provenance)
                )
                saved = time.perf_counter()
    if counted := (training.epochs - first - 1) * batches:
        begun = replace(begun, page_faults=round((count_page_faults() - faults) / counted, 1))
    reason = describe_non_finite_weights(model)  # the last step comes after the last loss
    status: Status = "diverged" if reason else "done"
    return replace(begun, status=status, reason=reason, epochs=training.epochs, steps=training.epochs * batches)


def _make_state(
    model: Autoencoder, step: TrainingStep, backend: StepBackend, provenance: Provenance | None
) -> dict[str, Any]:
    state = {"model": model.state_dict(), "optimisers": step.get_state(), "step": backend.kind}
    return state | ({"made_from": provenance.as_json()} if provenance else {})


def _save_interrupted(
    done: EpochProgress, epoch: int, began: float, state: dict[str, Any], folder: RunFolder, device: torch.device
) -> None:
    """Save the state within an epoch; on a GPU, whose generators it does not hold, the epoch begins again."""
    if device.type == "cpu":
        done = replace(done, noise=torch.get_rng_state(), seconds=time.perf_counter() - began)
        checkpoint.save_checkpoint(folder.checkpoints, epoch - 1, {**state, "part": vars(done)}, done.steps)
    folder.append_event("interrupted", epoch=epoch, steps=done.steps, time=time.time())


def _train_epoch(
    step: StepBackend, training: Training, images: Tensor, seed: int, epoch: int, done: EpochProgress
) -> dict[str, float]:
    """One pass over the images, or the rest of one; gives the mean of each term."""
    seed_generators(derive_seed(seed, "noise", epoch))
    batches = draw_batches(len(images), training, seed, epoch).to(images.device)
    if done.noise is not None:
        torch.set_rng_state(done.noise)
    means = run_epoch(step, batches, training, epoch, done).tolist()
    return dict(zip(step.terms, means, strict=True))  # which there are is known after the first step


def draw_batches(images: int, training: Training, seed: int, epoch: int) -> Tensor:
    """A permutation of the images in batches, the incomplete last one dropped, int64 [batches, B].

    With `sampling = "choice"` every batch is drawn by itself, without replacement, from all images.
    """
    generator, n = torch.Generator().manual_seed(derive_seed(seed, "order", epoch)), images // training.batch
    if training.sampling == "choice":
        return torch.stack([torch.randperm(images, generator=generator)[: training.batch] for _ in range(n)])
    return torch.randperm(images, generator=generator)[: n * training.batch].unflatten(0, (n, training.batch))


def run_epoch(
    step: StepBackend, batches: Tensor, training: Training, epoch: int, done: EpochProgress = EPOCH_START
) -> Tensor:
    """The mean of the terms, float64, over the steps of an epoch on the batches [n, ...] of images.

    Raises EpochInterrupted between two steps after a signal.
    """
    n = len(batches)
    progress = torch.arange((epoch - 1) * n, epoch * n, device=batches.device) / (training.epochs * n)
    sums = done.sums.to(batches.device)
    remaining = zip(batches.unbind()[done.steps :], progress.unbind()[done.steps :], strict=True)
    for steps, (index, at) in enumerate(remaining, done.steps):
        if number := signals.pending():
            raise EpochInterrupted(number, EpochProgress(steps, sums))
        sums = sums + step(index, at).double()
    return sums / n


def describe_non_finite_terms(terms: Mapping[str, float], epoch: int) -> str:
    """Which means of an epoch are not finite, in words; empty if all are."""
    bad = [name for name, value in terms.items() if not math.isfinite(value)]
    return f"{', '.join(bad)} not finite in epoch {epoch}" if bad else ""


def describe_non_finite_weights(model: Autoencoder) -> str:
    """Which weights are not finite, in words; empty if all are."""
    lost = [name for name, p in model.named_parameters() if not bool(p.isfinite().all())]
    return f"{', '.join(lost)} not finite after the last step" if lost else ""


@dataclass(frozen=True)
class _Resumption:
    """Where a training goes on.

    After which epoch (0: it starts), by which kind of step that was reached, what was done of the next epoch; what all
    of it is made from and by, and what there is to say of that.
    """

    epoch: int
    step_kind: str
    done: EpochProgress
    provenance: Provenance | None
    remark: str = ""


def _restore_checkpoint(
    model: Autoencoder, step: TrainingStep, folder: RunFolder, provenance: Provenance | None
) -> _Resumption:
    """Restore the newest checkpoint that the training can go on from.

    Raises DataError for one of other data. One by another version of a plugin is removed, with all others.
    """
    start = _Resumption(0, "", EPOCH_START, provenance)
    found: tuple[int, dict[str, Any]] | None = checkpoint.load_latest_checkpoint(
        folder.checkpoints,
        model.prior.origin.device,
        lambda epoch, state: epoch < step.training.epochs and fits_training(state, model, step),
        checkpoint.count_bytes(model),
    )
    found, provenance, remark = choose_start([folder], folder.checkpoints, found, provenance)
    if found is None:
        return replace(start, remark=remark)
    epoch, state = found
    model.load_state_dict(state["model"])
    step.restore_state(state["optimisers"])
    done = EpochProgress(**state["part"]) if "part" in state else EPOCH_START
    return _Resumption(epoch, state["step"], done, provenance, remark)


def fits_training(state: Mapping[str, Any], model: Autoencoder, step: TrainingStep) -> bool:
    """Whether a state is one of this training; those of earlier versions, without a kind of step, are not."""
    part = state.get("part")
    expected = {"model": model.state_dict(), "optimisers": step.get_state(), "step": ""}
    if not checkpoint.has_form_of({name: state.get(name) for name in expected}, expected) or not may_be_resumed(state):
        return False
    return part is None or _is_part_of_epoch(part)


def _is_part_of_epoch(part: object) -> bool:
    if not isinstance(part, dict):
        return False
    found = cast("dict[str, Any]", part)
    sums = found.get("sums")
    expected = vars(EPOCH_START) | {"noise": torch.get_rng_state(), "sums": sums}
    is_one = isinstance(sums, Tensor) and sums.ndim <= 1 and checkpoint.has_form_of(found, expected)
    return is_one and found["steps"] >= 0


def may_be_resumed(state: Mapping[str, Any]) -> bool:
    """Whether what a state says of its making, if anything, can be compared with that of another training."""
    return "made_from" not in state or is_provenance(state["made_from"])


def choose_start(
    folders: Sequence[RunFolder],
    checkpoints: Path,
    found: tuple[int, dict[str, Any]] | None,
    provenance: Provenance | None,
) -> tuple[tuple[int, dict[str, Any]] | None, Provenance | None, str]:
    """The state in `checkpoints` that runs go on from, what they are then made from, and what there is to say of it.

    `found` is the epoch and the state of the newest. Raises DataError for one of other data.
    """
    if found is None:
        return None, provenance, max(_forget_other_epochs(folder, provenance) for folder in folders)
    if provenance is None:
        return found, None, ""
    epoch, state = found
    try:
        provenance, remark = resume_provenance(state.get("made_from"), provenance, f"the checkpoint in {checkpoints}")
    except OutdatedCheckpoint as outdated:
        return None, provenance, _restart_training(folders, checkpoints, epoch, outdated)
    return found, provenance, remark


def _restart_training(folders: Sequence[RunFolder], checkpoints: Path, epoch: int, outdated: OutdatedCheckpoint) -> str:
    """Begin trainings again, whose checkpoints after an epoch cannot be gone on from; gives what there is to say."""
    remark = f"its training starts over, {epoch} epochs having been made by other code ({outdated})"
    for folder in folders:
        folder.append_event("restarted", time=time.time(), remark=remark)
    shutil.rmtree(checkpoints)
    return remark


def _forget_other_epochs(folder: RunFolder, provenance: Provenance | None) -> str:
    """Take epochs without a checkpoint out of a run's history if they were made from or by something else.

    Gives what there is to say of that. Epochs made from and by the same are repeated as they were.
    """
    starts = [line for line, _ in read_events(folder.events) if line["event"] == "started"]
    before = starts[-1].get("made_from") if starts else None
    if provenance is None or before in (None, provenance.key) or not (epochs := len(folder.read_history())):
        return ""
    remark = f"its training starts over, {epochs} epochs having been made by other code or from other data"
    folder.append_event("restarted", time=time.time(), remark=remark)
    return remark

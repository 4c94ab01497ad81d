"""One job carried out in a worker: train, measure and draw what is not trained, measured and drawn yet."""

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from filelock import FileLock, Timeout

from ..core.errors import BenchError, escape_control_characters
from ..core.results import Status
from ..data.layout import read_digests
from ..data.prepare import open_splits, resolve_folder
from ..data.types import Splits
from ..execution import signals
from ..execution.jobs import DONE, FAILED, LEFT, NO_SPACE, Job
from ..models.autoencoder import Autoencoder
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Objective
from ..plugin.manager import PLUGIN_ERRORS
from ..storage.atomic import is_disk_full, remove_temporary_files
from ..storage.run_folder import RunFolder, reference_path
from . import record
from .build import build, dataset_of, frame_of, objective_of
from .measure import measure, refer
from .pictures import draw
from .seed_group import train_seeds
from .training.loop import train
from .training.peak_memory import forget_peak, peak


def execute(job: Job) -> int:
    """Carry out one job and give its exit code. Whatever goes wrong is in the run's record and log.

    A job of several seeds trains them together, then does for each of them what is left to do.
    """
    every = [
        replace(o, device=job.device, max_concurrent=job.max_concurrent, batched_with=())
        for o in (job, *job.batched_with)
    ]
    if job.batched_with:
        _train_together(every)
    return max(_execute(one) for one in every)


def _train_together(jobs: Sequence[Job]) -> None:
    """Whatever hinders it, the seeds that are not trained afterwards are trained alone."""
    try:
        train_seeds(jobs)
    except PLUGIN_ERRORS as error:
        remark = f"its seeds are trained one by one, since {_told(error)}"
        RunFolder(jobs[0].folder).append_event("alone", time=time.time(), remark=remark)


def _execute(job: Job) -> int:
    folder = RunFolder(job.folder)
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.lock, timeout=0), torch.random.fork_rng(devices=[]):
            return _locked(job, folder)
    except Timeout:
        return LEFT
    except OSError as error:
        if is_disk_full(error, folder.path):
            return NO_SPACE
        raise


def _locked(job: Job, folder: RunFolder) -> int:
    began = time.perf_counter()
    remove_temporary_files(folder.path)
    if _complete(job, folder):  # by another process, since this one was told
        if not folder.has_ended:  # killed before it could say so
            folder.append_event("ended", status=record.status(folder), time=time.time())
        return DONE
    try:
        folder.write_spec(job.entry.run)
        torch.set_num_threads(job.entry.run.training.threads)
        evaluation = _trained(job, folder)
        failures = _look(job, folder, evaluation) if evaluation else []
        seconds = round(time.perf_counter() - began, 3)
        folder.append_event("ended", status="done" if evaluation else "diverged", time=time.time(), seconds=seconds)
    except PLUGIN_ERRORS as error:  # the run has failed, the matrix goes on
        return _failed(job, folder, error)
    return FAILED if failures else DONE


def _failed(job: Job, folder: RunFolder, error: BaseException) -> int:
    """Record why a run failed, if that can be written."""
    full = is_disk_full(error, folder.path)
    reason = f"no space left in {folder.path}" if full else _told(error)
    try:
        record.write_failure(folder, job.entry.run, reason)
        folder.append_event("ended", status="failed", reason=reason, time=time.time())
    except OSError as second:
        if not is_disk_full(second, folder.path):
            raise
        return NO_SPACE
    return NO_SPACE if full else FAILED


def _complete(job: Job, folder: RunFolder) -> bool:
    """Whether training has ended and nothing is left to be made of its model."""
    status = record.status(folder)
    return status == "diverged" or (status == "done" and not any(_missing(job, folder)))


def _trained(job: Job, folder: RunFolder) -> Evaluation | None:
    """The trained model on its data, trained now if it was not before; None if it diverged."""
    run, device = job.entry.run, torch.device(job.device)
    dataset, objective = dataset_of(run), objective_of(run)
    splits = open_splits(dataset, job.data)
    model = build(run, frame_of(run, splits.shape), objective, device)
    status = record.ending(folder)
    if status is None:
        status = _train(job, folder, model, objective, splits)
    elif status == "done":
        record.load_weights(folder.weights, model)
    shutil.rmtree(folder.checkpoints, ignore_errors=True)  # several times the size of the weights
    return Evaluation(model.eval(), splits, run.dataset.name, run.seed, device) if status == "done" else None


def _train(job: Job, folder: RunFolder, model: Autoencoder, objective: Objective, splits: Splits) -> Status:
    """Train the model and write its record; gives how that ended. A signal waits until it is written."""
    run, began = job.entry.run, time.perf_counter()
    forget_peak(device := torch.device(job.device))
    images = torch.from_numpy(splits.train.x).to(device)
    with signals.defer():
        trained = train(model, objective, run.training, images, run.seed, folder, job.numerics)
        seconds = {
            "steps": sum(line["seconds"] for line in folder.read_history()),
            "training": time.perf_counter() - began,
        }
        digests = read_digests(resolve_folder(dataset_of(run), job.data))
        record.write(folder, job, trained, model, digests, seconds, peak(device))
    return trained.status


def _look(job: Job, folder: RunFolder, evaluation: Evaluation) -> list[str]:
    """Make all that is wanted of a trained model; gives the reasons of what failed, which harms nothing else."""
    failures: list[str] = []
    for what, make in _missing(job, folder):
        signals.raise_if_pending()
        try:
            folder.append_event("measuring", metric=what, time=time.time())
            make(evaluation)
        except PLUGIN_ERRORS as error:
            if is_disk_full(error, folder.path):
                raise
            failures.append(f"{what}: {_told(error)}")
            folder.append_event("metric failed", reason=failures[-1], time=time.time())
    return failures


def _missing(job: Job, folder: RunFolder) -> Iterator[tuple[str, Callable[[Evaluation], None]]]:
    """What is not there yet of a trained model, by name, each with what makes it."""
    run = job.entry.run
    if not folder.pictures.exists():
        yield "pictures", lambda evaluation: draw(evaluation, folder.read_history(), folder.pictures)
    for choice in job.entry.metrics:
        if not folder.metric(choice).exists():
            yield choice.name, partial(measure, choice=choice, path=folder.metric(choice))
        path = reference_path(folder.path.parents[1], run.dataset, run.latent, choice)
        if not path.exists():
            yield f"references of {choice.name}", partial(refer, choice=choice, path=path, dataset=run.dataset)


def _told(error: BaseException) -> str:
    """The error in a line; one that is no user's mistake leaves its traceback in the run's log."""
    if isinstance(error, BenchError):
        return str(error)
    print(escape_control_characters(traceback.format_exc()), file=sys.stderr)
    return f"{type(error).__name__}: {error}"

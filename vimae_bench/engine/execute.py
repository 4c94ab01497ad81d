"""One order carried out in a worker: train, measure and draw what is not trained, measured and drawn yet."""

import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from filelock import FileLock, Timeout

from ..errors import BenchError
from ..files import sweep
from ..folder import RunFolder, reference_path
from ..records import Order
from . import record
from .assembly import build, dataset_of, frame_of, objective_of
from .data import folder_of, open_splits
from .group import train_seeds
from .layout import known_digests
from .metrics import measure, refer
from .pictures import draw
from .training import train
from .trial import Trial

DONE, FAILED, BUSY = 0, 1, 75
"""Exit codes of an order; BUSY (EX_TEMPFAIL): interrupted, or another process is at it."""


def execute(order: Order) -> int:
    """Carry out one order and give its exit code. Whatever goes wrong is in the run's record and log.

    An order of several seeds trains them together, then does for each of them what is left to do.
    """
    every = [replace(o, device=order.device, sharing=order.sharing, seeds=()) for o in (order, *order.seeds)]
    if order.seeds:
        _train_together(every)
    return max(_execute(one) for one in every)


def _train_together(orders: Sequence[Order]) -> None:
    """Whatever hinders it, the seeds that are not trained afterwards are trained alone."""
    try:
        train_seeds(orders)
    except Exception as error:  # a plugin may raise anything
        remark = f"its seeds are trained one by one, since {_told(error)}"
        RunFolder(orders[0].folder).tell("alone", time=time.time(), remark=remark)


def _execute(order: Order) -> int:
    folder = RunFolder(order.folder)
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.lock, timeout=0), torch.random.fork_rng(devices=[]):
            return _locked(order, folder)
    except Timeout:
        return BUSY


def _locked(order: Order, folder: RunFolder) -> int:
    began = time.perf_counter()
    sweep(folder.path)
    folder.write_spec(order.cell.run)
    torch.set_num_threads(order.cell.run.training.threads)
    try:
        trial = _trained(order, folder)
    except Exception as error:  # a plugin may raise anything; the run has failed, the matrix goes on
        record.write_failure(folder, order.cell.run, reason := _told(error))
        folder.tell("ended", status="failed", reason=reason, time=time.time())
        return FAILED
    failures = _look(order, folder, trial) if trial else []
    seconds = round(time.perf_counter() - began, 3)
    folder.tell("ended", status="done" if trial else "diverged", time=time.time(), seconds=seconds)
    return FAILED if failures else DONE


def _trained(order: Order, folder: RunFolder) -> Trial | None:
    """The trained model on its data, trained now if it was not before; None if it diverged."""
    run, device = order.cell.run, torch.device(order.device)
    dataset, objective = dataset_of(run), objective_of(run)
    splits = open_splits(dataset, order.data)
    model = build(run, frame_of(run, splits.shape), objective, device)
    status = record.ending(folder)
    if status is None:
        began = time.perf_counter()
        images = torch.from_numpy(splits.train.x).to(device)
        trained = train(model, objective, run.training, images, run.seed, folder, order.means)
        seconds = {"steps": sum(line["seconds"] for line in folder.history()), "training": time.perf_counter() - began}
        record.write(folder, order, trained, model, known_digests(folder_of(dataset, order.data)), seconds)
        status = trained.status
    elif status == "done":
        record.load_weights(folder.weights, model)
    shutil.rmtree(folder.checkpoints, ignore_errors=True)  # several times the size of the weights
    return Trial(model.eval(), splits, run.dataset.use, run.seed, device) if status == "done" else None


def _look(order: Order, folder: RunFolder, trial: Trial) -> list[str]:
    """Make all that is wanted of a trained model; gives the reasons of what failed, which harms nothing else."""
    failures: list[str] = []
    for what, make in _wanted(order, folder, trial):
        try:
            folder.tell("measuring", metric=what, time=time.time())
            make()
        except Exception as error:  # a stranger's metric may raise anything
            failures.append(f"{what}: {_told(error)}")
            folder.tell("metric failed", reason=failures[-1], time=time.time())
    return failures


def _wanted(order: Order, folder: RunFolder, trial: Trial) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is not there yet, by name, each with what makes it."""
    run = order.cell.run
    if not folder.pictures.exists():
        yield "pictures", lambda: draw(trial, folder.history(), folder.pictures)
    for choice in order.cell.metrics:
        if not folder.metric(choice).exists():
            yield choice.use, partial(measure, trial, choice, folder.metric(choice))
        path = reference_path(folder.path.parents[1], run.dataset, run.latent, choice)
        if not path.exists():
            yield f"references of {choice.use}", partial(refer, trial, choice, path, run.dataset)


def _told(error: Exception) -> str:
    """The error in a line; one that is no user's mistake leaves its traceback in the run's log."""
    if isinstance(error, BenchError):
        return str(error)
    traceback.print_exc()
    return f"{type(error).__name__}: {error}"

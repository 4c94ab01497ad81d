"""One order carried out in a worker: train, measure and draw what is not trained, measured and drawn yet."""

import time
import traceback
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from ..errors import BenchError
from ..files import sweep
from ..folder import RunFolder
from ..kinds import Splits
from ..model import Autoencoder
from ..records import Order
from . import record
from .assembly import build, dataset_of, frame_of, objective_of
from .data import folder_of, open_splits
from .layout import digests
from .metrics import measure, refer
from .pictures import draw
from .training import train
from .trial import Trial

DONE, FAILED, BUSY = 0, 1, 75
"""Exit codes of an order; BUSY (EX_TEMPFAIL): interrupted, or another process is at it."""


def execute(order: Order) -> int:
    """Carry out one order and give its exit code. Whatever goes wrong is in the run's record and log."""
    folder = RunFolder(order.folder)
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder.lock, timeout=0), torch.random.fork_rng(devices=[]):
            return _locked(order, folder)
    except Timeout:
        return BUSY


def _locked(order: Order, folder: RunFolder) -> int:
    sweep(folder.path)
    folder.write_spec(order.cell.run)
    try:
        failures = _carry_out(order, folder)
    except Exception as error:  # a plugin may raise anything; the run has failed, the matrix goes on
        traceback.print_exc()
        reason = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
        record.write_failure(folder, order.cell.run, reason)
        folder.tell("ended", status="failed", reason=reason, time=time.time())
        return FAILED
    for reason in failures:
        folder.tell("metric failed", reason=reason, time=time.time())
    folder.tell("ended", status="done", time=time.time())
    return FAILED if failures else DONE


def _carry_out(order: Order, folder: RunFolder) -> list[str]:
    run, device = order.cell.run, torch.device(order.device)
    torch.set_num_threads(run.training.threads)
    dataset = dataset_of(run)
    splits = open_splits(dataset, order.data)
    objective = objective_of(run)
    model = build(run, frame_of(run, splits.shape), objective, device)
    if not record.trained_before(folder):
        images = torch.from_numpy(splits.train.x).to(device)
        began = time.perf_counter()
        trained = train(model, objective, run.training, images, run.seed, folder)
        seconds = {"steps": sum(line["seconds"] for line in folder.history()), "training": time.perf_counter() - began}
        record.write(folder, run, trained, model, digests(folder_of(dataset, order.data)), seconds)
        if trained.status == "diverged":
            return []
    elif not folder.weights.exists():
        return []  # it diverged
    else:
        record.load_weights(folder.weights, model)
    return _look(order, folder, model, splits)


def _look(order: Order, folder: RunFolder, model: Autoencoder, splits: Splits) -> list[str]:
    """Measure and draw a trained model."""
    run = order.cell.run
    trial = Trial(model.eval(), splits, run.dataset.use, run.seed, torch.device(order.device))
    if not folder.pictures.exists():
        draw(trial, folder.history(), folder.pictures)
    failures = measure(trial, order.cell.metrics, folder)
    refer(trial, order.cell.metrics, _references(folder), run.dataset)
    return failures


def _references(folder: RunFolder) -> Path:
    return folder.path.parent.parent / "references"

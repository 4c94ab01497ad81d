"""Executes a job: trains, measures and draws what is not trained, measured and drawn yet."""

import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from filelock import Timeout

from ..core.canonical import Json
from ..core.errors import BenchError, DataError, escape_control_characters
from ..core.results import Status
from ..core.spec import PluginSpec
from ..data.prepare import open_splits
from ..data.types import Splits
from ..execution import signals
from ..execution.allocator import release_freed_memory
from ..execution.events import ExitCode
from ..execution.jobs import Job
from ..models.autoencoder import Autoencoder
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Objective
from ..plugin.manager import PLUGIN_ERRORS, find_plugin_line
from ..storage.atomic import is_disk_full, remove_temporary_files
from ..storage.run_folder import RunFolder, baseline_path
from . import record
from .build import build_model, make_dataset, make_model_spec, make_objective, prepare_evaluation
from .measure import has_baselines, measure_baselines, measure_model
from .pictures import draw_pictures
from .provenance import describe_measuring, describe_training, read_data_digests, require_same_data
from .seed_group import train_seed_group
from .training.loop import train_model
from .training.peak_memory import read_peak_memory, reset_peak_memory

SEVERITY = (ExitCode.DONE, ExitCode.FAILED, ExitCode.INTERRUPTED, ExitCode.NO_SPACE)
"""From the exit code that asks least of the runner to the one that asks most."""


def execute_job(job: Job) -> int:
    """Do one job and give its exit code. Whatever goes wrong is in the run's record and log.

    A job of several seeds trains them together, then does for each of them what is left to do. Its exit code is the
    most severe of theirs, and each seed's own is in the events of its run.
    """
    here = {"device": job.device, "max_concurrent": job.max_concurrent, "batched_with": ()}
    every = [replace(one, **here) for one in (job, *job.batched_with)]
    refusal = _train_together(every) if job.batched_with else None
    return max((_execute_one(one, refusal) for one in every), key=SEVERITY.index)


def _train_together(jobs: Sequence[Job]) -> DataError | None:
    """Whatever hinders it, the seeds that are not trained afterwards are trained alone, unless their data are refused.

    Gives why they are.
    """
    try:
        train_seed_group(jobs)
    except DataError as error:
        return error
    except PLUGIN_ERRORS as error:
        remark = f"its seeds are trained one by one, since {_describe_error(error)}"
        RunFolder(jobs[0].folder).append_event("alone", time=time.time(), remark=remark)


def _execute_one(job: Job, refusal: DataError | None) -> ExitCode:
    """Do the job of one seed, or record why its data are refused."""
    folder = RunFolder(job.folder)
    try:
        with folder.claim(), torch.random.fork_rng(devices=[]):
            return _execute_claimed(job, folder, refusal)
    except Timeout:
        return ExitCode.INTERRUPTED
    except OSError as error:
        if is_disk_full(error, folder.path):
            return ExitCode.NO_SPACE
        raise


def _execute_claimed(job: Job, folder: RunFolder, refusal: DataError | None) -> ExitCode:
    began = time.perf_counter()
    remove_temporary_files(folder.path)
    if _is_complete(job, folder):  # another process has done it since the job was made
        if not folder.has_ended:  # and was killed before it could write its last event
            _append_end(folder, record.read_status(folder), ExitCode.DONE)
        return ExitCode.DONE
    try:
        folder.write_spec(job.entry.run)
        if refusal:
            raise refusal
        torch.set_num_threads(job.entry.run.training.threads)
        evaluation = _load_or_train(job, folder)
        failures = _evaluate(job, folder, evaluation) if evaluation else []
        code = ExitCode.FAILED if failures else ExitCode.DONE
        seconds = round(time.perf_counter() - began, 3)
        _append_end(folder, "done" if evaluation else "diverged", code, seconds=seconds)
    except PLUGIN_ERRORS as error:  # the run has failed, the other runs go on
        return _record_failure(job, folder, error)
    return code


def _append_end(folder: RunFolder, status: str | None, code: ExitCode, **more: object) -> None:
    folder.append_event("ended", status=status, exit_code=int(code), time=time.time(), **more)


def _record_failure(job: Job, folder: RunFolder, error: BaseException) -> ExitCode:
    """Record why a run failed, if that can be written."""
    full = is_disk_full(error, folder.path)
    reason = f"no space left in {folder.path}" if full else _describe_error(error)
    try:
        record.write_failure(folder, job.entry.run, reason)
        _append_end(folder, "failed", ExitCode.NO_SPACE if full else ExitCode.FAILED, reason=reason)
    except OSError as second:
        if not is_disk_full(second, folder.path):
            raise
        return ExitCode.NO_SPACE
    return ExitCode.NO_SPACE if full else ExitCode.FAILED


def _is_complete(job: Job, folder: RunFolder) -> bool:
    """Whether training has ended and nothing is left to be made of its model."""
    status = record.read_status(folder)
    return status == "diverged" or (status == "done" and not any(_list_pending_outputs(job, folder)))


def _load_or_train(job: Job, folder: RunFolder) -> Evaluation | None:
    """The trained model on its data, trained now if it was not before; None if it diverged."""
    run, device = job.entry.run, torch.device(job.device)
    dataset, objective = make_dataset(run), make_objective(run)
    splits = open_splits(dataset, job.data)
    digests = read_data_digests(run, job.data)
    model = build_model(run, make_model_spec(run, splits.shape), objective, device)
    status = record.read_ending(folder)
    if status is None:
        status = _train(job, folder, model, objective, splits, digests)
    elif status == "done":
        require_same_data(folder.read_record().get("data") or {}, digests, f"the run in {folder.path}")
        record.load_weights(folder.weights, model)
    shutil.rmtree(folder.checkpoints, ignore_errors=True)  # several times the size of the weights
    if status != "done":
        return None
    return Evaluation(prepare_evaluation(model), splits, run.dataset.name, run.seed, device)


def _train(
    job: Job, folder: RunFolder, model: Autoencoder, objective: Objective, splits: Splits, digests: Mapping[str, str]
) -> Status:
    """Train the model and write its record; gives how that ended. A signal waits until it is written."""
    run, began = job.entry.run, time.perf_counter()
    reset_peak_memory(device := torch.device(job.device))
    images = torch.from_numpy(splits.train.x).to(device)
    with signals.defer():
        provenance = describe_training(run, digests, device)
        try:
            result = train_model(
                model, objective, run.training, images, run.seed, folder, job.numerics, provenance=provenance
            )
        except PLUGIN_ERRORS:
            signals.raise_if_pending()  # a compiler, say, got the signal too and ended
            raise
        seconds = {
            "steps": sum(line["seconds"] for line in folder.read_history()),
            "training": time.perf_counter() - began,
        }
        require_same_data(digests, read_data_digests(run, job.data), f"the training in {folder.path}")
        record.write_record(folder, job, result, model, dict(digests), seconds, read_peak_memory(device))
    release_freed_memory()
    return result.status


def _evaluate(job: Job, folder: RunFolder, evaluation: Evaluation) -> list[str]:
    """Make all that is wanted of a trained model; gives the reasons of what failed, which harms nothing else."""
    failures: list[str] = []
    for what, make in _list_pending_outputs(job, folder):
        signals.raise_if_pending()
        try:
            folder.append_event("measuring", metric=what, time=time.time())
            make(evaluation)
            release_freed_memory()
        except PLUGIN_ERRORS as error:
            if is_disk_full(error, folder.path):
                raise
            failures.append(f"{what}: {_describe_error(error)}")
            folder.append_event("metric failed", reason=failures[-1], time=time.time())
    return failures


def _list_pending_outputs(job: Job, folder: RunFolder) -> Iterator[tuple[str, Callable[[Evaluation], None]]]:
    """What is not there yet of a trained model, by name, each with what makes it."""
    run = job.entry.run
    data: Json = folder.read_record().get("data") or {}
    origin = partial(_describe_origin, job, data)
    if not folder.pictures.exists():
        yield "pictures", lambda evaluation: draw_pictures(evaluation, folder.pictures)
    for metric_spec in job.entry.metrics:
        if not folder.metric_path(metric_spec).exists():
            path = folder.metric_path(metric_spec)
            yield metric_spec.name, partial(measure_model, metric_spec=metric_spec, path=path, describe_origin=origin)
        path = baseline_path(folder.benchmark, run.dataset, run.latent, metric_spec)
        if not has_baselines(path, data):
            make = partial(
                measure_baselines,
                metric_spec=metric_spec,
                path=path,
                dataset=run.dataset,
                describe_origin=origin,
            )
            yield f"references of {metric_spec.name}", make


def _describe_origin(job: Job, data: Mapping[str, str], metric: PluginSpec) -> Json:
    """What a measure is made from and by. Raises DataError if the data are not those of the training any more."""
    now = read_data_digests(job.entry.run, job.data)
    require_same_data(data, now, f"the run in {job.folder}")
    return describe_measuring(metric, now, torch.device(job.device))


def _describe_error(error: BaseException) -> str:
    """The error in a line; one that is not a user's mistake leaves its traceback in the run's log."""
    if isinstance(error, BenchError):
        return str(error)
    print(escape_control_characters(traceback.format_exc()), file=sys.stderr)
    place = find_plugin_line(error)
    return f"{type(error).__name__}: {error}{f' ({place})' * bool(place)}"

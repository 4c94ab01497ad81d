"""The record of a run: how its training ended, with what, and made by what."""

from dataclasses import asdict
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from ..core.canonical import Json
from ..core.errors import ResultsError, shorten_middle, shorten_text
from ..core.spec import Run
from ..execution.jobs import Job
from ..models.autoencoder import Autoencoder
from ..plugin.registry import list_run_origins
from ..storage.atomic import atomic_write, compute_sha256, write_json
from ..storage.plain_files import check_plain_file, is_there
from ..storage.run_folder import RunFolder
from ..storage.verify import read_record, set_aside, verify_weights
from .provenance import describe_code, describe_device, describe_software
from .training.loop import TrainingResult

SCHEMA = 1
MAX_HEADER = 2**20
"""Bytes of a file of weights apart from the weights."""
MAX_REASON = 10_000
"""Characters of the reason why a run failed."""


def write_record(
    folder: RunFolder,
    job: Job,
    result: TrainingResult,
    model: Autoencoder,
    data: Json,
    seconds: Json,
    memory: int | None = None,
) -> None:
    """Write the weights, then the record: its being there means that training has ended.

    `memory` is the peak of training in bytes, where it is known.
    """
    record = make_record(job.entry.run, result, model, data, seconds, job.max_concurrent) | {"peak_memory": memory}
    weights = _write_weights(folder.weights, model) if result.status == "done" else None
    write_json(folder.record, record | {"weights": weights})


def make_record(
    run: Run, result: TrainingResult, model: Autoencoder, data: Json, seconds: Json, sharing: int = 1
) -> Json:
    """How a training ended, with what, and made by what."""
    return _record_head(run, result.status, result.reason) | {
        "epochs": result.epochs,
        "steps": result.steps,
        **({"page_faults": result.page_faults} if result.page_faults is not None else {}),
        **({"trial": asdict(result.trial)} if result.trial else {}),
        "shape": list(model.spec.shape),
        "parameters": sum(p.numel() for p in model.parameters()),
        "seconds": seconds,
        "data": data,
        "made_by": _describe_environment(run, next(model.parameters()).device, sharing, result),
    }


def write_failure(folder: RunFolder, run: Run, reason: str) -> None:
    """Record that a run failed, holding its lock. The next command tries it again, from its checkpoint if it has one.

    A training that had ended before keeps its record: what failed came after it, and costs nothing that was reached.
    """
    if read_status(folder) not in ("done", "diverged"):
        write_json(folder.record, _record_head(run, "failed", reason))


def read_ending(folder: RunFolder) -> Literal["done", "diverged"] | None:
    """How training ended, if it did; a damaged record is set aside, and damaged weights with it, to be made again.

    Weights that are not there were removed, and the run is not trained again for that.
    """
    if not is_there(folder.record):
        return None
    try:
        record = read_record(folder.record)
    except ResultsError:
        set_aside(folder.record)
        return None
    if record["status"] == "done" and folder.weights.exists():
        try:
            verify_weights(folder.weights, record)
        except ResultsError:
            set_aside(folder.weights, folder.record)
            return None
    return record["status"] if record["status"] in ("done", "diverged") else None


def read_status(folder: RunFolder) -> str | None:
    """How the record says that the run ended; None where there is none, or it is damaged."""
    try:
        return read_record(folder.record)["status"]
    except ResultsError:
        return None


def load_weights(path: Path, model: nn.Module) -> None:
    """Put trained weights into a model. Raises ResultsError where they were removed."""
    from safetensors.torch import load_file

    if not is_there(path):
        raise ResultsError(f"{path}: is not there; `vimae-bench run --retrain` trains the run again")
    check_plain_file(path, MAX_HEADER + 2 * sum(value.nbytes for value in model.state_dict().values()))
    try:
        model.load_state_dict(load_file(path))
    except Exception as error:  # a damaged file fails in many ways
        reason = f"does not fit the model ({shorten_text(str(error))}); remove it and run again"
        raise ResultsError(f"{path}: {reason}") from error


def _write_weights(path: Path, model: nn.Module) -> Json:
    from safetensors.torch import save_file

    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    atomic_write(path, lambda temporary: save_file(state, temporary))
    return {"sha256": compute_sha256(path), "bytes": path.stat().st_size}


def _record_head(run: Run, status: str, reason: str) -> Json:
    return {
        "schema": SCHEMA,
        "key": run.key,
        "status": status,
        "reason": shorten_middle(reason, MAX_REASON),
        "run": run.as_json(),
    }


def _describe_environment(run: Run, device: torch.device, sharing: int, result: TrainingResult) -> Json:
    (plugins, sources), software = describe_code({*list_run_origins(run)}), describe_software()
    return {
        **software,
        "plugins": {**software["plugins"], **plugins},
        **({"sources": sources} if sources else {}),
        "device": describe_device(device),
        "sharing": sharing,
        "step": result.step,
        "precision": result.precision,
        "threads": torch.get_num_threads(),
        **({"earlier": [dict(place) for place in result.earlier]} if result.earlier else {}),
    }

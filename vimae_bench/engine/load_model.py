"""Loads a trained model from the files of its run."""

import torch

from ..core.canonical import Json
from ..core.errors import ResultsError
from ..core.spec import Run
from ..models.autoencoder import Autoencoder
from ..storage.run_folder import RunFolder
from ..storage.verify import read_record, verify_weights
from .build import build_model, make_model_spec, make_objective, prepare_evaluation
from .record import load_weights


def load_model(folder: RunFolder, device: torch.device | str = "cpu") -> Autoencoder:
    """The trained model of a run, in evaluation mode, from its record.json and weights.safetensors alone.

    Nothing in them is executed; the run's plugins have to be installed. Raises ResultsError where one of them is
    missing, damaged or not of the other, and BenchError for a plugin that is not there.
    """
    record = read_record(folder.record)
    try:
        run, shape = Run.from_json(record["run"]), _read_shape(record)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{folder.record}: is not the record of a trained model ({error!r})") from error
    if not folder.weights.exists():
        raise ResultsError(f"{folder.weights}: is not there; remove the run's folder and run again")
    verify_weights(folder.weights, record)
    model = build_model(run, make_model_spec(run, shape), make_objective(run), torch.device(device))
    load_weights(folder.weights, model)
    return prepare_evaluation(model)


def _read_shape(record: Json) -> tuple[int, int, int]:
    channels, height, width = record["shape"]
    return channels, height, width

"""A trained model in one file, without pickles: its weights, and what to build it from."""

import json
from pathlib import Path
from typing import Any, cast

import torch

from ..core.canonical import canonical_json
from ..core.errors import ResultsError
from ..core.spec import Run
from ..models.autoencoder import Autoencoder
from ..storage.atomic import atomic_write
from ..storage.plain_files import check_plain_file
from .build import build_model, make_model_spec, make_objective, prepare_evaluation
from .record import load_weights

ENTRY = "vimae-bench"
"""The name of our metadata in the header of a safetensors file."""


def save_model(model: Autoencoder, run: Run, label: str, path: Path) -> None:
    """Write a model in the safetensors format. What it is built from stands in the header: plugins, settings, shape."""
    from safetensors.torch import save_file

    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    about = canonical_json({"label": label, "run": run.as_json(), "shape": [*model.spec.shape]})
    atomic_write(path, lambda temporary: save_file(state, temporary, metadata={ENTRY: about}))


def load_model_file(path: Path, device: torch.device | str = "cpu") -> tuple[Autoencoder, Run, str]:
    """The model in a file of `save_model`, in evaluation mode, its run and its label.

    Nothing in the file is executed; the run's plugins have to be installed. Raises ResultsError for a file that is not
    one of these, and BenchError for a plugin that is not there.
    """
    from safetensors import safe_open

    check_plain_file(path)
    try:
        with safe_open(path, "pt") as file:
            about = cast("dict[str, Any]", json.loads((file.metadata() or {})[ENTRY]))
        run, (channels, height, width) = Run.from_json(about["run"]), about["shape"]
        label = str(about["label"])
    except Exception as error:  # a file of another kind fails in many ways
        raise ResultsError(f"{path}: is not a model that vimae-bench has saved ({type(error).__name__})") from error
    model = build_model(run, make_model_spec(run, (channels, height, width)), make_objective(run), torch.device(device))
    load_weights(path, model)
    return prepare_evaluation(model), run, label

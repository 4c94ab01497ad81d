"""Trained models as MLflow loads them: `mlflow.pyfunc.load_model("runs:/RUN_ID/model")`, without pickles.

MLflow calls `_load_pyfunc` of the module that the artifact's MLmodel file names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core.canonical import Json, canonical_json
from ..storage.run_folder import RunFolder

if TYPE_CHECKING:
    from ..models.autoencoder import Autoencoder


@dataclass(frozen=True)
class PyfuncModel:
    """The model that MLflow calls: images in, reconstructions out. `get_raw_model` returns the autoencoder itself."""

    model: "Autoencoder"

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """The reconstructions, from their mean codes, of images [N, C, H, W] in [0, 1] units; in the same units."""
        from ..models.image_model import ImageModel

        return ImageModel(self.model).reconstruct(images)

    def get_raw_model(self) -> "Autoencoder":
        """The torch module, in evaluation mode on the CPU."""
        return self.model


def _load_pyfunc(path: str) -> PyfuncModel:  # pyright: ignore[reportUnusedFunction]
    from ..engine.load_model import load_model

    return PyfuncModel(load_model(RunFolder(Path(path))))


def format_mlmodel(run_id: str, record: Json, created: str) -> str:
    """The text of MLmodel, which makes a folder of record.json and weights.safetensors a model that MLflow loads.

    JSON, which is YAML too. `created` is a time in ISO 8601, UTC.
    """
    images = canonical_json([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, *record["shape"]]}}])
    content: Json = {
        "artifact_path": "model",
        "run_id": run_id,
        "utc_time_created": created,
        "model_uuid": f"{record['key']}{record['weights']['sha256'][:20]}",
        "flavors": {
            "python_function": {
                "loader_module": __name__,
                "python_version": record["made_by"]["python"],
                "data": ".",
            }
        },
        "signature": {"inputs": images, "outputs": images},
    }
    return canonical_json(content)

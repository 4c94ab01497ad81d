"""A model that was trained here."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..analysis.leaderboard import format_table_title
from ..core.errors import BenchError
from ..data.pixels import to_unit
from ..engine.saved_model import LoadedModel, name_model
from ..models.autoencoder import Autoencoder
from ..plugin.evaluation import Evaluation
from ..plugin.latent_sampling import LatentDistribution
from ..storage.image_grid import COLUMNS
from ..storage.store import RunResult
from . import frames, html
from .components import get_run_key
from .display import ImageGrid

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class TrainedModel:
    """The result of one training.

    `result` is as in loaded results, `evaluation` the model with its data as a metric sees them.
    """

    result: RunResult
    evaluation: Evaluation

    @property
    def label(self) -> str:
        """The label of its row in a table."""
        return self.result.entry.label

    @property
    def seed(self) -> int:
        return self.result.entry.run.seed

    @property
    def key(self) -> str:
        """The key that the same run by a worker has; empty if some component is not registered."""
        return get_run_key(self.result.entry.run)

    @property
    def status(self) -> str:
        """`done`, or `diverged` for the `reason` given."""
        return self.result.status

    @property
    def reason(self) -> str:
        return self.result.reason

    @property
    def model(self) -> Autoencoder:
        """The trained model, in evaluation mode."""
        return self.evaluation.model

    @property
    def image_model(self) -> LoadedModel:
        """The trained model for images of one's own, in their units, with `encode`, `decode`, `sample` and `save`.

        Raises BenchError if it diverged.
        """
        run = self.result.entry.run
        return LoadedModel(self._get_trial().model, name_model(self.label, run), run if self.key else None, self.label)

    @cached_property
    def estimates(self) -> "pd.DataFrame":
        """A row for each measure: value, se, n, unit, better."""
        return frames.build_estimates(self.result)

    @cached_property
    def history(self) -> "pd.DataFrame":
        """A row for each epoch, a column for each term: the mean over the epoch's batches."""
        return frames.build_history(self.result)

    def samples(self, n: int = 50, source: LatentDistribution = "prior", columns: int = COLUMNS) -> ImageGrid:
        """n generated images, from codes drawn from the prior or from another `source`."""
        return ImageGrid(self._get_trial().generate(n, source), columns)

    def reconstructions(self, columns: int = COLUMNS) -> ImageGrid:
        """Test images in every other row, with their reconstructions below them."""
        return ImageGrid(_make_reconstructions(self._get_trial(), columns), columns)

    def _get_trial(self) -> Evaluation:
        if self.status != "done":
            raise BenchError(f"{self!r} has no trained model")
        return self.evaluation

    def _repr_html_(self) -> str:
        return html.format_trained_model(repr(self), self.result)

    def __repr__(self) -> str:
        run = self.result.entry.run
        state = f"{self.status}: {self.reason}" if self.reason else self.status
        return f"{self.label} on {format_table_title(run, [run])}, seed {run.seed}: {state}"


def _make_reconstructions(evaluation: Evaluation, columns: int) -> Tensor:
    """Test images in the odd rows (the first, third, ...), the reconstruction below each, in [0, 1] units.

    They stand as far apart in the test split as can be, since a data set may have its classes one after the other.
    """
    images = evaluation.examples("test").x
    rows = min(COLUMNS // 2, len(images) // columns)
    places = np.linspace(0, len(images) - 1, rows * columns).astype(np.int64)
    x = to_unit(torch.from_numpy(images[places]).to(evaluation.device))
    xhat = evaluation.decode(evaluation.posterior("test").mean[torch.from_numpy(places).to(evaluation.device)])
    return torch.cat([part for pair in zip(x.split(columns), xhat.split(columns), strict=True) for part in pair])

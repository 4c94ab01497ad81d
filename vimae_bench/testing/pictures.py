"""The contract of pictures."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ..models.posteriors import Deterministic, Gaussian, NoisyInputEncoder, PosteriorFamily, TruncatedNormal
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Picture
from ..storage.picture_data import BarChart, ImageTable, PictureData, ScatterPlot
from ..storage.picture_files import read_picture, write_picture
from .contract import NotApplicable, call_with_seed, check, require
from .fixtures import ReconstructionObjective, example_evaluation
from .settings import SETTINGS

FAMILIES = (Gaussian(), Deterministic(), NoisyInputEncoder(TruncatedNormal(0.01)))
TEST_IMAGES = 300


@check
def picture_or_reason_is_given(picture: Any) -> None:  # noqa: ANN401
    """Each model has the picture, or `explain_absence` says why not."""
    for family in FAMILIES:
        evaluation = _make_evaluation(family)
        reason = picture.explain_absence(evaluation)
        require(isinstance(reason, str), f"explain_absence gives {reason!r}, not a text")
        if not reason:
            data = picture(evaluation)
            is_right = isinstance(data, ImageTable | ScatterPlot | BarChart)
            require(is_right, f"gives a {type(data).__name__}, not an ImageTable, ScatterPlot or BarChart")


@check
def picture_can_be_kept_and_drawn(picture: Picture) -> None:
    """What is read back from the picture's file is what was written."""
    for data in _collect_data(picture):
        require(bool(data.title.strip()), "the picture has no title")
        with tempfile.TemporaryDirectory() as scratch:
            found = read_picture(write_picture(data, Path(scratch), "picture"))
        require(type(found) is type(data) and found.title == data.title, "the picture cannot be read back")


@check
def same_model_same_picture(picture: Picture) -> None:
    """Made twice, the picture of a model is the same: draw inside `evaluation.with_seed`."""
    first, second = (_write_bytes(next(_collect_data(picture))) for _ in range(2))
    require(first == second, "made twice, the picture of one model is different; draw inside evaluation.with_seed")


@check
def model_and_generators_are_left_alone(picture: Picture) -> None:
    """The model's weights and mode and the state of random generators are as they were."""
    evaluation = _make_evaluation(Gaussian())
    if picture.explain_absence(evaluation):
        raise NotApplicable("the example model has no such picture")
    before = {name: value.clone() for name, value in evaluation.model.state_dict().items()}

    def is_generator_moved() -> bool:
        state = torch.get_rng_state()
        picture(evaluation)
        return not torch.equal(state, torch.get_rng_state())

    require(not call_with_seed(0, is_generator_moved), "draws from torch's global generator; use evaluation.with_seed")
    changed = [name for name, value in evaluation.model.state_dict().items() if not torch.equal(value, before[name])]
    require(not changed, f"changes the model's {changed}")
    require(not evaluation.model.training, "leaves the model in training mode")


def _make_evaluation(family: PosteriorFamily) -> Evaluation:
    return example_evaluation(ReconstructionObjective(family), TEST_IMAGES)


def _collect_data(picture: Picture) -> Iterator[PictureData]:
    """The pictures of the example models that have one. Raises NotApplicable if none has."""
    evaluations = [_make_evaluation(family) for family in FAMILIES]
    having = [evaluation for evaluation in evaluations if not picture.explain_absence(evaluation)]
    if not having:
        raise NotApplicable("no example model has such a picture")
    yield from map(picture, having)


def _write_bytes(data: PictureData) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        return write_picture(data, Path(scratch), "picture").read_bytes()


PICTURE = (
    picture_or_reason_is_given,
    picture_can_be_kept_and_drawn,
    same_model_same_picture,
    model_and_generators_are_left_alone,
    *SETTINGS,
)

"""The objects of a run, made from its names."""

import torch

from ..errors import BenchError
from ..kinds import Dataset, Frame, Objective
from ..model import Autoencoder
from ..plan import registry
from ..records import Run


def dataset_of(run: Run) -> Dataset:
    """The run's data set."""
    return registry.make("dataset", run.dataset)


def objective_of(run: Run) -> Objective:
    """The run's objective, with all plugins inside it."""
    return registry.make("objective", run.objective)


def frame_of(run: Run, shape: tuple[int, int, int]) -> Frame:
    """What the run's architecture has to fit, for images of `shape` (C, H, W)."""
    return Frame(shape, run.latent, dataset_of(run).pixel_range)


def build(run: Run, frame: Frame, objective: Objective, device: torch.device) -> Autoencoder:
    """The run's model at its initial weights, made on the CPU so that they are the same for every device.

    On a GPU the weights of convolutions lie with their channels last, as its matrix units want them.

    Raises BenchError if the architecture cannot serve the frame.
    """
    architecture = registry.make("architecture", run.architecture)
    prior = registry.make("prior", run.prior)
    try:
        model = Autoencoder(frame, architecture, prior, objective, run.seed).to(device)
    except ValueError as error:
        raise BenchError(f"{run.architecture.use} over {run.dataset.use}: {error}") from error
    return model.to(memory_format=torch.channels_last) if device.type == "cuda" else model

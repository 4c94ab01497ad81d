"""The objects of a run, made from its names."""

import torch

from ..errors import BenchError
from ..kinds import Architecture, Dataset, Frame, Objective, Prior
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
    """The run's model at its initial weights. Raises BenchError if the architecture cannot serve the frame."""
    architecture = registry.make("architecture", run.architecture)
    prior = registry.make("prior", run.prior)
    try:
        return assemble(frame, architecture, prior, objective, run.seed, device)
    except ValueError as error:
        raise BenchError(f"{run.architecture.use} over {run.dataset.use}: {error}") from error


def assemble(
    frame: Frame, architecture: Architecture, prior: Prior, objective: Objective, seed: int, device: torch.device
) -> Autoencoder:
    """A model at its initial weights, made on the CPU so that they are the same for every device.

    On a GPU the weights of convolutions lie with their channels last, as its matrix units want them. Raises ValueError
    if the architecture cannot serve the frame.
    """
    model = Autoencoder(frame, architecture, prior, objective, seed).to(device)
    return model.to(memory_format=torch.channels_last) if device.type == "cuda" else model

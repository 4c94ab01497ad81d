"""Our trainer, unmodified: epochs, events and checkpoints in a run's folder; it pauses when it reports an epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vimae_bench.engine.training.loop import train_model
from vimae_bench.execution import Training
from vimae_bench.storage.run_folder import RunFolder

from .paused import PausedFunction
from .workloads import BATCH, BETAS, LEARNING_RATE, STEPS, Workload


@dataclass(frozen=True)
class PausingFolder(RunFolder):
    """A run folder that waits for the next turn after each epoch."""

    pause: Callable[[], None]

    def append_event(self, event: str, **what: object) -> None:
        super().append_event(event, **what)
        if event == "epoch":
            self.pause()


class Ours:
    """A run as long as the paper's; only its first epochs are trained."""

    def __init__(self, workload: Workload, folder: Path):
        training = Training(STEPS // workload.steps, BATCH, LEARNING_RATE, *BETAS)
        model, objective = workload.model(), workload.objective()
        images = workload.images().to(workload.device)
        self.paused = PausedFunction(
            lambda pause: train_model(model, objective, training, images, seed=0, folder=PausingFolder(folder, pause))
        )

    def slice(self) -> None:
        self.paused.advance()

    def close(self) -> None:
        self.paused.close()

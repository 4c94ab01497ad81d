"""Our trainer, unmodified: epochs, events and checkpoints in a run's folder; it pauses when it reports an epoch."""

from dataclasses import dataclass
from pathlib import Path

from vimae_bench.engine.training.loop import train_model
from vimae_bench.execution import Training
from vimae_bench.storage.run_folder import RunFolder

from .contestants import Pause
from .workloads import BATCH, BETAS, LEARNING_RATE, STEPS, Workload


@dataclass(frozen=True)
class PausingFolder(RunFolder):
    """A run folder that waits for the next turn after each epoch."""

    pause: Pause

    def append_event(self, event: str, **what: object) -> None:
        super().append_event(event, **what)
        if event == "epoch":
            self.pause()


def train(workload: Workload, folder: Path, pause: Pause) -> None:
    """A run as long as the paper's; only its first epochs are trained."""
    training = Training(STEPS // workload.steps, BATCH, LEARNING_RATE, *BETAS)
    images = workload.images().to(workload.device)
    where = PausingFolder(folder, pause)
    train_model(workload.model(), workload.objective(), training, images, seed=0, folder=where)

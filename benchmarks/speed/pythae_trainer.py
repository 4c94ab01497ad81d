"""pythae's own trainer with pythae's own models and our networks (Chadebec et al., NeurIPS 2022; `pip install pythae`).

Its settings are the fastest: batches loaded in the process, since worker processes are slower here; no checkpoints, no
evaluation set, no progress bar, no log.
"""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, WAE_MMD, BaseAE, VAEConfig, WAE_MMD_Config
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig, training_callbacks
from torch import Tensor, nn
from tqdm.auto import tqdm

from .contestants import Pause
from .losses import add_noise, draw_prior
from .workloads import BATCH, BETAS, LEARNING_RATE, STEPS, WEIGHT, Workload


class Encoder(BaseEncoder):
    """Our encoder with pythae's interface, preceded by the method's input noise."""

    def __init__(self, net: nn.Module, input_noise: float):
        super().__init__()
        self.net, self.input_noise = net, input_noise

    def forward(self, x: Tensor) -> ModelOutput:
        heads = self.net(add_noise(x, self.input_noise))
        return ModelOutput(**dict(zip(("embedding", "log_covariance"), heads, strict=False)))


class Decoder(BaseDecoder):
    """Our decoder with pythae's interface."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.net(z))


class LogisticWAE(WAE_MMD):
    """pythae has only the normal prior; this replaces its draws."""

    def loss_function(self, recon_x: Tensor, x: Tensor, z: Tensor, z_prior: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return super().loss_function(recon_x, x, z, draw_prior("logistic", z_prior))


class EpochEnd(training_callbacks.TrainingCallback):
    """Waits for the next turn after each epoch."""

    def __init__(self, pause: Callable[[], None]):
        self.pause = pause

    def on_epoch_end(self, training_config: BaseTrainerConfig, **kwargs: object) -> None:  # noqa: ARG002
        self.pause()


def train(workload: Workload, folder: Path, pause: Pause) -> None:
    """`BaseTrainer.train`, whose callback pauses it at the end of each epoch."""
    silence_pythae()
    config = BaseTrainerConfig(
        output_dir=str(folder),
        num_epochs=STEPS // workload.steps,
        per_device_train_batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        optimizer_cls="Adam",
        optimizer_params={"betas": BETAS},
        no_cuda=workload.device == "cpu",
    )
    data = BaseDataset(workload.pixels(), torch.zeros(workload.samples))
    BaseTrainer(model_of(workload), data, training_config=config, callbacks=[EpochEnd(pause)]).train()


def silence_pythae() -> None:
    """Turn off progress bars and log lines."""
    for name in ("pythae.trainers.base_trainer.base_trainer", training_callbacks.__name__):
        logging.getLogger(name).setLevel(logging.WARNING)
    training_callbacks.tqdm = partial(tqdm, disable=True)


def model_of(workload: Workload) -> BaseAE:
    """pythae's model for the method, with networks of the same initial weights as for all contestants."""
    method, net, ours = workload.method, workload.net, workload.model()
    encoder, decoder = Encoder(ours.encoder, method.input_noise), Decoder(ours.decoder)
    if method.kernel is None:
        return VAE(VAEConfig(net.shape, net.latent), encoder, decoder)
    config = WAE_MMD_Config(net.shape, net.latent, kernel_choice=method.kernel, reg_weight=WEIGHT)
    return (WAE_MMD if method.prior == "normal" else LogisticWAE)(config, encoder, decoder)

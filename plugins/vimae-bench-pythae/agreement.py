"""pythae's own trainers over our networks: what the tests compare the objectives with.

    python agreement.py

trains models in either way, each with an order and noise of its own, and prints the table of the README.
"""

import logging
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import BaseAE
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import (
    AdversarialTrainer,
    AdversarialTrainerConfig,
    BaseTrainer,
    BaseTrainerConfig,
    CoupledOptimizerTrainer,
    CoupledOptimizerTrainerConfig,
)
from pythae.trainers.training_callbacks import CallbackHandler
from torch import Tensor, nn
from torch.optim import Adam
from vimae_bench_pythae.models import OBJECTIVES, ROWS
from vimae_bench_pythae.objective import PythaeObjective
from vimae_bench_pythae.variants import Adversarial, CoupledBounds, WeightDecayed

from vimae_bench.execution import Training
from vimae_bench.models import Autoencoder, StandardNormal
from vimae_bench.plugin import Batch, Evaluation, Examples, ModelSpec, PreparedDataset, Splits
from vimae_bench.testing import make_autoencoder
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.datasets.digits import Digits
from vimae_builtin.metrics.rate import Rate
from vimae_builtin.metrics.reconstruction import Reconstruction

RUNS = {row.name: row for row in ROWS if not row.unsupported}
SEEDS = range(5)
TRAINING = Training(epochs=40)
COMPARED = {
    "pythae_beta_vae": {"beta": 0.1},
    "pythae_wae_mmd": {"reg_weight": 10.0},
    "pythae_adversarial_ae": {"reconstruction_loss": "bce"},
}


class TheirEncoder(BaseEncoder):
    """A net of two heads, or of one, as somebody writes it who uses pythae alone."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> ModelOutput:
        heads = self.net(x)
        return ModelOutput(embedding=heads[0], log_covariance=heads[-1])


class TheirDecoder(BaseDecoder):
    """A decoder of theirs."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.net(z))


def make_their_model(name: str, model: Autoencoder, objective: PythaeObjective, **settings: object) -> BaseAE:
    """pythae's model as its documentation makes it, with the weights of ours."""
    row, spec = RUNS[name], model.spec
    config = row.config(input_dim=spec.shape, latent_dim=spec.latent, **settings)
    theirs = row.model(config, TheirEncoder(deepcopy(model.encoder)), TheirDecoder(deepcopy(model.decoder)))
    theirs.load_state_dict(objective.get_module(model).state_dict(), strict=False)
    return theirs


def make_their_trainer(
    name: str, theirs: BaseAE, x: Tensor, training: Training, folder: Path, seed: int = 0
) -> BaseTrainer:
    """The trainer that pythae's pipeline takes for a model, with its settings for it, on images in [0, 1]."""
    kind = RUNS[name].kind
    names, trainer, config = _select_trainer(kind)
    betas = {"betas": (training.adam_beta1, training.adam_beta2)}
    chosen: dict[str, Any] = {f"{part}learning_rate": training.learning_rate for part in names}
    chosen |= {f"{part}optimizer_params": dict(betas) for part in names}
    if kind is WeightDecayed:
        chosen["decoder_optimizer_params"]["weight_decay"] = theirs.model_config.reg_weight
    chosen |= {"num_epochs": training.epochs, "per_device_train_batch_size": training.batch, "seed": seed}
    data = BaseDataset(x, torch.zeros(len(x)))
    return trainer(theirs, data, training_config=config(output_dir=str(folder), no_cuda=True, **chosen))


def _select_trainer(kind: type[PythaeObjective]) -> tuple[tuple[str, ...], type, type]:
    if issubclass(kind, Adversarial):
        return ("autoencoder_", "discriminator_"), AdversarialTrainer, AdversarialTrainerConfig
    if issubclass(kind, CoupledBounds | WeightDecayed):
        return ("encoder_", "decoder_"), CoupledOptimizerTrainer, CoupledOptimizerTrainerConfig
    return ("",), BaseTrainer, BaseTrainerConfig


def train_theirs(name: str, model: Autoencoder, objective: PythaeObjective, splits: Splits, seed: int) -> None:
    """Train a model by pythae's trainer, in its own order and with its own noise; the weights come back to `model`."""
    theirs = make_their_model(name, model, objective, **COMPARED[name])
    pixels = torch.from_numpy(splits.train.x).float() / 255
    with TemporaryDirectory() as folder:
        trainer = make_their_trainer(name, theirs, pixels, TRAINING, Path(folder), seed)
        trainer.prepare_training()
        trainer.callback_handler = CallbackHandler([], theirs)
        for epoch in range(1, TRAINING.epochs + 1):
            trainer.train_step(epoch)
    model.encoder.load_state_dict(theirs.encoder.net.state_dict())
    model.decoder.load_state_dict(theirs.decoder.net.state_dict())


class Trainer:
    """The optimiser steps of an objective as vimae-bench makes them, over images uint8 [N, C, H, W]."""

    def __init__(self, model: Autoencoder, objective: PythaeObjective, training: Training, images: Tensor):
        self.model, self.images, self.steps = model, images, objective.optimizer_steps()
        betas = training.adam_beta1, training.adam_beta2
        self.optimizers = [
            Adam(model.module_parameters(step.modules), step.learning_rate or training.learning_rate, betas)
            for step in self.steps
        ]

    def make_batch(self, index: Tensor, progress: float) -> Batch:
        """The images at `index` [B], in [0, 1] units."""
        return Batch(self.images[index] / 255, torch.tensor(progress), len(self.images))

    def train_batch(self, index: Tensor, progress: float) -> dict[str, float]:
        """Make all steps on the images at `index` [B]; gives the loss and terms of the first."""
        batch, terms = self.make_batch(index, progress), dict[str, float]()
        for step, optimizer in zip(self.steps, self.optimizers, strict=True):
            loss = step.loss(self.model, batch)
            weights = [p for group in optimizer.param_groups for p in group["params"]]
            for p, grad in zip(weights, torch.autograd.grad(loss.total, weights, allow_unused=True), strict=True):
                p.grad = grad
            optimizer.step()
            terms = {"total": loss.total.item(), **{k: v.item() for k, v in loss.terms.items()}, **terms}
        return terms


def train_ours(_name: str, model: Autoencoder, objective: PythaeObjective, splits: Splits, seed: int) -> None:
    """Train a model by the optimiser steps of its objective, in an order and with noise of its own."""
    trainer = Trainer(model.train(), objective, TRAINING, torch.from_numpy(splits.train.x))
    torch.manual_seed(seed)
    for epoch in range(TRAINING.epochs):
        for index in torch.randperm(len(splits.train)).split(TRAINING.batch):
            trainer.train_batch(index, epoch / TRAINING.epochs)


def measure(way: Callable[..., None], name: str, splits: Splits, seed: int) -> dict[str, float]:
    """The test images' SSE and rate of a model trained in a way."""
    objective = OBJECTIVES[name](**COMPARED[name])
    spec = ModelSpec(splits.shape, 8)
    model = make_autoencoder(spec, MLP(hidden=(128, 128)), StandardNormal, objective, seed)
    way(name, model, objective, splits, seed)
    evaluation = Evaluation(model.eval(), splits, "digits", seed, torch.device("cpu"))
    found = {**Reconstruction()(evaluation), **Rate()(evaluation)}
    return {key: found[key].value for key in ("sse", "rate") if key in found}


def load_digits() -> Splits:
    """The digits with a number of training images that batches divide, since pythae does not drop the last one."""
    with TemporaryDirectory() as scratch:
        arrays: PreparedDataset = Digits().prepare(Path(scratch))
    whole = len(arrays.train) // TRAINING.batch * TRAINING.batch
    return Splits(Examples(arrays.train.x[:whole], None), Examples(arrays.test.x[:0], None), arrays.test)


def format_row(name: str, splits: Splits) -> str:
    """A line of the table: mean and standard deviation over seeds, of pythae's trainer and of ours."""
    cells: list[str] = []
    ways = [[measure(way, name, splits, seed) for seed in SEEDS] for way in (train_theirs, train_ours)]
    for key in ("sse", "rate"):
        for found in ways:
            values = np.array([one[key] for one in found if key in one])
            cells.append(f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if len(values) else "")
    settings = ", ".join(f"{key} = {value}" for key, value in COMPARED[name].items())
    return f"| `{name}`, {settings} | {' | '.join(cells)} |"


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    found = load_digits()
    for one in COMPARED:
        print(format_row(one, found), flush=True)

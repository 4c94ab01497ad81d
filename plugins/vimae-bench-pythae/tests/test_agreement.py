"""The objectives against pythae's own trainers: the same weights, batches and noise, driven by either."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
import torch
from agreement import RUNS, Trainer, load_digits, make_their_model, make_their_trainer
from pythae.trainers.training_callbacks import CallbackHandler
from torch import Tensor
from vimae_bench_pythae.models import OBJECTIVES
from vimae_bench_pythae.priors import PythaeVamp
from vimae_bench_pythae.variants import Adversarial, CoupledBounds

from vimae_bench.execution import Training
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import ModelSpec, Objective, Prior
from vimae_bench.testing import make_autoencoder
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.divergences.mmd import MMD
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.vimae import VIMAE

SPEC = ModelSpec((1, 8, 8), 4)
TRAINING = Training(batch=50, learning_rate=1e-3)
STEPS = 12
PLAYERS = [name for name, row in RUNS.items() if issubclass(row.kind, Adversarial | CoupledBounds)]
ALONE = [name for name in RUNS if name not in PLAYERS]
COMPONENTS = 7
NORMAL, THEIR_PRIOR = StandardNormal, partial(PythaeVamp, components=COMPONENTS)
WEIGHT = 0.1
SETTINGS = {name: {"reg_weight": WEIGHT} for name in ("pythae_rae_l2", "pythae_rae_gp")}
"""So that what weighs next to nothing by default is felt."""
THEIR_SETTINGS = SETTINGS | {
    "pythae_vamp": {"number_components": COMPONENTS},
    "pythae_disentangled_beta_vae": {"warmup_epoch": STEPS // 4 - 1},  # a quarter of training: it divides by one more
}
SAME = (
    (PlainAutoencoder(), OBJECTIVES["pythae_ae"]()),
    (ELBO(recon_scale=0.5), OBJECTIVES["pythae_vae"]()),
    (ELBO(beta=4.0, recon_scale=0.5), OBJECTIVES["pythae_beta_vae"](beta=4.0)),
    (VIMAE(MMD(), weight=10.0, input_noise=0.0), OBJECTIVES["pythae_wae_mmd"](reg_weight=10.0)),
)


class Ordered:
    """One batch an epoch, in our order, with the noise of the step's number."""

    def __init__(self, pixels: Tensor, order: Sequence[Tensor]):
        self.dataset, self.order, self.step = pixels, order, 0

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        torch.manual_seed(self.step)
        yield {"data": self.dataset[self.order[self.step]].clone()}
        self.step += 1


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.from_numpy(load_digits().train.x)


@pytest.fixture(scope="module")
def order(images: Tensor) -> Sequence[Tensor]:
    return torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[: STEPS * 50].split(50)


def make_trainer(objective: Objective, images: Tensor, prior: Callable[[int], Prior] = NORMAL) -> Trainer:
    model = make_autoencoder(SPEC, MLP(hidden=(16,)), prior, objective, seed=0)
    return Trainer(model.train(), objective, TRAINING, images)


@pytest.fixture
def pair(name, images, order, tmp_path):
    """Our step, and pythae's trainer at the same weights."""
    objective = OBJECTIVES[name](**SETTINGS.get(name, {}))
    ours = make_trainer(objective, images, THEIR_PRIOR if name == "pythae_vamp" else NORMAL)
    theirs = make_their_model(name, ours.model, objective, **THEIR_SETTINGS.get(name, {}))
    trainer = make_their_trainer(name, theirs, images / 255, TRAINING, tmp_path)
    trainer.prepare_training()
    trainer.callback_handler, trainer.train_loader = CallbackHandler([], theirs), Ordered(images / 255, order)
    return ours, trainer


def train(trainer: Trainer, order: Sequence[Tensor]) -> list[float]:
    """Our loss of each step, with the noise of its number, less the decay of weights, which pythae leaves to Adam."""
    found: list[float] = []
    for i, index in enumerate(order):
        torch.manual_seed(i)
        terms = trainer.train_batch(index, i / STEPS)
        found.append(terms["total"] - WEIGHT * terms.get("decoder_decay", 0.0))
    return found


def last(loss: float | tuple[float, ...]) -> float:
    """That of a trainer's epoch; those with two optimisers give the sum, and each."""
    return loss[-1] if isinstance(loss, tuple) else loss


@pytest.mark.parametrize("name", ALONE)
def test_the_losses_are_those_of_pythae_s_trainer_step_by_step(pair, order):
    ours, trainer = pair
    theirs = [last(trainer.train_step(i)) for i in range(STEPS)]
    assert train(ours, order) == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("name", PLAYERS)
def test_every_optimizer_step_has_the_gradient_of_pythae_s_trainer(pair, order):
    ours, trainer = pair
    (inputs,) = trainer.train_loader
    trainer._optimizers_step(trainer.model(inputs))
    theirs = {key: p.grad for key, p in trainer.model.named_parameters()}
    compared = set[str]()
    for player in ours.steps:
        torch.manual_seed(0)
        loss = player.loss(ours.model, ours.make_batch(order[0], 0.0))
        for part in player.modules:
            before = "" if part == "auxiliary" else f"{part}.net."
            mine = {before + key: p for key, p in ours.model.get_submodule(part).named_parameters()}
            grads = torch.autograd.grad(loss.total, [*mine.values()], retain_graph=True)
            for key, grad in zip(mine, grads, strict=True):
                torch.testing.assert_close(grad, theirs[key], rtol=1e-4, atol=1e-6)
            compared |= {*mine}
    assert compared == {*theirs}


@pytest.mark.parametrize(("ours", "theirs"), SAME, ids=str)
def test_our_own_objectives_have_the_losses_of_pythae_s_with_the_same_formula(ours, theirs, images, order):
    assert train(make_trainer(ours, images), order) == pytest.approx(
        train(make_trainer(theirs, images), order), rel=1e-5
    )

"""Training steps for tests: built-in and other objectives, small models, synthetic images."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import softplus

from vimae_bench.core.spec import PluginSpec
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.execution import Training
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic, Gaussian, Prior
from vimae_bench.plugin import Loss, ModelSpec, Objective, OptimizerStep
from vimae_bench.plugin.registry import make_plugin, make_prior_factory
from vimae_bench.storage.run_folder import RunFolder

SPEC = ModelSpec((1, 8, 8), 3)
MMD, RBF = {"use": "mmd"}, {"use": "mmd", "kernel": "rbf"}
METHODS = {
    "AE": (PluginSpec("ae"), "normal"),
    "VAE": (PluginSpec("elbo"), "normal"),
    "VAE, logistic": (PluginSpec("elbo"), "logistic"),
    "VIMAE-n": (PluginSpec("vimae", {"divergence": MMD}), "normal"),
    "VIMAE-l": (PluginSpec("vimae", {"divergence": MMD}), "logistic"),
    "WAE, RBF": (PluginSpec("vimae", {"divergence": RBF, "input_noise": 0.0}), "normal"),
}
PROGRESS = torch.tensor(0.25)


class Killed(BaseException):
    """Ends a process like kill -9."""


def kill_runs_when(monkeypatch, when):
    """Kill runs after they have written an event for which `when(count, event, what)` is true."""
    append_event, events = RunFolder.append_event, []

    def cut(self, event, **what):
        append_event(self, event, **what)
        events.append(event)
        if when(len(events), event, what):
            raise Killed

    monkeypatch.setattr(RunFolder, "append_event", cut)


def make_images(n=1000, shape=SPEC.shape):
    """Blurred noise in ten classes, uint8 [n, *shape]."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.rand(10, *shape, generator=generator)[torch.arange(n) % 10]
    return (200 * patterns + 55 * torch.rand(n, *shape, generator=generator)).to(torch.uint8)


def make_step(objective, prior=None, architecture=None, spec=SPEC, batch=50, seed=0, **training):
    """A training step with initial weights; the objective may be given as a `PluginSpec`."""
    objective = make_plugin("objective", objective) if isinstance(objective, PluginSpec) else objective
    prior = prior if callable(prior) else make_prior_factory(prior or PluginSpec("normal"))
    architecture = make_plugin("architecture", architecture or PluginSpec("mlp", {"hidden": [32, 16]}))
    model = make_autoencoder(spec, architecture, prior, objective, seed).train()
    return TrainingStep(model, objective, Training(batch=batch, **training), make_images(shape=spec.shape))


def make_method_step(name, **settings):
    objective, prior = METHODS[name]
    return make_step(objective, PluginSpec(prior), **settings)


def run_steps(form, steps, batch=50, seed=7):
    """Make steps over the images in order, with a noise stream of their own; returns the terms [steps, T]."""
    torch.manual_seed(seed)
    n = len(make_images())
    batches = [torch.arange(i * batch, (i + 1) * batch) % n for i in range(steps)]
    return torch.stack([form(index, torch.tensor(i / steps)).clone() for i, index in enumerate(batches)])


def flatten_weights(step):
    """All parameters and buffers of the model in one float64 vector."""
    return torch.cat([value.double().flatten() for value in step.model.state_dict().values()])


class ItemReader(Objective):
    """An autoencoder whose loss reads a number in each step, so that it cannot be one graph."""

    def posterior(self):
        return Deterministic()

    def __call__(self, model, batch):
        sse = squared_error(batch.x, model.decode(model.encode(batch.x).mean)).mean()
        return Loss(sse / sse.item(), {})


@dataclass(frozen=True)
class AdversarialObjective(Objective):
    """A Wasserstein autoencoder with a discriminator."""

    def posterior(self):
        return Deterministic()

    def auxiliary(self, spec):
        return nn.Sequential(nn.Linear(spec.latent, 16), nn.ReLU(), nn.Linear(16, 1))

    def optimizer_steps(self):
        return OptimizerStep(self, ("encoder", "decoder", "prior")), OptimizerStep(
            self.discriminate, ("auxiliary",), learning_rate=5e-4
        )

    def __call__(self, model, batch):
        z = model.encode(batch.x).rsample()
        sse, generator = squared_error(batch.x, model.decode(z)).mean(), softplus(-model.auxiliary(z)).mean()
        return Loss(sse + generator, {"sse": sse, "generator": generator})

    def discriminate(self, model, batch):
        z = model.encode(batch.x).rsample().detach()
        critic = softplus(-model.auxiliary(model.prior.sample(len(z)))).mean() + softplus(model.auxiliary(z)).mean()
        return Loss(critic, {"critic": critic})


@dataclass(frozen=True)
class ImportanceWeightedObjective(Objective):
    """The bound of many draws (1509.00519)."""

    draws: int = 4

    def posterior(self):
        return Gaussian()

    def __call__(self, model, batch):
        q = model.encode(batch.x)
        z = q.rsample((self.draws,))
        log_x = -squared_error(batch.x.expand_as(model.decode(z)).flatten(0, 1), model.decode(z).flatten(0, 1))
        log_w = log_x.unflatten(0, (self.draws, -1)) + model.prior.log_prob(z) - q.log_prob(z)
        bound = log_w.logsumexp(0).mean()
        return Loss(-bound, {"bound": bound})


class PseudoInputPrior(Prior):
    """A mixture of posteriors of learned images (1705.07120)."""

    def bind(self, spec, encode):
        self.encode, self.images = encode, nn.Parameter(torch.rand(5, *spec.shape))

    def sample(self, n):
        return self.encode(self.images).rsample((n,))[:, 0]

    def log_prob(self, z):
        return self.encode(self.images).log_prob(z.unsqueeze(-2)).logsumexp(-1)


@dataclass(frozen=True)
class ElboObjective(Objective):
    def posterior(self):
        return Gaussian()

    def __call__(self, model, batch):
        q = model.encode(batch.x)
        z = q.rsample()
        return Loss(squared_error(batch.x, model.decode(z)).mean() + model.prior.kl(q, z).mean(), {})

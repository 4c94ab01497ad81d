"""Gaussian posteriors and noise: what the objectives have in common, against their formulas written in float64."""

from dataclasses import replace
from math import log, pi

import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.dae import DenoisingAutoencoder
from vimae_builtin.objectives.elbo import ELBO, SampledELBO
from vimae_builtin.objectives.iaf_vae import FlowVAE
from vimae_builtin.objectives.iwae import ImportanceWeighted
from vimae_builtin.objectives.rate_target import RateTarget
from vimae_builtin.objectives.sigma_vae import SigmaVAE
from vimae_builtin.objectives.uae import UncertaintyAutoencoder

SPEC, D, LATENT, C = ModelSpec((1, 2, 5), 4), 10, 4, 0.7
OBJECTIVES = {
    "ae": PlainAutoencoder(C),
    "dae": DenoisingAutoencoder("gauss_0.3", C),
    "elbo": ELBO(0.4, C),
    "elbo_sampled": SampledELBO(0.4, C),
    "rate_target": RateTarget(rate=9.0, gamma=0.8, recon_scale=C),
    "uae": UncertaintyAutoencoder(0.2, 0.3, C),
    "iwae": ImportanceWeighted(3, C),
    "sigma_vae": SigmaVAE(beta=0.4),
    "sigma_vae learned": SigmaVAE("learned", beta=0.4),
    "iaf_vae": FlowVAE(beta=0.4, recon_scale=C),
}
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


class Float64:
    """A linear model with the weights of another, float64, as its formulas are written on paper."""

    def __init__(self, model):
        self.weights = {name: p.detach().double().requires_grad_() for name, p in model.named_parameters()}

    def head(self, i, x):
        return x @ self.weights[f"encoder.heads.{i}.weight"].T + self.weights[f"encoder.heads.{i}.bias"]

    def sse(self, x, z):
        xhat = z @ self.weights["decoder.0.weight"].T + self.weights["decoder.0.bias"]
        return ((x - xhat) ** 2).sum(-1)

    def gaussian(self, x, noise):
        m, l = self.head(0, x), self.head(1, x)  # noqa: E741
        return m, l, m + (l.exp() + 1e-8).sqrt() * noise

    def kl(self, m, l):  # noqa: E741
        return (0.5 * (m**2 + l.exp() - 1 - l).sum(-1)).mean()


def log_normal(z, m, variance):
    return -0.5 * ((z - m) ** 2 / variance + torch.log(2 * pi * variance)).sum(-1)


def formula(name, f, x, noise):
    """The loss as the paper has it, in float64, of images [B, D] and the noise that was drawn."""
    if name == "ae":
        return C * f.sse(x, f.head(0, x)).mean()
    if name == "dae":
        return C * f.sse(x, f.head(0, x + 0.3 * noise)).mean()
    if name == "uae":
        weights = f.weights["encoder.heads.0.weight"], f.weights["decoder.0.weight"]
        z = f.head(0, x) + 0.2 * noise
        return C * f.sse(x, z).mean() + 0.3 / 2 * sum((w**2).sum() for w in weights)
    m, l, z = f.gaussian(x, noise)  # noqa: E741
    sse, kl = f.sse(x, z), f.kl(m, l)
    log_ratio = log_normal(z, m, l.exp() + 1e-8) - log_normal(z, 0 * z, torch.ones_like(z))
    if name == "elbo":
        return C * sse.mean() + 0.4 * kl
    if name in ("elbo_sampled", "iaf_vae"):  # the flow is the identity before it is trained
        return C * sse.mean() + 0.4 * log_ratio.mean()
    if name == "rate_target":
        return C * sse.mean() + 0.8 * (9 - kl)  # below the target, as is asserted
    if name == "iwae":
        log_p = -C * sse - D / 2 * log(2 * pi / (2 * C)) - log_ratio
        return -torch.log(torch.exp(log_p).mean(0)).mean()
    s2 = sse.mean() / D if name == "sigma_vae" else 1e-6 + f.weights["auxiliary.log_variance"].exp()
    return D / 2 * torch.log(2 * pi * s2) + sse.mean() / (2 * s2) + 0.4 * kl


def drawn(name, n):
    """The noise that an objective draws first after `torch.manual_seed(7)`, [B, ...] or [K, B, d]."""
    shape = {"dae": (n, *SPEC.shape), "iwae": (3, n, LATENT)}.get(name, (n, LATENT))
    torch.manual_seed(7)
    return torch.randn(shape).double().flatten(-3) if name == "dae" else torch.randn(shape).double()


@every_objective
def test_loss_and_gradients_are_those_of_the_formula_in_float64(linear, name):
    objective, x = OBJECTIVES[name], torch.rand(20, *SPEC.shape)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=3)
    torch.manual_seed(7)
    loss = objective(model, Batch(x, torch.tensor(0.5), len(x)))
    if name == "rate_target":
        assert loss.terms["kl"] < 9
    found = torch.autograd.grad(loss.total, [*model.parameters()])
    noise = drawn(name, 20)
    f = Float64(model)
    expected = formula(name, f, x.flatten(1).double(), noise.reshape(20, D) if name == "dae" else noise)
    wanted = torch.autograd.grad(expected, [*f.weights.values()], allow_unused=True)
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-6)
    compared = 0
    for key, one, other in zip(f.weights, found, wanted, strict=True):
        if other is not None:
            torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5, msg=lambda m, k=key: f"{k}: {m}")
            compared += 1
    assert compared >= 4


@every_objective
def test_a_batch_given_twice_has_the_same_loss(linear, monkeypatch, name):
    """With the noise given twice too."""
    objective, x = OBJECTIVES[name], torch.rand(6, *SPEC.shape)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=3)
    row = torch.linspace(-1, 1, 6)
    monkeypatch.setattr(torch, "randn", lambda shape, **_: row.repeat(shape[-2] // 6)[:, None].expand(shape).clone())
    monkeypatch.setattr(
        torch, "randn_like", lambda x: row.repeat(len(x) // 6)[:, None, None, None].expand_as(x).clone()
    )
    once, twice = (objective(model, Batch(batch, torch.tensor(0.5), len(batch))) for batch in (x, torch.cat([x, x])))
    torch.testing.assert_close(twice.total, once.total)
    for term, value in once.terms.items():
        torch.testing.assert_close(twice.terms[term], value)


@every_objective
def test_twice_the_pixels_are_twice_the_error_at_the_same_rate(linear, monkeypatch, name):
    """The tiled model gives the tiled reconstruction from the same code, so nothing else may change."""
    monkeypatch.setattr(torch, "randn", lambda shape, **_: torch.full(shape, 0.3))
    monkeypatch.setattr(torch, "randn_like", lambda x: torch.full_like(x, 0.3))
    objective, x = OBJECTIVES[name], torch.rand(6, *SPEC.shape)
    small = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=3)
    large = make_autoencoder(replace(SPEC, shape=(1, 4, 5)), linear, StandardNormal, objective, seed=3)
    with torch.no_grad():
        for one, other in zip(small.encoder.heads, large.encoder.heads, strict=True):
            other.weight.copy_(one.weight.repeat(1, 2) / 2)
            other.bias.copy_(one.bias)
        large.decoder[0].weight.copy_(small.decoder[0].weight.repeat(2, 1))
        large.decoder[0].bias.copy_(small.decoder[0].bias.repeat(2))
    tiled = torch.cat([x, x], 2)
    one, other = (objective(m, Batch(b, torch.tensor(0.5), len(b))).terms for m, b in ((small, x), (large, tiled)))
    torch.testing.assert_close(other["sse"], 2 * one["sse"])
    for rate in {"kl", "log E||z||^2", "decoder std"} & one.keys():
        torch.testing.assert_close(other[rate], one[rate])


@every_objective
def test_seeds_can_be_trained_as_one_batched_model(linear, name):
    """Losses and gradients of two models at once, by vmap, are those of each alone."""
    objective, x = OBJECTIVES[name], torch.rand(2, 8, *SPEC.shape)
    models = [make_autoencoder(SPEC, linear, StandardNormal, objective, seed) for seed in range(2)]
    params, buffers = torch.func.stack_module_state(models)

    class Call(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = models[0]

        def forward(self, x):
            return objective(self.model, Batch(x, torch.tensor(0.5), len(x))).total

    call = Call()

    def one(p, b, x):
        named = {f"model.{k}": v for k, v in {**p, **b}.items()}
        return torch.func.functional_call(call, named, (x,))

    def noiseless(shape, **_):
        return torch.zeros(shape)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn", noiseless)
        patch.setattr(torch, "randn_like", torch.zeros_like)
        together = torch.vmap(one, randomness="different")(params, buffers, x)
        alone = torch.stack(
            [objective(m, Batch(b, torch.tensor(0.5), len(b))).total for m, b in zip(models, x, strict=True)]
        )
    torch.testing.assert_close(together, alone)


@every_objective
def test_formula_and_source_are_documented(name):
    assert OBJECTIVES[name].formula
    assert OBJECTIVES[name].source

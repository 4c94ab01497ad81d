"""The divergence of a batch's mixture of posteriors, against closed forms and its definition."""

from math import log

import pytest
import torch
from torch.distributions import Normal as TorchNormal
from torch.distributions import kl_divergence

from helpers.divergences import compute_divergence
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import Gaussian, GaussianPosterior, StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.testing import check_divergence, check_objective
from vimae_builtin.divergences.kl_mixture import MixtureKL
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.infovae import InfoVAE
from vimae_builtin.objectives.vimae import VIMAE
from vimae_builtin.priors.uniform import StandardUniform


def posteriors(n, d=3, spread=2.0):
    return GaussianPosterior(
        spread * torch.randn(n, d, dtype=torch.float64), torch.randn(n, d, dtype=torch.float64) - 1
    )


def test_posteriors_that_are_all_alike_have_the_divergence_of_one_of_them():
    n, m, s = 20_000, torch.tensor([0.7, -0.3]), torch.tensor([0.5, 1.4])
    q = GaussianPosterior(m.expand(n, 2), (2 * s.log()).expand(n, 2))
    z = q.rsample()
    exact = kl_divergence(TorchNormal(m, s), TorchNormal(0.0, 1.0)).sum()
    # The mixture of equal distributions is that distribution: a mean of n terms, whose standard deviation is about 1.
    values = [
        compute_divergence(MixtureKL(), z[i], StandardNormal(2), GaussianPosterior(q.m[i], q.l[i]))
        for i in torch.arange(n).split(500)
    ]
    assert torch.stack(values).mean() == pytest.approx(float(exact), abs=4 / n**0.5)


def test_it_is_the_mean_of_its_definition():
    q, prior = posteriors(7), StandardNormal(3)
    z = q.rsample()
    mixture = [sum(q.log_prob(z[i].expand_as(z)).exp()) / 7 for i in range(7)]
    expected = sum(torch.log(mixture[i]) - prior.log_prob(z[i]) for i in range(7)) / 7
    torch.testing.assert_close(compute_divergence(MixtureKL(), z, prior, q), expected)


def test_posteriors_far_apart_have_the_rate_less_the_logarithm_of_their_number():
    q, prior = (
        GaussianPosterior(1e3 * torch.eye(4, 3, dtype=torch.float64), torch.zeros(4, 3).double()),
        StandardNormal(3),
    )
    z = q.rsample()
    rate = (q.log_prob(z) - prior.log_prob(z)).mean()
    torch.testing.assert_close(compute_divergence(MixtureKL(), z, prior, q), rate - log(4))


def test_a_batch_is_biased_upwards_and_less_so_the_larger_it_is():
    q, prior = posteriors(2048, d=1, spread=1.0), StandardNormal(1)

    def mean(size):
        parts = [GaussianPosterior(*heads) for heads in zip(q.m.split(size), q.l.split(size), strict=True)]
        return float(
            torch.stack(
                [compute_divergence(MixtureKL(), p.rsample(), prior, p) for p in parts for _ in range(2)]
            ).mean()
        )

    values = [mean(size) for size in (1, 4, 32, 2048)]
    assert values == sorted(values, reverse=True)
    assert values[0] - values[-1] > 0.2


def test_its_gradient_is_that_of_its_definition():
    q, prior, noise = posteriors(5), StandardNormal(3), torch.randn(5, 3, dtype=torch.float64)

    def value(*heads):
        there = GaussianPosterior(*heads)
        return compute_divergence(MixtureKL(), there.m + there.std * noise, prior, there)

    assert torch.autograd.gradcheck(value, (q.m.requires_grad_(), q.l.requires_grad_()))


def test_with_it_infovae_lies_between_autoencoder_and_vae(linear):
    spec, x = ModelSpec((1, 4, 4), 2), torch.rand(1, 1, 4, 4)
    objectives = InfoVAE(MixtureKL(), a=0.0, l=1.0), ELBO()
    losses = []
    for objective in objectives:
        model = make_autoencoder(spec, linear, StandardNormal, objective, seed=0)
        torch.manual_seed(1)
        losses.append(objective(model, Batch(x, torch.tensor(0.5), len(x))))
    # In a batch of one the mixture is the posterior itself: one draw of the VAE's KL.
    sampled, exact = losses[0].terms["divergence"], losses[1].terms["kl"]
    torch.manual_seed(1)
    q = model.encode(x)
    z = q.rsample()
    torch.testing.assert_close(sampled, (q.log_prob(z) - model.prior.log_prob(z)).mean())
    assert sampled != exact


def test_unsupported_posteriors_and_priors_are_refused(linear):
    spec = ModelSpec((1, 4, 4), 2)
    deterministic = VIMAE(MixtureKL())
    with pytest.raises(ValueError, match="needs Gaussian posteriors, which `infovae`"):
        deterministic.check(make_autoencoder(spec, linear, StandardNormal, deterministic, seed=0))
    with pytest.raises(ValueError, match="positive everywhere"):
        MixtureKL().check(StandardUniform(2), Gaussian())
    with pytest.raises(TypeError, match="needs Gaussian posteriors, not a DiracPosterior"):
        compute_divergence(MixtureKL(), torch.zeros(3, 2), StandardNormal(2))


def test_passes_the_contracts():
    check_divergence(MixtureKL())
    check_objective(InfoVAE(MixtureKL(), a=0.5, l=2.0))

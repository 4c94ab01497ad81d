from itertools import combinations
from math import log

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import norm
from torch.distributions import Categorical, Independent, MixtureSameFamily
from torch.distributions import Normal as TorchNormal

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.execution import Training
from vimae_bench.models import GaussianPosterior, StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.testing import check_objective
from vimae_builtin.objectives.beta_tcvae import BetaTCVAE, compute_log_weights, estimate_total_correlation
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.priors.logistic import StandardLogistic

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 2, 3), 3)
both_samplings = pytest.mark.parametrize("sampling", ["weighted", "stratified"])


def posteriors(n: int, latent: int = 3) -> GaussianPosterior:
    m, l = torch.randn(n, latent, dtype=torch.float64), torch.randn(n, latent, dtype=torch.float64) - 1  # noqa: E741
    return GaussianPosterior(m, l)


@both_samplings
@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
def test_at_beta_one_it_is_the_vae_to_the_last_bit(linear, prior, sampling):
    data, losses = Batch(torch.rand(20, *SPEC.shape), torch.tensor(0.0), 5000), []
    for objective in (ELBO(recon_scale=0.5), BetaTCVAE(beta=1.0, recon_scale=0.5, sampling=sampling)):
        model = make_autoencoder(SPEC, linear, prior, objective, seed=0)
        torch.manual_seed(5)
        losses.append(objective(model, data).total)
    assert losses[0] == losses[1]


@pytest.mark.parametrize("beta", [0.0, 4.0])
def test_beta_weighs_the_total_correlation_alone(linear, beta):
    objective = BetaTCVAE(beta=beta, recon_scale=0.5)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    loss = objective(model, Batch(torch.rand(20, *SPEC.shape), torch.tensor(0.0), 700))
    terms = loss.terms
    torch.testing.assert_close(loss.total, 0.5 * terms["sse"] + terms["kl"] + (beta - 1) * terms["tc"])


def test_weighted_sampling_is_that_of_the_paper_in_scipy():
    batch, images = 7, 1000
    q = posteriors(batch)
    z = q.rsample()
    log_q = norm.logpdf(z.numpy()[:, None], q.m.numpy()[None], q.std.numpy()[None])  # [i, j, k]
    joint = logsumexp(log_q.sum(2), axis=1) - np.log(images * batch)
    marginals = (logsumexp(log_q, axis=1) - np.log(images * batch)).sum(1)
    assert float(estimate_total_correlation(z, q, images)) == pytest.approx((joint - marginals).mean(), rel=1e-12)


def test_an_encoder_that_ignores_its_images_has_none_but_the_weighted_estimate_says_d_minus_1_log_n():
    q = GaussianPosterior(torch.zeros(9, 3, dtype=torch.float64), torch.zeros(9, 3, dtype=torch.float64))
    z = q.rsample()
    assert float(estimate_total_correlation(z, q, 400, "weighted")) == pytest.approx(2 * log(400), rel=1e-12)
    assert float(estimate_total_correlation(z, q, 400, "stratified")) == pytest.approx(0.0, abs=1e-12)


def test_a_batch_of_all_images_gives_the_stratified_estimate_exactly():
    q = posteriors(30)
    z = q.rsample()
    all_alike = Categorical(torch.ones(30, dtype=torch.float64))
    joint = MixtureSameFamily(all_alike, Independent(TorchNormal(q.m, q.std), 1)).log_prob(z)
    marginals = [MixtureSameFamily(all_alike, TorchNormal(q.m[:, k], q.std[:, k])).log_prob(z[:, k]) for k in range(3)]
    exact = float((joint - torch.stack(marginals).sum(0)).mean())
    assert float(estimate_total_correlation(z, q, 30, "stratified")) == pytest.approx(exact, rel=1e-10)


def test_the_stratified_density_is_unbiased_over_all_batches_that_an_image_can_be_in():
    images, batch = 6, 3
    density = torch.rand(images, dtype=torch.float64)  # of one z given each image, the first being its own
    found = [
        float(
            (
                compute_log_weights(torch.zeros(batch, 1).double(), images, "stratified")[0].exp()
                * density[[0, *others]]
            ).sum()
        )
        for others in combinations(range(1, images), batch - 1)
    ]
    assert np.mean(found) == pytest.approx(float(density.mean()), rel=1e-12)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_large_batch_gives_the_total_correlation_of_a_gaussian(correlation):
    """Means of unit variance and posteriors of variance 0.04: q(z) is normal with a correlation of rho/1.04."""
    batch = 2500
    first, second = torch.randn(2, batch, dtype=torch.float64)
    m = torch.stack([first, correlation * first + (1 - correlation**2) ** 0.5 * second], 1)
    q = GaussianPosterior(m, torch.full_like(m, log(0.04)))
    exact = -0.5 * log(1 - (correlation / 1.04) ** 2)
    assert float(estimate_total_correlation(q.rsample(), q, 60_000, "stratified")) == pytest.approx(exact, abs=0.08)


@both_samplings
def test_the_gradient_is_that_of_finite_differences(sampling):
    noise = torch.randn(6, 3, dtype=torch.float64)

    def tc(m, l):  # noqa: E741
        q = GaussianPosterior(m, l)
        return estimate_total_correlation(m + q.std * noise, q, 50, sampling)

    q = posteriors(6)
    assert torch.autograd.gradcheck(tc, (q.m.requires_grad_(), q.l.requires_grad_()))


def test_only_the_stratified_gradient_knows_how_many_images_there_are():
    def gradient(images, sampling):
        m = torch.linspace(-1, 1, 15, dtype=torch.float64).reshape(5, 3).requires_grad_()
        q = GaussianPosterior(m, torch.zeros_like(m))
        return torch.autograd.grad(estimate_total_correlation(m + 0.1, q, images, sampling), m)[0]

    torch.testing.assert_close(gradient(10, "weighted"), gradient(10_000, "weighted"), rtol=1e-9, atol=1e-12)
    assert (gradient(10, "stratified") - gradient(10_000, "stratified")).abs().max() > 1e-3


def test_training_step_passes_the_size_of_the_data_set(linear):
    def tc(images: int) -> float:
        model = make_autoencoder(SPEC, linear, StandardNormal, BetaTCVAE(), seed=0)
        x = (torch.arange(images * SPEC.input_size) % 251).to(torch.uint8).reshape(images, *SPEC.shape)
        step = TrainingStep(model, BetaTCVAE(), Training(batch=10), x)
        torch.manual_seed(3)
        return float(step(torch.arange(10), torch.tensor(0.0))[step.terms.index("tc")])

    assert tc(800) - tc(100) == pytest.approx(2 * log(8), rel=1e-4)


def test_a_larger_beta_makes_codes_less_dependent(linear):
    """Two pixels that go together, encoded by one each: known posterior noise, and z is normal."""
    first, second = torch.randn(2, 256)
    x = torch.stack([first, 0.9 * first + 0.436 * second], 1).reshape(256, 1, 1, 2)

    def correlation(beta: float) -> float:
        objective = BetaTCVAE(beta=beta, recon_scale=5.0)
        model = make_autoencoder(ModelSpec((1, 1, 2), 2), linear, StandardNormal, objective, seed=0)
        with torch.no_grad():
            model.encoder.heads[0].weight.copy_(torch.eye(2))
            model.encoder.heads[1].weight.zero_()
            model.encoder.heads[1].bias.fill_(-2.0)
        adam = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(60):
            adam.zero_grad()
            objective(model, Batch(x, torch.tensor(0.0), 256)).total.backward()
            adam.step()
        covariance = torch.cov(model.encode(x).rsample().detach().T)
        return abs(float(covariance[0, 1] / covariance.diagonal().prod().sqrt()))

    assert correlation(20.0) < 0.4 * correlation(1.0)


@both_samplings
def test_passes_the_contract_and_its_seeds_can_be_batched(terms_of_two_seeds, sampling):
    objective = BetaTCVAE(sampling=sampling)
    check_objective(objective)
    terms = terms_of_two_seeds(objective, SPEC)
    assert terms.shape == (4, 2)
    assert terms.isfinite().all()

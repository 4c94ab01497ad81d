from math import log, pi

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from vimae_bench import Autoencoder, Batch, Frame
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.priors.logistic import Logistic
from vimae_builtin.priors.normal import Normal as NormalPrior

FRAME = Frame((1, 2, 5), 4)


def batch(n: int) -> Batch:
    return Batch(torch.rand(n, *FRAME.shape), torch.tensor(0.0))


def test_at_beta_one_it_is_the_negative_evidence_lower_bound_up_to_a_constant(linear):
    """With decoder variance 1/(2c): -ELBO = c * SSE + KL + D/2 log(2 pi / (2c))."""
    scale, data = 3.0, batch(20)
    objective = ELBO(recon_scale=scale)
    model = Autoencoder(FRAME, linear, NormalPrior(), objective, seed=0)
    torch.manual_seed(5)
    loss = objective(model, data).total
    torch.manual_seed(5)
    q = model.encode(data.x)
    variance = torch.tensor(1 / (2 * scale))
    decoder = Independent(Normal(model.decode(q.rsample()), variance.sqrt()), 3)
    kl = kl_divergence(Independent(Normal(q.m, q.std), 1), Independent(Normal(torch.zeros(4), torch.ones(4)), 1))
    elbo = decoder.log_prob(data.x) - kl
    torch.testing.assert_close(loss, -elbo.mean() - FRAME.pixels / 2 * torch.log(2 * pi * variance))


@pytest.mark.parametrize("beta", [0.0, 0.2, 10.0])
def test_beta_weighs_the_rate_alone(linear, beta):
    objective = ELBO(beta=beta, recon_scale=0.5)
    loss = objective(Autoencoder(FRAME, linear, NormalPrior(), objective, seed=0), batch(20))
    torch.testing.assert_close(loss.total, 0.5 * loss.terms["sse"] + beta * loss.terms["kl"])


def test_another_prior_gives_another_rate(linear):
    data, rates = batch(20), []
    for prior in (NormalPrior(), Logistic()):
        torch.manual_seed(5)
        rates.append(ELBO()(Autoencoder(FRAME, linear, prior, ELBO(), seed=0), data).terms["kl"])
    assert rates[0] != rates[1]


EIGENVALUES = torch.tensor([4.0, 2.0, 1.0, 0.2, 0.02, 0.02, 0.02, 0.01, 0.01, 0.01])


def images_with_those_eigenvalues(n: int) -> torch.Tensor:
    """Gaussian images whose sample covariance has exactly these eigenvalues, turned at random."""
    x = torch.randn(n, 10)
    x = x - x.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T @ x / n), x.T, upper=False)
    turned = torch.linalg.qr(torch.randn(10, 10)).Q * EIGENVALUES.sqrt()
    return (turned @ white).T.reshape(n, *FRAME.shape)


@pytest.mark.parametrize(("scale", "beta", "steps"), [(1.0, 1.0, 1000), (0.5, 0.6, 1000), (0.05, 1.0, 300)])
def test_a_linear_model_trained_to_the_end_reaches_the_known_rate_and_distortion(linear, scale, beta, steps):
    """With s2 = beta/(2c), each eigenvalue above s2 costs s2 of SSE and log(eigenvalue/s2)/2 of rate; others collapse.

    That is the linear analysis of Lucas et al. (1911.02469). In the last case all of them collapse.
    """
    s2 = beta / (2 * scale)
    sse = sum(min(e, s2) for e in EIGENVALUES.tolist())
    rate = sum(max(0.5 * log(e / s2), 0) for e in EIGENVALUES.tolist())

    objective, x = ELBO(beta, scale), images_with_those_eigenvalues(4096)
    model = Autoencoder(FRAME, linear, NormalPrior(), objective, seed=0)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.03, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.03, total_steps=steps)
    for step in range(steps):
        optimiser.zero_grad()
        part = x[step % 16 * 256 :][:256]
        objective(model, Batch(part, torch.tensor(0.0))).total.backward()
        optimiser.step()
        schedule.step()
    terms = objective(model, Batch(x, torch.tensor(1.0))).terms
    assert terms["sse"].item() == pytest.approx(sse, rel=0.02)
    assert terms["kl"].item() == pytest.approx(rate, rel=0.02, abs=0.01)

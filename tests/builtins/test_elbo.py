from math import log, pi

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, Evaluation, Examples, ModelSpec, Splits
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.metrics.rate import Rate
from vimae_builtin.objectives.elbo import ELBO, SampledELBO
from vimae_builtin.priors.logistic import StandardLogistic

SPEC = ModelSpec((1, 2, 5), 4)


def batch(n: int) -> Batch:
    return Batch(torch.rand(n, *SPEC.shape), torch.tensor(0.0), n)


def test_at_beta_one_it_is_the_negative_evidence_lower_bound_up_to_a_constant(linear):
    """With decoder variance 1/(2c): -ELBO = c * SSE + KL + D/2 log(2 pi / (2c))."""
    scale, data = 3.0, batch(20)
    objective = ELBO(recon_scale=scale)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    torch.manual_seed(5)
    loss = objective(model, data).total
    torch.manual_seed(5)
    q = model.encode(data.x)
    variance = torch.tensor(1 / (2 * scale))
    decoder = Independent(Normal(model.decode(q.rsample()), variance.sqrt()), 3)
    kl = kl_divergence(Independent(Normal(q.m, q.std), 1), Independent(Normal(torch.zeros(4), torch.ones(4)), 1))
    elbo = decoder.log_prob(data.x) - kl
    torch.testing.assert_close(loss, -elbo.mean() - SPEC.input_size / 2 * torch.log(2 * pi * variance))


@pytest.mark.parametrize("beta", [0.0, 0.2, 10.0])
def test_beta_weighs_the_rate_alone(linear, beta):
    objective = ELBO(beta=beta, recon_scale=0.5)
    loss = objective(make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0), batch(20))
    torch.testing.assert_close(loss.total, 0.5 * loss.terms["sse"] + beta * loss.terms["kl"])


@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
def test_the_sampled_rate_is_the_closed_one_or_the_integral_in_expectation(linear, prior):
    """Over many draws: the mean of log q - log p agrees with KL by torch.distributions, or by quadrature."""
    x = torch.rand(1, *SPEC.shape)
    model = make_autoencoder(SPEC, linear, prior, SampledELBO(), seed=0)
    with torch.no_grad():
        rates = SampledELBO()(model, Batch(x.expand(100_000, -1, -1, -1), torch.tensor(0.0), 100_000)).terms["kl"]
        q = model.encode(x)
    line = torch.linspace(-12, 12, 24_001, dtype=torch.float64)[:, None]
    log_q = Normal(q.m.double(), q.std.double()).log_prob(line)  # [24001, 4]
    log_p = prior(1).log_prob(line)[:, None]
    exact = (log_q.exp() * (log_q - log_p)).sum() * 24 / 24_000
    if prior is StandardNormal:
        closed = kl_divergence(Normal(q.m, q.std), Normal(torch.zeros(4), torch.ones(4))).sum()
        assert exact.item() == pytest.approx(closed.item(), rel=1e-5)
    assert rates.item() == pytest.approx(exact.item(), abs=0.02)


def test_a_prior_without_a_closed_form_is_refused_before_training(linear):
    model = make_autoencoder(SPEC, linear, StandardLogistic, ELBO(), seed=0)
    with pytest.raises(ValueError, match=r"StandardLogistic.*'elbo_sampled'.*prior 'normal'"):
        ELBO().check(model)
    SampledELBO().check(model)
    ELBO().check(make_autoencoder(SPEC, linear, StandardNormal, ELBO(), seed=0))


EIGENVALUES = torch.tensor([4.0, 2.0, 1.0, 0.2, 0.02, 0.02, 0.02, 0.01, 0.01, 0.01])


def images_with_those_eigenvalues(n: int) -> torch.Tensor:
    """Gaussian images whose sample covariance has exactly these eigenvalues, turned at random."""
    x = torch.randn(n, 10)
    x = x - x.mean(0)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(x.T @ x / n), x.T, upper=False)
    turned = torch.linalg.qr(torch.randn(10, 10)).Q * EIGENVALUES.sqrt()
    return (turned @ white).T.reshape(n, *SPEC.shape)


@pytest.mark.parametrize(("scale", "beta", "steps"), [(1.0, 1.0, 1000), (0.5, 0.6, 1000), (0.05, 1.0, 300)])
def test_a_linear_model_trained_to_the_end_reaches_the_known_rate_and_distortion(linear, scale, beta, steps):
    """With s2 = beta/(2c), each eigenvalue above s2 costs s2 of SSE and log(eigenvalue/s2)/2 of rate; others collapse.

    That is the linear analysis of Lucas et al. (1911.02469). In the last case all of them collapse.
    """
    s2 = beta / (2 * scale)
    sse = sum(min(e, s2) for e in EIGENVALUES.tolist())
    rate = sum(max(0.5 * log(e / s2), 0) for e in EIGENVALUES.tolist())

    objective, x = ELBO(beta, scale), images_with_those_eigenvalues(4096)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.03, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.03, total_steps=steps)
    for step in range(steps):
        optimiser.zero_grad()
        part = x[step % 16 * 256 :][:256]
        objective(model, Batch(part, torch.tensor(0.0), len(part))).total.backward()
        optimiser.step()
        schedule.step()
    terms = objective(model, Batch(x, torch.tensor(1.0), len(x))).terms
    assert terms["sse"].item() == pytest.approx(sse, rel=0.02)
    assert terms["kl"].item() == pytest.approx(rate, rel=0.02, abs=0.01)


MNIST = torch.tensor([5.117, 3.741, 3.253, 2.842, 2.567, 2.274, 1.725, 1.521])
"""The largest eigenvalues of the covariance of MNIST's training images, [0, 1] units."""


def images_with_the_spectrum_of_mnist(n: int) -> np.ndarray:
    """Gaussian images uint8 [n, 1, 28, 28] about a grey mean, which vary in eight directions as MNIST varies most."""
    directions = torch.linalg.qr(torch.randn(784, 8)).Q
    x = 0.5 + torch.randn(n, 8) * MNIST.sqrt() @ directions.T
    return (255 * x.clamp(0, 1)).round().byte().reshape(n, 1, 28, 28).numpy()


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "collapses"), [(0.05, True), (1.0, False)])
def test_a_network_collapses_where_the_largest_eigenvalue_is_below_the_decoders_variance(scale, collapses):
    """beta/(2c) = 10 is above all eigenvalues of MNIST, 0.5 below eight of them; the measure's flag tells."""
    images = images_with_the_spectrum_of_mnist(2000)
    spec, objective = ModelSpec((1, 28, 28), 8), ELBO(1.0, scale)
    model = make_autoencoder(spec, MLP((64,)), StandardNormal, objective, seed=0)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    x = torch.from_numpy(images) / 255
    for step in range(800):
        optimiser.zero_grad()
        objective(model, Batch(x[step % 20 * 100 :][:100], torch.tensor(0.0), len(x))).total.backward()
        optimiser.step()
    examples = Examples(images, None)
    evaluation = Evaluation(model.eval(), Splits(examples, examples, examples), "invented", 0, torch.device("cpu"))
    (measure,) = (m for m in Rate().measures() if m.name == "rate")
    rate = Rate()(evaluation)["rate"].value
    assert (rate < measure.collapse_below) == collapses
    assert collapses or rate > 4

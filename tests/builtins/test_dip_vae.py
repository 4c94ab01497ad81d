import numpy as np
import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import GaussianPosterior, StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.testing import check_objective
from vimae_builtin.objectives.dip_vae import DIPVAE, compute_penalties
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.priors.logistic import StandardLogistic

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 2, 3), 3)
both_kinds = pytest.mark.parametrize("kind", ["i", "ii"])


def posteriors(n: int, latent: int = 3) -> GaussianPosterior:
    m, l = torch.randn(n, latent, dtype=torch.float64), torch.randn(n, latent, dtype=torch.float64) - 1  # noqa: E741
    return GaussianPosterior(m @ torch.randn(latent, latent, dtype=torch.float64), l)


@both_kinds
@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
def test_without_weights_it_is_the_vae_to_the_last_bit(linear, prior, kind):
    data, losses = Batch(torch.rand(20, *SPEC.shape), torch.tensor(0.0), 20), []
    for objective in (ELBO(recon_scale=0.5), DIPVAE(kind, off_diagonal=0.0, diagonal=0.0, recon_scale=0.5)):
        model = make_autoencoder(SPEC, linear, prior, objective, seed=0)
        torch.manual_seed(5)
        losses.append(objective(model, data).total)
    assert losses[0] == losses[1]


def test_each_penalty_has_its_weight(linear):
    objective = DIPVAE("ii", off_diagonal=3.0, diagonal=7.0, recon_scale=0.5)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    loss = objective(model, Batch(torch.rand(20, *SPEC.shape), torch.tensor(0.0), 20))
    t = loss.terms
    torch.testing.assert_close(loss.total, 0.5 * t["sse"] + t["kl"] + 3 * t["off diagonal"] + 7 * t["diagonal"])


@both_kinds
def test_the_penalties_are_those_of_numpys_covariance(kind):
    q = posteriors(50)
    covariance = np.cov(q.m.numpy().T, bias=True)
    if kind == "ii":
        covariance += np.diag((1e-8 + np.exp(q.l.numpy())).mean(0))
    off, on = compute_penalties(q, kind)
    expected = sum(covariance[i, j] ** 2 for i in range(3) for j in range(3) if i != j)
    assert float(off) == pytest.approx(expected, rel=1e-12)
    assert float(on) == pytest.approx(sum((covariance[i, i] - 1) ** 2 for i in range(3)), rel=1e-12)


def test_kind_ii_is_the_covariance_of_the_draws():
    q = posteriors(20)
    z = q.rsample((40_000,)).flatten(0, 1)
    covariance = torch.cov(z.T, correction=0)
    off, on = compute_penalties(q, "ii")
    assert float(on) == pytest.approx(float((covariance.diagonal() - 1).square().sum()), rel=0.03)
    assert float(off) == pytest.approx(float((covariance - covariance.diagonal().diag()).square().sum()), rel=0.03)


@pytest.mark.parametrize(("kind", "variance"), [("i", 1.0), ("ii", 0.75)])
def test_independent_units_of_unit_variance_cost_nothing(kind, variance):
    """Four corners of a square have means of this variance; posteriors of variance 0.25 make it up to 1 in kind ii."""
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=torch.float64) * variance**0.5
    q = GaussianPosterior(corners, torch.full_like(corners, 0.25).log())
    assert [float(p) for p in compute_penalties(q, kind)] == pytest.approx([0, 0], abs=1e-12)


@both_kinds
def test_the_gradient_is_that_of_finite_differences(kind):
    q = posteriors(6)

    def penalty(m, l):  # noqa: E741
        off, on = compute_penalties(GaussianPosterior(m, l), kind)
        return 3 * off + on

    assert torch.autograd.gradcheck(penalty, (q.m.requires_grad_(), q.l.requires_grad_()))


@both_kinds
def test_training_takes_the_covariance_to_the_identity(linear, kind):
    objective = DIPVAE(kind, off_diagonal=100.0, diagonal=100.0)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    data = Batch(torch.randn(200, *SPEC.shape) @ torch.randn(3, 3), torch.tensor(0.0), 200)
    before = objective(model, data).terms
    adam = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(150):
        adam.zero_grad()
        objective(model, data).total.backward()
        adam.step()
    after = objective(model, data).terms
    assert before["off diagonal"] + before["diagonal"] > 0.5
    assert after["off diagonal"] + after["diagonal"] < 0.01


@both_kinds
def test_passes_the_contract_and_its_seeds_can_be_batched(terms_of_two_seeds, kind):
    objective = DIPVAE(kind)
    check_objective(objective)
    terms = terms_of_two_seeds(objective, SPEC)
    assert terms.shape == (5, 2)
    assert terms.isfinite().all()

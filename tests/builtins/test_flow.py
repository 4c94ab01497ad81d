from functools import partial
from math import log, pi

import pytest
import torch
from torch.autograd.functional import jacobian

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.testing import check_prior
from vimae_builtin.objectives.elbo import SampledELBO
from vimae_builtin.priors.flow import RealNVP

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 2, 5), 4)


def shaken(latent: int, couplings: int = 6, std: float = 0.3) -> RealNVP:
    """A flow far from the identity: all its weights are random."""
    prior = RealNVP(latent, couplings=couplings, hidden=16)
    for p in prior.parameters():
        torch.nn.init.normal_(p, std=std)
    return prior


@pytest.mark.parametrize("latent", [1, 2, 5])
def test_before_training_it_is_the_standard_normal_bit_for_bit(latent):
    flow, normal = (make(latent) for make in (RealNVP, StandardNormal))
    z = 3 * torch.randn(100, 7, latent)
    assert torch.equal(flow.log_prob(z), normal.log_prob(z))
    draws = []
    for prior in (flow, normal):
        torch.manual_seed(5)
        draws.append(prior.sample(100))
    assert torch.equal(*draws)


def test_the_first_loss_is_that_of_the_vae(linear):
    losses, x = [], torch.rand(9, *SPEC.shape)
    for prior in (RealNVP, StandardNormal):
        model = make_autoencoder(SPEC, linear, prior, SampledELBO(), seed=0)
        torch.manual_seed(5)
        losses.append(SampledELBO()(model, Batch(x, torch.tensor(0.0), len(x))).total)
    assert losses[0] == losses[1]


@pytest.mark.parametrize("latent", [1, 2, 5])
def test_couplings_are_inverted_and_their_determinant_is_that_of_autograd(latent):
    prior, z = shaken(latent).double(), torch.randn(6, latent, dtype=torch.float64)
    for coupling in prior.couplings:
        y, log_det = coupling(z)
        torch.testing.assert_close(coupling.inverse(y), z, rtol=0, atol=1e-10)
        for i in range(6):
            j = jacobian(lambda one, coupling=coupling: coupling(one)[0], z[i])
            assert torch.linalg.slogdet(j).logabsdet.item() == pytest.approx(log_det[i].item(), abs=1e-10)


def test_the_density_is_the_normal_one_of_the_image_times_the_jacobian():
    prior, z = shaken(5).double(), torch.randn(6, 5, dtype=torch.float64)

    def image(one):
        for coupling in prior.couplings:
            one = coupling(one)[0]
        return one

    for i in range(6):
        j = torch.linalg.slogdet(jacobian(image, z[i])).logabsdet.item()
        base = -0.5 * (image(z[i]).square().sum().item() + 5 * log(2 * pi))
        assert prior.log_prob(z)[i].item() == pytest.approx(base + j, abs=1e-10)
    assert (image(z[0]) - z[0]).abs().max() > 0.1


def test_every_dimension_is_moved_and_sees_the_others():
    """The Jacobian of the whole is full: two couplings alone leave half of the first one's conditioning as it was."""
    prior, z = shaken(4).double(), torch.randn(4, dtype=torch.float64)

    def image(one):
        for coupling in prior.couplings:
            one = coupling(one)[0]
        return one

    assert (jacobian(image, z).abs() > 1e-6).all()


def test_gradients_of_the_density_are_those_of_finite_differences():
    prior = shaken(3, couplings=2).double()
    weights = [p for p in prior.parameters() if p.requires_grad]
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda z, *_: prior.log_prob(z), (z, *weights))


@pytest.mark.parametrize("std", [0.1, 0.3])
def test_the_contract_holds_far_from_the_identity(std):
    """A density that integrates to 1, draws that belong to it, an entropy that is theirs."""

    check_prior(partial(shaken, std=std))


def test_two_dimensions_integrate_to_one():
    prior = shaken(2, std=0.2)
    line = torch.linspace(-12, 12, 801)
    grid = torch.cartesian_prod(line, line)
    with torch.no_grad():
        mass = prior.log_prob(grid).double().exp().sum().item() * (24 / 800) ** 2
    assert mass == pytest.approx(1, abs=1e-3)


def test_no_dimension_is_scaled_beyond_its_bound():
    prior = RealNVP(4, couplings=3, hidden=8, max_log_scale=0.5)
    for p in prior.parameters():
        torch.nn.init.normal_(p, std=10.0)
    z = torch.randn(100, 4)
    for coupling in prior.couplings:
        z, log_det = coupling(z)
        assert log_det.abs().max() <= 0.5 * 2 + 1e-5  # each moves two dimensions


@pytest.mark.slow
def test_learns_a_distribution_that_is_not_gaussian():
    """z2 = z1^2 / 2 + 0.3 noise: the mean of -log p comes down to the entropy, 1 + log(2 pi) + log 0.3."""

    def draws(n):
        z1 = torch.randn(n)
        return torch.stack([z1, z1.square() / 2 + 0.3 * torch.randn(n)], 1)

    prior = RealNVP(2)
    optimiser = torch.optim.Adam(prior.parameters(), lr=3e-3, fused=True)
    for _ in range(1500):
        optimiser.zero_grad()
        (-prior.log_prob(draws(256)).mean()).backward()
        optimiser.step()
    with torch.no_grad():
        found = -prior.log_prob(draws(50_000)).mean().item()
        z = prior.sample(50_000)
    assert found == pytest.approx(1 + log(2 * pi) + log(0.3), abs=0.05)
    assert z[:, 1].mean().item() == pytest.approx(0.5, abs=0.05)
    assert torch.corrcoef(torch.stack([z[:, 0].square(), z[:, 1]]))[0, 1].item() > 0.85

from math import log, sqrt

import pytest
import torch
from scipy import integrate, stats
from torch import Tensor, nn

from helpers.divergences import compute_divergence
from vimae_bench.models import Deterministic, StandardNormal
from vimae_bench.models.priors import Prior
from vimae_bench.plugin import AdversarialJS, ModelSpec
from vimae_bench.testing import check_divergence
from vimae_builtin.divergences.adversarial_js import vimae_divergences
from vimae_builtin.priors.laplace import StandardLaplace
from vimae_builtin.priors.uniform import StandardUniform


def spec(latent: int) -> ModelSpec:
    return ModelSpec((1, 2, 2), latent)


def js(p, q) -> float:
    """The Jensen-Shannon divergence in nats of two distributions of scipy.stats, by quadrature."""

    def half(one, other) -> float:
        def integrand(x: float) -> float:
            a, b = one.pdf(x), other.pdf(x)
            return a * log(2 * a / (a + b)) if a else 0.0

        return integrate.quad(integrand, -20, 20, limit=400, points=(-2, 0, 2))[0]

    return (half(p, q) + half(q, p)) / 2


class Optimal(nn.Module):
    """The best critic there is, for one-dimensional codes N(m, s^2): log p(z) - log q(z), or -log q(z) alone."""

    def __init__(self, m: float, s: float, prior: Prior, trick: bool):
        super().__init__()
        self.distribution, self.prior, self.trick = torch.distributions.Normal(m, s), prior, trick

    def forward(self, z: Tensor) -> Tensor:
        return (0 if self.trick else self.prior.log_prob(z)[:, None]) - self.distribution.log_prob(z)


LAWS = [(StandardNormal, stats.norm(), 1.5, 0.5), (StandardLaplace, stats.laplace(scale=1 / sqrt(2)), -1.0, 1.3)]


@pytest.mark.parametrize("trick", [False, True])
@pytest.mark.parametrize(("make", "distribution", "m", "s"), LAWS, ids=["normal", "laplace"])
def test_loss_of_the_best_critic_is_that_of_the_divergence(make, distribution, m, s, trick):
    prior, divergence = make(1), AdversarialJS(prior_trick=trick)
    z, best = m + s * torch.randn(100_000, 1), Optimal(m, s, prior, trick)
    exact = 2 * log(2) - 2 * js(distribution, stats.norm(m, s))
    assert divergence.critic().loss(z, prior, best).item() == pytest.approx(exact, abs=0.01)


def test_critic_is_at_chance_for_equal_distributions():
    prior = StandardNormal(1)
    loss = AdversarialJS().critic().loss(prior.sample(1000), prior, Optimal(0, 1, prior, trick=False))
    assert loss.item() == pytest.approx(2 * log(2), abs=1e-5)


def converged(divergence: AdversarialJS, prior: Prior, m: float, s: float, steps: int) -> nn.Module:
    critic = divergence.critic().make(spec(1))
    optimiser = torch.optim.Adam(critic.parameters(), 3e-3, (0.5, 0.999))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        divergence.critic().loss(m + s * torch.randn(1000, 1), prior, critic).backward()
        optimiser.step()
        schedule.step()
    return critic


@pytest.mark.slow
@pytest.mark.parametrize("trick", [False, True])
@pytest.mark.parametrize(("make", "distribution", "m", "s"), LAWS, ids=["normal", "laplace"])
def test_a_critic_that_has_converged_knows_the_divergence(make, distribution, m, s, trick):
    prior, divergence = make(1), AdversarialJS(units=64, layers=2, prior_trick=trick)
    critic = converged(divergence, prior, m, s, 1500)
    with torch.no_grad():
        loss = divergence.critic().loss(m + s * torch.randn(100_000, 1), prior, critic).item()
    assert log(2) - loss / 2 == pytest.approx(js(distribution, stats.norm(m, s)), abs=0.01)


@pytest.mark.slow
def test_codes_that_follow_the_penalty_come_to_the_prior():
    divergence, prior = AdversarialJS(units=64, layers=2), StandardNormal(1)
    critic, z = divergence.critic().make(spec(1)), (3 + 0.3 * torch.randn(500, 1)).requires_grad_()
    players = torch.optim.Adam([z], 0.02, (0.5, 0.999)), torch.optim.Adam(critic.parameters(), 1e-3, (0.5, 0.999))
    moments = []

    def penalty(z: Tensor, prior: Prior, critic: nn.Module) -> Tensor:
        return compute_divergence(divergence, z, prior, critic=critic)

    for _ in range(2000):
        for optimiser, loss in zip(players, (penalty, divergence.critic().loss), strict=True):
            [player.zero_grad() for player in players]
            loss(z, prior, critic).backward()
            optimiser.step()
        moments.append([z.mean().item(), z.std().item()])
    mean, std = torch.tensor(moments[-500:]).mean(0).tolist()
    assert mean == pytest.approx(0, abs=0.3)
    assert std == pytest.approx(1, abs=0.3)


def test_penalty_is_the_form_that_does_not_saturate():
    z, prior = torch.randn(50, 3), StandardNormal(3)
    divergence = AdversarialJS(units=16, layers=1)
    critic = divergence.critic().make(spec(3))
    critic[-1].bias.data.fill_(-30.0)  # a critic that is sure
    penalty = compute_divergence(divergence, z, prior, critic=critic)
    assert penalty.item() == pytest.approx(30, abs=0.1)  # -log sigmoid(T), not log(1 - sigmoid(T)), which is 0 here
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    torch.testing.assert_close(penalty, bce(critic(z), torch.ones(50, 1)))


def test_prior_trick_adds_the_log_density_of_the_prior():
    z, prior = torch.randn(50, 3), StandardLaplace(3)
    plain, tricked = AdversarialJS(units=16), AdversarialJS(units=16, prior_trick=True)
    critic = plain.critic().make(spec(3))
    added = tricked.logits(z, prior, critic) - plain.logits(z, prior, critic)
    expected = torch.from_numpy(stats.laplace(scale=1 / sqrt(2)).logpdf(z.numpy()).sum(1)).float()
    torch.testing.assert_close(added, expected)


def test_critic_is_that_of_wae():
    critic = AdversarialJS(units=200, layers=4).critic().make(spec(8))
    linear = [layer for layer in critic if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(8, 200), *[(200, 200)] * 3, (200, 1)]
    assert sum(isinstance(layer, nn.ReLU) for layer in critic) == 4
    assert not any(layer.bias.any() for layer in linear)
    weights = torch.cat([layer.weight.flatten() for layer in linear[1:4]]) / 0.01
    assert stats.kstest(weights.detach().numpy(), "norm").pvalue > 1e-3


def test_prior_trick_refuses_a_density_with_bounded_support():
    AdversarialJS().check(StandardUniform(2), Deterministic())
    AdversarialJS(prior_trick=True).check(StandardLaplace(2), Deterministic())
    with pytest.raises(ValueError, match="positive everywhere"):
        AdversarialJS(prior_trick=True).check(StandardUniform(2), Deterministic())


def test_is_registered_and_passes_its_contract():
    assert vimae_divergences() == {"adversarial_js": AdversarialJS}
    check_divergence(AdversarialJS(units=64, layers=2))

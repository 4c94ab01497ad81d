from functools import partial

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily
from torch.distributions import Normal as Gauss

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import Deterministic, GaussianPosterior
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.testing import check_prior
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.elbo import SampledELBO
from vimae_builtin.priors.vamp import VampPrior

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 4, 4), 3)


@pytest.fixture
def model(linear):
    made = make_autoencoder(SPEC, linear, partial(VampPrior, components=20), SampledELBO(), seed=0)
    for p in made.encoder.parameters():
        torch.nn.init.normal_(p, std=0.4)
    return made


def mixture(model) -> MixtureSameFamily:
    """The mixture by torch.distributions, of the posteriors of the pseudo-inputs."""
    q = model.encode(model.prior.activation(model.prior.images))
    return MixtureSameFamily(Categorical(torch.ones(20)), Independent(Gauss(q.m, q.std), 1))


def test_the_density_is_that_of_a_mixture_of_posteriors_by_torch(model):
    z = 2 * torch.randn(5, 50, 3)
    torch.testing.assert_close(model.prior.log_prob(z), mixture(model).log_prob(z))


def test_draws_have_the_moments_of_the_mixture(model):
    with torch.no_grad():
        z, distribution = model.prior.sample(200_000), mixture(model)
    assert z.shape == (200_000, 3)
    assert z.mean(0).tolist() == pytest.approx(distribution.mean.tolist(), abs=0.02)
    assert z.var(0).tolist() == pytest.approx(distribution.variance.tolist(), rel=0.02)
    with torch.no_grad():
        ours, theirs = (model.prior.log_prob(draws).mean().item() for draws in (z, distribution.sample((200_000,))))
    assert ours == pytest.approx(theirs, abs=0.02)


def test_draws_come_from_every_component(linear):
    """Pseudo-inputs of far apart, narrow posteriors: each of them is drawn as often as the others."""
    model = make_autoencoder(ModelSpec((1, 1, 1), 1), linear, partial(VampPrior, components=5), SampledELBO(), seed=0)
    with torch.no_grad():
        model.prior.images.copy_(torch.logit(torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9])).reshape(5, 1, 1, 1))
        for layer, weight, bias in zip(model.encoder.heads, (10.0, 0.0), (0.0, -9.0), strict=True):
            layer.weight.fill_(weight)
            layer.bias.fill_(bias)
        z = model.prior.sample(50_000)[:, 0]
    shares = torch.bincount(z.round().long(), minlength=10)[1::2] / 50_000
    assert shares.tolist() == pytest.approx([0.2] * 5, abs=0.01)


def test_density_of_many_codes_equals_density_of_few(model):
    z = torch.randn(3, 500, 3)
    few = torch.stack([model.prior.log_prob(codes) for codes in z.reshape(150, 10, 3)])
    torch.testing.assert_close(model.prior.log_prob(z), few.reshape(3, 500))


@pytest.mark.parametrize(("pixel_range", "low"), [("unit", 0.0), ("sym", -1.0)])
def test_pseudo_inputs_stay_in_the_range_of_the_network(linear, pixel_range, low):
    seen = []

    def encode(x):
        seen.append(x)
        return GaussianPosterior(x.flatten(1)[:, :3], torch.zeros(len(x), 3))

    prior = VampPrior(3, components=50, spread=30.0)
    prior.bind(ModelSpec((1, 4, 4), 3, pixel_range), encode)
    prior.log_prob(torch.zeros(1, 3))
    assert low <= seen[0].min() < low + 0.01
    assert 0.99 < seen[0].max() <= 1


@pytest.mark.parametrize("components", [1, 7, 500])
def test_the_contract_holds(components):
    check_prior(partial(VampPrior, components=components))


def test_pseudo_inputs_and_encoder_are_trained_by_the_objective(model):
    loss = SampledELBO()(model, Batch(torch.rand(9, *SPEC.shape), torch.tensor(0.0), 9))
    loss.total.backward()
    assert model.prior.images.grad.abs().flatten(1).sum(1).min() > 0
    gap = model.prior.log_prob(torch.randn(50, 3)).mean()
    assert all(g.abs().sum() > 0 for g in torch.autograd.grad(gap, [*model.encoder.parameters()]))


def test_pseudo_inputs_do_not_enter_the_statistics_of_the_data():
    """The running moments move with the data's batch alone, and the prior is the same in training and at evaluation."""
    model = make_autoencoder(SPEC, MLP((8,)), partial(VampPrior, components=20), SampledELBO(), seed=0).train()
    norm = model.encoder[2]
    model.encode(torch.rand(50, *SPEC.shape))
    before, z = norm.running_mean.clone(), torch.randn(10, 3)
    in_training = model.prior.log_prob(z)
    assert torch.equal(norm.running_mean, before)
    assert before.abs().max() > 0
    assert all(m.training for m in model.modules())
    assert torch.equal(model.eval().prior.log_prob(z), in_training)
    assert not any(m.training for m in model.modules())


def test_an_objective_without_gaussian_posteriors_raises_an_error(linear):
    model = make_autoencoder(SPEC, linear, VampPrior, PlainAutoencoder(), seed=0)
    assert model.family == Deterministic()
    with pytest.raises(TypeError, match=r"'vamp' is a mixture of Gaussian posteriors.*trains a DiracPosterior"):
        model.prior.sample(3)

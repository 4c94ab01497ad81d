import pytest
import scipy.stats
import torch
from torch import nn

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import ModelSpec
from vimae_builtin.architectures.conv import Conv
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.divergences.mmd import MMD
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.vimae import VIMAE
from vimae_builtin.priors.logistic import SCALE, StandardLogistic

SPEC = ModelSpec((1, 28, 28), 3)
OBJECTIVES = {"ae": PlainAutoencoder(), "elbo": ELBO(), "vimae": VIMAE(MMD())}
NETS = [pytest.param(MLP(hidden=(16, 16)), id="mlp"), pytest.param(Conv(width=8), id="conv")]


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return dict(module.named_parameters())


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", ["ae", "vimae"])
def test_under_one_seed_a_gaussian_encoder_starts_from_the_weights_of_a_deterministic_one(net, name):
    gaussian = weights(make_autoencoder(SPEC, net, StandardNormal, OBJECTIVES["elbo"], seed=3))
    deterministic = weights(make_autoencoder(SPEC, net, StandardLogistic, OBJECTIVES[name], seed=3))
    assert deterministic.keys() < gaussian.keys()
    assert all(torch.equal(value, gaussian[key]) for key, value in deterministic.items())


@pytest.mark.parametrize("net", NETS)
def test_another_seed_gives_other_weights(net):
    one, other = (weights(make_autoencoder(SPEC, net, StandardNormal, ELBO(), seed)) for seed in (0, 1))
    assert all(not torch.equal(one[key], other[key]) for key in one if key.endswith("weight") and one[key].ndim > 1)


def test_the_decoder_starts_from_the_same_weights_whatever_the_encoder_drew():
    small, large = (
        make_autoencoder(ModelSpec((1, side, side), 3), MLP((16,)), StandardNormal, ELBO(), 0) for side in (14, 28)
    )
    assert torch.equal(small.decoder[0].weight, large.decoder[0].weight)


def test_making_a_model_leaves_the_global_generator_where_it_was():
    before = torch.get_rng_state()
    make_autoencoder(SPEC, MLP(), StandardNormal, ELBO(), seed=3)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_codes_and_images_have_their_shapes(net, objective, device):
    model = make_autoencoder(SPEC, net, StandardNormal, objective, seed=0).to(device)
    z = model.encode(torch.rand(5, 1, 28, 28, device=device)).rsample((2,))
    assert z.shape == (2, 5, 3)
    assert model.decode(z).shape == (2, 5, 1, 28, 28)


def test_decoding_in_one_block_is_decoding_one_by_one():
    model = make_autoencoder(SPEC, MLP((16,)), StandardNormal, ELBO(), seed=0).eval()
    z = torch.randn(2, 5, 3)
    torch.testing.assert_close(model.decode(z)[1, 4], model.decode(z[1, 4][None])[0])


def test_module_parameters_are_those_of_the_named_modules():
    model = make_autoencoder(SPEC, MLP((16,)), StandardNormal, ELBO(), seed=0)
    assert len(model.module_parameters(("encoder", "decoder", "prior", "auxiliary"))) == len(list(model.parameters()))
    assert {id(p) for p in model.module_parameters(("decoder",))} == {id(p) for p in model.decoder.parameters()}


@pytest.mark.parametrize(
    ("prior", "law"), [(StandardNormal, scipy.stats.norm()), (StandardLogistic, scipy.stats.logistic(scale=SCALE))]
)
def test_images_are_generated_from_the_prior_the_model_was_trained_with(prior, law, device):
    model = make_autoencoder(SPEC, MLP((16,)), prior, VIMAE(MMD()), seed=0).to(device)
    z = model.prior.sample(20_000).cpu().numpy().ravel()
    other = scipy.stats.norm() if prior is StandardLogistic else scipy.stats.logistic(scale=SCALE)
    assert scipy.stats.kstest(z, law.cdf).pvalue > 1e-3
    assert scipy.stats.kstest(z, other.cdf).pvalue < 1e-3

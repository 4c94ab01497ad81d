"""What the harness does with any prior: its weights, how it is bound to its model, where its density is positive."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import GaussianPosterior, Prior, StandardNormal, has_full_support
from vimae_bench.plugin import ModelSpec, derive_seed
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.objectives.elbo import SampledELBO
from vimae_builtin.priors.flow import RealNVP
from vimae_builtin.priors.laplace import StandardLaplace
from vimae_builtin.priors.logistic import StandardLogistic
from vimae_builtin.priors.uniform import StandardUniform
from vimae_builtin.priors.vamp import VampPrior

SPEC = ModelSpec((1, 4, 4), 3)
VAMP = partial(VampPrior, components=5)
LEARNED = {"flow": RealNVP, "vamp": VAMP}
FIXED = {
    "normal": StandardNormal,
    "logistic": StandardLogistic,
    "laplace": StandardLaplace,
    "uniform": StandardUniform,
}


def make_model(prior, seed=3):
    return make_autoencoder(SPEC, MLP((8,)), prior, SampledELBO(), seed)


def encode(x):
    return GaussianPosterior(x.flatten(1)[:, :3], torch.zeros(len(x), 3))


@pytest.mark.parametrize("prior", LEARNED.values(), ids=LEARNED)
def test_weights_of_a_prior_come_from_a_stream_of_its_own(prior):
    """Construction and binding draw from the stream of the run's seed and the name of the module alone."""
    found = make_model(prior).prior.state_dict()
    torch.manual_seed(derive_seed(3, "weights", "prior"))
    expected = prior(SPEC.latent)
    expected.bind(SPEC, encode)
    assert found.keys() == expected.state_dict().keys()
    assert all(torch.equal(value, found[name]) for name, value in expected.state_dict().items())


@pytest.mark.parametrize("prior", {**LEARNED, **FIXED}.values(), ids=[*LEARNED, *FIXED])
def test_encoder_and_decoder_start_the_same_with_every_prior(prior):
    reference, weights = make_model(StandardNormal).state_dict(), make_model(prior).state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in reference.items())


def test_saved_weights_of_priors_keep_their_names():
    assert [name for name in make_model(VAMP).state_dict() if name.startswith("prior.")] == ["prior.images"]
    flow = [name for name in make_model(RealNVP).state_dict() if name.startswith("prior.")]
    assert flow[:2] == ["prior.couplings.0.net.0.weight", "prior.couplings.0.net.0.bias"]
    for prior in FIXED.values():
        assert not [name for name in make_model(prior).state_dict() if name.startswith("prior.")]


def test_modules_are_in_the_order_of_saved_weights():
    names = [name.split(".")[0] for name in make_model(VAMP).state_dict()]
    assert list(dict.fromkeys(names)) == ["encoder", "decoder", "prior"]


def test_prior_of_a_copied_model_uses_the_encoder_of_the_copy():
    model = make_model(VAMP).eval()
    twin, z = copy.deepcopy(model), torch.randn(10, 3)
    before = model.prior.log_prob(z)
    with torch.no_grad():
        for p in twin.encoder.parameters():
            p.add_(1.0)
    assert torch.equal(model.prior.log_prob(z), before)
    assert not torch.allclose(twin.prior.log_prob(z), before)


class Unbounded(StandardUniform):
    """Has a weight, so that its density may change."""

    def __init__(self, latent: int, /):
        super().__init__(latent)
        self.width = nn.Parameter(torch.ones(()))


@pytest.mark.parametrize("prior", [StandardNormal, StandardLaplace, Unbounded])
def test_density_that_is_positive_everywhere_has_full_support(prior: type[Prior]) -> None:
    assert has_full_support(prior(2))


def test_density_of_the_uniform_prior_does_not_have_full_support() -> None:
    assert not has_full_support(StandardUniform(2))

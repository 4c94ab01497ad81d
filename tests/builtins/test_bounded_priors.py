"""Objectives that evaluate the density of codes refuse a prior of bounded support, whatever its name."""

import pytest

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.plugin import ModelSpec
from vimae_builtin.objectives.elbo import ELBO, SampledELBO
from vimae_builtin.objectives.iaf_vae import FlowVAE
from vimae_builtin.objectives.iwae import ImportanceWeighted
from vimae_builtin.priors.flow import RealNVP
from vimae_builtin.priors.laplace import StandardLaplace
from vimae_builtin.priors.uniform import StandardUniform

SPEC = ModelSpec((1, 4, 4), 2)


@pytest.mark.parametrize("objective", [ELBO(), SampledELBO(), ImportanceWeighted(), FlowVAE()])
def test_over_a_uniform_prior_no_density_is_compared(linear, objective):
    model = make_autoencoder(SPEC, linear, StandardUniform, objective, seed=0)
    with pytest.raises(ValueError, match="normal"):
        objective.check(model)


@pytest.mark.parametrize("prior", [StandardLaplace, RealNVP])
@pytest.mark.parametrize("objective", [SampledELBO(), ImportanceWeighted(), FlowVAE()])
def test_any_density_that_reaches_everywhere_will_do(linear, objective, prior):
    objective.check(make_autoencoder(SPEC, linear, prior, objective, seed=0))

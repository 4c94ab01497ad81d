"""What holds for every built-in objective."""

import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_builtin.architectures.conv import Conv
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.divergences.mmd import MMD
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.vimae import VIMAE
from vimae_builtin.priors.logistic import StandardLogistic

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 28, 28), 3)
OBJECTIVES = {"ae": PlainAutoencoder(), "elbo": ELBO(), "vimae": VIMAE(MMD())}
every_objective = pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)


def batch(device: torch.device) -> Batch:
    return Batch(torch.rand(8, *SPEC.shape, device=device), torch.tensor(0.5, device=device), 8)


@every_objective
@pytest.mark.parametrize(
    ("net", "prior"), [(MLP(hidden=(16,)), StandardNormal), (Conv(width=8), StandardLogistic)], ids=["mlp", "conv"]
)
def test_a_step_compiles_into_one_graph_with_the_same_gradients(net, prior, objective, device):
    torch.compiler.reset()
    model = make_autoencoder(SPEC, net, prior, objective, seed=0).to(device)
    data, gradients = batch(device), []
    for call in (objective, torch.compile(objective.__call__, fullgraph=True, backend="aot_eager")):
        torch.manual_seed(1)
        model.zero_grad()
        call(model, data).total.backward()
        gradients.append([p.grad for p in model.parameters()])
    for eager, compiled in zip(*gradients, strict=True):
        torch.testing.assert_close(compiled, eager)


@every_objective
def test_total_and_terms_are_float32_scalars(objective, device):
    model = make_autoencoder(SPEC, MLP(hidden=(16,)), StandardNormal, objective, seed=0).to(device)
    loss = objective(model, batch(device))
    assert {(v.shape, v.dtype) for v in (loss.total, *loss.terms.values())} == {((), torch.float32)}


@every_objective
def test_every_weight_gets_a_gradient(objective, device):
    model = make_autoencoder(SPEC, MLP(hidden=(16,)), StandardNormal, objective, seed=0).to(device)
    objective(model, batch(device)).total.backward()
    assert all(
        p.grad is not None and p.grad.isfinite().all() and p.grad.any()
        for p in model.module_parameters(("encoder", "decoder"))
    )


@every_objective
def test_one_seed_gives_one_loss(objective, device):
    model, data, losses = (
        make_autoencoder(SPEC, MLP((16,)), StandardNormal, objective, seed=0).to(device),
        batch(device),
        [],
    )
    for _ in range(2):
        torch.manual_seed(3)
        losses.append(objective(model, data).total)
    assert losses[0] == losses[1]

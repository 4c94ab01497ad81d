from math import log

import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import GaussianPosterior, StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.uae import UncertaintyAutoencoder, compute_squared_norm

SPEC = ModelSpec((1, 4, 4), 3)
START = torch.tensor(0.0)


def test_the_noise_is_of_the_given_deviation_in_training_and_at_evaluation(linear):
    model = make_autoencoder(SPEC, linear, StandardNormal, UncertaintyAutoencoder(0.3), seed=0)
    x = torch.rand(2, *SPEC.shape)
    for q in (model.encode(x), model.family.from_heads(*model.encoder(x))):
        assert isinstance(q, GaussianPosterior)
        assert torch.equal(q.mean, model.encoder(x)[0])
        noise = (q.rsample((100_000,)) - q.mean).flatten()
        assert noise.std().item() == pytest.approx(0.3, rel=0.01)
        assert q.std.flatten().tolist() == pytest.approx([0.3] * 6, rel=1e-6)


def test_only_matrices_and_kernels_are_penalised():
    model = make_autoencoder(SPEC, MLP((8,)), StandardNormal, UncertaintyAutoencoder(), seed=0)
    matrices = [model.encoder[1].weight, model.encoder[-1][0].weight, model.decoder[0].weight, model.decoder[3].weight]
    assert sum(p.ndim > 1 for p in model.parameters()) == len(matrices)
    expected = sum((w.double() ** 2).sum().item() for w in matrices)
    assert compute_squared_norm(model).item() == pytest.approx(expected, rel=1e-6)


def test_the_penalty_decays_the_weights_in_proportion():
    """Its gradient is weight_decay * w, the usual meaning of a weight decay."""
    objective = UncertaintyAutoencoder(weight_decay=0.3)
    model = make_autoencoder(SPEC, MLP((8,)), StandardNormal, objective, seed=0)
    penalty = objective(model, Batch(torch.rand(9, *SPEC.shape), START, 9)).terms["weight penalty"]
    weight = model.decoder[0].weight
    torch.testing.assert_close(torch.autograd.grad(penalty, weight)[0], 0.3 * weight)


def test_with_little_noise_and_no_decay_it_is_the_plain_autoencoder(linear):
    batch = Batch(torch.rand(9, *SPEC.shape), START, 9)
    model = make_autoencoder(SPEC, linear, StandardNormal, PlainAutoencoder(), seed=0)
    model.family = UncertaintyAutoencoder(1e-3).posterior()
    ours = UncertaintyAutoencoder(1e-3, weight_decay=0.0, recon_scale=0.7)(model, batch).total
    assert ours.item() == pytest.approx(PlainAutoencoder(0.7)(model, batch).total.item(), rel=2e-3)


def test_size_of_the_code_is_reported(linear):
    objective, x = UncertaintyAutoencoder(0.5), torch.rand(20_000, *SPEC.shape)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    expected = model.encode(x).mean.square().sum(1).mean().item() + 3 * 0.25
    assert objective(model, Batch(x, START, len(x))).terms["log E||z||^2"].item() == pytest.approx(
        log(expected), abs=0.02
    )


def test_the_code_outgrows_its_noise_unless_the_weights_decay(linear):
    """Why `log E||z||^2` is reported: it rises in training without a penalty, and much less with one."""
    x, sizes = torch.randn(500, *SPEC.shape), []
    for decay in (0.0, 3.0):
        objective = UncertaintyAutoencoder(0.5, decay)
        model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.03, fused=True)
        for _ in range(300):
            optimiser.zero_grad()
            loss = objective(model, Batch(x, START, len(x)))
            loss.total.backward()
            optimiser.step()
        sizes.append(loss.terms["log E||z||^2"].item())
    assert sizes[0] > sizes[1] + 1


def test_noise_below_the_smallest_deviation_is_refused():
    with pytest.raises(ValueError, match=r"std is 0\.0001"):
        UncertaintyAutoencoder(1e-4).posterior()

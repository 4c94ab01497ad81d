import numpy as np
import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Deterministic, StandardNormal
from vimae_bench.plugin import AdversarialJS, Batch, Divergence, ModelSpec
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.divergences.mmd import MMD
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.infovae import InfoVAE, ZhaoInfoVAE
from vimae_builtin.objectives.vimae import AAE, VIMAE, WAEGAN, vimae_objectives
from vimae_builtin.priors.logistic import StandardLogistic

SPEC = ModelSpec((1, 4, 4), 3)


def loss_of(objective, model: Autoencoder, batch: Batch):
    torch.manual_seed(7)
    return objective(model, batch)


def batch(n: int = 50) -> Batch:
    return Batch(torch.rand(n, *SPEC.shape), torch.tensor(0.0), n)


def wae_penalty(q: np.ndarray, p: np.ndarray) -> float:
    """The IMQ penalty of WAE-MMD (1711.01558, algorithm 2) in NumPy, kernels summed as in the authors' code."""
    n, d = q.shape

    def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return ((a[:, None] - b[None]) ** 2).sum(-1)

    penalty = 0.0
    for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0):
        c = 2 * d * 1.0**2 * scale
        within = (c / (c + distances(q, q)) + c / (c + distances(p, p))) * (1 - np.eye(n))
        across = c / (c + distances(q, p))
        penalty += within.sum() / (n * n - n) - 2 * across.sum() / (n * n)
    return penalty


@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
def test_loss_is_that_of_wae_written_in_numpy(linear, prior):
    objective, data = VIMAE(MMD(), weight=10, recon_scale=0.05, input_noise=0), batch(100)
    model = make_autoencoder(SPEC, linear, prior, objective, seed=0)
    loss = loss_of(objective, model, data)
    torch.manual_seed(7)
    p = model.prior.sample(100).double().numpy()
    q = model.encode(data.x).mean
    penalty = wae_penalty(q.detach().double().numpy(), p)
    sse = ((data.x - model.decode(q)).detach().double().numpy() ** 2).sum((1, 2, 3)).mean()
    assert loss.terms["divergence"].item() == pytest.approx(penalty, abs=1e-6)
    assert loss.terms["sse"].item() == pytest.approx(sse, rel=1e-6)
    assert loss.total.item() == pytest.approx(0.05 * sse + 10 * penalty, rel=1e-6)


def test_wae_mmd_is_the_same_objective():
    data, losses = batch(), []
    for name in ("vimae", "wae_mmd"):
        objective = vimae_objectives()[name](MMD(), weight=3)
        model = make_autoencoder(SPEC, MLP((16,)), StandardNormal, objective, seed=0)
        loss = loss_of(objective, model, data)
        loss.total.backward()
        losses.append([loss.total, *loss.terms.values(), *(p.grad for p in model.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*losses, strict=True))


def test_noisy_image_is_encoded_and_clean_image_compared(linear):
    objective, data = VIMAE(MMD(), input_noise=0.5), batch()
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    sse = loss_of(objective, model, data).terms["sse"]
    torch.manual_seed(7)
    noised = data.x + objective.posterior().noise.sample_like(data.x)
    torch.testing.assert_close(sse, squared_error(data.x, model.decode(model.encoder(noised)[0])).mean())


def test_input_noise_can_be_switched_off():
    assert VIMAE(MMD(), input_noise=0).posterior() == Deterministic()


def test_without_weight_and_noise_it_is_the_plain_autoencoder(linear):
    data = batch()
    model = make_autoencoder(SPEC, linear, StandardNormal, PlainAutoencoder(), seed=0)
    assert loss_of(VIMAE(MMD(), weight=0, input_noise=0), model, data).total == PlainAutoencoder()(model, data).total


class MeanSquare(Divergence):
    """The mean square of codes."""

    def loss(self, z, prior, context):
        return z.square().sum(1).mean()


def test_any_divergence_can_be_used(linear):
    objective = VIMAE(MeanSquare(), weight=2, input_noise=0)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    data = batch()
    expected = model.encode(data.x).mean.square().sum(1).mean()
    torch.testing.assert_close(objective(model, data).terms["divergence"], expected)


OBJECTIVES = {
    "ae": lambda c: PlainAutoencoder(c),
    "elbo": lambda c: ELBO(3.0, c),
    "vimae": lambda c: VIMAE(MMD(), recon_scale=c),
    "vimae with a critic": lambda c: VIMAE(AdversarialJS(16, 1), recon_scale=c),
    "infovae": lambda c: InfoVAE(MMD(), 0.5, 3.0, c),
    "infovae, deterministic": lambda c: InfoVAE(MMD(), 0.0, 3.0, c, "deterministic"),
    "infovae_zhao": lambda c: ZhaoInfoVAE(MMD(), 0.5, 3.0, c),
    "wae_gan": lambda c: WAEGAN(recon_scale=c, units=16),
    "aae": lambda c: AAE(recon_scale=c, units=16),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_reconstruction_has_one_weight_in_every_objective(name, linear):
    """The weight is that of the error summed over pixels, so that weights of regularisers can be compared."""
    data, losses = batch(), []
    for c in (1.0, 3.5):
        objective = OBJECTIVES[name](c)
        losses.append(loss_of(objective, make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0), data))
    one, other = losses
    torch.testing.assert_close(one.terms["sse"], other.terms["sse"])
    torch.testing.assert_close(other.total - one.total, 2.5 * one.terms["sse"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_reconstruction_is_the_sum_over_pixels_in_every_objective(name, linear):
    """Its mean over images, from the codes that each objective decodes: a wider image has more of it."""
    objective, data, seen = OBJECTIVES[name](1.0), batch(), []
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    model.decoder.register_forward_hook(lambda module, given, images: seen.append(images))
    sse = loss_of(objective, model, data).terms["sse"]
    torch.testing.assert_close(sse, (data.x - seen[0]).square().sum((1, 2, 3)).mean())


def test_a_critic_may_be_put_in(linear):
    objective = VIMAE(AdversarialJS(16, 1))
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    loss = loss_of(objective, model, batch())
    assert len(objective.optimizer_steps()) == 2
    assert loss.terms["divergence"].item() == pytest.approx(np.log(2), abs=1e-2)  # a critic that knows nothing yet


def test_training_brings_the_codes_to_the_prior(linear):
    objective = VIMAE(MMD(), weight=100)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    data = Batch(3 + torch.randn(100, *SPEC.shape), torch.tensor(0.0), 100)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    before = objective(model, data).terms["divergence"].item()
    for _ in range(150):
        optimiser.zero_grad()
        objective(model, data).total.backward()
        optimiser.step()
    after = [objective(model, data).terms["divergence"].item() for _ in range(20)]
    assert before > 0.5
    assert sum(after) / 20 < 0.03

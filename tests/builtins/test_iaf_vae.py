import pytest
import torch
from torch.autograd.functional import jacobian

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import Gaussian, NormalizingFlowPosterior, StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.testing import example_evaluation
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.metrics.rate import Rate
from vimae_builtin.metrics.reconstruction import Reconstruction
from vimae_builtin.objectives.elbo import SampledELBO
from vimae_builtin.objectives.iaf_vae import AutoregressiveFlow, FlowVAE
from vimae_builtin.priors.flow import RealNVP
from vimae_builtin.priors.vamp import VampPrior

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 4, 4), 3)


def shake(module: torch.nn.Module, std: float = 0.15) -> None:
    for p in module.parameters():
        torch.nn.init.normal_(p, std=std)


def shaken(latent: int, steps: int = 4, std: float = 0.15) -> AutoregressiveFlow:
    """A flow far from the identity, float64."""
    flow = AutoregressiveFlow(latent, steps, 24, 2.0).double()
    shake(flow, std)
    return flow


def codes(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("net", [MLP((16,)), "linear"])
def test_before_training_it_is_the_vae_bit_for_bit(net, linear):
    """The same weights, the same draw, the same loss and the same gradients as with a Gaussian posterior."""
    x, found = torch.rand(9, *SPEC.shape), []
    for objective in (FlowVAE(beta=0.7), SampledELBO(beta=0.7)):
        model = make_autoencoder(SPEC, linear if net == "linear" else net, StandardNormal, objective, seed=3)
        torch.manual_seed(5)
        loss = objective(model, Batch(x, torch.tensor(0.0), len(x)))
        grads = torch.autograd.grad(loss.total, [*model.decoder.parameters()])
        found.append([loss.total, loss.terms["sse"], loss.terms["kl"], *grads])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("latent", [1, 2, 6])
def test_the_map_is_inverted_and_its_determinant_is_that_of_autograd(latent):
    flow, z, context = shaken(latent), codes(5, latent), codes(5, latent)
    y, log_det = flow(z, context)
    assert (y - z).abs().max() > 0.1
    back, same = flow.inverse(y, context)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-10)
    torch.testing.assert_close(same, log_det, rtol=0, atol=1e-10)
    for i in range(5):
        j = jacobian(lambda one, i=i: flow(one, context[i])[0], z[i])
        assert torch.linalg.slogdet(j).logabsdet.item() == pytest.approx(log_det[i].item(), abs=1e-10)


@pytest.mark.parametrize("steps", [1, 2])
def test_each_step_is_autoregressive_and_uses_all_that_it_may(steps):
    """The first step's Jacobian is lower triangular with nothing left out, the second one's upper triangular."""
    flow, context = shaken(5, steps), codes(5)
    j = jacobian(lambda one: torch.cat(flow.nets[steps - 1](one, context)), codes(5)).reshape(2, 5, 5)
    seen = (j.abs() > 1e-9).any(0)
    everything = torch.ones(5, 5, dtype=torch.bool)
    assert torch.equal(seen, everything.tril(-1) if steps == 1 else everything.triu(1))


def test_the_context_moves_every_dimension():
    flow, z = shaken(5, steps=1), codes(5)
    j = jacobian(lambda context: flow(z, context)[0], codes(5))
    assert (j.abs() > 1e-9).all()


def posterior(flow: AutoregressiveFlow, n: int = 1) -> NormalizingFlowPosterior:
    d = flow.nets[0].first.in_features
    return NormalizingFlowPosterior(Gaussian().from_heads(0.5 * codes(n, d), codes(n, d) - 1), codes(n, d), flow)


@pytest.mark.parametrize("shape", [(), (7,), (2, 3)])
def test_a_draw_comes_with_its_own_density(shape):
    q = posterior(shaken(4), n=5)
    z, log_q = q.rsample_with_log_prob(shape)
    assert z.shape == (*shape, 5, 4)
    torch.testing.assert_close(q.log_prob(z), log_q, rtol=0, atol=1e-9)


def test_the_density_integrates_to_one_and_is_that_of_the_draws():
    """In two dimensions, on a grid; moments by the grid against moments of draws."""
    q = posterior(shaken(2))
    line = torch.linspace(-10, 10, 501, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)[:, None]
    with torch.no_grad():
        p = q.log_prob(grid)[:, 0].exp() * (20 / 500) ** 2
        z = q.rsample((200_000,))[:, 0]
    assert p.sum().item() == pytest.approx(1, abs=1e-4)
    mean = (p[:, None] * grid[:, 0]).sum(0)
    centred = grid[:, 0] - mean
    covariance = torch.einsum("n,ni,nj->ij", p, centred, centred)
    assert z.mean(0).tolist() == pytest.approx(mean.tolist(), abs=0.01)
    torch.testing.assert_close(torch.cov(z.T), covariance, rtol=0.03, atol=0.01)
    assert abs(covariance[0, 1]) > 0.01  # no diagonal Gaussian


def test_the_mean_is_the_flow_at_the_mean_of_the_gaussian():
    q = posterior(shaken(4), n=5)
    assert torch.equal(q.mean, q.flow(q.base.m, q.context)[0])
    assert (q.mean - q.base.m).abs().max() > 0.05


def test_gradients_of_a_draw_and_its_density_are_those_of_finite_differences():
    flow, noise, leaves = shaken(3, steps=2), codes(4, 3), [codes(4, 3).requires_grad_() for _ in range(3)]

    def density(m, l, context, *_):  # noqa: E741
        q = NormalizingFlowPosterior(Gaussian().from_heads(m, l), context, flow)
        z0 = q.base.m + q.base.std * noise
        z, log_det = flow(z0, context)
        return z, q.base.log_prob(z0) - log_det, q.log_prob(noise)

    weights = [p for p in flow.parameters() if p.numel() < 60]
    assert torch.autograd.gradcheck(density, (*leaves, *weights))


def test_metrics_see_the_posterior_of_the_flow():
    """The rate is the mean of log q - log p over draws of the flow, and reconstructions are decoded from them."""
    evaluation = example_evaluation(FlowVAE(hidden=16), size=300)
    shake(evaluation.model.auxiliary, 0.4)
    q = evaluation.posterior("test")
    assert isinstance(q, NormalizingFlowPosterior)
    assert q.flow is evaluation.model.auxiliary
    rate = Rate()(evaluation)["rate"]
    with torch.no_grad():
        z, log_q = evaluation.posterior("test").rsample_with_log_prob((50,))
        expected = (log_q - evaluation.model.prior.log_prob(z)).mean()
        gaussian = (q.base.log_prob(q.base.rsample()) - evaluation.model.prior.log_prob(q.base.rsample())).mean()
    assert rate.value == pytest.approx(expected.item(), abs=5 * rate.se)
    assert abs(rate.value - gaussian.item()) > 5 * rate.se
    found = Reconstruction()(evaluation)
    x = torch.cat([*evaluation.images("test")])
    sampled = torch.stack([(x - evaluation.decode(one)).square().flatten(1).sum(1).mean() for one in z]).mean()
    assert found["sse sampled"].value == pytest.approx(sampled.item(), abs=5 * found["sse sampled"].se)
    assert abs(found["sse sampled"].value - found["sse"].value) > 5 * found["sse sampled"].se


def test_the_flow_is_part_of_the_models_weights_once():
    model = make_autoencoder(SPEC, MLP((16,)), StandardNormal, FlowVAE(), seed=0)
    own = {name for name in model.state_dict() if "nets" in name}
    assert own
    assert all(name.startswith("auxiliary.nets") for name in own)


def test_weights_that_are_put_in_its_place_are_the_flows(linear):
    """As a compiled step does: the family has no weights of its own beside those of the model."""
    objective, x = FlowVAE(hidden=8), torch.rand(4, *SPEC.shape)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    other = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=1)
    shake(other.auxiliary, 0.4)

    class Call(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return objective(self.model, Batch(x, torch.tensor(0.0), len(x))).total

    swapped = {f"model.{name}": value for name, value in (*other.named_parameters(), *other.named_buffers())}
    losses = []
    for call in (lambda: torch.func.functional_call(Call(), swapped, (x,)), lambda: Call()(x)):
        torch.manual_seed(5)
        losses.append(call())
    torch.manual_seed(5)
    assert losses[0] == objective(other, Batch(x, torch.tensor(0.0), len(x))).total
    assert losses[0] != losses[1]


def test_a_learned_prior_fits_and_a_mixture_of_gaussian_posteriors_is_refused(linear):
    with torch.inference_mode():  # as it is made before anything is trained
        model = make_autoencoder(SPEC, linear, RealNVP, FlowVAE(), seed=0)
    FlowVAE().check(model)
    with pytest.raises(ValueError, match="trains a NormalizingFlowPosterior"):
        FlowVAE().check(make_autoencoder(SPEC, linear, VampPrior, FlowVAE(), seed=0))


@pytest.mark.slow
def test_it_comes_closer_to_a_posterior_that_is_no_gaussian(linear):
    """One image, a decoder that knows only z1^2 + z2^2: the true posterior is a ring, which no Gaussian fits.

    The exact evidence by quadrature bounds the ELBO; the flow takes up most of what the Gaussian leaves.
    """
    spec, c = ModelSpec((1, 1, 1), 2), 8.0

    class Ring(torch.nn.Module):
        def forward(self, z):
            return z.square().sum(1).reshape(-1, 1, 1, 1) / 4

    line = torch.linspace(-6, 6, 1201, dtype=torch.float64)
    grid = torch.cartesian_prod(line, line)
    prior = StandardNormal(spec.latent)
    log_joint = -c * (1 - grid.square().sum(1) / 4).square() + prior.log_prob(grid)
    evidence = (torch.logsumexp(log_joint, 0) + 2 * torch.log(torch.tensor(12 / 1200))).item()
    bounds = []
    for objective in (SampledELBO(1.0, c), FlowVAE(flow_steps=6, hidden=64, recon_scale=c)):
        model = make_autoencoder(spec, linear, StandardNormal, objective, seed=0)
        model.decoder = Ring()
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3, fused=True)
        batch = Batch(torch.ones(256, 1, 1, 1), torch.tensor(0.0), 256)
        for _ in range(1000):
            optimiser.zero_grad()
            objective(model, batch).total.backward()
            optimiser.step()
        with torch.no_grad():
            bounds.append(-torch.stack([objective(model, batch).total for _ in range(50)]).mean().item())
    gaussian, flow = (evidence - bound for bound in bounds)
    assert flow > -0.02
    assert flow < 0.6 * gaussian

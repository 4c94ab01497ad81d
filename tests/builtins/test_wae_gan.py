import pytest
import torch

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.execution import Training
from vimae_bench.models import Deterministic, StandardNormal
from vimae_bench.plugin import AdversarialJS, Batch, ModelSpec
from vimae_bench.testing import check_objective
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.objectives.vimae import AAE, VIMAE, WAEGAN
from vimae_builtin.priors.logistic import StandardLogistic
from vimae_builtin.priors.uniform import StandardUniform

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 4, 4), 3)


def step_of(objective, prior=StandardNormal, images=None) -> TrainingStep:
    torch.manual_seed(1)
    model = make_autoencoder(SPEC, MLP((16,)), prior, objective, seed=0)
    images = torch.randint(0, 256, (200, *SPEC.shape), dtype=torch.uint8) if images is None else images
    return TrainingStep(model, objective, Training(batch=50), images)


@pytest.mark.parametrize("trick", [False, True])
@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
def test_it_is_vimae_with_a_critic(prior, trick):
    """Bitwise, over several steps of both players under one seed."""
    found = []
    for objective in (
        WAEGAN(3, 0.05, 0.1, 32, 2, trick, 1e-3),
        VIMAE(AdversarialJS(32, 2, trick, 1e-3), 3, 0.05, 0.1),
    ):
        step = step_of(objective, prior)
        torch.manual_seed(7)
        terms = [step(torch.arange(50) + 50 * (i % 4), torch.tensor(0.0)) for i in range(6)]
        found.append([*terms, *step.model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_aae_is_wae_gan_without_noise_on_the_input():
    assert AAE().posterior() == Deterministic()
    assert WAEGAN().posterior().noise.scale == 0.01
    assert {**vars(AAE()), "input_noise": 0.01} == vars(WAEGAN())


def test_defaults_are_those_of_wae():
    objective = WAEGAN()
    assert (objective.weight, objective.recon_scale) == (10, 1)
    assert objective.divergence == AdversarialJS(units=512, layers=4, prior_trick=False, learning_rate=5e-4)
    assert objective.optimizer_steps()[1].learning_rate == 5e-4


def test_both_losses_are_those_of_wae_written_out(linear):
    """Algorithm 1 of 1711.01558: lambda times the cross-entropies of the critic, and lambda log D for the encoder."""
    objective, data = (
        AAE(weight=3, recon_scale=0.05, units=16, layers=2),
        Batch(torch.rand(40, 1, 4, 4), torch.tensor(0.0), 40),
    )
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    with torch.no_grad():
        [p.mul_(100) for p in model.auxiliary.parameters()]
    z, critic = model.encode(data.x).mean, model.auxiliary
    sse = (data.x - model.decode(z)).square().sum((1, 2, 3)).mean()
    loss = objective(model, data)
    torch.testing.assert_close(loss.total, 0.05 * sse - 3 * critic(z).sigmoid().log().mean())
    torch.manual_seed(5)
    second = objective.optimizer_steps()[1].loss(model, data)
    torch.manual_seed(5)
    right, wrong = critic(model.prior.sample(40)).sigmoid().log(), (1 - critic(z).sigmoid()).log()
    torch.testing.assert_close(second.total, -3 * (right.mean() + wrong.mean()))


@pytest.mark.slow
def test_training_brings_the_codes_to_the_prior():
    """Codes that an untrained critic lets stay small get the prior's mean and spread."""
    step = step_of(
        AAE(weight=10, units=64, layers=2, learning_rate=1e-3),
        images=torch.randint(0, 256, (2000, 1, 4, 4), dtype=torch.uint8),
    )
    with torch.no_grad():
        before = step.model.eval().encode(step.gather_images(torch.arange(2000))).mean.std(0)
    step.model.train()
    for _ in range(3000):
        step(torch.randint(2000, (100,)), torch.tensor(0.0))
    with torch.no_grad():
        z = step.model.eval().encode(step.gather_images(torch.arange(2000))).mean
    assert before.max() < 0.5
    assert z.mean(0).tolist() == pytest.approx([0] * 3, abs=0.4)
    assert z.std(0).tolist() == pytest.approx([1] * 3, abs=0.35)


def test_prior_trick_is_refused_for_a_prior_with_bounded_support():
    objective = WAEGAN(prior_trick=True)
    with pytest.raises(ValueError, match="positive everywhere"):
        objective.check(make_autoencoder(SPEC, MLP((16,)), StandardUniform, objective, seed=0))


@pytest.mark.parametrize("kind", [WAEGAN, AAE])
def test_plugin_passes_its_checks(kind):
    check_objective(kind(units=32, layers=2))

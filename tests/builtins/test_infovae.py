import pytest
import torch
from torch import Tensor

from helpers.divergences import compute_divergence
from vimae_bench.core.spec import PluginSpec
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import Deterministic, Gaussian, NoisyInputEncoder, StandardNormal
from vimae_bench.plugin import AdversarialJS, Batch, ModelSpec, catalog, registry
from vimae_bench.plugin.settings import SettingsChecker
from vimae_bench.testing import check_objective
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.divergences.mmd import MMD
from vimae_builtin.objectives.ae import PlainAutoencoder
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.objectives.infovae import InfoVAE, ZhaoInfoVAE
from vimae_builtin.objectives.vimae import VIMAE
from vimae_builtin.priors.logistic import StandardLogistic

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 4, 4), 3)


def batch(n: int = 50) -> Batch:
    return Batch(torch.rand(n, *SPEC.shape), torch.tensor(0.0), n)


def losses_and_gradients(objective, data: Batch, prior=StandardNormal, spec: ModelSpec = SPEC) -> list[Tensor]:
    model = make_autoencoder(spec, MLP((16,)), prior, objective, seed=0)
    torch.manual_seed(7)
    loss = objective(model, data)
    return [loss.total.detach(), *torch.autograd.grad(loss.total, [*model.parameters()])]


def mixed(a: float, l: float, **settings: object) -> InfoVAE:  # noqa: E741
    return InfoVAE(MMD(), a, l, **settings)


SPECIAL = {
    "VAE": (mixed(1, 1), ELBO()),
    "beta-VAE": (mixed(7, 7, recon_scale=0.5), ELBO(7, 0.5)),
    "no rate at all": (mixed(0, 0), ELBO(0)),
    "VIMAE": (mixed(0, 5, encoder="deterministic"), VIMAE(MMD(), 5)),
    "VIMAE, more noise": (mixed(0, 5, encoder="deterministic", input_noise=0.3), VIMAE(MMD(), 5, input_noise=0.3)),
    "WAE without noise": (
        mixed(0, 5, encoder="deterministic", input_noise=0, recon_scale=0.05),
        VIMAE(MMD(), 5, 0.05, 0),
    ),
    "AE": (mixed(0, 0, encoder="deterministic", input_noise=0), PlainAutoencoder()),
    "VAE of Zhao": (ZhaoInfoVAE(MMD(), 0, 1), ELBO()),
    "WAE of Zhao": (ZhaoInfoVAE(MMD(), 1, 5, encoder="deterministic"), VIMAE(MMD(), 5)),
}


@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
@pytest.mark.parametrize("case", SPECIAL)
def test_a_special_case_is_the_other_objective(case, prior):
    """In value and in every gradient, under equal seeds."""
    data = batch()
    ours, theirs = (losses_and_gradients(objective, data, prior) for objective in SPECIAL[case])
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_loss_is_that_of_zhao_et_al_term_by_term(linear):
    """1706.02262: reconstruction + (1 - alpha) E KL(q(z|x) || p) + (alpha + lambda - 1) D(q(z) || p)."""
    alpha, lambda_, data = 0.3, 4.0, batch()
    objective = ZhaoInfoVAE(MMD(), alpha, lambda_, recon_scale=2.0)
    model = make_autoencoder(SPEC, linear, StandardNormal, objective, seed=0)
    torch.manual_seed(7)
    loss = objective(model, data)
    torch.manual_seed(7)
    q = model.encode(data.x)
    z = q.m + q.std * torch.randn_like(q.m)
    distance = compute_divergence(MMD(), z, model.prior)
    sse = (data.x - model.decode(z)).square().sum((1, 2, 3)).mean()
    kl = (0.5 * (q.m.square() + q.l.exp() - 1 - q.l).sum(1)).mean()
    torch.testing.assert_close(loss.total, 2 * sse + (1 - alpha) * kl + (alpha + lambda_ - 1) * distance)
    torch.testing.assert_close(torch.stack([*loss.terms.values()]), torch.stack([sse, kl, distance]))


@pytest.mark.parametrize(("alpha", "lambda_"), [(0.0, 1.0), (1.0, 1000.0), (-2.0, 0.5), (0.3, 4.0)])
def test_names_of_zhao_et_al_are_translated(alpha, lambda_):
    ours = InfoVAE(MMD(), 1 - alpha, lambda_, recon_scale=0.5)
    theirs = ZhaoInfoVAE(MMD(), alpha, lambda_, 0.5)
    assert (theirs.a, theirs.l, theirs.recon_scale) == (1 - alpha, lambda_, 0.5)
    assert theirs.weight == pytest.approx(alpha + lambda_ - 1)
    data = batch()
    for one, other in zip(losses_and_gradients(ours, data), losses_and_gradients(theirs, data), strict=True):
        assert torch.equal(one, other)


def test_encoder_decides_the_posterior():
    assert mixed(0, 1).posterior() == Gaussian()
    assert mixed(0, 1, encoder="deterministic", input_noise=0).posterior() == Deterministic()
    noised = mixed(0, 1, encoder="deterministic").posterior()
    assert isinstance(noised, NoisyInputEncoder)
    assert noised.noise.scale == 0.01


def test_a_deterministic_encoder_has_no_rate():
    with pytest.raises(ValueError, match="needs a = 0"):
        mixed(0.1, 1, encoder="deterministic")
    with pytest.raises(ValueError, match="alpha = 1"):
        ZhaoInfoVAE(MMD(), 0.9, 1, encoder="deterministic")


def test_a_critic_is_not_rewarded_for_a_mismatch():
    assert mixed(2, 1).weight == -1
    with pytest.raises(ValueError, match="no bound"):
        InfoVAE(AdversarialJS(), 2, 1)


def test_a_benchmark_file_has_both_spellings():
    known = catalog.get_catalog()
    made = []
    for raw in (
        {"use": "infovae", "a": 0.25, "l": 3, "divergence": "mmd"},
        {"use": "infovae_zhao", "alpha": 0.75, "lambda_": 3, "divergence": {"use": "adversarial_js", "units": 16}},
    ):
        checker = SettingsChecker(known.get_form)
        choice = checker.complete({"plugin": "objective"}, raw)
        assert not checker.problems
        made.append(registry.make_plugin("objective", PluginSpec.from_json(choice), catalog=known))
    assert [(one.a, one.l, one.weight) for one in made] == [(0.25, 3.0, 2.75)] * 2
    assert (len(made[0].optimizer_steps()), len(made[1].optimizer_steps())) == (1, 2)


@pytest.mark.parametrize(
    "objective",
    [mixed(0.5, 10), mixed(0, 10, encoder="deterministic"), InfoVAE(AdversarialJS(16, 1), 0.5, 10)],
    ids=["gaussian", "deterministic", "with a critic"],
)
def test_plugin_passes_its_checks(objective):
    check_objective(objective)

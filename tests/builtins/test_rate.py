from dataclasses import dataclass
from math import e, log, pi

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import logistic
from torch.distributions import Normal as TorchNormal
from torch.distributions import kl_divergence

from vimae_bench.data import choose_places
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import (
    Deterministic,
    Gaussian,
    GaussianPosterior,
    NoisyInputEncoder,
    Posterior,
    StandardNormal,
    TruncatedNormal,
)
from vimae_bench.plugin import Batch, Evaluation, Examples, ModelSpec, Splits
from vimae_builtin.metrics._shared.covariance import compute_logdet_bias
from vimae_builtin.metrics.rate import Rate
from vimae_builtin.objectives.elbo import ELBO
from vimae_builtin.priors.logistic import StandardLogistic

pytestmark = pytest.mark.medium

SHAPE = (1, 8, 8)
PIXELS = 64
CUT_STD = 0.8796  # the standard deviation of a unit normal kept within 2
BOUND = Rate().measures()[0].collapse_below


def encoder(latent: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(torch.randn(latent, PIXELS) / 4, torch.randn(latent))]


def test_a_gaussian_rate_is_the_mean_closed_form_kl(linear_evaluation, noise_images):
    heads = [(torch.randn(3, PIXELS) / 20, torch.randn(3)) for _ in range(2)]
    evaluation = linear_evaluation(noise_images(500, SHAPE), Gaussian(), heads)
    x = torch.cat(list(evaluation.images("test"))).flatten(1)
    m, l = (x @ weight.T + bias for weight, bias in heads)  # noqa: E741
    kl = kl_divergence(TorchNormal(m, (l / 2).exp()), TorchNormal(0.0, 1.0)).sum(1)
    found = Rate()(evaluation)["rate"]
    assert found.value == pytest.approx(float(kl.mean()), rel=1e-4)
    assert found.se == pytest.approx(float(kl.std() / 500**0.5), rel=1e-3)


@pytest.mark.parametrize("family", [Gaussian(), NoisyInputEncoder(TruncatedNormal(0.01))], ids=["density", "noise"])
def test_every_kind_of_encoder_is_measured_on_the_same_random_images(linear_evaluation, family):
    """Codes are 8 at first, then 0: the first images alone would have 32 nats more, random ones 16 +- 5."""
    images = np.zeros((1000, *SHAPE), dtype=np.uint8)
    images[:500, 0, 0, 0] = 255
    weight = torch.zeros(1, PIXELS)
    weight[0, 0] = 8.0
    weight[0, 1:] = 0.1  # so that the noise moves the code
    heads = [(weight, torch.zeros(1)), (torch.zeros(1, PIXELS), torch.tensor([-3.0]))]

    def measure(count, seed):
        heads_used = heads if isinstance(family, Gaussian) else heads[:1]
        return Rate(images=count)(linear_evaluation(images, family, heads_used, seed=seed))["rate"]

    few, many = measure(100, 0), measure(1000, 0)
    assert few.n == 100
    assert few.value == pytest.approx(many.value, abs=4 * few.se)
    share = (choose_places(1000, 100, "rate", "invented") < 500).mean()
    assert few.value - many.value == pytest.approx(32 * (share - 0.5), abs=0.2)
    assert measure(100, 1).value == pytest.approx(few.value, abs=0.2), "whatever the seed"


@dataclass(frozen=True)
class DrawsAlone(Posterior):
    """A Gaussian that does not know the density of codes other than its draws."""

    q: GaussianPosterior

    @property
    def mean(self):
        return self.q.mean

    def rsample(self, shape=()):
        return self.q.rsample(shape)

    def rsample_with_log_prob(self, shape=()):
        return (z := self.rsample(shape)), self.q.log_prob(z)


class KnownByDraws(Gaussian):
    def from_heads(self, *heads):
        return DrawsAlone(super().from_heads(*heads))


def test_a_rate_from_the_density_of_draws_is_that_in_closed_form_but_for_the_draws(linear_evaluation, noise_images):
    heads = [(torch.randn(3, PIXELS) / 20, torch.randn(3)) for _ in range(2)]
    images = noise_images(2000, SHAPE)
    exact, drawn = (Rate()(linear_evaluation(images, family, heads))["rate"] for family in (Gaussian(), KnownByDraws()))
    assert drawn.value == pytest.approx(exact.value, abs=4 * drawn.se)
    assert drawn.se > 0


def test_the_push_forward_rate_of_a_linear_encoder_is_that_of_its_gaussian(linear_evaluation, noise_images):
    scale, latent = 0.01, 8
    heads = encoder(latent)
    evaluation = linear_evaluation(noise_images(100, SHAPE), NoisyInputEncoder(TruncatedNormal(scale)), heads)
    s2 = (CUT_STD * scale) ** 2
    gram = (heads[0][0] @ heads[0][0].T).double()
    norms = evaluation.posterior("test").mean.square().sum(1).mean()
    expected = 0.5 * (s2 * gram.trace() + norms - latent - torch.logdet(s2 * gram))
    assert Rate()(evaluation)["rate"].value == pytest.approx(float(expected), rel=1e-3)


class Bent(torch.nn.Module):
    """f(x) = A x + bend * (A x - A/2)^2, which is not linear."""

    def __init__(self, weight, bend):
        super().__init__()
        self.weight, self.bend = weight, bend

    def forward(self, x):
        z = x.flatten(1) @ self.weight.T
        return (z + self.bend * (z - self.weight.sum(1) / 2) ** 2,)


def bend_encoder(evaluation, weight, bend):
    evaluation.model.encoder = Bent(weight, bend)
    return evaluation


def draw_moment_rates(evaluation, draws=20_000):
    """The push-forward rate of each image from the moments of many draws, and what draws leave open of it."""
    q = evaluation.training_posterior(torch.cat(list(evaluation.images("test"))))
    z = torch.cat([q.rsample((1000,)) for _ in range(draws // 1000)]).double()
    centred = z - z.mean(0)
    logdet = torch.linalg.slogdet(torch.einsum("kbi,kbj->bij", centred, centred) / (draws - 1)).logabsdet
    d = z.shape[-1]
    return -0.5 * (d * log(2 * pi * e) + logdet) - evaluation.model.prior.log_prob(z).mean(0), (d / 2 / draws) ** 0.5


@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic])
@pytest.mark.parametrize("bend", [0.0, 1.0])
def test_the_rate_of_a_bent_encoder_is_that_of_many_draws_but_for_the_stated_linearisation(
    linear_evaluation, noise_images, bend, prior
):
    torch.manual_seed(0)
    weight, images = torch.randn(3, PIXELS) / 4, noise_images(20, SHAPE)
    family = NoisyInputEncoder(TruncatedNormal(0.1))
    evaluation = bend_encoder(linear_evaluation(images, family, [(weight, torch.zeros(3))], prior=prior), weight, bend)
    found = Rate(draws=4000)(evaluation)
    expected, error = draw_moment_rates(evaluation)
    assert found["rate"].value == pytest.approx(float(expected.mean()), abs=4 * (error / 20**0.5 + 0.003))
    added = found["rate linearisation"]
    assert abs(added.value) < 1e-4 if not bend else abs(added.value) > max(0.1, 2 * added.se)
    assert found["rate flat images"].value == 0


def test_the_correction_of_some_images_serves_for_all_within_the_standard_error(linear_evaluation, noise_images):
    torch.manual_seed(0)
    weight, images = torch.randn(3, PIXELS) / 4, noise_images(200, SHAPE)
    plain = linear_evaluation(images, NoisyInputEncoder(TruncatedNormal(0.1)), [(weight, torch.zeros(3))])
    evaluation = bend_encoder(plain, weight, 1.0)
    found = Rate()(evaluation)
    added = found["rate linearisation"]
    expected, _ = draw_moment_rates(evaluation, 4000)
    assert found["rate"].value == pytest.approx(float(expected.mean()), abs=4 * added.se)
    assert found["rate"].se > added.se > 0


def test_an_image_that_one_latent_is_flat_at_leaves_the_rate_out_and_is_counted(linear_evaluation, noise_images):
    torch.manual_seed(0)
    weight, images = torch.randn(3, PIXELS) / 4, noise_images(20, SHAPE)
    images[:5] = 255
    evaluation = linear_evaluation(images, NoisyInputEncoder(TruncatedNormal(0.01)), [(weight, torch.zeros(3))])

    class Saturated(torch.nn.Module):
        def forward(self, x):
            z = x.flatten(1) @ weight.T
            return (torch.cat([z[:, :2], z[:, 2:] * (x.flatten(1).mean(1, keepdim=True) < 0.9)], 1),)

    evaluation.model.encoder = Saturated()
    found = Rate()(evaluation)
    assert found.keys() == {"rate flat images"}
    assert found["rate flat images"].value == 25


@pytest.mark.parametrize(("last", "is_left_out"), [(0.0, True), (1e-3, False)])
def test_latents_that_are_the_same_sums_of_others_have_no_rate_and_nearly_the_same_ones_have(
    linear_evaluation, noise_images, last, is_left_out
):
    torch.manual_seed(0)
    weight = torch.randn(3, PIXELS) / 4
    weight[2] = 1e-6 * (weight[0] - weight[1] + last * weight[2])
    evaluation = linear_evaluation(
        noise_images(20, SHAPE), NoisyInputEncoder(TruncatedNormal(0.01)), [(weight, torch.zeros(3))]
    )
    found = Rate()(evaluation)
    assert ("rate" not in found) == is_left_out
    assert found["rate flat images"].value == 100 * is_left_out
    if not is_left_out:
        s2 = (CUT_STD * 0.01) ** 2
        gram = weight.double() @ weight.double().T
        norms = evaluation.posterior("test").mean.square().sum(1).mean()
        expected = 0.5 * (s2 * gram.trace() + norms - 3 - torch.logdet(s2 * gram))
        assert found["rate"].value == pytest.approx(float(expected), abs=0.02)


def test_jacobians_of_a_part_of_the_images_at_once_are_those_of_all(linear_evaluation, noise_images, monkeypatch):
    def measure():
        return Rate()(linear_evaluation(noise_images(50, SHAPE), NoisyInputEncoder(TruncatedNormal(0.01)), heads))[
            "rate"
        ].value

    heads = encoder(4)
    whole = measure()
    monkeypatch.setattr("vimae_builtin.metrics.rate.LINEARISED", 7 * PIXELS)
    assert measure() == pytest.approx(whole, abs=0.01)  # draws of other images are others


def test_the_deviation_of_a_truncated_normal_is_that_of_its_draws():
    for cut in (0.5, 2.0):
        noise = TruncatedNormal(0.3, cut)
        draws = noise.sample_like(torch.zeros(1_000_000))
        assert noise.std == pytest.approx(float(draws.std()), rel=0.005)


@pytest.mark.parametrize(("draws", "latent"), [(12, 1), (40, 5)])
def test_the_log_determinant_of_a_sample_covariance_is_off_by_the_stated_bias(draws, latent):
    x = torch.randn(20_000, draws, latent, dtype=torch.float64)
    centred = x - x.mean(1, keepdim=True)
    logdet = torch.linalg.slogdet(centred.mT @ centred / (draws - 1)).logabsdet
    assert float(logdet.mean()) == pytest.approx(
        compute_logdet_bias(draws, latent), abs=4 * float(logdet.std()) / 20_000**0.5
    )
    assert abs(compute_logdet_bias(draws, latent)) > 0.08


def test_halving_the_input_noise_adds_log_2_for_each_latent(linear_evaluation, noise_images):
    def rate(scale: float) -> float:
        return Rate()(linear_evaluation(noise_images(50, SHAPE), NoisyInputEncoder(TruncatedNormal(scale)), heads))[
            "rate"
        ].value

    heads = encoder(8)
    assert rate(0.005) - rate(0.01) == pytest.approx(8 * log(2), abs=0.02)


def test_the_push_forward_rate_to_a_logistic_prior_agrees_with_quadrature(linear_evaluation):
    scale, mean, weight = 0.1, 1.5, torch.ones(1, PIXELS) / 2
    images = np.zeros((100, *SHAPE), dtype=np.uint8)
    evaluation = linear_evaluation(
        images, NoisyInputEncoder(TruncatedNormal(scale)), [(weight, torch.tensor([mean]))], prior=StandardLogistic
    )
    std = CUT_STD * scale * 4
    prior = logistic(scale=3**0.5 / pi)
    cross, _ = quad(
        lambda z: -prior.logpdf(z) * np.exp(-0.5 * ((z - mean) / std) ** 2) / (std * (2 * pi) ** 0.5), -2, 5
    )
    assert Rate()(evaluation)["rate"].value == pytest.approx(cross - 0.5 * log(2 * pi * e * std**2), abs=0.02)


def test_a_gaussian_encoder_under_a_logistic_prior_agrees_with_quadrature(
    linear_evaluation, constant_heads, noise_images
):
    heads = constant_heads(PIXELS, [0.5], [0.6])
    found = Rate()(linear_evaluation(noise_images(5000, SHAPE), Gaussian(), heads, prior=StandardLogistic))["rate"]
    prior = logistic(scale=3**0.5 / pi)
    cross, _ = quad(lambda z: -prior.logpdf(z) * np.exp(-0.5 * ((z - 0.5) / 0.6) ** 2) / (0.6 * (2 * pi) ** 0.5), -5, 6)
    assert found.value == pytest.approx(cross - 0.5 * log(2 * pi * e * 0.36), abs=4 * found.se)


def test_a_code_without_noise_has_no_rate(linear_evaluation, noise_images):
    assert Rate()(linear_evaluation(noise_images(20, SHAPE), Deterministic(), encoder(2))) == {}


def test_a_code_that_never_moves_has_no_finite_rate(linear_evaluation, noise_images):
    heads = [(torch.zeros(2, PIXELS), torch.ones(2))]
    found = Rate()(linear_evaluation(noise_images(20, SHAPE), NoisyInputEncoder(TruncatedNormal(0.01)), heads))
    assert {name: estimate.value for name, estimate in found.items()} == {"rate flat images": 100}


@pytest.mark.parametrize("latent", [2, 5])
def test_as_many_draws_are_made_as_the_covariance_of_the_latents_takes(linear_evaluation, noise_images, latent):
    evaluation = linear_evaluation(noise_images(20, SHAPE), NoisyInputEncoder(TruncatedNormal(0.01)), encoder(latent))
    assert Rate(draws=2)(evaluation) == Rate(draws=8 * latent)(evaluation) != Rate(draws=9 * latent)(evaluation)


def test_a_posterior_equal_to_the_prior_is_below_the_bound_of_collapse(linear_evaluation, constant_heads, noise_images):
    equal = linear_evaluation(noise_images(100, SHAPE), Gaussian(), constant_heads(PIXELS, [0.0, 0.0], [1.0, 1.0]))
    apart = linear_evaluation(noise_images(100, SHAPE), Gaussian(), constant_heads(PIXELS, [0.5, 0.0], [1.0, 1.0]))
    assert (
        abs(Rate()(equal)["rate"].value) < 1e-6 < BOUND < Rate()(apart)["rate"].value == pytest.approx(0.125, rel=1e-5)
    )


@pytest.mark.parametrize(("recon_scale", "collapses"), [(0.05, True), (20.0, False)])
def test_a_small_reconstruction_factor_collapses_the_vae_on_digits(linear, recon_scale, collapses):
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = torch.from_numpy(bunch.images[:500] / 16).float().unsqueeze(1)
    objective = ELBO(beta=1.0, recon_scale=recon_scale)
    model = make_autoencoder(ModelSpec(SHAPE, 2), linear, StandardNormal, objective, seed=0)
    adam = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(300):
        adam.zero_grad()
        objective(model, Batch(x, torch.tensor(0.0), len(x))).total.backward()
        adam.step()
    examples = Examples((x * 255).round().to(torch.uint8).numpy(), None)
    rate = Rate()(Evaluation(model.eval(), Splits(examples, examples, examples), "digits", 0, torch.device("cpu")))[
        "rate"
    ].value
    assert rate < BOUND if collapses else rate > 1


def test_large_images_go_through_the_encoder_some_at_a_time(linear_evaluation, noise_images):
    shape = (3, 32, 32)
    heads = [(torch.randn(2, 3072) / 40, torch.zeros(2))]
    evaluation = linear_evaluation(noise_images(60, shape), NoisyInputEncoder(TruncatedNormal(0.01)), heads)
    seen, encoder = [], evaluation.model.encoder
    encoder.register_forward_pre_hook(lambda module, given: seen.append(len(given[0])))
    assert Rate(draws=2000)(evaluation)["rate"].n == 60
    assert sum(seen) == 60 + 60 + 20 + 20 * 2000  # codes, Jacobians, and the draws of twenty images
    assert max(seen) == 4096 * 784 // 3072


@pytest.mark.parametrize("latent", [64])
def test_the_rate_of_sixty_four_latents_of_whitened_noise(linear_evaluation, noise_images, latent):
    scale, shape = 0.01, (1, 16, 16)
    weight = torch.linalg.qr(torch.randn(256, latent)).Q.T
    images = noise_images(40, shape)
    evaluation = linear_evaluation(images, NoisyInputEncoder(TruncatedNormal(scale)), [(weight, torch.zeros(latent))])
    s2 = (CUT_STD * scale) ** 2
    norms = float(evaluation.posterior("test").mean.square().sum(1).mean())
    expected = 0.5 * (s2 * latent + norms - latent - latent * log(s2))
    assert Rate(images=40)(evaluation)["rate"].value == pytest.approx(expected, abs=0.01)


def test_the_cost_grows_with_the_latents():
    few, many = (Rate().cost(ModelSpec((1, 28, 28), latent), "cpu") for latent in (8, 256))
    assert many > 2 * few

"""The distributions that generated codes are sampled from, on models for which each is known."""

from math import pi

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov
from scipy.stats import kstest, logistic, norm

from vimae_bench.core.spec import PluginSpec
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.functional import mmd2
from vimae_bench.models import Deterministic, Gaussian, NoisyInputEncoder, TruncatedNormal
from vimae_bench.plugin import Examples, ModelSpec, Splits
from vimae_bench.plugin.evaluation import Evaluation
from vimae_bench.plugin.registry import make_prior_factory

PIXELS = 4
N = 20_000


class Untrained:
    """An objective that only says which posterior there is."""

    def __init__(self, family):
        self.family = family

    def posterior(self):
        return self.family

    def auxiliary(self, spec):
        return torch.nn.Module()


@pytest.fixture
def make_evaluation(linear):
    """An evaluation of training images [n, 4] in [0, 1], as bytes, under given heads and decoder (weight, bias)."""

    def build(x, heads, family=None, decoder=None, prior="normal", seed=0, pixel_range="unit"):
        images = (255 * np.asarray(x)).round().clip(0, 255).astype(np.uint8).reshape(-1, 1, 1, PIXELS)
        latent = len(heads[0][1])
        objective = Untrained(family or Deterministic())
        model = make_autoencoder(
            ModelSpec((1, 1, PIXELS), latent, pixel_range),
            linear,
            make_prior_factory(PluginSpec(prior)),
            objective,
            seed,
        ).eval()
        layers = [*model.encoder.heads, *([model.decoder[0]] if decoder else [])]
        with torch.no_grad():
            for layer, (weight, bias) in zip(layers, [*heads, *([decoder] if decoder else [])], strict=True):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
        examples = Examples(images, None)
        return Evaluation(model, Splits(examples, examples, examples), "invented", seed, torch.device("cpu"))

    return build


def sample(evaluation, source, n=N):
    return evaluation.sample_codes(n, source).double()


def two_clusters(n=2000):
    """Pixels about 0.2 for the first three in ten images and about 0.8 for the others, in that order."""
    random = np.random.default_rng(0)
    centre = np.where(np.arange(n) < 0.3 * n, 0.2, 0.8)[:, None]
    return centre + 0.03 * random.standard_normal((n, PIXELS))


IDENTITY = (torch.eye(PIXELS), torch.zeros(PIXELS))
EVERY = pytest.mark.parametrize("source", ["prior", "gaussian", "mixture", "chain"])
FITTED = pytest.mark.parametrize("source", ["gaussian", "mixture"])


@FITTED
def test_a_fitted_density_has_the_moments_of_the_codes(make_evaluation, source):
    x = 0.5 + 0.1 * np.random.default_rng(0).standard_normal((3000, PIXELS)) @ np.diag([1, 0.5, 1, 0.2])
    weight = torch.randn(3, PIXELS)
    evaluation = make_evaluation(x, [(weight, torch.tensor([5.0, 0, -1]))])
    z, found = evaluation.posterior("train").mean.double(), sample(evaluation, source)
    covariance = torch.cov(z.T)
    torch.testing.assert_close(found.mean(0), z.mean(0), atol=0.01, rtol=0)
    torch.testing.assert_close(torch.cov(found.T), covariance, atol=0.05 * float(covariance.max()), rtol=0)


@FITTED
def test_a_gaussian_encoder_is_fitted_by_its_draws_and_not_by_its_means(make_evaluation, source):
    x = np.random.default_rng(0).random((2000, PIXELS))
    still = (torch.zeros(2, PIXELS), torch.tensor([0.0, 3.0]))
    log_variance = (torch.zeros(2, PIXELS), 2 * torch.tensor([0.5, 2.0]).log())
    found = sample(make_evaluation(x, [still, log_variance], Gaussian()), source)
    assert found.std(0).tolist() == pytest.approx([0.5, 2.0], rel=0.05)
    assert found.mean(0).tolist() == pytest.approx([0.0, 3.0], abs=0.15)


def test_mixture_separates_two_clusters_and_a_gaussian_does_not(make_evaluation):
    evaluation = make_evaluation(two_clusters(), [IDENTITY])
    gaussian, mixture = (sample(evaluation, source) for source in ("gaussian", "mixture"))
    assert float((mixture[:, 0] < 0.5).double().mean()) == pytest.approx(0.3, abs=0.015)
    between = [float(((z > 0.35) & (z < 0.65)).double().mean()) for z in (gaussian, mixture)]
    assert between[0] > 0.25
    assert between[1] < 0.002
    z = evaluation.posterior("train").mean.double()[torch.randperm(2000)[:1000]]
    apart = [float(mmd2(found[:1000], z, "rbf", 0.2)) for found in (gaussian, mixture)]
    assert apart[1] < 0.1 * apart[0]


def test_draws_of_a_mixture_are_in_no_order(make_evaluation):
    found = sample(make_evaluation(two_clusters(), [IDENTITY]), "mixture", 4000)[:, 0] < 0.5
    for part in found.split(1000):
        assert float(part.double().mean()) == pytest.approx(0.3, abs=0.06)


def test_images_in_the_order_of_their_classes_are_chosen_at_random(make_evaluation):
    """Twice as many as a density is fitted to: the first half alone would hold 60 % of the first cluster."""
    found = sample(make_evaluation(two_clusters(20_000), [IDENTITY]), "gaussian")
    assert float(found[:, 0].mean()) == pytest.approx(0.3 * 0.2 + 0.7 * 0.8, abs=0.08)


@FITTED
def test_codes_of_fewer_dimensions_stay_there(make_evaluation, source):
    """The second is twice the first, the third does not vary."""
    x = np.random.default_rng(0).random((1000, PIXELS))
    weight = torch.zeros(3, PIXELS)
    weight[0, 0], weight[1, 0] = 1.0, 2.0
    found = sample(make_evaluation(x, [(weight, torch.tensor([0.0, 0.0, 7.0]))]), source, 2000)
    assert float(found[:, 0].std()) == pytest.approx(12**-0.5, rel=0.1)
    torch.testing.assert_close(found[:, 1], 2 * found[:, 0], atol=0.01, rtol=0)
    torch.testing.assert_close(found[:, 2], torch.full((2000,), 7.0).double(), atol=1e-6, rtol=0)


@FITTED
def test_codes_of_any_scale_are_drawn_at_theirs(make_evaluation, source):
    for scale in (1e-6, 1e4):
        found = (
            sample(make_evaluation(two_clusters(), [(scale * torch.eye(PIXELS), torch.zeros(PIXELS))]), source) / scale
        )
        assert float(found[:, 0].std()) == pytest.approx(float(np.std(two_clusters()[:, 0])), rel=0.05)
        if source == "mixture":
            assert float(((found > 0.35) & (found < 0.65)).double().mean()) < 0.002


@FITTED
def test_one_latent_is_enough(make_evaluation, source):
    found = sample(make_evaluation(two_clusters(), [(torch.tensor([[1.0, 0, 0, 0]]), torch.zeros(1))]), source)
    assert found.shape == (N, 1)
    assert float(found.mean()) == pytest.approx(0.62, abs=0.01)
    assert float(found.std()) == pytest.approx(float(two_clusters()[:, 0].std()), rel=0.03)


@FITTED
@pytest.mark.parametrize("different", [1, 3])
def test_fewer_codes_than_components_can_be_fitted(make_evaluation, source, different):
    x = np.tile(np.random.default_rng(0).random((different, PIXELS)), (2, 1))
    evaluation = make_evaluation(x, [IDENTITY])
    z, found = evaluation.posterior("train").mean.double(), sample(evaluation, source, 3000)
    torch.testing.assert_close(found.mean(0), z.mean(0), atol=0.03, rtol=0)
    if source == "mixture":  # one Gaussian for each
        assert float(torch.cdist(found, z).amin(1).max()) < 0.01


CONTRACTION = torch.tensor([[0.5, 0.3], [-0.2, 0.4]])
STD = torch.tensor([0.3, 1.2])


@pytest.mark.parametrize("pixel_range", ["unit", "sym"])
def test_chain_reaches_the_stationary_distribution_of_a_linear_model(make_evaluation, pixel_range):
    """In network units z -> A z + b + noise: the mean solves m = A m + b, the covariance Lyapunov's equation."""
    spread = torch.zeros(PIXELS, 2)
    spread[0, 0] = spread[1, 1] = 1.0
    mean = (CONTRACTION @ spread.T, torch.tensor([1.0, -2.0]))
    log_variance = (torch.zeros(2, PIXELS), 2 * STD.log())
    x = np.full((100, PIXELS), 0.5)
    evaluation = make_evaluation(
        x, [mean, log_variance], Gaussian(), (spread, torch.zeros(PIXELS)), prior="logistic", pixel_range=pixel_range
    )
    found = sample(evaluation, "chain")
    distribution = torch.linalg.solve(torch.eye(2) - CONTRACTION, mean[1])
    covariance = torch.from_numpy(solve_discrete_lyapunov(CONTRACTION.double().numpy(), np.diag(STD.double() ** 2)))
    torch.testing.assert_close(found.mean(0), distribution.double(), atol=0.04, rtol=0)
    torch.testing.assert_close(torch.cov(found.T), covariance, atol=0.05, rtol=0)


def test_the_chain_has_the_input_noise_of_training(make_evaluation):
    """z -> (pixel + noise) / 2, and the decoder copies z to the pixel: variance (v + noise^2) / 4 = v."""
    weight = torch.tensor([[0.5, 0, 0, 0]])
    noise = TruncatedNormal(0.6, cut=20.0)
    evaluation = make_evaluation(
        np.full((100, PIXELS), 0.5),
        [(weight, torch.zeros(1))],
        NoisyInputEncoder(noise),
        (2 * weight.T, torch.zeros(PIXELS)),
    )
    assert float(sample(evaluation, "chain").var()) == pytest.approx(0.36 / 3, rel=0.05)


def test_a_chain_without_noise_ends_where_it_stays(make_evaluation):
    weight = torch.tensor([[0.5, 0, 0, 0]])
    evaluation = make_evaluation(
        np.full((100, PIXELS), 0.5), [(weight, torch.ones(1))], decoder=(2 * weight.T, torch.zeros(PIXELS))
    )
    found = sample(evaluation, "chain", 100)
    torch.testing.assert_close(found, torch.full((100, 1), 2.0).double(), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("prior", "distribution"),
    [("normal", norm()), ("logistic", logistic(scale=3**0.5 / pi))],
    ids=["normal", "logistic"],
)
def test_the_prior_is_the_models_own(make_evaluation, prior, distribution):
    """Of equal variance, and distinguished by so many draws: a wrong one would have p < 1e-6."""
    evaluation = make_evaluation(two_clusters(100), [IDENTITY], prior=prior)
    z = sample(evaluation, "prior", 50_000).flatten().numpy()
    assert kstest(z, distribution.cdf).pvalue > 1e-3
    other = norm() if prior == "logistic" else logistic(scale=3**0.5 / pi)
    assert kstest(z, other.cdf).pvalue < 1e-6


@pytest.mark.parametrize("pixel_range", ["unit", "sym"])
def test_images_are_decoded_in_unit_pixels_for_any_number_of_them(make_evaluation, pixel_range):
    """The decoder copies the latents, whose prior is normal, into the network's pixels."""
    evaluation = make_evaluation(
        two_clusters(100), [IDENTITY], decoder=(torch.eye(PIXELS), torch.zeros(PIXELS)), pixel_range=pixel_range
    )
    x = evaluation.generate(2501)
    assert (x.shape, x.dtype, x.device.type) == ((2501, 1, 1, PIXELS), torch.float32, "cpu")
    middle, width = (0.0, 1.0) if pixel_range == "unit" else (0.5, 0.5)
    assert float(x.mean()) == pytest.approx(middle, abs=0.05)
    assert float(x.std()) == pytest.approx(width, rel=0.05)


@EVERY
def test_samples_depend_on_the_seed_and_do_not_change_the_generators(make_evaluation, source):
    def images(seed):
        heads = [(torch.eye(PIXELS) / 4, torch.zeros(PIXELS)), (torch.zeros(PIXELS, PIXELS), -torch.ones(PIXELS))]
        evaluation = make_evaluation(
            two_clusters(300), heads, Gaussian(), (torch.eye(PIXELS), torch.zeros(PIXELS)), seed=seed
        )
        assert evaluation.generate(50, source) is evaluation.generate(50, source)
        return evaluation.generate(50, source)

    before = torch.get_rng_state()
    first, again, other = images(0), images(0), images(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert first.isfinite().all()

"""Linear-Gaussian models, whose likelihood and posterior are known, and quadrature where there is one latent."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log, pi

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import logistic, norm
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from helpers.linear_gaussian import fit_probabilistic_pca
from vimae_bench.claims.linear_gaussian import compute_exact_encoder, compute_model_covariance, compute_quantities
from vimae_bench.metrics import GaussianDecoder, draw_images, estimate_noise_variance
from vimae_bench.metrics.likelihood import VARIANCE_FLOOR
from vimae_bench.models import Deterministic, Gaussian, Posterior, PosteriorFamily, Prior
from vimae_bench.plugin import Evaluation, Examples, Splits
from vimae_builtin.metrics.likelihood import Likelihood, compute_bound, effective_sample_size, fit_proposal
from vimae_builtin.priors.logistic import StandardLogistic

SHAPE, PIXELS, LATENT = (1, 6, 6), 36, 3
S2 = 0.02
CENTRE = 0.4


def orthogonal(scale: float = 0.3) -> np.ndarray:
    """A decoder [36, 3] with columns at right angles, so that its posterior is a diagonal Gaussian."""
    return scale * np.linalg.qr(np.random.default_rng(1).normal(size=(PIXELS, LATENT)))[0] * [1.0, 2.0, 3.0]


def skew(scale: float = 0.1) -> np.ndarray:
    return scale * np.random.default_rng(2).normal(size=(PIXELS, LATENT))


def tensor(a: np.ndarray | float) -> Tensor:
    return torch.tensor(np.asarray(a), dtype=torch.float32)


def heads_of(v: np.ndarray, variances: np.ndarray) -> list[tuple[Tensor, Tensor]]:
    """An encoder N(v (x - centre), diag variances)."""
    mean = (tensor(v), tensor(-v @ np.full(PIXELS, CENTRE)))
    return [mean, (torch.zeros(len(v), PIXELS), tensor(np.log(variances)))]


def decoder_of(w: np.ndarray) -> tuple[Tensor, Tensor]:
    return tensor(w), torch.full((PIXELS,), CENTRE)


def exact_nll(evaluation: Evaluation, w: np.ndarray, s2: float = S2, count: int | None = None) -> Tensor:
    """-log p(x) [n] of the images that are measured, in their order."""
    x = draw_images(evaluation.splits.test, count or len(evaluation.splits.test), "likelihood", evaluation.dataset)
    distribution = MultivariateNormal(
        torch.full((PIXELS,), CENTRE, dtype=torch.float64), torch.from_numpy(compute_model_covariance(w, s2))
    )
    return -distribution.log_prob(x.flatten(1).double())


def exact(
    linear_evaluation: Callable[..., Evaluation], images: np.ndarray, w: np.ndarray, spread: float = 1.0
) -> Evaluation:
    """The model with its own posterior as encoder, its variances times `spread`."""
    V, P = compute_exact_encoder(w, S2)
    return linear_evaluation(images, Gaussian(), heads_of(V, spread * np.diag(P)), decoder=decoder_of(w))


def test_with_the_exact_posterior_one_draw_gives_the_exact_likelihood(linear_evaluation, noise_images):
    evaluation = exact(linear_evaluation, noise_images(80, SHAPE), orthogonal())
    found = Likelihood(images=80, ks=(1, 10), variance=S2)(evaluation)
    nll = exact_nll(evaluation, orthogonal())
    for k in (1, 10):
        assert found[f"nll_iwae{k}"].value == pytest.approx(float(nll.mean()), abs=2e-3)
        assert found[f"nll_iwae{k}"].se == pytest.approx(float(nll.std() / 80**0.5), rel=1e-3)
    assert found["effective sample size"].value == pytest.approx(10, abs=1e-4)
    assert found["decoder variance"].value == S2


def test_all_weights_are_equal_there(linear_evaluation, noise_images):
    evaluation = exact(linear_evaluation, noise_images(20, SHAPE), orthogonal())
    x = draw_images(evaluation.splits.test, 20, "likelihood", evaluation.dataset)
    log_w = Likelihood(ks=(50,)).compute_log_weights(evaluation, GaussianDecoder(evaluation.model, S2), x)
    assert log_w.shape == (50, 20)
    assert float(log_w.std(0).max()) < 1e-3
    torch.testing.assert_close(log_w[0], -exact_nll(evaluation, orthogonal()), atol=5e-3, rtol=0)


def test_images_in_minus_1_to_1_are_measured_in_0_to_1(linear_evaluation, noise_images):
    """The same model in network units: twice the decoder, and an encoder that halves its input."""
    W = orthogonal()
    V, P = compute_exact_encoder(W, S2)
    images = noise_images(50, SHAPE)
    heads = [(tensor(V / 2), tensor(V @ np.full(PIXELS, 0.5 - CENTRE))), heads_of(V, np.diag(P))[1]]
    decoder = (tensor(2 * W), torch.full((PIXELS,), 2 * CENTRE - 1))
    evaluation = linear_evaluation(images, Gaussian(), heads, decoder=decoder, pixel_range="sym")
    found = Likelihood(images=50, ks=(1,), variance=S2)(evaluation)
    assert found["nll_iwae1"].value == pytest.approx(float(exact_nll(evaluation, W).mean()), abs=2e-3)


def test_one_draw_is_the_elbo_and_more_come_down_to_the_likelihood(linear_evaluation, noise_images):
    W, images = orthogonal(), noise_images(100, SHAPE)
    V, P = compute_exact_encoder(W, S2)
    evaluation = exact(linear_evaluation, images, W, spread=2.5)
    found = Likelihood(images=100, ks=(1, 10, 100, 2000), variance=S2)(evaluation)
    x = images.reshape(100, -1) / 255 - CENTRE
    q = compute_quantities(x.T @ x / 100, W, S2, V, np.diag(2.5 * np.diag(P)))
    nll = float(exact_nll(evaluation, W).mean())
    assert nll == pytest.approx(q.nll, abs=1e-4)  # pixels are float32
    values = [found[f"nll_iwae{k}"].value for k in (1, 10, 100, 2000)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(q.rate - q.rec, abs=0.02)
    assert values[0] - nll > 0.5
    assert values[-1] == pytest.approx(nll, abs=0.01)
    # Exact weights: E w^2 / (E w)^2 of a Gaussian under one of 2.5 times its variance is (2.5^2 / 4)^(1/2) a dimension.
    assert found["effective sample size"].value == pytest.approx(2000 / (2.5**2 / 4) ** (LATENT / 2), rel=0.03)


def test_a_bound_rises_with_k_and_tends_to_the_log_of_the_mean():
    log_w = torch.randn(3000, 200, dtype=torch.float64) * 2 - 2  # E w = 1
    bounds = {k: compute_bound(log_w, k) for k in (1, 3, 30, 300, 3000)}
    for few, more in zip(list(bounds)[:-1], list(bounds)[1:], strict=True):
        assert bool((bounds[few] < bounds[more]).all())  # not by chance: groups are nested
    torch.testing.assert_close(bounds[1], log_w.mean(0))
    assert float(bounds[3000].mean()) == pytest.approx(0, abs=0.05)
    torch.testing.assert_close(compute_bound(log_w[:10], 4), compute_bound(log_w[:8], 4))
    by_hand = torch.stack([log_w[i : i + 30].exp().mean(0).log() for i in range(0, 3000, 30)]).mean(0)
    torch.testing.assert_close(bounds[30], by_hand)


def test_the_effective_sample_size_runs_from_one_to_n():
    one = torch.tensor([[0.0], [-800.0], [-900.0]], dtype=torch.float64)
    two = torch.tensor([[5.0], [5.0], [-900.0]], dtype=torch.float64)
    assert effective_sample_size(torch.cat([one, two, 0 * one], 1)).tolist() == pytest.approx([1, 2, 3])


def test_a_fitted_proposal_is_the_best_diagonal_gaussian(linear_evaluation, noise_images):
    """For a Gaussian posterior N(m, P) that is N(m, 1 / diag(P^-1)), whatever the code it starts from."""
    W = skew()
    V, P = compute_exact_encoder(W, S2)
    evaluation = exact(linear_evaluation, noise_images(30, SHAPE), W)
    x = draw_images(evaluation.splits.test, 30, "likelihood", evaluation.dataset)
    mean = (x.flatten(1).double() - CENTRE) @ torch.from_numpy(V.T)
    best = 1 / np.diag(np.linalg.inv(P))
    start = mean.float() + 3 * tensor(best).sqrt() * torch.randn(30, LATENT)
    q = fit_proposal(GaussianDecoder(evaluation.model, S2), evaluation.model.prior, x, start, steps=300)
    away = (q.m.double() - mean).abs() / torch.from_numpy(best).sqrt()
    assert float(away.max()) < 0.05
    reached, wanted = Normal(q.m.double(), q.std.double()), Normal(mean, torch.from_numpy(best).sqrt())
    assert float(kl_divergence(reached, wanted).sum(1).max()) < 0.1
    assert float((q.l.double() - torch.from_numpy(best).log()).mean()) == pytest.approx(0, abs=0.05)
    at_once = fit_proposal(GaussianDecoder(evaluation.model, S2), evaluation.model.prior, x, mean.float(), steps=0)
    np.testing.assert_allclose(at_once.l.exp().numpy(), np.tile(best, (30, 1)), rtol=1e-4)


def test_a_deterministic_encoder_gets_one_and_comes_to_the_same_likelihood(linear_evaluation, noise_images):
    W = skew()
    images = noise_images(40, SHAPE)
    heads = heads_of(np.linalg.pinv(W), np.ones(LATENT))[:1]
    evaluation = linear_evaluation(images, Deterministic(), heads, decoder=decoder_of(W))
    found = Likelihood(images=40, ks=(1, 3000), variance=S2)(evaluation)
    nll = float(exact_nll(evaluation, W).mean())
    _, P = compute_exact_encoder(W, S2)
    best = 1 / np.diag(np.linalg.inv(P))
    gap = 0.5 * (np.linalg.slogdet(P)[1] - np.log(best).sum())  # KL of the best diagonal Gaussian to N(m, P)
    assert found["nll_iwae1"].value == pytest.approx(nll + gap, abs=0.05)
    assert found["nll_iwae3000"].value == pytest.approx(nll, abs=0.02)


def test_a_fitted_proposal_may_take_the_place_of_a_poor_encoder(linear_evaluation, noise_images):
    W = orthogonal()
    heads = heads_of(np.zeros((LATENT, PIXELS)), np.ones(LATENT))  # collapsed: q is the prior
    evaluation = linear_evaluation(noise_images(40, SHAPE), Gaussian(), heads, decoder=decoder_of(W))
    metric = Likelihood(images=40, ks=(1,), variance=S2)
    nll = float(exact_nll(evaluation, W).mean())
    assert metric(evaluation)["nll_iwae1"].value > nll + 10
    assert replace(metric, proposal="fitted")(evaluation)["nll_iwae1"].value == pytest.approx(nll, abs=0.05)


@dataclass(frozen=True)
class Correlated(Posterior):
    """N(m, root root'), which tells the density of its own draws alone, as a flow does at no cost."""

    m: Tensor
    root: Tensor

    @property
    def mean(self):
        return self.m

    def rsample(self, shape=()):
        return self.rsample_with_log_prob(shape)[0]

    def rsample_with_log_prob(self, shape=()):
        noise = torch.randn(*shape, *self.m.shape)
        log_q = -0.5 * (noise.square() + log(2 * pi)).sum(-1) - self.root.logdet()
        return self.m + noise @ self.root.T, log_q

    def log_prob(self, z):
        raise AssertionError("inverted")


@dataclass(frozen=True)
class CorrelatedFamily(PosteriorFamily):
    root: Tensor
    heads = 1

    def from_heads(self, *heads):
        return Correlated(heads[0], self.root)


def test_a_posterior_that_is_no_diagonal_gaussian_serves_as_it_is(linear_evaluation, noise_images):
    W = skew()
    V, P = compute_exact_encoder(W, S2)
    family = CorrelatedFamily(tensor(np.linalg.cholesky(P)))
    evaluation = linear_evaluation(
        noise_images(40, SHAPE), family, heads_of(V, np.ones(LATENT))[:1], decoder=decoder_of(W)
    )
    found = Likelihood(images=40, ks=(1, 20), variance=S2)(evaluation)
    assert found["nll_iwae1"].value == pytest.approx(float(exact_nll(evaluation, W).mean()), abs=2e-3)
    assert found["effective sample size"].value == pytest.approx(20, abs=1e-3)


def one_latent(
    linear_evaluation: Callable[..., Evaluation], images: np.ndarray, prior: object
) -> tuple[Evaluation, np.ndarray]:
    W = orthogonal()[:, 2:]
    V, P = compute_exact_encoder(W, S2)
    return linear_evaluation(images, Gaussian(), heads_of(V, 1.5 * np.diag(P)), decoder=decoder_of(W), prior=prior), W


def test_the_prior_is_the_models_own(linear_evaluation, noise_images):
    evaluation, W = one_latent(linear_evaluation, noise_images(20, SHAPE), StandardLogistic)
    found = Likelihood(images=20, ks=(2000,), variance=S2)(evaluation)["nll_iwae2000"]
    x = draw_images(evaluation.splits.test, 20, "likelihood", evaluation.dataset).flatten(1).double().numpy() - CENTRE
    prior = logistic(scale=3**0.5 / pi)

    def nll(image: np.ndarray) -> float:
        # Along W the likelihood is a Gaussian in z; the rest is a constant.
        code = float((W.T @ image)[0] / (W.T @ W)[0, 0])
        rest = norm(0, S2**0.5).logpdf(image - W[:, 0] * code).sum()
        width = float((S2 / (W.T @ W)[0, 0]) ** 0.5)
        inner = quad(lambda z: prior.pdf(z) * np.exp(-((z - code) ** 2) / (2 * width**2)), code - 12, code + 12)[0]
        return -rest - log(inner)

    assert found.value == pytest.approx(np.mean([nll(image) for image in x]), abs=5e-3)


class Box(Prior):
    """Uniform on [0, 0.01] in each dimension: draws of q outside have no density."""

    def sample(self, n):
        return 0.01 * torch.rand(n, self.latent)

    def log_prob(self, z):
        outside = ((z < 0) | (z > 0.01)).any(-1)
        return torch.full_like(z[..., 0], -self.latent * log(0.01)).masked_fill(outside, -torch.inf)


def test_an_infinite_bound_is_left_out(linear_evaluation, noise_images):
    evaluation, _ = one_latent(linear_evaluation, noise_images(20, SHAPE), Box)
    found = Likelihood(images=20, ks=(1, 5), variance=S2)(evaluation)
    assert set(found) == {"decoder variance"}
    fit = Likelihood(images=20, ks=(1,), variance=S2, proposal="fitted", proposal_steps=3)(evaluation)
    assert set(fit) == {"decoder variance"}


def test_the_variance_is_that_of_largest_likelihood(linear_evaluation):
    """Of probabilistic PCA, whose likelihood is largest at a known variance; means alone would give less."""
    draw = np.random.default_rng(0)
    x = CENTRE + 0.4 * draw.normal(size=(2000, 8)) @ draw.normal(size=(8, PIXELS)) / 8
    images = (255 * (x + 0.05 * draw.normal(size=x.shape)).clip(0, 1)).astype(np.uint8).reshape(-1, *SHAPE)
    flat = images.reshape(2000, -1) / 255
    W, s2 = fit_probabilistic_pca(np.cov(flat.T, bias=True), 8)
    V, P = compute_exact_encoder(W, s2)
    heads = [(tensor(V), tensor(-V @ flat.mean(0))), (torch.zeros(8, PIXELS), tensor(np.log(np.diag(P))))]
    evaluation = linear_evaluation(images, Gaussian(), heads, decoder=(tensor(W), tensor(flat.mean(0))))
    assert estimate_noise_variance(evaluation) == pytest.approx(s2, rel=0.01)
    assert float(evaluation.squared_error("test").mean()) / PIXELS < 0.9 * s2
    found = Likelihood(images=50, ks=(1,))(evaluation)
    assert found["decoder variance"].value == estimate_noise_variance(evaluation)
    assert found["decoder variance"].n == 2000


def test_it_comes_from_validation_images_where_there_are_some_and_has_a_floor(linear_evaluation, noise_images):
    dark, grey = (Examples(np.full((30, *SHAPE), level, np.uint8), None) for level in (0, 102))
    heads = heads_of(np.zeros((LATENT, PIXELS)), np.ones(LATENT))[:1]
    made = linear_evaluation(grey.x, Deterministic(), heads, decoder=decoder_of(np.zeros((PIXELS, LATENT))))

    def variance(validation: Examples) -> float:
        return estimate_noise_variance(
            Evaluation(made.model, Splits(grey, validation, grey), "invented", 0, made.device)
        )

    none = Examples(np.empty((0, *SHAPE), np.uint8), None)
    assert variance(dark) == pytest.approx(CENTRE**2, rel=1e-5)
    assert variance(none) == variance(grey) == VARIANCE_FLOOR


def test_draws_of_the_decoder_have_its_density(linear_evaluation, noise_images):
    evaluation = exact(linear_evaluation, noise_images(4, SHAPE), orthogonal())
    decoder, z = GaussianDecoder(evaluation.model, S2), torch.randn(3000, LATENT)
    with torch.no_grad():
        x = decoder.sample(z)
        found = decoder.log_prob(x, z)
    entropy = PIXELS / 2 * (log(2 * pi * S2) + 1)
    assert float(-found.mean()) == pytest.approx(entropy, abs=4 * float(found.std()) / 3000**0.5)
    by_hand = norm(evaluation.decode(z).numpy(), S2**0.5).logpdf(x.numpy()).sum((1, 2, 3))
    np.testing.assert_allclose(found.numpy(), by_hand, rtol=1e-5, atol=1e-3)


def test_the_draws_of_many_chunks_are_all_different(linear_evaluation, noise_images):
    evaluation = exact(linear_evaluation, noise_images(100, SHAPE), orthogonal(), spread=2.0)
    x = draw_images(evaluation.splits.test, 100, "likelihood", evaluation.dataset)
    log_w = Likelihood(ks=(37,)).compute_log_weights(evaluation, GaussianDecoder(evaluation.model, S2), x)
    assert log_w.shape == (37, 100)
    assert len(log_w.unique()) == 3700

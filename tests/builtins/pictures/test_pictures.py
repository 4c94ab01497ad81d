"""The built-in pictures of models whose every number is known."""

from math import log

import numpy as np
import pytest
import torch
from torch import nn

from vimae_bench.engine.build import make_autoencoder
from vimae_bench.models import Deterministic, Gaussian, GaussianPosterior, StandardNormal
from vimae_bench.plugin import Evaluation, Examples, Loss, ModelSpec, Objective, Splits
from vimae_builtin.pictures.codes import Codes, compute_prior_outline, outline_draws, project_codes
from vimae_builtin.pictures.interpolations import Interpolations
from vimae_builtin.pictures.latent_grid import LatentGrid
from vimae_builtin.pictures.latent_kl import LatentKl, estimate_unit_kl
from vimae_builtin.pictures.reconstructions import Reconstructions
from vimae_builtin.pictures.samples import Samples
from vimae_builtin.pictures.training_neighbours import TrainingNeighbours, find_neighbours
from vimae_builtin.pictures.traversals import SHARES, Traversals
from vimae_builtin.priors.flow import RealNVP
from vimae_builtin.priors.laplace import StandardLaplace
from vimae_builtin.priors.logistic import StandardLogistic
from vimae_builtin.priors.uniform import StandardUniform


class Untrained(Objective):
    def __init__(self, family):
        self.family = family

    def posterior(self):
        return self.family

    def __call__(self, model, batch):
        return Loss(torch.zeros(()), {})


class Pixels:
    """Means are the first pixels, log-variances the next; the decoder writes 0.5 + 0.1 z into the first pixels."""

    def encoder(self, spec, heads):
        return Heads(spec.latent, heads)

    def decoder(self, spec):
        return Writer(spec)


class Heads(nn.Module):
    def __init__(self, latent, heads):
        super().__init__()
        self.latent, self.heads = latent, heads

    def forward(self, x):
        return tuple(2 * part - 1 for part in x.flatten(1)[:, : self.latent * self.heads].split(self.latent, 1))


class Writer(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.spec = spec

    def forward(self, z):
        x = torch.zeros(len(z), self.spec.input_size)
        x[:, : self.spec.latent] = 0.5 + 0.1 * z
        return x.unflatten(1, self.spec.shape)


def evaluation(latent=2, prior=StandardNormal, family=None, seed=0, n=60, train=None):
    x = np.random.default_rng(0).integers(0, 256, (n, 1, 4, 4), dtype=np.uint8)
    test = Examples(x, np.arange(n) % 10)
    model = make_autoencoder(ModelSpec((1, 4, 4), latent), Pixels(), prior, Untrained(family or Gaussian()), seed)
    train = test if train is None else Examples(train, None)
    return Evaluation(model.eval(), Splits(train, test, test), "pixels", seed, torch.device("cpu"))


def read_codes(images, latent):
    """The codes [..., d] that were decoded to images [..., H, W, 1]."""
    return (images.reshape(*images.shape[:-3], -1)[..., :latent] / 255 - 0.5) / 0.1


@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic, StandardLaplace, StandardUniform])
def test_traversals_of_a_linear_decoder_are_linear_in_the_quantile(prior):
    one = evaluation(4, prior)
    table = Traversals()(one)
    mean = one.posterior("test").mean
    order = mean.var(0).argsort(descending=True).tolist()
    assert [label.partition(",")[0] for label in table.row_labels] == [f"z{k + 1}" for k in order]
    quantiles = prior(4).inverse_cdf(torch.tensor(SHARES, dtype=torch.float64)[:, None].expand(-1, 4))
    for row, k in enumerate(order):
        expected = mean.mean(0).repeat(len(SHARES), 1)
        expected[:, k] = quantiles[:, k]
        found = read_codes(table.images[row], 4)
        assert found == pytest.approx(expected.clamp(-5, 5).numpy(), abs=0.02)  # bytes are 0.04 apart


def test_the_ten_most_active_dimensions_are_traversed():
    assert len(Traversals()(evaluation(14, family=Deterministic())).row_labels) == 10


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("prior", [StandardNormal, StandardLogistic, StandardUniform, StandardLaplace])
def test_samples_of_all_methods_and_seeds_come_from_the_same_uniforms(prior, seed):
    one = evaluation(3, prior, seed=seed)
    z = one.paired_prior_samples(50, "samples").double()
    u = evaluation(3, StandardUniform).paired_prior_samples(50, "samples").double() / (2 * 3**0.5) + 0.5
    assert torch.allclose(z, prior(3).inverse_cdf(u).double(), atol=2e-3)


def test_samples_of_a_prior_without_quantiles_are_the_same_for_all_seeds():
    first, second = (evaluation(3, RealNVP, seed=seed) for seed in (0, 1))
    second.model.prior.load_state_dict(first.model.prior.state_dict())
    assert (Samples()(first).images == Samples()(second).images).all()


def test_quantiles_of_a_prior_without_an_inverse_are_those_of_its_draws():
    found = evaluation(3, RealNVP).prior_quantiles((0.1, 0.5, 0.9))  # untrained, it is N(0, I)
    assert found.numpy() == pytest.approx(np.array([[-1.2816], [0], [1.2816]]).repeat(3, 1), abs=0.06)


def test_a_latent_grid_has_the_quantiles_along_its_axes():
    one = evaluation(2, StandardLogistic)
    codes = read_codes(LatentGrid()(one).images, 2)
    quantiles = one.prior_quantiles([(i + 0.5) / 11 for i in range(11)])[:, 0].numpy()
    assert codes[..., 0] == pytest.approx(np.broadcast_to(quantiles, (11, 11)), abs=0.02)
    assert codes[..., 1] == pytest.approx(np.broadcast_to(quantiles[::-1, None], (11, 11)), abs=0.02)
    assert LatentGrid().explain_absence(evaluation(3)) == "it has 3 latent dimensions, not 2"


def test_interpolations_are_on_the_line_between_the_codes_of_their_ends():
    one = evaluation(2, family=Deterministic())
    table = Interpolations()(one)
    assert (table.column_labels[0], table.column_labels[-1]) == ("image A", "image B")
    ends = 2 * table.images[:, [0, -1]].astype(float).reshape(len(table.images), 2, -1)[..., :2] / 255 - 1
    expected = np.linspace(ends[:, 0], ends[:, 1], 7, axis=1)
    assert read_codes(table.images[:, 1:-1], 2) == pytest.approx(expected, abs=0.021)
    other = evaluation(2, StandardLogistic, family=Deterministic(), seed=5)
    assert (Interpolations()(other).images[:, 0] == table.images[:, 0]).all()


def test_the_error_of_each_reconstruction_is_below_it():
    table = Reconstructions()(evaluation(2))
    x, xhat = (table.images[start::2].reshape(-1, 16) / 255 for start in (0, 1))
    assert table.row_labels == ("input", "output") * 4
    notes = [float(note) for row in table.notes[1::2] for note in row]
    assert notes == pytest.approx(np.square(x - xhat).sum(1), abs=0.05)


def test_training_images_are_their_own_neighbours_at_distance_0():
    train = np.random.default_rng(1).integers(0, 256, (5000, 1, 4, 4), dtype=np.uint8)
    one = evaluation(train=train)
    images = torch.from_numpy(train[[3, 2500, 4999]]).float() / 255
    places, distances = find_neighbours(one, images)
    assert places[:, 0].tolist() == [3, 2500, 4999]
    assert (distances[:, 0] == 0).all()
    flat = train.reshape(5000, -1) / 255
    for row, image in enumerate(images.flatten(1).numpy()):
        every = np.linalg.norm(flat - image, axis=1)
        assert places[row].tolist() == np.argsort(every)[:3].tolist()
        assert distances[row] == pytest.approx(np.sort(every)[:3], rel=1e-5, abs=1e-6)


def test_neighbours_stand_below_the_first_samples():
    one = evaluation()
    table = TrainingNeighbours()(one)
    assert (table.images[0] == Samples()(one).images[0]).all()
    assert table.row_labels == ("sample", "nearest", "2nd", "3rd")
    apart = np.square((table.images[0].astype(float) - table.images[1]) / 255).sum((1, 2, 3)) ** 0.5
    assert [float(note) for note in table.notes[1]] == pytest.approx(apart, abs=0.02)


def test_kl_by_dimension_adds_up_to_the_rate():
    one = evaluation(3)
    chart = LatentKl()(one)
    q = one.posterior("test")
    assert chart.values.sum() == pytest.approx(float(StandardNormal(3).kl(q, q.mean).mean()), rel=1e-5)
    assert (np.diff(chart.values) <= 0).all()
    k = int(chart.labels[0][1:]) - 1
    m, log_v = q.m[:, k].double(), q.l[:, k].double()
    assert chart.values[0] == pytest.approx(float(0.5 * (m**2 + log_v.exp() - 1 - log_v).mean()))


def test_quadrature_agrees_with_the_closed_form_and_with_draws():
    m, log_variance = torch.randn(2, 200, 3, generator=torch.Generator().manual_seed(0))
    q = GaussianPosterior(m, log_variance)
    exact = 0.5 * (m.double() ** 2 + log_variance.double().exp() - 1 - log_variance.double()).mean(0)
    assert torch.allclose(estimate_unit_kl(q, StandardNormal(3)), exact, atol=1e-5)
    for prior in (StandardLogistic(3), StandardLaplace(3)):
        torch.manual_seed(0)
        z = q.rsample((4000,))
        drawn = float((q.log_prob(z) - prior.log_prob(z)).mean())
        assert float(estimate_unit_kl(q, prior).sum()) == pytest.approx(drawn, abs=0.02)


@pytest.mark.parametrize(
    ("prior", "family", "reason"),
    [
        (StandardNormal, Deterministic(), "its codes have no noise, so their KL is infinite"),
        (StandardUniform, Gaussian(), "its KL is infinite"),
        (RealNVP, Gaussian(), "the dimensions of its prior are dependent"),
        (StandardLogistic, Gaussian(), ""),
    ],
)
def test_what_has_no_kl_by_dimension_says_why(prior, family, reason):
    assert LatentKl().explain_absence(evaluation(2, prior, family)) == reason


def test_two_dimensional_codes_are_draws_of_the_posterior_by_class():
    one = evaluation()
    plot = Codes()(one)
    assert np.allclose(plot.points, one.posterior_samples("test"))
    assert (plot.classes == one.splits.test.y).all()
    assert (plot.x_label, plot.outline_label) == ("z1", "densest 95 % of the prior")


def test_more_dimensions_are_shown_by_their_principal_components():
    one = evaluation(5, family=Deterministic())
    points, _, shares = project_codes(one)
    codes = one.posterior("test").mean.double().numpy()
    centred = codes - codes.mean(0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    assert np.abs(points) == pytest.approx(np.abs(left[:, :2] * values[:2]), abs=1e-5)
    assert shares == pytest.approx(values[:2] ** 2 / (values**2).sum())
    assert Codes()(one).x_label == f"component 1 ({100 * shares[0]:.0f} % of the variance)"


def test_the_outline_of_projected_draws_holds_95_percent_of_them():
    z = np.random.default_rng(0).standard_normal((100_000, 2))
    outline = outline_draws(z)
    radii = np.hypot(*outline[np.isfinite(outline).all(1)].T)
    assert radii.mean() == pytest.approx((-2 * log(0.05)) ** 0.5, rel=0.03)
    assert radii.std() < 0.1


def test_draws_that_are_all_the_same_along_an_axis_have_an_outline():
    z = np.stack([np.random.default_rng(0).standard_normal(50_000), np.full(50_000, 3.0)], 1)
    outline = outline_draws(z)
    outline = outline[np.isfinite(outline).all(1)]
    assert 1.9 < np.abs(outline[:, 0]).max() < 2.6  # of 95 % of a normal in one dimension, and of a smoothed one in two
    assert outline[:, 1] == pytest.approx(3, abs=1e-5)


def test_the_outline_of_a_standard_normal_prior_is_the_circle_of_its_densest_95_percent():
    outline = compute_prior_outline(evaluation())
    radii = np.hypot(*outline[np.isfinite(outline).all(1)].T)
    assert radii == pytest.approx((-2 * log(0.05)) ** 0.5, abs=0.04)


def test_the_outline_of_a_logistic_prior_is_no_circle():
    """Its density is the same all along, and is further out along the axes than between them."""
    one = evaluation(prior=StandardLogistic)
    outline = torch.from_numpy(compute_prior_outline(one))
    outline = outline[outline.isfinite().all(1)]
    log_p, draws = one.model.prior.log_prob(outline), one.model.prior.log_prob(one.model.prior.sample(50_000))
    assert float(log_p.max() - log_p.min()) < 0.05
    assert float((draws > log_p.mean()).double().mean()) == pytest.approx(0.95, abs=0.005)
    assert outline.norm(dim=1).max() > 1.1 * outline.norm(dim=1).min()


def test_the_outline_of_a_uniform_prior_is_its_square():
    outline = compute_prior_outline(evaluation(prior=StandardUniform))
    reach = np.abs(outline[np.isfinite(outline).all(1)]).max(1)
    assert reach == pytest.approx(3**0.5, rel=0.03)

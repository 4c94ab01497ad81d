"""What a metric or a picture is given: a trained model and its data."""

import copy
import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..core.errors import BenchError
from ..core.seeds import derive_seed
from ..data.choice import choose_places
from ..data.corruptions import apply_corruption
from ..data.pixels import from_network, to_network, to_unit
from ..data.types import Examples, Splits
from ..functional.random_state import seed_generators
from ..functional.reconstruction import squared_error
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.posteriors import Posterior
from .isolation import copy_value, preserve_global_state
from .latent_sampling import LatentDistribution, LatentSource, create_sampler

SplitName = Literal["train", "validation", "test"]
CHUNK_SIZE = 250
"""Images encoded or decoded at once: a wide net's activations of more would take most of a GPU's memory."""
EPSILON = 2.0**-40
"""How far from 0 and 1 uniforms stay, so that no quantile is infinite."""
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A trained model in evaluation mode (batch norm frozen, no input noise) with the data it is measured on.

    `dataset` is the name of the data set and `seed` that of the run: together they determine every random stream.
    Codes, samples and reconstructions are computed once and shared by all metrics.

    A stream is the run's own, or that of a numbered draw, which all runs on the data set share. A metric of a single
    draw takes the run's own, so that the spread over seeds is also that of the draw. One that averages several numbers
    them and keeps the value over each in `Estimate.per_draw`, which separates models from draws.
    """

    model: Autoencoder
    splits: Splits
    dataset: str
    seed: int
    device: torch.device
    _cache: dict[str, Any] = field(default_factory=dict[str, Any], init=False, repr=False)
    _plugin_values: dict[str, Any] = field(default_factory=dict[str, Any], init=False, repr=False)

    @property
    def spec(self) -> ModelSpec:
        """What the model fits: the shape of images, the size of the code, the range of pixels."""
        return self.model.spec

    def examples(self, split: SplitName) -> Examples:
        """The images uint8 [N, C, H, W] and labels of a split, as NumPy arrays."""
        return getattr(self.splits, split)

    def images(self, split: SplitName, places: np.ndarray | None = None) -> Iterator[Tensor]:
        """The images of a split, or those at `places`, in [0, 1] units, float32, in chunks of 250 on the device."""
        x = self.examples(split).x
        for start in range(0, len(x) if places is None else len(places), CHUNK_SIZE):
            chunk = slice(start, start + CHUNK_SIZE)
            yield to_unit(torch.from_numpy(np.array(x[chunk if places is None else places[chunk]])).to(self.device))

    def posterior(self, split: SplitName = "test") -> Posterior:
        """q(z|x) of every image of a split at once, over codes [N, d]."""
        return self.compute_once(f"posterior {split}", lambda: self.encode(self.images(split)))

    def encode(self, chunks: Iterator[Tensor]) -> Posterior:
        """q(z|x) of images in chunks [B, C, H, W], in [0, 1] units: for images that a metric has changed.

        Raises BenchError if the model gives NaN, as `decode` does.
        """
        with torch.inference_mode():
            pieces = (piece for x in chunks for piece in x.split(CHUNK_SIZE))
            heads = [self.model.encoder(to_network(x, self.spec.pixel_range)) for x in pieces]
            return self.model.family.from_heads(
                *(_require_no_nan(torch.cat(head), "codes") for head in zip(*heads, strict=True))
            )

    def corrupted_posterior(
        self, split: SplitName, name: str, noise: int = 0, places: np.ndarray | None = None
    ) -> Posterior:
        """q(z|x) of the images of a split, or of those at `places`, under the corruption of this name.

        `noise` is the number of the noise draw; the noise of an image depends on it and on the position of the image
        among those that are encoded, see `apply_corruption`.
        """
        if name == "clean" and places is None:
            return self.posterior(split)
        noise = 0 if name == "clean" else noise
        digest = "" if places is None else hashlib.sha256(np.asarray(places, np.int64).tobytes()).hexdigest()
        return self.compute_once(
            f"{name} {noise} {split} {digest}", lambda: self._encode_corrupted(split, name, noise, places)
        )

    def training_posterior(self, x: Tensor) -> Posterior:
        """q(z|x) as the objective trained it, with its input noise, for images [B, C, H, W] in [0, 1] units."""
        return self.model.encode(to_network(x, self.spec.pixel_range))

    def posterior_samples(self, split: SplitName = "test", draw: int | None = None) -> Tensor:
        """One z ~ q(z|x) for each image of a split [N, d]: the code itself for a deterministic encoder.

        With a number of a draw, the noise is that of this draw, which all runs share.
        """
        return self.compute_once(
            f"draws {split} {draw}",
            lambda: self.with_seed(self.posterior(split).rsample, "draws", split, draw=draw),
        )

    def prior_samples(self, n: int, purpose: str, draw: int | None = None) -> Tensor:
        """n samples of the model's prior [n, d], from a random stream named after the purpose, or of a shared draw."""
        with torch.inference_mode():
            return self.with_seed(lambda: self.model.prior.sample(n), "prior", purpose, draw=draw)

    def paired_prior_samples(self, n: int, purpose: str) -> Tensor:
        """n samples of the model's prior [n, d] from noise that all runs on the data set share, whatever their seed.

        A prior with an `inverse_cdf` makes them from the same uniforms, so that those of different priors correspond;
        any other draws them from the same random stream.
        """

        def draw_uniforms() -> Tensor:
            return torch.rand(n, self.spec.latent, dtype=torch.float64)  # on the CPU, so that devices agree

        u = self.with_seed(draw_uniforms, "paired prior", purpose, draw=0).clamp(EPSILON, 1 - EPSILON)
        with torch.inference_mode():
            z = self.model.prior.inverse_cdf(u.to(self.device))
        return self.prior_samples(n, purpose, draw=0) if z is None else z

    def prior_quantiles(self, shares: Sequence[float]) -> Tensor:
        """The codes below which these shares of the prior lie along each latent dimension, [Q, d].

        Exact for a prior with an `inverse_cdf`, else those of 20,000 draws.
        """
        u = torch.tensor(shares, dtype=torch.float64, device=self.device)
        with torch.inference_mode():
            z = self.model.prior.inverse_cdf(u[:, None].expand(-1, self.spec.latent))
            if z is None:
                draws = self.prior_samples(20_000, "quantiles", draw=0)
                z = draws.quantile(u.to(draws.dtype), 0)
        return z

    def squared_error(self, split: SplitName = "test", of: Literal["mean", "draws"] = "mean") -> Tensor:
        """The SSE [N] of the reconstruction of each image from its mean code or from one sample, in [0, 1] units."""
        z = self.posterior(split).mean if of == "mean" else self.posterior_samples(split)
        return self.compute_once(f"squared error {split} {of}", lambda: self._compute_squared_error(split, z))

    def generate(self, n: int, source: LatentDistribution = "prior", draw: int | None = None) -> Tensor:
        """n generated images [n, C, H, W] in [0, 1] units, float32 on the CPU, the same in every call.

        They are decoded from `sample_codes(n, source, draw)`, and kept unless they are those of a shared draw.
        """
        if draw is not None:
            return self._generate(n, source, draw)
        return self.compute_once(f"samples {n} {source}", lambda: self._generate(n, source, None))

    def sample_codes(self, n: int, source: LatentDistribution = "prior", draw: int | None = None) -> Tensor:
        """n independent codes [n, d], float32, from one of the distributions of `LatentDistribution`."""
        with torch.inference_mode():
            sample = self.compute_once(f"source {source}", lambda: create_sampler(self._latent_source(), source))
            return self.with_seed(lambda: sample(n), "samples", source, draw=draw)

    def decode(self, z: Tensor) -> Tensor:
        """The mean images of codes [N, d], in [0, 1] units, [N, C, H, W]."""
        with torch.inference_mode():
            out = _require_no_nan(torch.cat([self.model.decode(piece) for piece in z.split(CHUNK_SIZE)]), "images")
        return from_network(out, self.spec.pixel_range)

    def compute_once(self, key: str, compute: Callable[[], T]) -> T:
        """What `compute` returns, computed once for all metrics that use this key, and kept with the evaluation."""
        if key not in self._cache:
            self._cache[key] = compute()
        return self._cache[key]

    @contextmanager
    def isolate(self) -> "Generator[IsolatedEvaluation]":
        """The same for one plugin alone. Nothing that the plugin changes meanwhile is seen by any other.

        Raises BenchError at the end if it has changed the weights of its model, as its results are not of the run's
        model then. What it computed for others is forgotten if it fails.
        """
        model, before = _copy_model(self.model), _list_weights(self.model)
        if is_shared := model is self.model:
            before = {name: value.clone() for name, value in before.items()}
        known = [*self._plugin_values]
        own = (model, self.splits.copy(), self.dataset, self.seed, self.device)
        try:
            with preserve_global_state():
                yield IsolatedEvaluation(*own, self, self._plugin_values)
            if changed := _list_changed_weights(before, model):
                raise BenchError(
                    f"changed {changed[0]} of the model; it may do that to copy.deepcopy(evaluation.model)"
                )
        except BaseException:
            for key in self._plugin_values.keys() - known:
                del self._plugin_values[key]
            raise
        finally:
            if is_shared:
                _restore_weights(before, model)

    def with_seed(self, compute: Callable[[], T], *purpose: str, draw: int | None = None) -> T:
        """The result of `compute`, called with the global generators at the seed of a purpose.

        The seed is the run's own, or that of the draw of this number, which is the same for all runs on the data set.
        """
        seed = derive_seed(self.seed, *purpose) if draw is None else derive_seed("draw", draw, self.dataset, *purpose)
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            seed_generators(seed)
            return compute()

    def _encode_corrupted(self, split: SplitName, name: str, noise: int, places: np.ndarray | None) -> Posterior:
        x = self.examples(split).x
        chunks = apply_corruption(x if places is None else x[places], name, self.dataset, split, noise)
        return self.encode(chunk.to(self.device) for chunk in chunks)

    def _generate(self, n: int, source: LatentDistribution, draw: int | None) -> Tensor:
        return torch.cat([self.decode(z).cpu() for z in self.sample_codes(n, source, draw).split(CHUNK_SIZE)])

    def _latent_source(self) -> LatentSource:
        def draw_training_codes(count: int) -> Tensor:
            z = self.posterior_samples("train")
            return z[torch.from_numpy(choose_places(len(z), count, "latent source", self.dataset)).to(z.device)]

        return LatentSource(self.model.prior, draw_training_codes, self._reencode, self.seed)

    def _reencode(self, z: Tensor) -> Tensor:
        return self.training_posterior(self.decode(z)).rsample()

    def _compute_squared_error(self, split: SplitName, z: Tensor) -> Tensor:
        pairs = zip(self.images(split), z.split(CHUNK_SIZE), strict=True)
        return torch.cat([squared_error(x, self.decode(code)) for x, code in pairs])


@dataclass(frozen=True, eq=False)
class IsolatedEvaluation(Evaluation):
    """An evaluation for one plugin: its model, images and labels are its own, and so are copies of what is shared.

    Codes, samples and reconstructions are computed by the `shared` evaluation, whose model no plugin has.
    """

    shared: Evaluation
    values: dict[str, Any]
    """What plugins have computed for each other."""

    def posterior(self, split: SplitName = "test") -> Posterior:
        return copy_value(self.shared.posterior(split))

    def corrupted_posterior(
        self, split: SplitName, name: str, noise: int = 0, places: np.ndarray | None = None
    ) -> Posterior:
        return copy_value(self.shared.corrupted_posterior(split, name, noise, places))

    def posterior_samples(self, split: SplitName = "test", draw: int | None = None) -> Tensor:
        return copy_value(self.shared.posterior_samples(split, draw))

    def squared_error(self, split: SplitName = "test", of: Literal["mean", "draws"] = "mean") -> Tensor:
        return copy_value(self.shared.squared_error(split, of))

    def generate(self, n: int, source: LatentDistribution = "prior", draw: int | None = None) -> Tensor:
        images = self.shared.generate(n, source, draw)
        return copy_value(images) if draw is None else images

    def sample_codes(self, n: int, source: LatentDistribution = "prior", draw: int | None = None) -> Tensor:
        return self.shared.sample_codes(n, source, draw)

    def compute_once(self, key: str, compute: Callable[[], T]) -> T:
        """What `compute` returns, computed once for all metrics that use this key, if it can be copied for each."""
        if key in self.values:
            return copy_value(self.values[key])
        value = compute()
        with suppress(Exception):  # each plugin computes for itself what cannot be copied, for whatever reason
            self.values[key] = copy_value(value)
        return value


def _copy_model(model: Autoencoder) -> Autoencoder:
    """A copy, or the model itself if some module in it cannot be copied."""
    try:
        return copy.deepcopy(model)
    except Exception:  # such as by weights that are computed from others and kept
        return model


def _list_weights(model: Autoencoder) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _list_changed_weights(before: Mapping[str, Tensor], model: Autoencoder) -> list[str]:
    now = _list_weights(model)
    return [name for name, value in before.items() if name not in now or not _is_same(value, now[name])]


def _is_same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(a.nan_to_num(), b.nan_to_num())


def _restore_weights(before: Mapping[str, Tensor], model: Autoencoder) -> None:
    now = _list_weights(model)
    with torch.no_grad():
        for name, value in before.items():
            if name in now and now[name].shape == value.shape:
                now[name].copy_(value)
    model.eval()


def _require_no_nan(x: Tensor, what: str) -> Tensor:
    """The output x of a model. Raises BenchError for NaN, which counts, ranks and bytes would hide."""
    if count := int(x.flatten(1).isnan().any(1).sum()):
        raise BenchError(f"{count} of {len(x)} {what} that the model gives are NaN, so there is nothing to measure")
    return x

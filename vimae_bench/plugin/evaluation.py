"""A trained model before its metrics: codes, draws and reconstructions are computed once and shared by all of them."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..core.errors import BenchError
from ..core.seeds import derive_seed
from ..data.corruptions import apply_corruption
from ..data.pixels import to_network, to_unit
from ..data.types import Examples, Splits
from ..functional.reconstruction import squared_error
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.posteriors import Posterior
from .latent_sampling import LatentDistribution, LatentSource, codes

SplitName = Literal["train", "validation", "test"]
CHUNK = 250
"""Images encoded or decoded at once: a wide net's activations of more would take most of a GPU's memory."""
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A trained model in evaluation mode (batch norm frozen, no input noise) with the data it is measured on.

    `dataset` is the data set's name and `seed` the run's: between them they name every random stream.
    """

    model: Autoencoder
    splits: Splits
    dataset: str
    seed: int
    device: torch.device
    _kept: dict[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @property
    def spec(self) -> ModelSpec:
        return self.model.spec

    def examples(self, part: SplitName) -> Examples:
        """The images uint8 [N, C, H, W] and labels of a part, as NumPy arrays."""
        return getattr(self.splits, part)

    def images(self, part: SplitName, count: int | None = None) -> Iterator[Tensor]:
        """The (first `count`) images of a part in [0, 1] units, float32, in chunks of 250 on the model's device."""
        x = self.examples(part).x[:count]
        for start in range(0, len(x), CHUNK):
            yield to_unit(torch.from_numpy(np.array(x[start : start + CHUNK])).to(self.device))

    def posterior(self, part: SplitName = "test") -> Posterior:
        """q(z|x) of every image of a part at once, over codes [N, d]."""
        return self._once(f"posterior {part}", lambda: self.encode(self.images(part)))

    def encode(self, chunks: Iterator[Tensor]) -> Posterior:
        """q(z|x) of images given in chunks, in [0, 1] units: how a metric encodes images it has changed.

        Raises BenchError where the model gives NaN, as `decode` does.
        """
        with torch.inference_mode():
            few = (part for x in chunks for part in x.split(CHUNK))
            heads = [self.model.encoder(to_network(x, self.spec.pixel_range)) for x in few]
            return self.model.family.from_heads(
                *(_numbers(torch.cat(head), "codes") for head in zip(*heads, strict=True))
            )

    def corrupted_posterior(
        self, part: SplitName, name: str, noise: int = 0, places: np.ndarray | None = None
    ) -> Posterior:
        """q(z|x) of the images of a part, or of those at `places`, under the corruption of this name.

        Encoded once for all that ask. `noise` is the number of the noise draw; an image's noise depends on it and on
        where the image stands among those encoded, see `apply_corruption`.
        """
        if name == "clean" and places is None:
            return self.posterior(part)
        noise = 0 if name == "clean" else noise
        which = "" if places is None else hashlib.sha256(np.asarray(places, np.int64).tobytes()).hexdigest()
        return self._once(f"{name} {noise} {part} {which}", lambda: self._corrupted(part, name, noise, places))

    def training_posterior(self, x: Tensor) -> Posterior:
        """q(z|x) as the objective trained it, with its input noise, for images [B, C, H, W] in [0, 1] units."""
        return self.model.encode(to_network(x, self.spec.pixel_range))

    def posterior_samples(self, part: SplitName = "test") -> Tensor:
        """One z ~ q(z|x) for each image of a part [N, d]: the code itself where the encoder is deterministic."""
        return self._once(f"draws {part}", lambda: self.with_seed(self.posterior(part).rsample, "draws", part))

    def prior_samples(self, n: int, purpose: str) -> Tensor:
        """n draws of the model's own prior [n, d], from a stream named after the purpose."""
        with torch.inference_mode():
            return self.with_seed(lambda: self.model.prior.sample(n), "prior", purpose)

    def squared_error(self, part: SplitName = "test", of: Literal["mean", "draws"] = "mean") -> Tensor:
        """The SSE [N] of each image's reconstruction from its mean code or from one draw, in [0, 1] units."""
        z = self.posterior(part).mean if of == "mean" else self.posterior_samples(part)
        return self._once(f"squared error {part} {of}", lambda: self._squared_error(part, z))

    def generate(self, n: int, source: LatentDistribution = "prior") -> Tensor:
        """n generated images [n, C, H, W] in [0, 1] units, float32 on the CPU; the same for all that ask for as many.

        `source` is where the codes are drawn: see `sampling.py`.
        """
        return self._once(f"samples {n} {source}", lambda: self._samples(n, source))

    def decode(self, z: Tensor) -> Tensor:
        """The mean images of codes [N, d], in [0, 1] units, [N, C, H, W]."""
        with torch.inference_mode():
            out = _numbers(torch.cat([self.model.decode(part) for part in z.split(CHUNK)]), "images")
        return out if self.spec.pixel_range == "unit" else (out + 1) / 2

    def with_seed(self, draw: Callable[[], T], *purpose: str) -> T:
        """What `draw` gives when the global generators stand at the seed of a purpose; they are then put back."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(derive_seed(self.seed, *purpose))
            return draw()

    def _corrupted(self, part: SplitName, name: str, noise: int, places: np.ndarray | None) -> Posterior:
        x = self.examples(part).x
        chunks = apply_corruption(x if places is None else x[places], name, self.dataset, part, noise)
        return self.encode(chunk.to(self.device) for chunk in chunks)

    def _once(self, what: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401
        if what not in self._kept:
            self._kept[what] = make()
        return self._kept[what]

    def _samples(self, n: int, source: LatentDistribution) -> Tensor:
        with torch.inference_mode():
            made_of = LatentSource(self.model.prior, lambda: self.posterior_samples("train"), self._reencode, self.seed)
            z = self.with_seed(lambda: codes(made_of, n, source), "samples", source)
            return torch.cat([self.decode(few).cpu() for few in z.split(CHUNK)])

    def _reencode(self, z: Tensor) -> Tensor:
        return self.training_posterior(self.decode(z)).rsample()

    def _squared_error(self, part: SplitName, z: Tensor) -> Tensor:
        pairs = zip(self.images(part), z.split(CHUNK), strict=True)
        return torch.cat([squared_error(x, self.decode(code)) for x, code in pairs])


def _numbers(x: Tensor, what: str) -> Tensor:
    """What a model gave. Raises BenchError for NaN, of which a count, a rank or a byte would make a number again."""
    if lost := int(x.flatten(1).isnan().any(1).sum()):
        raise BenchError(f"{lost} of {len(x)} {what} that the model gives are NaN, so there is nothing to measure")
    return x

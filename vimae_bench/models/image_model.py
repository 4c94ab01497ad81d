"""A trained model for images of one's own, in their own units."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.errors import BenchError
from ..data.pixels import from_network, to_network, to_unit
from ..functional.random_state import seed_generators
from .autoencoder import Autoencoder

CHUNK = 500
"""Images that go through the networks at once."""
TOLERANCE = 1e-3
"""By which floats may lie outside [0, 1], as those of resized images do."""

Images = NDArray[np.uint8] | NDArray[np.floating[Any]] | Tensor
"""Images [N, C, H, W], or [N, H, W] where C = 1: bytes from 0 to 255, or floats in [0, 1]."""


@dataclass(frozen=True, eq=False, repr=False)
class ImageModel:
    """A trained autoencoder that takes and gives images as they are kept: bytes, or floats in [0, 1].

    `model` is the torch module, in evaluation mode; `name` says which it is.
    """

    model: Autoencoder
    name: str = "model"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.model.spec.shape

    @property
    def latent(self) -> int:
        """The number of latent dimensions d."""
        return self.model.spec.latent

    def encode(self, images: Images) -> NDArray[np.float32]:
        """The mean codes [N, d] of images. Raises BenchError for images of another shape or other units."""
        x = self._check_images(images)
        with torch.inference_mode():
            chunks = (x[start : start + CHUNK] for start in range(0, len(x), CHUNK))
            return torch.cat([self.model.encode(self._to_network(chunk)).mean for chunk in chunks]).cpu().numpy()

    def decode(self, codes: NDArray[np.floating[Any]] | Tensor) -> NDArray[np.float32]:
        """The mean images [N, C, H, W] of codes [N, d], in [0, 1]. Raises BenchError for codes of another shape."""
        z = torch.as_tensor(codes, dtype=torch.float32)
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise BenchError(f"codes have shape {[*z.shape]}; {self.name} takes [N, {self.latent}]")
        with torch.inference_mode():
            pieces = [self.model.decode(piece.to(self._device)) for piece in z.split(CHUNK)]
        return from_network(torch.cat(pieces), self.model.spec.pixel_range).cpu().numpy()

    def reconstruct(self, images: Images) -> NDArray[Any]:
        """Images [N, C, H, W] from the mean codes of images, bytes if those are bytes, else floats in [0, 1]."""
        decoded = self.decode(self.encode(images))
        return to_bytes(decoded) if images.dtype in (np.uint8, torch.uint8) else decoded

    def sample(self, n: int, seed: int = 0) -> NDArray[np.float32]:
        """The mean images [n, C, H, W] of codes drawn from the prior, in [0, 1], the same for the same seed."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices):
            seed_generators(seed)
            codes = self.model.prior.sample(n)
        return self.decode(codes)

    def _check_images(self, images: Images) -> NDArray[Any]:
        """The images [N, C, H, W] in the units that they have."""
        x = _as_array(images)
        channels, height, width = self.shape
        if channels == 1 and x.ndim == 3:
            x = x[:, None]
        if x.shape[1:] != self.shape or not len(x):
            last = " (channels come first: images.transpose(0, 3, 1, 2))" * (x.shape[1:] == (height, width, channels))
            raise BenchError(f"images have shape {[*x.shape]}; {self.name} takes {format_shape(self.shape)}{last}")
        if x.dtype == np.uint8:
            return x
        if not np.issubdtype(x.dtype, np.floating):
            raise BenchError(f"images are {x.dtype}; give bytes (uint8), or floats in [0, 1]")
        low, high = float(x.min()), float(x.max())
        if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
            raise BenchError(f"images have values from {low:.3g} to {high:.3g}; floats are in [0, 1], bytes are uint8")
        return x

    def _to_network(self, images: NDArray[Any]) -> Tensor:
        x = torch.from_numpy(np.array(images)).to(self._device)  # a copy, as torch warns of arrays that are read-only
        x = to_unit(x) if x.dtype == torch.uint8 else x.float().clamp(0, 1)
        return to_network(x, self.model.spec.pixel_range)

    @property
    def _device(self) -> torch.device:
        return self.model.prior.origin.device

    def __repr__(self) -> str:
        return f"{self.name}: images {self.shape}, {self.latent} latent dimensions"


def _as_array(images: Images) -> NDArray[Any]:
    """The images without a copy where they are in the memory of the processor, or mapped."""
    if isinstance(images, Tensor):
        images = images.detach().cpu()
        return (images.float() if images.is_floating_point() else images).numpy()
    return np.asarray(images)


def to_bytes(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Images in [0, 1] as bytes of the same shape; what is beyond 0 and 1 is cut off."""
    return (images.clip(0, 1) * 255).round().astype(np.uint8)


def format_shape(shape: tuple[int, int, int]) -> str:
    """What images of this shape look like as an array."""
    return f"[N, {', '.join(map(str, shape))}]"

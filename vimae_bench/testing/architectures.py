"""The contract of architectures."""

import torch
from torch import Tensor, nn

from ..models.posteriors import Gaussian
from ..models.types import Frame
from ..plugin.interfaces import Architecture
from .contract import Inapplicable, expect, law, seeded
from .fixtures import Plain
from .settings import SETTINGS
from .training import TRAINING, Trained

FRAMES = (Frame((1, 28, 28), 2), Frame((3, 32, 32), 4, "sym"), Frame((3, 64, 64), 4, "sym"), Frame((1, 8, 8), 2))
"""What an architecture is tried on; it may refuse some with ValueError, but not all."""


@law
def serves_a_frame(architecture: Architecture) -> None:
    """It serves images of 28, 32, 64 or 8 pixels; it may refuse some with ValueError."""
    expect(bool(_served(architecture)), f"serves none of {[frame.shape for frame in FRAMES]}")


@law
def shapes(architecture: Architecture) -> None:
    """Images to heads [B, d] and codes to images, with one head and with two."""
    for frame in _two(architecture):
        x = seeded(0, lambda frame=frame: torch.rand(4, *frame.shape))
        for heads in (1, 2):
            found = [tuple(h.shape) for h in _encoder(architecture, frame, heads)(x)]
            expect(found == [(4, frame.latent)] * heads, f"{heads} heads on {frame.shape} give {found}")
        images = tuple(_decoded(architecture, frame).shape)
        expect(images == (4, *frame.shape), f"the decoder gives {images}, not {(4, *frame.shape)}")


@law
def heads_leave_weights_alone(architecture: Architecture) -> None:
    """Weights that one head and two have in common start the same."""
    for frame in _two(architecture):
        one, two = (_encoder(architecture, frame, heads).state_dict() for heads in (1, 2))
        for name, value in one.items():
            other = two.get(name)
            same = other is None or other.shape != value.shape or torch.equal(other, value)
            counted = "running" in name or "num_batches" in name
            expect(same or counted, f"the weight {name} depends on the number of heads")


@law
def images_stay_in_range(architecture: Architecture) -> None:
    """Decoded images are in [0, 1], or in [-1, 1] where the frame says so, for codes 100 away too."""
    for frame in _two(architecture):
        low = 0.0 if frame.pixel_range == "unit" else -1.0
        for scale in (1.0, 100.0):
            out = _decoded(architecture, frame, scale)
            expect(bool(((out >= low) & (out <= 1)).all()), f"decoded images leave [{low}, 1]")


@law
def gradient_for_all(architecture: Architecture) -> None:
    """A gradient reaches every weight."""
    for frame in _two(architecture):
        encoder, decoder = _encoder(architecture, frame, 2), _decoder(architecture, frame)
        code, other = encoder(seeded(0, lambda frame=frame: torch.rand(4, *frame.shape)))
        (decoder(code).square().sum() + other.sum()).backward()
        bare = [n for net in (encoder, decoder) for n, p in net.named_parameters() if p.grad is None]
        expect(not bare, f"no gradient reaches {bare}")


def _served(architecture: Architecture) -> list[Frame]:
    return [frame for frame in FRAMES if _serves(architecture, frame)]


def _serves(architecture: Architecture, frame: Frame) -> bool:
    try:
        with torch.device("meta"):
            architecture.encoder(frame, 1)
            architecture.decoder(frame)
    except ValueError:
        return False
    return True


def _two(architecture: Architecture) -> list[Frame]:
    served = _served(architecture)
    if not served:
        raise Inapplicable("it serves no frame")
    return served[:2]


def _encoder(architecture: Architecture, frame: Frame, heads: int) -> nn.Module:
    return seeded(0, lambda: architecture.encoder(frame, heads))


def _decoder(architecture: Architecture, frame: Frame) -> nn.Module:
    return seeded(0, lambda: architecture.decoder(frame))


def _decoded(architecture: Architecture, frame: Frame, scale: float = 1.0) -> Tensor:
    z = seeded(0, lambda: scale * torch.randn(4, frame.latent))
    return _decoder(architecture, frame)(z).detach()


def _trained(architecture: Architecture) -> Trained:
    smallest = min(_two(architecture), key=lambda frame: frame.pixels)
    return Trained(Plain(Gaussian()), architecture=architecture, frame=smallest)


ARCHITECTURE = (
    serves_a_frame,
    shapes,
    heads_leave_weights_alone,
    images_stay_in_range,
    gradient_for_all,
    *(each.of(_trained) for each in TRAINING),
    *SETTINGS,
)

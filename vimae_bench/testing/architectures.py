"""The contract of architectures."""

import torch
from torch import Tensor, nn

from ..models.model_spec import ModelSpec
from ..models.posteriors import Gaussian
from ..plugin.interfaces import Architecture
from .contract import NotApplicable, check, expect, seeded
from .fixtures import Plain
from .settings import SETTINGS
from .training import TRAINING, Trained

FRAMES = (
    ModelSpec((1, 28, 28), 2),
    ModelSpec((3, 32, 32), 4, "sym"),
    ModelSpec((3, 64, 64), 4, "sym"),
    ModelSpec((1, 8, 8), 2),
)
"""What an architecture is tried on; it may refuse some with ValueError, but not all."""


@check
def serves_a_frame(architecture: Architecture) -> None:
    """It serves images of 28, 32, 64 or 8 pixels; it may refuse some with ValueError."""
    expect(bool(_served(architecture)), f"serves none of {[spec.shape for spec in FRAMES]}")


@check
def shapes(architecture: Architecture) -> None:
    """Images to heads [B, d] and codes to images, with one head and with two."""
    for spec in _two(architecture):
        x = seeded(0, lambda spec=spec: torch.rand(4, *spec.shape))
        for heads in (1, 2):
            found = [tuple(h.shape) for h in _encoder(architecture, spec, heads)(x)]
            expect(found == [(4, spec.latent)] * heads, f"{heads} heads on {spec.shape} give {found}")
        images = tuple(_decoded(architecture, spec).shape)
        expect(images == (4, *spec.shape), f"the decoder gives {images}, not {(4, *spec.shape)}")


@check
def heads_leave_weights_alone(architecture: Architecture) -> None:
    """Weights that one head and two have in common start the same."""
    for spec in _two(architecture):
        one, two = (_encoder(architecture, spec, heads).state_dict() for heads in (1, 2))
        for name, value in one.items():
            other = two.get(name)
            same = other is None or other.shape != value.shape or torch.equal(other, value)
            counted = "running" in name or "num_batches" in name
            expect(same or counted, f"the weight {name} depends on the number of heads")


@check
def images_stay_in_range(architecture: Architecture) -> None:
    """Decoded images are in [0, 1], or in [-1, 1] where the spec says so, for codes 100 away too."""
    for spec in _two(architecture):
        low = 0.0 if spec.pixel_range == "unit" else -1.0
        for scale in (1.0, 100.0):
            out = _decoded(architecture, spec, scale)
            expect(bool(((out >= low) & (out <= 1)).all()), f"decoded images leave [{low}, 1]")


@check
def gradient_for_all(architecture: Architecture) -> None:
    """A gradient reaches every weight."""
    for spec in _two(architecture):
        encoder, decoder = _encoder(architecture, spec, 2), _decoder(architecture, spec)
        code, other = encoder(seeded(0, lambda spec=spec: torch.rand(4, *spec.shape)))
        (decoder(code).square().sum() + other.sum()).backward()
        bare = [n for net in (encoder, decoder) for n, p in net.named_parameters() if p.grad is None]
        expect(not bare, f"no gradient reaches {bare}")


def _served(architecture: Architecture) -> list[ModelSpec]:
    return [spec for spec in FRAMES if _serves(architecture, spec)]


def _serves(architecture: Architecture, spec: ModelSpec) -> bool:
    try:
        with torch.device("meta"):
            architecture.encoder(spec, 1)
            architecture.decoder(spec)
    except ValueError:
        return False
    return True


def _two(architecture: Architecture) -> list[ModelSpec]:
    served = _served(architecture)
    if not served:
        raise NotApplicable("it serves no spec")
    return served[:2]


def _encoder(architecture: Architecture, spec: ModelSpec, heads: int) -> nn.Module:
    return seeded(0, lambda: architecture.encoder(spec, heads))


def _decoder(architecture: Architecture, spec: ModelSpec) -> nn.Module:
    return seeded(0, lambda: architecture.decoder(spec))


def _decoded(architecture: Architecture, spec: ModelSpec, scale: float = 1.0) -> Tensor:
    z = seeded(0, lambda: scale * torch.randn(4, spec.latent))
    return _decoder(architecture, spec)(z).detach()


def _trained(architecture: Architecture) -> Trained:
    smallest = min(_two(architecture), key=lambda spec: spec.input_size)
    return Trained(Plain(Gaussian()), architecture=architecture, spec=smallest)


ARCHITECTURE = (
    serves_a_frame,
    shapes,
    heads_leave_weights_alone,
    images_stay_in_range,
    gradient_for_all,
    *(each.of(_trained) for each in TRAINING),
    *SETTINGS,
)

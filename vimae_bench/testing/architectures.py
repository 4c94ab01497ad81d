"""The contract of architectures."""

import torch
from torch import Tensor, nn

from ..engine.build import list_reused
from ..models.model_spec import ModelSpec
from ..models.posteriors import Gaussian
from ..plugin.interfaces import Architecture
from .contract import NotApplicable, call_with_seed, check, require
from .fixtures import ReconstructionObjective
from .settings import SETTINGS
from .training import TRAINING, TrainingSetup

SPECS = (
    ModelSpec((1, 28, 28), 2),
    ModelSpec((3, 32, 32), 4, "sym"),
    ModelSpec((3, 64, 64), 4, "sym"),
    ModelSpec((1, 8, 8), 2),
)
"""What an architecture is checked with; it may refuse some with ValueError, but not all."""


@check
def accepts_some_images(architecture: Architecture) -> None:
    """It accepts images of 28, 32, 64 or 8 pixels; it may refuse some with ValueError, but not all."""
    require(bool(_list_accepted(architecture)), f"accepts none of {[spec.shape for spec in SPECS]}")


@check
def shapes(architecture: Architecture) -> None:
    """The encoder maps images to heads [B, d] and the decoder codes to images, with one head and with two."""
    for spec in _select_two(architecture):
        x = call_with_seed(0, lambda spec=spec: torch.rand(4, *spec.shape))
        for heads in (1, 2):
            found = [tuple(h.shape) for h in _make_encoder(architecture, spec, heads)(x)]
            require(found == [(4, spec.latent)] * heads, f"{heads} heads on {spec.shape} give {found}")
        images = tuple(_decode_random(architecture, spec).shape)
        require(images == (4, *spec.shape), f"the decoder gives {images}, not {(4, *spec.shape)}")


@check
def heads_do_not_change_shared_weights(architecture: Architecture) -> None:
    """Weights that do not belong to the second head start the same with one head and with two."""
    for spec in _select_two(architecture):
        one, two = (_make_encoder(architecture, spec, heads).state_dict() for heads in (1, 2))
        for name, value in one.items():
            other = two.get(name)
            same = other is None or other.shape != value.shape or torch.equal(other, value)
            is_statistic = "running" in name or "num_batches" in name
            require(same or is_statistic, f"the weight {name} depends on the number of heads")


@check
def modules_are_new(architecture: Architecture) -> None:
    """Each call makes new weights: kept ones would carry one training into the next."""
    for spec in _select_two(architecture):
        for make in (lambda spec=spec: architecture.encoder(spec, 2), lambda spec=spec: architecture.decoder(spec)):
            first, second = (call_with_seed(0, make) for _ in range(2))
            require(not list_reused(first, second), "two calls give the same weights; make new modules at each call")


@check
def images_are_in_range(architecture: Architecture) -> None:
    """Decoded images are in [0, 1], or in [-1, 1] if the spec says so, also for codes of size 100."""
    for spec in _select_two(architecture):
        low = 0.0 if spec.pixel_range == "unit" else -1.0
        for scale in (1.0, 100.0):
            out = _decode_random(architecture, spec, scale)
            require(bool(((out >= low) & (out <= 1)).all()), f"decoded images leave [{low}, 1]")


@check
def gradient_reaches_all_weights(architecture: Architecture) -> None:
    """A gradient reaches every weight."""
    for spec in _select_two(architecture):
        encoder, decoder = _make_encoder(architecture, spec, 2), _make_decoder(architecture, spec)
        code, other = encoder(call_with_seed(0, lambda spec=spec: torch.rand(4, *spec.shape)))
        (decoder(code).square().sum() + other.sum()).backward()
        missed = [n for net in (encoder, decoder) for n, p in net.named_parameters() if p.grad is None]
        require(not missed, f"no gradient reaches {missed}")


def _list_accepted(architecture: Architecture) -> list[ModelSpec]:
    return [spec for spec in SPECS if _accepts(architecture, spec)]


def _accepts(architecture: Architecture, spec: ModelSpec) -> bool:
    try:
        with torch.device("meta"):
            architecture.encoder(spec, 1)
            architecture.decoder(spec)
    except ValueError:
        return False
    return True


def _select_two(architecture: Architecture) -> list[ModelSpec]:
    accepted = _list_accepted(architecture)
    if not accepted:
        raise NotApplicable("it accepts none of the images")
    return accepted[:2]


def _make_encoder(architecture: Architecture, spec: ModelSpec, heads: int) -> nn.Module:
    return call_with_seed(0, lambda: architecture.encoder(spec, heads))


def _make_decoder(architecture: Architecture, spec: ModelSpec) -> nn.Module:
    return call_with_seed(0, lambda: architecture.decoder(spec))


def _decode_random(architecture: Architecture, spec: ModelSpec, scale: float = 1.0) -> Tensor:
    z = call_with_seed(0, lambda: scale * torch.randn(4, spec.latent))
    return _make_decoder(architecture, spec)(z).detach()


def _make_setup(architecture: Architecture) -> TrainingSetup:
    smallest = min(_select_two(architecture), key=lambda spec: spec.input_size)
    return TrainingSetup(ReconstructionObjective(Gaussian()), architecture=architecture, spec=smallest)


ARCHITECTURE = (
    accepts_some_images,
    shapes,
    heads_do_not_change_shared_weights,
    modules_are_new,
    images_are_in_range,
    gradient_reaches_all_weights,
    *(each.apply_to(_make_setup) for each in TRAINING),
    *SETTINGS,
)

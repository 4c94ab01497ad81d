"""Fully connected encoder and decoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt
from torch import nn

from vimae_bench.models import Heads
from vimae_bench.plugin import Architecture, ModelSpec, hookimpl

INIT_STD = 0.0099999
"""As in the code of WAE."""


@dataclass(frozen=True)
class MLP:
    """The small network of the MNIST experiments of WAE (1711.01558, github.com/tolstikhin/wae): FC layers with ReLU.

    `hidden` are the widths from the pixels to the code; the decoder runs through them backwards. As in that code the
    encoder normalises before its ReLU and the decoder after it; weights start from N(0, 0.01^2), biases from 0.
    """

    hidden: tuple[Annotated[int, Gt(0)], ...] = (256, 256, 256)
    batch_norm: bool = True

    def encoder(self, spec: ModelSpec, heads: int) -> nn.Module:
        layers: list[nn.Module] = [nn.Flatten()]
        width = spec.input_size
        for out in self.hidden:
            layers += [_make_linear(width, out), *self._make_norm(out), nn.ReLU()]
            width = out
        return nn.Sequential(*layers, Heads(_make_linear(width, spec.latent) for _ in range(heads)))

    def decoder(self, spec: ModelSpec) -> nn.Module:
        layers: list[nn.Module] = []
        width = spec.latent
        for out in reversed(self.hidden):
            layers += [_make_linear(width, out), nn.ReLU(), *self._make_norm(out)]
            width = out
        return nn.Sequential(
            *layers, _make_linear(width, spec.input_size), spec.output_activation(), nn.Unflatten(1, spec.shape)
        )

    def _make_norm(self, width: int) -> list[nn.Module]:
        return [nn.BatchNorm1d(width, eps=1e-5, momentum=0.1)] if self.batch_norm else []


def _make_linear(width: int, out: int) -> nn.Linear:
    layer = nn.Linear(width, out)
    nn.init.normal_(layer.weight, std=INIT_STD)
    nn.init.zeros_(layer.bias)
    return layer


@hookimpl
def vimae_architectures() -> Mapping[str, Callable[..., Architecture]]:
    return {"mlp": MLP}

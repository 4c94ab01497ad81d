"""Convolutional encoder and decoder, for images of 28, 32 and 64 pixels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Literal

from annotated_types import Gt, MultipleOf
from torch import Tensor, nn

from vimae_bench.models import Heads
from vimae_bench.plugin import Architecture, ModelSpec, hookimpl

INIT_STD = 0.0099999
"""As in the code of WAE."""
DOUBLINGS = {28: 2, 32: 3, 64: 3}
"""How many times the decoder doubles its first map, by the side of the images."""


@dataclass(frozen=True)
class Conv:
    """The networks of VIMAE (1905.10549), in the form of the WAE code they are taken from (1711.01558).

    Four convolutions of stride 2 with `width`/8 to `width` filters; transposed convolutions back from a map of
    `width` channels (decoder `dcgan_mod` of github.com/tolstikhin/wae). Padding is TensorFlow's SAME, which is not
    symmetric. `kernel` is the side of all filters; None: 4 for 28x28 images, 5 for larger ones.
    """

    width: Annotated[int, Gt(0), MultipleOf(8)] = 1024
    kernel: Literal[4, 5] | None = None

    def encoder(self, spec: ModelSpec, heads: int) -> nn.Module:
        channels, size, kernel = self._check_spec(spec)
        layers: list[nn.Module] = []
        for out in (self.width // 8, self.width // 4, self.width // 2, self.width):
            layers += [
                *_make_same_conv(channels, out, kernel, size),
                nn.BatchNorm2d(out, eps=1e-5, momentum=0.1),
                nn.ReLU(),
            ]
            channels, size = out, ceil(size / 2)
        return nn.Sequential(
            *layers, nn.Flatten(), Heads(_make_linear(channels * size**2, spec.latent) for _ in range(heads))
        )

    def decoder(self, spec: ModelSpec) -> nn.Module:
        colours, size, kernel = self._check_spec(spec)
        channels, size = self.width, size >> DOUBLINGS[size]
        layers = [_make_linear(spec.latent, channels * size**2), nn.ReLU(), nn.Unflatten(1, (channels, size, size))]
        while size < spec.shape[1]:
            channels, size = channels // 2, size * 2
            layers += [*_make_same_deconv(channels * 2, channels, kernel, 2, size)]
            layers += [nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1), nn.ReLU()]
        return nn.Sequential(*layers, *_make_same_deconv(channels, colours, kernel, 1, size), spec.output_activation())

    def _check_spec(self, spec: ModelSpec) -> tuple[int, int, int]:
        """Channels, side and kernel size for a spec. Raises ValueError for images that the networks do not fit."""
        channels, height, width = spec.shape
        if height != width or height not in DOUBLINGS:
            raise ValueError(f"conv supports images of 28x28, 32x32 and 64x64 pixels, not {height}x{width}")
        if self.width <= 0 or self.width % 8:
            raise ValueError(f"the width of conv must be a positive multiple of 8, not {self.width}")
        return channels, height, self.kernel or (4 if height == 28 else 5)


class _Crop(nn.Module):
    """Crops maps to `size` rows and columns from `start`."""

    def __init__(self, start: int, size: int):
        super().__init__()
        self.window = slice(start, start + size)

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.window, self.window]


def _compute_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """The rows that SAME padding adds before and after a map of `size` rows; an odd one is added after."""
    total = max((ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _make_same_conv(channels: int, out: int, kernel: int, size: int) -> tuple[nn.Module, ...]:
    """A convolution of stride 2 with SAME padding over maps of side `size`."""
    before, after = _compute_padding(size, kernel, 2)
    conv = nn.Conv2d(channels, out, kernel, stride=2)
    nn.init.trunc_normal_(conv.weight, std=INIT_STD, a=-2 * INIT_STD, b=2 * INIT_STD)
    nn.init.zeros_(conv.get_parameter("bias"))
    return nn.ZeroPad2d((before, after, before, after)), conv


def _make_same_deconv(channels: int, out: int, kernel: int, stride: int, size: int) -> tuple[nn.Module, ...]:
    """The transpose of a convolution with SAME padding; the output is a map of side `size`."""
    before, _ = _compute_padding(size, kernel, stride)
    deconv = nn.ConvTranspose2d(channels, out, kernel, stride)
    nn.init.normal_(deconv.weight, std=INIT_STD)
    nn.init.zeros_(deconv.get_parameter("bias"))
    return deconv, _Crop(before, size)


def _make_linear(width: int, out: int) -> nn.Linear:
    layer = nn.Linear(width, out)
    nn.init.normal_(layer.weight, std=INIT_STD)
    nn.init.zeros_(layer.bias)
    return layer


@hookimpl
def vimae_architectures() -> Mapping[str, Callable[..., Architecture]]:
    return {"conv": Conv}

"""What a model has to fit: the images and the code."""

from dataclasses import dataclass

from torch import nn

from ..data.types import PixelRange


@dataclass(frozen=True)
class ModelSpec:
    """Images of `shape` (C, H, W), a code of `latent` dimensions, and the range of pixels that the network sees."""

    shape: tuple[int, int, int]
    latent: int
    pixel_range: PixelRange = "unit"

    @property
    def input_size(self) -> int:
        """D = C*H*W."""
        channels, height, width = self.shape
        return channels * height * width

    def output_activation(self) -> nn.Module:
        """The last layer of a decoder, which keeps images in the range: a sigmoid for `unit`, a tanh for `sym`."""
        return nn.Sigmoid() if self.pixel_range == "unit" else nn.Tanh()

"""The last layer of an encoder."""

from torch import Tensor, nn


class Heads(nn.ModuleList):
    """The heads of an encoder: features [B, F] to a tuple of what each head computes from them, [B, d]."""

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(features) for head in self)

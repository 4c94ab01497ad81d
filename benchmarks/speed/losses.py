"""The objectives written by hand: as a user would write them, and with an optimised MMD."""

from collections.abc import Callable
from functools import partial
from math import erf, pi, sqrt

import torch
from torch import Tensor, nn

from .workloads import WEIGHT, Method

IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SMALLEST = 2.0**-24

Loss = Callable[[Tensor, Tensor], Tensor]
"""The loss of images in [0, 1], [B, C, H, W], given with noise for the encoder and clean: a scalar."""
Kernel = Callable[[str, Tensor, Tensor], Tensor]
"""k(a_i, b_j), [n, m], of points a [n, d] and b [m, d] under the kernel of that name."""


def make_loss(method: Method, encoder: nn.Module, decoder: nn.Module, kernel: Kernel) -> Loss:
    """The method's loss for a pair of networks; `kernel` is one of the two implementations below."""
    if method.kernel is None:
        return partial(vae, encoder, decoder)
    return partial(wae, method, encoder, decoder, partial(kernel, method.kernel))


def vae(encoder: nn.Module, decoder: nn.Module, seen: Tensor, x: Tensor) -> Tensor:
    """0.5 * SSE + KL, summed over pixels and latents, means over the batch."""
    mean, log_variance = encoder(seen)
    z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
    kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(1)
    return (0.5 * squared_error(decoder(z), x) + kl).mean()


def wae(
    method: Method,
    encoder: nn.Module,
    decoder: nn.Module,
    kernel: Callable[[Tensor, Tensor], Tensor],
    seen: Tensor,
    x: Tensor,
) -> Tensor:
    """SSE + 10 * MMD^2 to the same number of prior draws, excluding pairs of a point with itself."""
    (z,) = encoder(seen)
    drawn = draw_prior(method.prior, z)
    mmd2 = mean_off_diagonal(kernel(z, z)) + mean_off_diagonal(kernel(drawn, drawn)) - 2 * kernel(z, drawn).mean()
    return squared_error(decoder(z), x).mean() + WEIGHT * mmd2


def add_noise(x: Tensor, scale: float) -> Tensor:
    """Add normal noise truncated at two scales, by inversion, which is faster than torch's trunc_normal_."""
    if not scale:
        return x
    return x + torch.erfinv((torch.rand_like(x) * 2 - 1) * erf(sqrt(2))) * (sqrt(2) * scale)


def draw_prior(prior: str, like: Tensor) -> Tensor:
    """Draws of mean 0 and variance 1, one for each code."""
    if prior == "normal":
        return torch.randn_like(like)
    u = SMALLEST + (1 - 2 * SMALLEST) * torch.rand_like(like, dtype=torch.float64)
    return (sqrt(3) / pi * torch.logit(u)).float()


def mean_off_diagonal(k: Tensor) -> Tensor:
    """The mean of a kernel matrix [n, n] off its diagonal."""
    return (k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1))


def squared_error(xhat: Tensor, x: Tensor) -> Tensor:
    """The sum over pixels, for each image."""
    return (xhat - x).square().flatten(1).sum(1)


def plain_kernel(name: str, a: Tensor, b: Tensor) -> Tensor:
    """With one norm per scale, like the formula and common implementations."""
    base = 2.0 * a.shape[1]
    if name == "rbf":
        return torch.exp(-(torch.norm(a.unsqueeze(1) - b.unsqueeze(0), dim=-1) ** 2) / base)
    k = torch.zeros(len(a), len(b), device=a.device)
    for c in (scale * base for scale in IMQ_SCALES):
        k = k + c / (c + torch.norm(a.unsqueeze(1) - b.unsqueeze(0), dim=-1) ** 2)
    return k


def fast_kernel(name: str, a: Tensor, b: Tensor) -> Tensor:
    """From one matrix of squared distances, without square roots."""
    r2, base = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1), 2.0 * a.shape[1]
    if name == "rbf":
        return torch.exp(r2 / -base)
    return torch.stack([c / (c + r2) for c in (scale * base for scale in IMQ_SCALES)]).sum(0)

"""Hand-written training loops."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.utils.data import DataLoader, TensorDataset

from .losses import Loss, add_noise, fast_kernel, make_loss, plain_kernel
from .workloads import BATCH, BETAS, LEARNING_RATE, Workload

Tensors = dict[str, Tensor]


class Eager:
    """A first implementation: DataLoader, Adam with default options, one norm per kernel scale, `loss.item()`."""

    def __init__(self, workload: Workload):
        model = workload.model().train()
        self.device, self.input_noise = workload.device, workload.method.input_noise
        self.loss = make_loss(workload.method, model.encoder, model.decoder, plain_kernel)
        self.loader = DataLoader(TensorDataset(workload.pixels()), BATCH, shuffle=True)
        self.optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE, BETAS)
        self.total = 0.0

    def slice(self) -> None:
        for (x,) in self.loader:
            x = x.to(self.device)
            loss = self.loss(add_noise(x, self.input_noise), x)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.total += loss.item()


class Optimised:
    """Images indexed in one tensor on the device, fused Adam, one distance matrix, no waiting for the loss."""

    def __init__(self, workload: Workload):
        self.model = model = workload.model().train()
        self.images, self.input_noise = workload.pixels().to(workload.device), workload.method.input_noise
        self.loss = make_loss(workload.method, model.encoder, model.decoder, fast_kernel)
        self.optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE, BETAS, fused=True)
        self.total = torch.zeros((), device=workload.device)

    def slice(self) -> None:
        order = torch.randperm(len(self.images), device=self.images.device)
        for index in order.split(BATCH):
            x = self.images[index]
            loss = self.loss(add_noise(x, self.input_noise), x)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.total += loss.detach()


class Compiled(Optimised):
    """The optimised loop with a compiled loss; the input noise is not compiled, since compiled erfinv is slow.

    Compiling the whole step, or the gradients with the optimiser, was not faster.
    """

    def __init__(self, workload: Workload):
        super().__init__(workload)
        self.loss = torch.compile(self.loss, fullgraph=True)


class BestByHand(Optimised):
    """The compiled loop with the channels of convolutions last in memory, and the gradient compiled with the loss.

    Its process has the allocator's settings that ours has.
    """

    def __init__(self, workload: Workload):
        super().__init__(workload)
        encoder, decoder = self.model.encoder, self.model.decoder
        self.model.to(memory_format=torch.channels_last)
        make = partial(make_loss, workload.method, kernel=fast_kernel)
        self.weights = dict(self.model.named_parameters())
        self.buffers = dict(self.model.named_buffers())
        module = LossModule(make(encoder, decoder), self.model)

        def compute(weights: Tensors, buffers: Tensors, seen: Tensor, x: Tensor) -> Tensor:
            named = {f"model.{name}": tensor for name, tensor in {**weights, **buffers}.items()}
            return functional_call(module, named, (seen, x))

        self.gradient = torch.compile(grad_and_value(compute), fullgraph=True)

    def slice(self) -> None:
        detached = {name: p.detach() for name, p in self.weights.items()}
        for index in torch.randperm(len(self.images), device=self.images.device).split(BATCH):
            x = self.images[index]
            grads, loss = self.gradient(detached, self.buffers, add_noise(x, self.input_noise), x)
            for name, p in self.weights.items():
                p.grad = grads[name].contiguous(memory_format=_format_of(p))
            self.optimiser.step()
            self.total += loss


class LossModule(nn.Module):
    """A loss as a module, so that the weights in it can be exchanged."""

    def __init__(self, loss: Loss, model: nn.Module):
        super().__init__()
        self.loss, self.model = loss, model

    def forward(self, seen: Tensor, x: Tensor) -> Tensor:
        return self.loss(seen, x)


def _format_of(p: Tensor) -> torch.memory_format:
    return torch.channels_last if p.dim() == 4 else torch.contiguous_format

"""Hand-written training loops."""

from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

from .losses import add_noise, fast_kernel, make_loss, plain_kernel
from .workloads import BATCH, BETAS, LEARNING_RATE, Workload


class Eager:
    """A first implementation: DataLoader, Adam with default options, one norm per kernel scale, `loss.item()`."""

    def __init__(self, workload: Workload, folder: Path):  # noqa: ARG002
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

    def __init__(self, workload: Workload, folder: Path):  # noqa: ARG002
        model = workload.model().train()
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

    def __init__(self, workload: Workload, folder: Path):
        super().__init__(workload, folder)
        self.loss = torch.compile(self.loss, fullgraph=True)

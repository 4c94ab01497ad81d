"""The loops that a user writes by hand."""

from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

from .losses import lean_kernel, loss_of, noised, plain_kernel
from .workloads import BATCH, BETAS, LEARNING_RATE, Workload


class Eager:
    """What is written first: a DataLoader, Adam as it comes, a norm for every scale of the kernel, a running loss."""

    def __init__(self, workload: Workload, folder: Path):  # noqa: ARG002
        model = workload.model().train()
        self.device, self.input_noise = workload.device, workload.method.input_noise
        self.loss = loss_of(workload.method, model.encoder, model.decoder, plain_kernel)
        self.loader = DataLoader(TensorDataset(workload.pixels()), BATCH, shuffle=True)
        self.optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE, BETAS)
        self.total = 0.0

    def slice(self) -> None:
        for (x,) in self.loader:
            x = x.to(self.device)
            loss = self.loss(noised(x, self.input_noise), x)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.total += loss.item()


class Optimised:
    """Images indexed in one tensor on the device, fused Adam, one matrix of distances, no wait for the loss."""

    def __init__(self, workload: Workload, folder: Path):  # noqa: ARG002
        model = workload.model().train()
        self.images, self.input_noise = workload.pixels().to(workload.device), workload.method.input_noise
        self.loss = loss_of(workload.method, model.encoder, model.decoder, lean_kernel)
        self.optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE, BETAS, fused=True)
        self.total = torch.zeros((), device=workload.device)

    def slice(self) -> None:
        order = torch.randperm(len(self.images), device=self.images.device)
        for index in order.split(BATCH):
            x = self.images[index]
            loss = self.loss(noised(x, self.input_noise), x)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.total += loss.detach()


class Compiled(Optimised):
    """The optimised loop with its loss compiled, but not the input noise: compiled code takes long over erfinv.

    Compiling the whole step, or the gradients with the optimiser, was not found to be faster.
    """

    def __init__(self, workload: Workload, folder: Path):
        super().__init__(workload, folder)
        self.loss = torch.compile(self.loss, fullgraph=True)

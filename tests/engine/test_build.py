"""Models of parts that plugins make: drawn anew for each, from the seed."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import nn

from vimae_bench.core.errors import BenchError
from vimae_bench.engine.build import make_autoencoder, make_with_seed
from vimae_bench.models import Gaussian, Heads, ModelSpec, StandardNormal
from vimae_bench.testing.fixtures import LinearArchitecture, ReconstructionObjective

SPEC = ModelSpec((1, 4, 4), 2)
KEPT = nn.Linear(2, 2)


def make_net(spec, heads):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), Heads(nn.Linear(8, spec.latent) for _ in range(heads)))


@dataclass(frozen=True)
class Keeping(LinearArchitecture):
    """An architecture that makes its encoder once."""

    bounded: bool = True
    nets: dict[str, Any] = field(default_factory=dict)

    def encoder(self, spec, heads):
        return self.nets.setdefault("encoder", make_net(spec, heads))


@dataclass(frozen=True)
class KeepingLayers(Keeping):
    def encoder(self, spec, heads):
        return nn.Sequential(*super().encoder(spec, heads))


@dataclass(frozen=True)
class KeepingValues(Keeping):
    """New parameters at the old place in memory."""

    def encoder(self, spec, heads):
        kept, net = super().encoder(spec, heads), make_net(spec, heads)
        net[1].weight = nn.Parameter(kept[1].weight.data)
        return net


@dataclass(frozen=True)
class KeepingStatistics(Keeping):
    def encoder(self, spec, heads):
        kept = self.nets.setdefault("norm", nn.BatchNorm2d(1, affine=False))
        return nn.Sequential(kept, make_net(spec, heads))


@dataclass(frozen=True)
class KeepingDecoder(LinearArchitecture):
    bounded: bool = True
    nets: dict[str, Any] = field(default_factory=dict)

    def decoder(self, spec):
        return self.nets.setdefault("decoder", super().decoder(spec))


class KeepingPrior(StandardNormal):
    def __init__(self, latent):
        super().__init__(latent)
        self.net = KEPT


class KeepingObjective(ReconstructionObjective):
    def auxiliary(self, spec):
        return KEPT


LINEAR, OBJECTIVE = LinearArchitecture(), ReconstructionObjective(Gaussian())
REUSED = {
    "an encoder": (Keeping(), StandardNormal, OBJECTIVE, r"encoder\.1\.weight"),
    "layers of an encoder": (KeepingLayers(), StandardNormal, OBJECTIVE, r"encoder\.1\.weight"),
    "the memory of weights": (KeepingValues(), StandardNormal, OBJECTIVE, r"encoder\.1\.weight"),
    "statistics of an encoder": (KeepingStatistics(), StandardNormal, OBJECTIVE, r"encoder\.0"),
    "a decoder": (KeepingDecoder(), StandardNormal, OBJECTIVE, "decoder"),
    "weights of a prior": (LINEAR, KeepingPrior, OBJECTIVE, r"prior\.net\.weight"),
    "a module of an objective": (LINEAR, StandardNormal, KeepingObjective(Gaussian()), r"auxiliary\.weight"),
}


@pytest.mark.parametrize("what", REUSED)
def test_a_part_that_is_kept_for_the_next_model_is_refused_the_first_time(what):
    architecture, prior, objective, name = REUSED[what]
    with pytest.raises(BenchError, match=rf"{name}.* of the model was not made for it.*the function that makes it"):
        make_autoencoder(SPEC, architecture, prior, objective, 0)


@dataclass(frozen=True)
class Bringing(LinearArchitecture):
    """An architecture that is given a function, or weights to begin with."""

    bounded: bool = True
    backbone: Any = None

    def encoder(self, spec, heads):
        from copy import deepcopy

        return deepcopy(self.backbone) if self.backbone else make_net(spec, heads)


@pytest.mark.parametrize("backbone", [None, make_net(SPEC, 2)], ids=["a function", "weights"])
def test_the_right_ways_to_bring_a_module_start_alike_after_a_training(backbone):
    architecture = Bringing(backbone=backbone)
    first, second = (make_autoencoder(SPEC, architecture, StandardNormal, OBJECTIVE, 0) for _ in range(2))
    before = {name: value.clone() for name, value in first.state_dict().items()}
    with torch.no_grad():
        for p in first.parameters():
            p.zero_()
    assert all(torch.equal(value, before[name]) for name, value in second.state_dict().items())


def test_constants_and_tied_weights_are_not_refused():
    constant = torch.ones(3)

    class Constant(StandardNormal):
        def __init__(self, latent):
            super().__init__(latent)
            self.register_buffer("table", constant)
            self.a = self.b = nn.Linear(2, 2)

    make_autoencoder(SPEC, LINEAR, Constant, OBJECTIVE, 0)


def test_a_prior_draws_from_a_stream_of_its_own_and_the_generator_stays():
    drawn = []

    def make_prior(latent):
        drawn.append(torch.rand(3))
        return StandardNormal(latent)

    before = torch.get_rng_state()
    objective = ReconstructionObjective(Gaussian())
    make_autoencoder(SPEC, LinearArchitecture(bounded=True), make_prior, objective, 7)
    assert torch.equal(torch.get_rng_state(), before)
    own = make_with_seed(7, "prior", lambda: torch.rand(3))
    assert drawn
    assert all(torch.equal(one, own) for one in drawn)

"""The objects of a run, made from its names."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from ..core.errors import BenchError
from ..core.seeds import derive_seed
from ..core.spec import Run
from ..data.types import Dataset
from ..functional.random_state import seed_generators
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.priors import Prior
from ..plugin import registry
from ..plugin.interfaces import Architecture, Objective
from ..plugin.isolation import preserve_global_state


def make_dataset(run: Run) -> Dataset:
    """The run's data set."""
    return registry.make_plugin("dataset", run.dataset)


def make_objective(run: Run) -> Objective:
    """The run's objective, with all plugins inside it."""
    return registry.make_plugin("objective", run.objective)


def make_model_spec(run: Run, shape: tuple[int, int, int]) -> ModelSpec:
    """What the run's architecture has to fit, for images of `shape` (C, H, W)."""
    return ModelSpec(shape, run.latent, make_dataset(run).pixel_range)


def build_model(run: Run, spec: ModelSpec, objective: Objective, device: torch.device) -> Autoencoder:
    """The run's model at its initial weights. Raises BenchError if the architecture cannot serve the spec."""
    architecture = registry.make_plugin("architecture", run.architecture)
    prior = registry.make_prior_factory(run.prior)
    try:
        return make_model_on_device(spec, architecture, prior, objective, run.seed, device)
    except ValueError as error:
        raise BenchError(f"{run.architecture.name} over {run.dataset.name}: {error}") from error


def make_model_on_device(
    spec: ModelSpec,
    architecture: Architecture,
    prior: Callable[[int], Prior],
    objective: Objective,
    seed: int,
    device: torch.device,
) -> Autoencoder:
    """A model at its initial weights, made on the CPU so that they are the same for every device.

    On a GPU the weights of convolutions have their channels last in memory, as its matrix units want them. Raises
    ValueError if the architecture cannot serve the spec.
    """
    model = make_autoencoder(spec, architecture, prior, objective, seed).to(device)
    return model.to(memory_format=torch.channels_last) if device.type == "cuda" else model


def prepare_evaluation(model: Autoencoder) -> Autoencoder:
    """The model in evaluation mode; its convolutions take half the time on a CPU with channels last in memory."""
    return model.eval().to(memory_format=torch.channels_last)


def make_autoencoder(
    spec: ModelSpec, architecture: Architecture, prior: Callable[[int], Prior], objective: Objective, seed: int
) -> Autoencoder:
    """A model of made parts on the CPU, each initialised from a stream of its own.

    The stream is named after the part and the seed alone: two methods under one seed start from the same weights
    wherever shapes agree. Raises BenchError for a part with weights that were not drawn for it now: they would carry
    one training into the next.
    """
    model = _combine_parts(spec, architecture, prior, objective, seed)
    with UninitializedWeights():
        again = _combine_parts(spec, architecture, prior, objective, seed)
    if reused := list_reused(model, again):
        raise BenchError(
            f"{reused[0]} of the model was not made for it: two models got the same, so that one training would go on "
            "where another ended; make new modules at each call, and bring a module as the function that makes it, or "
            "return copy.deepcopy(module)"
        )
    return model


def _combine_parts(
    spec: ModelSpec, architecture: Architecture, prior: Callable[[int], Prior], objective: Objective, seed: int
) -> Autoencoder:
    family = objective.posterior()
    encoder = make_with_seed(seed, "encoder", lambda: architecture.encoder(spec, family.heads))
    decoder = make_with_seed(seed, "decoder", lambda: architecture.decoder(spec))
    auxiliary = make_with_seed(seed, "auxiliary", lambda: objective.auxiliary(spec))

    # The prior is bound when the model is made, and may draw weights then: still from the prior's own stream.
    def combine_parts() -> Autoencoder:
        return Autoencoder(spec, family, encoder, decoder, prior(spec.latent), auxiliary)

    return make_with_seed(seed, "prior", combine_parts)


M = TypeVar("M")


def make_with_seed(seed: int, part: str, make: Callable[[], M]) -> M:
    """What `make` gives when the CPU's global generator stands at the seed of this part; it is then put back."""
    with torch.random.fork_rng(devices=[]), preserve_global_state(generators=False, environment=False):
        seed_generators(derive_seed(seed, "weights", part))
        return make()


def list_reused(model: nn.Module, again: nn.Module) -> list[str]:
    """The weights and statistics, by name, that two models made in the same way share."""
    addresses = {_get_address(p) for p in again.parameters()} - {0}
    found = [name for name, p in model.named_parameters() if _get_address(p) in addresses]
    others = {id(module) for module in again.modules()}
    stateful = ((name, module) for name, module in model.named_modules() if [*module.buffers(recurse=False)])
    return found + [name for name, module in stateful if id(module) in others]


def _get_address(parameter: nn.Parameter) -> int:
    """Where a parameter's values are in memory; 0 while it has none."""
    return 0 if is_lazy(parameter) else parameter.untyped_storage().data_ptr()


class UninitializedWeights(TorchFunctionMode):
    """Weights keep whatever is in their memory: what is computed with them has the right shape all the same.

    The device `meta` would compute nothing at all, but torch loads its compiler to find shapes there.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))

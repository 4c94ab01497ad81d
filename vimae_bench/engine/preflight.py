"""What can be known to go wrong before anything is trained: settings a plugin refuses, data, shapes that do not fit."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .. import interrupts
from ..errors import BenchError
from ..kinds import Dataset, Splits
from ..model import Autoencoder
from ..plan import registry
from ..plan.benchmark import Benchmark, Method
from ..plan.matrix import left_out
from ..plan.settings import Where
from ..records import Choice, Run
from .assembly import build, frame_of, objective_of
from .data import ensure, open_splits

Found = Iterator[tuple[Where, str]]


def check(benchmark: Benchmark, data: Path, tell: Callable[[str], None]) -> None:
    """Prepare the data sets, and make every plugin and every model once, without weights.

    Raises Problems with all that is wrong, each at its line of the file.
    """
    found = [*_plugins(benchmark)]
    splits: dict[int, Splits] = {}
    for i, choice in enumerate(benchmark.datasets):
        try:
            dataset: Dataset = registry.make("dataset", choice)
            ensure(dataset, data, tell)
            splits[i] = open_splits(dataset, data)
        except BenchError as error:
            found.append((("dataset", i), str(error)))
    if not found:
        with interrupts.later():
            found = [*_models(benchmark, splits)]
    if found:
        raise benchmark.problems(found)


def _plugins(benchmark: Benchmark) -> Found:
    wanted: list[tuple[Where, str, Choice]] = [(("metrics", i), "metric", c) for i, c in enumerate(benchmark.metrics)]
    wanted += [(("architecture", i), "architecture", c) for i, c in enumerate(benchmark.architectures)]
    for i, method in enumerate(benchmark.methods):
        wanted += [
            (("method", i, "objective"), "objective", method.objective),
            (("method", i, "prior"), "prior", method.prior),
        ]
    for where, kind, choice in wanted:
        try:
            registry.make(kind, choice)
        except BenchError as error:
            yield where, str(error)


def _models(benchmark: Benchmark, splits: dict[int, Splits]) -> Found:
    for i, examples in splits.items():
        if len(examples.train) < benchmark.training.batch:
            name = benchmark.datasets[i].use
            yield ("training", "batch"), f"{name} has {len(examples.train)} training images, fewer than one batch"
        for j, architecture in enumerate(benchmark.architectures):
            dataset = benchmark.datasets[i]
            for method in benchmark.methods:
                if left_out(benchmark, dataset, architecture, method):
                    continue
                run = _run(benchmark, dataset, architecture, method)
                if reason := _unfit(run, examples.shape):
                    yield ("architecture", j), f"for {method.label} on {run.dataset.use}: {reason}"
                    break


def _run(benchmark: Benchmark, dataset: Choice, architecture: Choice, method: Method) -> Run:
    return Run(dataset, architecture, method.objective, method.prior, benchmark.latent, benchmark.training, 0)


def _unfit(run: Run, shape: tuple[int, int, int]) -> str:
    """Why the run's model does not fit images of this shape; empty if it does: only shapes are looked at."""
    try:
        with _WithoutValues(), torch.inference_mode():
            return _wrong_shape(build(run, frame_of(run, shape), objective_of(run), torch.device("cpu")))
    except BenchError as error:
        return str(error)
    except (RuntimeError, TypeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


class _WithoutValues(TorchFunctionMode):
    """Weights keep whatever lies in their memory: what is computed with them is of the right shape all the same.

    The device `meta` would compute nothing at all, but torch loads its compiler to find shapes there.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _wrong_shape(model: Autoencoder) -> str:
    frame = model.frame
    heads = model.encoder(torch.zeros(2, *frame.shape))
    shapes = [tuple(head.shape) for head in heads]
    if shapes != [(2, frame.latent)] * model.family.heads:
        return f"the encoder gives {shapes} for 2 images, not {model.family.heads} of (2, {frame.latent})"
    images = tuple(model.decoder(torch.zeros(2, frame.latent)).shape)
    return "" if images == (2, *frame.shape) else f"the decoder gives {images} for 2 codes, not {(2, *frame.shape)}"

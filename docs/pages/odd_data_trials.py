"""Data that not every plugin is made for. Each measures or trains on them, or refuses them before training."""

import os
import re
from ast import literal_eval
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vimae_bench.core.spec import PluginSpec, Run, Training
from vimae_bench.data.types import Examples, Splits
from vimae_bench.engine.preflight import inspect_model
from vimae_bench.metrics.inception import WEIGHTS_VARIABLE, WeightsUnavailable
from vimae_bench.models.model_spec import ModelSpec
from vimae_bench.plugin.catalog import Catalog, CatalogEntry, get_catalog
from vimae_bench.plugin.interfaces import Metric
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.plugin.settings import SettingsChecker
from vimae_bench.testing.contract import ContractError

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
CLASSES, DRAWERS = 5, 20
LATENT = 4
LARGEST_BATCH = 20
MAX_REMEDIES = 10
REMEDY = re.compile(r"(\w+) = ('\w+'|\d+)(?: to (\d+))?")
"""A setting that a refusal says would fit, or the range of it."""


@dataclass(frozen=True)
class OddData:
    """A data set and what is odd about it, in a few words."""

    splits: Splits
    description: str

    @property
    def spec(self) -> ModelSpec:
        """What a model of these images has to fit."""
        return ModelSpec(self.splits.shape, LATENT)

    @property
    def batch(self) -> int:
        """The size of batches that the images fill."""
        return min(LARGEST_BATCH, len(self.splits.train))


def _make(
    train: int,
    test: int,
    classify: Callable[[Labels], Labels | None] = lambda i: i % CLASSES,
    change: Callable[[Pixels], Pixels] = lambda x: x,
    shape: tuple[int, int, int] = (1, 8, 8),
) -> Splits:
    """Random images of two parts; `classify` gives the labels of images by their number, from 0 in each part.

    Factors are the class, and who drew the image: each drawer one of each class.
    """
    random = np.random.default_rng(0)

    def make_part(n: int) -> Examples:
        x, y = random.integers(0, 256, (n, *shape)).astype(np.uint8), classify(np.arange(n))
        factors = {} if y is None else {"class": y, "drawer": np.arange(n) // CLASSES % DRAWERS}
        return Examples(change(x) if n else x, y, factors)

    return Splits(make_part(train), make_part(0), make_part(test))


def _fill(value: int) -> Callable[[Pixels], Pixels]:
    return lambda x: np.full_like(x, value)


def _label_half(i: Labels) -> Labels:
    return np.where(i % 2, -1, i // 2 % CLASSES)


def _duplicate(splits: Splits) -> Splits:
    """Every image of the test part twice in both parts."""
    rows = np.repeat(np.arange(len(splits.test)), 2)
    factors = {name: values[rows] for name, values in splits.test.factors.items()}
    part = Examples(splits.test.x[rows], np.asarray(splits.test.y)[rows], factors)
    return Splits(part, splits.validation, part)


def _set_factors(splits: Splits, values: Callable[[Labels], Labels]) -> Splits:
    """The same with these values of its factors, by the numbers of images."""
    test = splits.test
    factors = {name: values(np.arange(len(test))) for name in test.factors}
    return Splits(splits.train, splits.validation, Examples(test.x, test.y, factors))


ODD_DATA: Mapping[str, OddData] = {
    "one test image": OddData(_make(200, 1), "a single test image"),
    "two test images": OddData(_make(200, 2), "two test images, of two classes"),
    "three test images": OddData(_make(200, 3), "three test images, of three classes"),
    "two training images": OddData(_make(2, 100), "two training images, in batches of 2"),
    "ten images": OddData(_make(10, 10), "ten images of five classes in each part"),
    "one class": OddData(_make(200, 100, np.zeros_like), "all images of one class"),
    "rare class": OddData(_make(200, 100, lambda i: np.minimum(i, 1)), "one class has one image in each part"),
    "new class": OddData(
        _make(200, 100, lambda i: i % (CLASSES + (len(i) < 200))), "the test part has a class of its own"
    ),
    "far labels": OddData(_make(200, 100, lambda i: i % CLASSES * 10**12), "labels as large as 4e12"),
    "sorted": OddData(_make(200, 100, lambda i: i * CLASSES // max(len(i), 1)), "images in the order of their classes"),
    "no labels": OddData(_make(200, 100, lambda _: None), "neither labels nor factors"),
    "partly labelled": OddData(_make(200, 100, _label_half), "every other label is -1"),
    "constant factors": OddData(_set_factors(_make(200, 500), np.zeros_like), "every factor has one value"),
    "unique factors": OddData(
        _set_factors(_make(200, 500), lambda i: i), "every factor has another value in each image"
    ),
    "grey": OddData(_make(200, 500, change=_fill(128)), "every pixel is 128"),
    "black": OddData(_make(200, 100, change=_fill(0)), "every pixel is 0"),
    "white": OddData(_make(200, 100, change=_fill(255)), "every pixel is 255"),
    "binary": OddData(_make(200, 100, change=lambda x: x // 128 * 255), "every pixel is 0 or 255"),
    "repeated": OddData(_make(200, 100, change=lambda x: np.repeat(x[:1], len(x), 0)), "one image again and again"),
    "duplicated": OddData(_duplicate(_make(0, 50)), "each image twice, and test images are training images"),
    "colour": OddData(_make(200, 100, shape=(3, 8, 8)), "three channels"),
    "oblong": OddData(_make(200, 100, shape=(1, 6, 10)), "images of 6 x 10 pixels"),
    "one pixel": OddData(_make(200, 100, shape=(1, 1, 1)), "images of a single pixel"),
}
"""The data by name. Parts have 200 and 100 noise images of 1 x 8 x 8 pixels and five classes, if nothing else is said.

Where metrics of factors are tried there are 500 images to test on, the fewest that they take."""


@dataclass(frozen=True)
class OddSize:
    """Sizes of a training: of its images, of its codes and of its batches."""

    shape: tuple[int, int, int] = (1, 8, 8)
    latent: int = LATENT
    batch: int = LARGEST_BATCH


ODD_SIZES: Mapping[str, OddSize] = {
    "one latent": OddSize(latent=1),
    "three latents": OddSize(latent=3),
    "more latents than pixels": OddSize(latent=65),
    "a thousand latents": OddSize(latent=1000),
    "two images": OddSize(batch=2),
    "three images": OddSize(batch=3),
    "two images, one latent": OddSize(latent=1, batch=2),
}
"""Sizes of codes and batches that priors are tried with, by name."""
ODD_SHAPES: Mapping[str, OddSize] = {
    "a pixel": OddSize((1, 1, 1)),
    "a coloured pixel": OddSize((3, 1, 1)),
    "a row": OddSize((1, 1, 64)),
    "a column": OddSize((1, 64, 1)),
    "oblong": OddSize((1, 6, 10)),
    "odd sides": OddSize((3, 27, 27)),
    "28 x 28": OddSize((1, 28, 28)),
    "28 x 28, two images": OddSize((1, 28, 28), batch=2),
    "32 x 32, one latent": OddSize((3, 32, 32), latent=1),
    "64 x 64, two images": OddSize((3, 64, 64), batch=2),
}
"""Images, and sizes of batches and codes, that architectures are tried with, by name."""
PRIOR_OBJECTIVES = ("elbo_sampled", "wae_mmd with mmd")
"""What priors are trained with: a density is wanted by the first, samples by the second."""
NORMAL, SMALL_NETS = PluginSpec("normal"), PluginSpec("mlp", {"hidden": [16]})
SMALL = {"conv": {"width": 16}, "mlp": {"hidden": [16]}}
"""Settings of architectures that make them small."""


@dataclass(frozen=True)
class Trial:
    """Whether a plugin takes some odd data: `spec` is what it takes, with settings that its refusals asked for.

    `refusals` are its words, one after the other; it is `accepted` if the settings that the last of them asks for, or
    its default settings, are accepted.
    """

    plugin: str
    data: str
    spec: PluginSpec
    refusals: tuple[str, ...]
    accepted: bool


def try_metric(name: str, data: str) -> Trial:
    """Whether a metric takes the data of this name, by its own `check`.

    Raises ContractError where it asks for other settings each time.
    """
    odd, refusals, settings = ODD_DATA[data], list[str](), dict[str, Any]()
    for _ in range(MAX_REMEDIES):
        spec = PluginSpec(name, dict(settings))
        metric: Metric = make_plugin("metric", spec)
        try:
            with _forbid_downloads():
                metric.check(odd.splits, odd.spec)
        except WeightsUnavailable:  # which are asked for last, of data that fit
            return Trial(name, data, spec, tuple(refusals), accepted=True)
        except ValueError as error:
            refusals.append(str(error))
            if not (remedy := read_remedy(str(error))) or remedy.items() <= settings.items():
                return Trial(name, data, spec, tuple(refusals), accepted=False)
            settings |= remedy
        else:
            return Trial(name, data, spec, tuple(refusals), accepted=True)

    raise ContractError(f"{name} asks for other settings again and again: {'; '.join(refusals)}")


@contextmanager
def _forbid_downloads() -> Generator[None]:
    """Let weights be unavailable: what is asked of data does not depend on them."""
    before = os.environ.get(WEIGHTS_VARIABLE)
    os.environ[WEIGHTS_VARIABLE] = os.devnull
    try:
        yield
    finally:
        os.environ.pop(WEIGHTS_VARIABLE)
        if before is not None:
            os.environ[WEIGHTS_VARIABLE] = before


def read_remedy(refusal: str) -> dict[str, Any]:
    """The settings that would fit, according to a refusal; of a range of numbers the last."""
    clause, would_fit, _ = refusal.partition(" would fit")
    found = REMEDY.findall(re.split("[;:] ", clause)[-1]) if would_fit else []
    return {name: literal_eval(last or first) for name, first, last in found}


def try_objective(title: str, data: str) -> Trial:
    """Whether the objective of this title, one of `list_objectives`, can be trained on the data of this name."""
    odd, spec = ODD_DATA[data], list_objectives()[title]
    problem = _find_problem(title, odd.splits.shape, odd.batch)
    return Trial(title, data, spec, (problem,) * bool(problem), accepted=not problem)


def list_priors() -> list[tuple[str, str]]:
    """Every prior with each objective of `PRIOR_OBJECTIVES`."""
    names = [entry.name for entry in get_catalog().entries if entry.kind == "prior"]
    return [*product(names, PRIOR_OBJECTIVES)]


def try_prior(name: str, title: str, size: str) -> Trial:
    """Whether a prior can be trained with an objective, codes and batches of the size of this name."""
    run = make_prior_run(name, title, ODD_SIZES[size])
    return _inspect(f"{name} with {title}", size, run.prior, run, ODD_SIZES[size].shape)


def make_prior_run(name: str, title: str, size: OddSize) -> Run:
    """The training of `try_prior`."""
    return make_run(list_objectives()[title], size.batch, prior=PluginSpec(name), latent=size.latent)


def try_architecture(name: str, shape: str) -> Trial:
    """Whether an architecture fits the images, codes and batches of this name."""
    run = make_architecture_run(name, ODD_SHAPES[shape])
    return _inspect(name, shape, run.architecture, run, ODD_SHAPES[shape].shape)


def make_architecture_run(name: str, size: OddSize) -> Run:
    """The training of `try_architecture`."""
    architecture = PluginSpec(name, dict(SMALL.get(name, {})))
    return make_run(list_objectives()["elbo"], size.batch, architecture=architecture, latent=size.latent)


def _inspect(plugin: str, data: str, spec: PluginSpec, run: Run, shape: tuple[int, int, int]) -> Trial:
    problem = inspect_model(run, shape).problem
    return Trial(plugin, data, spec, (problem,) * bool(problem), accepted=not problem)


@cache
def _find_problem(title: str, shape: tuple[int, int, int], batch: int) -> str:
    """Why an objective cannot be trained on images of this shape in such batches, in words; empty if it can."""
    return inspect_model(make_run(list_objectives()[title], batch), shape).problem


def make_run(
    objective: PluginSpec,
    batch: int,
    *,
    prior: PluginSpec = NORMAL,
    architecture: PluginSpec = SMALL_NETS,
    latent: int = LATENT,
) -> Run:
    """A training with the simplest plugins of all other kinds."""
    data = PluginSpec("arrays", {"path": "odd"})
    return Run(data, architecture, objective, prior, latent, Training(batch=batch), 0)


@cache
def list_objectives() -> dict[str, PluginSpec]:
    """Every objective, and those that have a divergence with each divergence, by titles such as `vimae with mmd`."""
    catalog = get_catalog()
    entries = [entry for entry in catalog.entries if entry.kind == "objective"]
    return dict(pair for entry in entries for pair in _vary_divergence(entry, catalog))


def _vary_divergence(entry: CatalogEntry, catalog: Catalog) -> Iterator[tuple[str, PluginSpec]]:
    fields, required = entry.form["fields"], entry.form["required"]
    inner = [name for name in required if "plugin" in fields[name]]
    numbers = {name: 0.5 * (i + 1) for i, name in enumerate(name for name in required if name not in inner)}
    complete = SettingsChecker(catalog.get_form).complete
    for chosen in product(*(catalog.list_names(fields[name]["plugin"]) for name in inner)):
        raw = {"use": entry.name, **numbers, **dict(zip(inner, chosen, strict=True))}
        title = " with ".join([entry.name, *chosen])
        yield title, PluginSpec.from_json(complete({"plugin": "objective"}, raw))

"""Finds errors before anything is trained: in settings, data and shapes, and in how they fit together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..config.benchmark import Benchmark, Group, MethodConfig
from ..config.matrix import is_left_out
from ..core.errors import BenchError, shorten_text, suggest_similar
from ..core.margins import GivenMargin, parse_margin
from ..core.results import Measure
from ..core.spec import PluginSpec, Run, Training
from ..data.prepare import ensure_prepared, open_splits
from ..data.types import Dataset, Splits
from ..execution import signals
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..plugin import registry
from ..plugin.interfaces import Metric, Objective
from ..plugin.manager import PLUGIN_ERRORS
from ..plugin.measures import list_measures
from ..plugin.settings import SettingPath
from .build import UninitializedWeights, build_model, make_model_spec, make_objective

NO_MEMORY = "can't allocate memory"
"""What torch's RuntimeError says where a tensor is too large."""
LocatedProblems = Iterator[tuple[SettingPath, str]]


@dataclass(frozen=True)
class _OpenedData:
    """A data set of a group, opened; `place` is its own among the group's."""

    place: int
    plugin_spec: PluginSpec
    splits: Splits
    spec: ModelSpec


@dataclass(frozen=True)
class ModelInspection:
    """What a look at a model gave: the bytes of its weights, or why it does not fit the images or its training."""

    weights: int = 0
    unfit: str = ""
    untrainable: str = ""
    small_batch: str = ""

    @property
    def problem(self) -> str:
        """What is wrong with it, in words; empty if nothing is."""
        return self.unfit or self.untrainable or self.small_batch


def check_benchmark(benchmark: Benchmark, data: Path, report: Callable[[str], object]) -> dict[str, int]:
    """Prepare the data sets, and make every plugin and every model once, without weights.

    Gives the bytes of each model's weights, by the key of its run from seed 0. Raises InvalidFileError with all that is
    wrong, each at its line of the file.
    """
    found, weights = list[tuple[SettingPath, str]](), dict[str, int]()
    for group in benchmark.groups:
        found += [(group.locate(where), what) for where, what in _check_group(group, data, report, weights)]
    if found := found or [*_check_measure_names(benchmark)]:
        raise benchmark.make_error([*dict.fromkeys(found)])
    return weights


def _check_group(group: Group, data: Path, report: Callable[[str], object], weights: dict[str, int]) -> LocatedProblems:
    found, sets = [*_check_plugins(group)], list[_OpenedData]()
    for i, plugin_spec in enumerate(group.datasets):
        try:
            sets.append(_open_data(group, i, plugin_spec, data, report))
        except PLUGIN_ERRORS as error:
            found.append((("dataset", i), _describe_error(error)))
    if found:
        yield from found
        return
    yield from _check_metrics(group, sets)
    with signals.block():
        found = [*_check_models(group, sets, weights)]
    yield from found


def _open_data(
    group: Group, place: int, plugin_spec: PluginSpec, data: Path, report: Callable[[str], object]
) -> _OpenedData:
    dataset: Dataset = registry.make_plugin("dataset", plugin_spec)
    ensure_prepared(dataset, data, report)
    splits = open_splits(dataset, data)
    return _OpenedData(place, plugin_spec, splits, ModelSpec(splits.shape, group.latent, dataset.pixel_range))


def _check_plugins(group: Group) -> LocatedProblems:
    wanted: list[tuple[SettingPath, str, PluginSpec]] = [
        (("metrics", i), "metric", c) for i, c in enumerate(group.metrics)
    ]
    wanted += [(("architecture", i), "architecture", c) for i, c in enumerate(group.architectures)]
    for i, method in enumerate(group.methods):
        wanted += [
            (("method", i, "objective"), "objective", method.objective),
            (("method", i, "prior"), "prior", method.prior),
        ]
    for where, kind, plugin_spec in wanted:
        try:
            registry.make_plugin(kind, plugin_spec, *([group.latent] if kind == "prior" else []))
        except BenchError as error:
            yield where, str(error)


def _check_metrics(group: Group, sets: list[_OpenedData]) -> LocatedProblems:
    """Data that a metric cannot be measured on."""
    for i, plugin_spec in enumerate(group.metrics):
        metric: Metric = registry.make_plugin("metric", plugin_spec)
        for data in sets:
            try:
                metric.check(data.splits, data.spec)
            except ValueError as error:
                yield ("metrics", i), f"does not fit {data.plugin_spec.name}: {error}"
            except PLUGIN_ERRORS as error:
                yield ("metrics", i), f"fails on {data.plugin_spec.name}: {_describe_error(error)}"


def _check_measure_names(benchmark: Benchmark) -> LocatedProblems:
    """Names of measures in the file that no metric gives, or that cannot be ranked by."""
    measures = list[Measure]()
    for group in benchmark.groups:
        for i, metric in enumerate(group.metrics):
            try:
                measures += list_measures(metric, group.metrics)
            except PLUGIN_ERRORS as error:
                yield group.locate(("metrics", i)), f"does not say what it measures: {_describe_error(error)}"
                return
    known = [measure.name for measure in measures]
    directed = [measure.name for measure in measures if measure.better]
    leaderboard, tuning = benchmark.leaderboard, benchmark.tuning
    wanted: list[tuple[SettingPath, str]] = [
        (("leaderboard", "rank_by"), leaderboard.rank_by),
        *((("leaderboard", "columns", i), name) for i, name in enumerate(leaderboard.columns)),
        (("tuning", "measure"), tuning.measure),
    ]
    for where, name in wanted if known else ():
        if name and name not in known:
            yield where, f"no metric here measures {shorten_text(name)}{suggest_similar(name, known)}"
        elif name and name not in directed and "columns" not in where:
            remedy = suggest_similar("", directed)
            yield where, f"{shorten_text(name)} has no better direction, so nothing can be ranked by it{remedy}"
    if known:
        yield from _check_margins(leaderboard.margins, measures)


def _check_margins(margins: Mapping[str, GivenMargin], measures: Sequence[Measure]) -> LocatedProblems:
    for name, given in margins.items():
        where, measure = ("leaderboard", "margins", name), next((m for m in measures if m.name == name), None)
        if measure is None:
            yield (
                where,
                f"no metric here measures {shorten_text(name)}{suggest_similar(name, (m.name for m in measures))}",
            )
        elif not measure.better:
            remedy = suggest_similar("", [m.name for m in measures if m.better])
            yield where, f"{shorten_text(name)} has no better direction, so it is not tested{remedy}"
        else:
            try:
                parse_margin(measure, given)
            except ValueError as error:
                yield where, str(error)


def _check_models(group: Group, sets: list[_OpenedData], weights: dict[str, int]) -> LocatedProblems:
    """Data that an architecture cannot serve, and models that an objective cannot train; notes what models weigh."""
    for data in sets:
        name = data.plugin_spec.name
        count = len(data.splits.train)
        too_few = f"{name} has {count} training image{'s' * (count != 1)}, fewer than one batch"
        if count < group.training.batch:
            yield ("training", "batch"), too_few
        for i, method in enumerate(group.methods):
            if count < method.training.get("batch", 0):
                yield ("method", i, "training", "batch"), too_few
        for j, architecture in enumerate(group.architectures):
            for i, method in enumerate(group.methods):
                if is_left_out(group, data.plugin_spec, architecture, method):
                    continue
                training = replace(group.training, **method.training)
                run = Run(data.plugin_spec, architecture, method.objective, method.prior, group.latent, training, 0)
                looked = inspect_model(run, data.splits.shape)
                weights[run.key] = looked.weights
                if looked.unfit:
                    yield ("architecture", j), f"for {method.label} on {name}: {looked.unfit}"
                    break
                if looked.untrainable:
                    yield _locate_method(i, method), f"for {method.label} on {name}: {looked.untrainable}"
                if looked.small_batch:
                    yield _locate_batch(i, method), f"for {method.label}: {looked.small_batch}"


def _locate_method(place: int, method: MethodConfig) -> SettingPath:
    return ("method", place, "repeats" if method.control_of else "objective")


def _locate_batch(place: int, method: MethodConfig) -> SettingPath:
    return ("method", place, "training", "batch") if "batch" in method.training else ("training", "batch")


def describe_small_batch(objective: Objective, training: Training) -> str:
    """Why the batches are too small for an objective, in words; empty if they are not."""
    least = objective.smallest_batch()
    return f"its objective takes a batch of {least} or more images, not {training.batch}" * (training.batch < least)


def inspect_model(run: Run, shape: tuple[int, int, int]) -> ModelInspection:
    """The run's model on images of this shape. Only shapes and types are looked at."""
    try:
        objective = make_objective(run)
        with UninitializedWeights(), torch.inference_mode():
            model = build_model(run, make_model_spec(run, shape), objective, torch.device("cpu"))
            if wrong := describe_wrong_shape(model):
                return ModelInspection(unfit=wrong)
            if wrong := describe_unfit_prior(model):
                return ModelInspection(untrainable=wrong)
    except PLUGIN_ERRORS as error:
        return ModelInspection(unfit=_describe_error(error))
    try:
        objective.check(model)
        small_batch = describe_small_batch(objective, run.training)
    except ValueError as error:
        return ModelInspection(untrainable=str(error))
    except PLUGIN_ERRORS as error:
        return ModelInspection(untrainable=_describe_error(error))
    return ModelInspection(sum(value.nbytes for value in model.state_dict().values()), small_batch=small_batch)


def _describe_error(error: BaseException) -> str:
    """The message of a user's mistake; for any other error of a plugin, its type and message."""
    if isinstance(error, MemoryError) or NO_MEMORY in str(error):
        return "the model takes more memory than there is; choose a smaller `latent` or architecture"
    return str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"


def describe_unfit_prior(model: Autoencoder) -> str:
    """Why no codes can be drawn from the prior of a model with this posterior, in words; empty if they can."""
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            drawn = tuple(model.prior.sample(2).shape)
    except TypeError as error:  # a prior that is made of posteriors wants some kind of them
        return str(error)
    expected = (2, model.spec.latent)
    return "" if drawn == expected else f"the prior gives draws of shape {drawn}, not {expected}"


def describe_wrong_shape(model: Autoencoder) -> str:
    """What is wrong with the shapes that encoder and decoder give, in words; empty if nothing is."""
    spec = model.spec
    zeros = model.prior.origin.new_zeros
    heads = model.encoder(zeros(2, *spec.shape))
    shapes = [tuple(head.shape) for head in heads]
    if shapes != [(2, spec.latent)] * model.family.heads:
        return f"the encoder gives {shapes} for 2 images, not {model.family.heads} of (2, {spec.latent})"
    images = tuple(model.decoder(zeros(2, spec.latent)).shape)
    return "" if images == (2, *spec.shape) else f"the decoder gives {images} for 2 codes, not {(2, *spec.shape)}"

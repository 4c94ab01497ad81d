"""Train and measure one method in this process, with the same engine as in a worker."""

import shutil
import time
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import torch

from ..core.canonical import Json
from ..core.errors import BenchError
from ..core.results import Estimate, Measure
from ..core.spec import disambiguating_suffix
from ..data.layout import read_digests
from ..data.prepare import ensure_prepared, get_data_folder, open_splits, resolve_folder
from ..data.types import Splits
from ..engine.build import make_model_on_device, prepare_evaluation
from ..engine.measure import compute_estimates
from ..engine.pictures import draw_pictures
from ..engine.preflight import describe_small_batch, describe_unfit_prior, describe_wrong_shape
from ..engine.record import make_record
from ..engine.training.loop import train_model as train_model
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..plugin.evaluation import Evaluation
from ..storage.cache_folder import expand_home
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .components import Component
from .method import MethodSpec, parse_method
from .progress import ProgressCallback, show_progress
from .trained_model import TrainedModel

if TYPE_CHECKING:
    from .results import Results


@dataclass(frozen=True)
class WatchedRunFolder(RunFolder):
    """A run's folder that passes every event on to a callback."""

    callback: Callable[[str, Json], object]

    def append_event(self, event: str, **fields: object) -> None:
        super().append_event(event, **fields)
        self.callback(event, fields)


def train(
    objective: Any,  # noqa: ANN401
    prior: Any = "normal",  # noqa: ANN401
    *,
    dataset: Any = None,  # noqa: ANN401
    architecture: Any = None,  # noqa: ANN401
    latent: int | None = None,
    epochs: int | None = None,
    training: Mapping[str, Any] | None = None,
    metrics: Sequence[Any] | None = None,
    seed: int = 0,
    like: "Results | None" = None,
    label: str = "",
    device: str | None = None,
    data: str | Path | None = None,
) -> TrainedModel:
    """Train and measure one method in this process, without a results folder.

    `objective`, `prior`, `dataset`, `architecture` and each of `metrics` are a name ("elbo"), a table as in a benchmark
    file ({"use": "elbo", "beta": 4}), or a class or an object, which need not be registered by a package. What is not
    given is taken from `like`, the results of one table to which the model can be appended; otherwise it is digits, an
    MLP, 8 latent dimensions, reconstruction and rate. `training` holds settings as in a file; `epochs` overrides it.

    On a CPU, weights and estimates are those of a worker with the same seed, bit for bit. Raises InvalidFileError with
    everything that is wrong with the settings. Exceptions of unregistered code are raised unchanged.
    """
    given = {"dataset": dataset, "architecture": architecture, "latent": latent, "metrics": metrics}
    arguments = {"objective": objective, "prior": prior, "seed": seed, **_drop_missing(given)}
    settings = {**(training or {}), **_drop_missing({"epochs": epochs})}
    method = parse_method(arguments, settings, like.read_setup() if like else {})
    torch_device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    data_folder = expand_home(Path(data)) if data else get_data_folder()
    return _train_in_scratch(method, label or method.objective.spec.name, torch_device, data_folder)


def _drop_missing(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _train_in_scratch(method: MethodSpec, label: str, device: torch.device, data: Path) -> TrainedModel:
    scratch = Path(mkdtemp(prefix="vimae-bench-"))
    try:
        result, evaluation = _train_and_measure(method, label, device, data, scratch)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    weakref.finalize(result, shutil.rmtree, scratch, ignore_errors=True)  # results read its events and images
    return TrainedModel(result, evaluation)


def _train_and_measure(
    method: MethodSpec, label: str, device: torch.device, data: Path, scratch: Path
) -> tuple[RunResult, Evaluation]:
    """Train a model in a scratch folder, measure it and draw its images."""
    entry, dataset = method.to_entry(label), method.dataset.plugin
    with show_progress(label, method.training.epochs) as update, _preserve_torch_state(method.training.threads, device):
        ensure_prepared(dataset, data, print)
        splits = open_splits(dataset, data)
        model = _build_model(method, ModelSpec(splits.shape, method.latent, dataset.pixel_range), device)
        _check_metrics(method, splits, model.spec)
        folder = WatchedRunFolder(scratch / "run", lambda event, fields: _report_epoch(event, fields, update))
        record = _train_model(method, model, splits, folder, device)
        record["data"] = read_digests(resolve_folder(dataset, data))
        evaluation = Evaluation(prepare_evaluation(model), splits, entry.run.dataset.name, method.seed, device)
        done = record["status"] == "done"
        announce = partial(update, method.training.epochs)
        measures, estimates = _measure(method.metrics if done else (), evaluation, announce)
        if done:
            draw_pictures(evaluation, folder.pictures)
    return RunResult(entry, folder.path, record["status"], record["reason"], record, measures, estimates), evaluation


@contextmanager
def _preserve_torch_state(threads: int, device: torch.device) -> Generator[None]:
    """Use the threads of the run, and restore them and torch's generators afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(before)


def _build_model(method: MethodSpec, spec: ModelSpec, device: torch.device) -> Autoencoder:
    """The model at its initial weights, checked to fit the images and the objective."""
    components = method.architecture, method.prior, method.objective
    with _name_component(f"does not fit {method.dataset.spec.name}", *components):
        architecture, prior, objective = (part.plugin for part in components)
        model = make_model_on_device(spec, architecture, prior, objective, method.seed, device)
    with torch.no_grad():
        wrong = describe_wrong_shape(model.eval())  # training mode would update the statistics of batch norm
    if wrong:
        raise BenchError(f"architecture '{method.architecture.spec.name}': {wrong}")
    if wrong := describe_unfit_prior(model):
        raise BenchError(f"prior '{method.prior.spec.name}': {wrong}")
    with _name_component("cannot train this model", method.objective):
        method.objective.plugin.check(model)
    if too_small := describe_small_batch(method.objective.plugin, method.training):
        raise BenchError(f"'{method.objective.spec.name}': {too_small}")
    return model


def _check_metrics(method: MethodSpec, splits: Splits, spec: ModelSpec) -> None:
    for metric in method.metrics:
        with _name_component(f"does not fit {method.dataset.spec.name}", metric):
            metric.plugin.check(splits, spec)


@contextmanager
def _name_component(what: str, *components: Component) -> Generator[None]:
    """Turn ValueError into BenchError with the component's name, unless some component is the user's own code."""
    try:
        yield
    except ValueError as error:
        if not all(part.is_registered for part in components):
            raise
        raise BenchError(f"'{components[0].spec.name}' {what}: {error}") from error


def _train_model(
    method: MethodSpec, model: Autoencoder, splits: Splits, folder: RunFolder, device: torch.device
) -> Json:
    """Train the model and make the record of it."""
    began, images = time.perf_counter(), torch.from_numpy(splits.train.x).to(device)
    result = train_model(model, method.objective.plugin, method.training, images, method.seed, folder)
    step_seconds = sum(line["seconds"] for line in folder.read_history())
    return make_record(method.run, result, model, {}, {"steps": step_seconds, "training": time.perf_counter() - began})


def _measure(
    metrics: Sequence[Component], evaluation: Evaluation, announce: Callable[[str], object]
) -> tuple[dict[str, Measure], dict[str, Estimate]]:
    """All measures and estimates of the metrics, under the same names as in results."""
    measures, estimates = dict[str, Measure](), dict[str, Estimate]()
    for metric in metrics:
        announce(f"measuring {metric.spec.name}")
        suffix = disambiguating_suffix(metric.spec, [other.spec for other in metrics])
        found = {measure.name + suffix: measure.with_suffix(suffix) for measure in metric.plugin.measures()}
        if duplicates := measures.keys() & found.keys():
            raise BenchError(f"two metrics give '{min(duplicates)}'; leave one of them out")
        measures |= found
        estimates |= {
            name + suffix: estimate for name, estimate in compute_estimates(metric.plugin, evaluation).items()
        }
    return measures, estimates


def _report_epoch(event: str, fields: Json, update: ProgressCallback) -> None:
    if event == "epoch":
        update(fields["epoch"], f"epoch {fields['epoch']}, loss {fields['terms']['total']:.4g}")

"""Copies one run from its folder to MLflow.

MLflow's run is found by the run's key and the moment it began, so that being killed between creating it and saving
its id does no harm. Points carry the times of the run's own events, and of equal points MLflow keeps one.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..core.canonical import Json, canonical_json, fingerprint
from ..core.spec import (
    CHANGED_SETTINGS,
    MatrixEntry,
    PluginSpec,
    collect_changed_settings,
    disambiguating_suffix,
)
from ..storage.locks import make_lock
from ..storage.metric_file import read_metric_file
from ..storage.plain_files import check_plain_file, check_still_there, is_there, list_plain_folder
from ..storage.run_folder import RunFolder, read_events
from .images import FOLDER, SHOWN, make_grid_images
from .method_runs import MethodRuns
from .model import format_mlmodel
from .names import (
    ENTRY_FILE,
    NAME_TAG,
    RUN_COLOUR,
    RUN_KEY,
    format_method_key,
    format_parameters,
    format_tags,
    to_mlflow_name,
)
from .store import LOCK_SECONDS, MlflowExperiment, to_milliseconds
from .sync_state import SyncState, file_stamp

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, RunTag

MAX_POINTS = 900
"""Points in one call; MLflow takes 1,000."""
MAX_PARAMETERS = 100
"""Parameters in one call, as many as MLflow takes."""
TAGS, PARENT = "tags", "parent"
PARENT_TAG = "mlflow.parentRunId"
STATUS = {"done": "FINISHED", "diverged": "FAILED", "failed": "FAILED"}

T = TypeVar("T")
SyncItem = tuple[str, str, Callable[[], None]]
"""Something to send once: its name, a stamp that changes with it, and the function that sends it."""


@dataclass
class RunSync:
    """A run's folder, the experiment it is copied to, and the methods there."""

    target: MlflowExperiment
    methods: MethodRuns
    folder: RunFolder
    entry: MatrixEntry
    models: bool = True
    batch_size: int = MAX_POINTS
    present: Collection[str] | None = None
    """The ids of all runs that MLflow has; None where the state in the folder is believed."""
    state: SyncState = field(init=False)

    def send_updates(self) -> None:
        """Send what MLflow does not have. Raises what MLflow raises, and ResultsError for a damaged file."""
        with make_lock(self.folder.sync_lock, LOCK_SECONDS):
            self.state = self._read_state()
            if any(self._make_batches()) or self._list_unsent():
                self._find_or_create_run()
                self._send_curves()
                self._send_items()

    def _read_state(self) -> SyncState:
        """What MLflow has, without what it has no longer, as far as that was looked up."""
        state = SyncState.read(self.folder.sync_state, self.target.name)
        if self.present is None:
            return state
        if state.run_id not in self.present:
            return SyncState(self.target.name)
        has_parent = self._get_method_key() in self.methods.known
        return state if has_parent else replace(state, sent={k: v for k, v in state.sent.items() if k != PARENT})

    def _find_or_create_run(self) -> None:
        """Find or create MLflow's run, and start from nothing if it is not the one the state knows."""
        run_id = self._find_run()
        if not run_id:
            if self.state.run_id:  # of a training that has started over since
                with suppress(Exception):  # it may be gone
                    self.target.client.set_terminated(self.state.run_id, "KILLED")
            tags, parent = self._make_tags(), self._get_method_key()
            sent = {TAGS: fingerprint(tags), PARENT: parent}
            self.state = SyncState(self.target.name, self._create_run(tags), sent=sent)
        elif run_id != self.state.run_id:
            self.state = SyncState(self.target.name, run_id)

    def _find_run(self) -> str | None:
        where = f"tags.`{RUN_KEY}` = '{self.entry.run.key}' and attributes.start_time = {self._get_start_time()}"
        runs = self.target.client.search_runs([self.target.experiment], where, max_results=1)
        if not runs:
            return None
        self.target.check_location(runs[0])
        return runs[0].info.run_id

    def _create_run(self, tags: dict[str, str]) -> str:
        began = self._get_start_time()
        tags = {**tags, PARENT_TAG: self._find_parent()}
        run = self.target.client.create_run(self.target.experiment, began, tags, tags[NAME_TAG])
        self.target.check_location(run)
        return run.info.run_id

    def _find_parent(self) -> str:
        return self.methods.find_or_create(self.entry, self._get_start_time()).info.run_id

    def _get_method_key(self) -> str:
        return format_method_key(self.entry.run, self.entry.label)

    def _get_start_time(self) -> int:
        """When the run began for the first time, or started over, in milliseconds since the epoch."""
        lines = (line for line, _ in read_events(self.folder.events))
        first = next(lines)
        return to_milliseconds([first, *(line for line in lines if line["event"] == "restarted")][-1]["time"])

    def _make_tags(self) -> dict[str, str]:
        appearance = self.methods.appearance
        return {
            **format_tags(self.entry.run, self.entry.label, self.folder.benchmark.name, self.folder.read_record()),
            NAME_TAG: appearance.name_run(self.entry),
            RUN_COLOUR: appearance.colours.get(self.entry.label, ""),
            **({SHOWN: "True"} if self._list_pictures() else {}),
        }

    def _send_curves(self) -> None:
        for points, state in self._make_batches():
            self._log_batch(points)
            self.state = state
            state.write(self.folder.sync_state)

    def _make_batches(self) -> Iterator[tuple[list["Metric"], SyncState]]:
        """The points of the epochs not sent yet, each batch with the state after it."""
        points, state = list["Metric"](), self.state
        for line, offset in read_events(self.folder.events, state.offset):
            if line["event"] == "restarted":
                points, state = [], replace(state, epoch=0)
            # A resumed epoch repeats lines; the first of them counts, as in the run's own history.
            new = _make_points(line) if line["event"] == "epoch" and line["epoch"] > state.epoch else []
            if len(points) + len(new) > self.batch_size:
                yield points, state
                points = []
            points = points + new
            state = replace(
                state, offset=offset, epoch=max(state.epoch, line.get("epoch", 0)), time=line.get("time", state.time)
            )
        if state != self.state:
            yield points, state

    def _list_unsent(self) -> list[SyncItem]:
        return [item for item in self._list_items() if self.state.sent.get(item[0]) != item[1]]

    def _send_items(self) -> None:
        sent = dict(self.state.sent)
        try:
            for name, mark, send in self._list_unsent():
                check_still_there(self.folder.path)  # the store in a results folder would make that again
                send()
                sent[name] = mark
        finally:
            self.state = replace(self.state, sent=sent)
            self.state.write(self.folder.sync_state)

    def _list_items(self) -> Iterator[SyncItem]:
        """Everything but the curves; the status comes last, so that a run is only finished when all of it is there."""
        tags = self._make_tags()
        yield TAGS, fingerprint(tags), partial(self._log_tags, tags)
        yield PARENT, self._get_method_key(), self._log_parent
        yield ENTRY_FILE, fingerprint(self._describe_entry()), self._log_entry
        for path in filter(Path.exists, map(self.folder.metric_path, self.entry.metrics)):
            yield path.name, file_stamp(path), partial(self._log_file, path, "metrics")
        for path in filter(is_there, (self.folder.spec, self.folder.record)):
            yield path.name, file_stamp(path), partial(self._log_file, path, None)
        if pictures := self._list_pictures():
            stamps = [file_stamp(path) for path in pictures]
            yield "pictures", fingerprint(stamps), partial(self._log_pictures, pictures)
        record = self.folder.read_record()
        if data := record.get("data"):
            digest = fingerprint(data)
            yield "dataset", digest, partial(self._log_dataset, self.entry.run.dataset, digest)
        if self.models and "shape" in record and self.folder.weights.exists():
            yield "model", file_stamp(self.folder.weights), partial(self._log_model, record)
        settings = format_parameters(self.entry.run)
        measured = [metric for metric in self.entry.metrics if self.folder.metric_path(metric).exists()]
        stamps = [file_stamp(self.folder.metric_path(metric)) for metric in measured]
        yield "values", fingerprint([settings, stamps]), partial(self._log_values, settings, measured)
        end = to_milliseconds(self.state.time) if record else None
        yield "state", fingerprint([record.get("status"), end]), partial(self._log_state, record.get("status"), end)

    def _list_pictures(self) -> list[Path]:
        return list_plain_folder(self.folder.pictures, "*.png")

    def _log_parent(self) -> None:
        self._log_tags({PARENT_TAG: self._find_parent()})

    def _log_pictures(self, pictures: Sequence[Path]) -> None:
        """Send the folder, and copies for the image grid, in two calls: MLflow takes a while for each."""
        for path in list_plain_folder(self.folder.pictures):
            check_plain_file(path)
        self.target.client.log_artifacts(self.state.run_id, str(self.folder.pictures), "pictures")
        with make_grid_images(pictures) as images:
            self.target.client.log_artifacts(self.state.run_id, str(images), FOLDER)

    def _log_model(self, record: Json) -> None:
        created = datetime.fromtimestamp(self.state.time, UTC).isoformat()
        self.target.client.log_text(
            self.state.run_id, format_mlmodel(self.state.run_id, record, created), "model/MLmodel"
        )
        for path in (self.folder.record, self.folder.weights):
            self._log_file(path, "model")

    def _log_file(self, path: Path, below: str | None) -> None:
        check_plain_file(path)
        self.target.client.log_artifact(self.state.run_id, str(path), below)

    def _log_dataset(self, dataset: PluginSpec, digest: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        made = Dataset(dataset.title, digest, "code", canonical_json({"tags": dataset.as_json()}))
        tags = [InputTag("mlflow.data.context", "training")]
        self.target.client.log_inputs(self.state.run_id, [DatasetInput(made, tags)])

    def _log_entry(self) -> None:
        """What a reader of MLflow cannot know otherwise: which of the metrics there are wanted, what a run repeats."""
        self.target.client.log_dict(self.state.run_id, self._describe_entry(), ENTRY_FILE)

    def _describe_entry(self) -> Json:
        return {**self.entry.as_json(), CHANGED_SETTINGS: collect_changed_settings(self.entry.metrics)}

    def _log_values(self, settings: Mapping[str, str], metrics: Sequence[PluginSpec]) -> None:
        """Settings and measures in one call, which takes MLflow as long as a single value does, or in a few."""
        from mlflow.entities import Param

        points = [point for metric in metrics for point in self._make_measure_points(metric)]
        params = [Param(name, value) for name, value in settings.items()]
        pieces = _split_list(points, self.batch_size), _split_list(params, MAX_PARAMETERS)
        for points, params in zip_longest(*pieces, fillvalue=()):
            self._log_batch(points, params)

    def _make_measure_points(self, metric: PluginSpec) -> list["Metric"]:
        from mlflow.entities import Metric

        path = self.folder.metric_path(metric)
        measured = read_metric_file(path, disambiguating_suffix(metric, self.entry.metrics)).rows[""]
        when = to_milliseconds(path.stat().st_mtime)
        # Of what has no step but 0 MLflow draws bars.
        return [Metric(to_mlflow_name(name), estimate.value, when, 0) for name, estimate in measured.items()]

    def _log_tags(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self._log_batch(tags=[RunTag(name, value) for name, value in tags.items()])

    def _log_state(self, status: str | None, end: int | None) -> None:
        if status:
            self.target.client.set_terminated(self.state.run_id, STATUS[status], end)
        else:
            self.target.client.update_run(self.state.run_id, "RUNNING")

    def _log_batch(
        self, metrics: Sequence["Metric"] = (), params: Sequence["Param"] = (), tags: Sequence["RunTag"] = ()
    ) -> None:
        self.target.client.log_batch(self.state.run_id, metrics, params, tags, synchronous=True)


def _split_list(values: list[T], size: int) -> Iterator[list[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _make_points(line: Json) -> list["Metric"]:
    """The terms of one epoch's loss, as `train/<term>`; a term that is not finite is null in the file and left out."""
    from mlflow.entities import Metric

    terms = {name: value for name, value in line["terms"].items() if value is not None}
    return [
        Metric(to_mlflow_name(f"train/{n}"), v, to_milliseconds(line["time"]), line["epoch"]) for n, v in terms.items()
    ]

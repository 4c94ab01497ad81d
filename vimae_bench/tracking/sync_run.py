"""One run brought to MLflow from its folder.

MLflow's run is found by the run's key and the moment it began, so that being cut off between making it and noting that
does no harm. Points carry the times of the run's own events, and of equal points MLflow keeps one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ..core.canonical import Json, canonical_json, fingerprint
from ..core.spec import MatrixEntry, PluginSpec
from ..storage.atomic import read_json
from ..storage.metric_file import disambiguating_suffix, read_metric_file
from ..storage.run_folder import RunFolder, read_events
from .images import FOLDER, SHOWN, make_grid_images
from .model import format_mlmodel
from .names import CELL, RUN_KEY, parameters, tags, title, to_mlflow_name
from .store import LOCK_SECONDS, MlflowExperiment
from .sync_state import SyncState, file_stamp

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, RunTag

BATCH = 900
"""Points in one call; MLflow takes 1,000."""
PARAMETERS = 100
"""Parameters in one call, as many as MLflow takes."""
STATUS = {"done": "FINISHED", "diverged": "FAILED", "failed": "FAILED"}

Part = tuple[str, str, Callable[[], None]]
"""A thing to be sent once: its name, a mark that changes with it, and what sends it."""


@dataclass
class RunSync:
    """A run's folder and the experiment it is mirrored to."""

    target: MlflowExperiment
    folder: RunFolder
    entry: MatrixEntry
    models: bool = True
    cursor: SyncState = field(init=False)

    def update(self) -> None:
        """Send what MLflow does not have. Raises what MLflow raises, and ResultsError for a damaged file."""
        with FileLock(self.folder.path / ".mlflow.lock", timeout=LOCK_SECONDS):
            self.cursor = SyncState.read(self._kept, self.target.name)
            if any(self._batches()) or self._pending():
                self._attach()
                self._send_curves()
                self._send_parts()

    @property
    def _kept(self) -> Path:
        return self.folder.sync_state

    def _attach(self) -> None:
        """Find or create MLflow's run, and start from nothing if it is not the one the cursor knows."""
        run_id = self._find() or self._create()
        if run_id != self.cursor.run_id:
            self.cursor = SyncState(self.target.name, run_id)

    def _find(self) -> str | None:
        where = f"tags.`{RUN_KEY}` = '{self.entry.run.key}' and attributes.start_time = {self._began()}"
        found = self.target.client.search_runs([self.target.experiment], where, max_results=1)
        return found[0].info.run_id if found else None

    def _create(self) -> str:
        name = title(self.entry.run, self.entry.label)
        made = self.target.client.create_run(self.target.experiment, self._began(), self._tags(), name)
        return made.info.run_id

    def _began(self) -> int:
        """When the run began for the first time, in milliseconds of the epoch."""
        first, _ = next(read_events(self.folder.events))
        return milliseconds(first["time"])

    def _tags(self) -> dict[str, str]:
        ours = tags(self.entry.run, self.entry.label, self.folder.benchmark.name, self._record())
        return ours | ({SHOWN: "True"} if self._drawn() else {})

    def _record(self) -> Json:
        return read_json(self.folder.record) if self.folder.record.exists() else {}

    def _send_curves(self) -> None:
        for points, cursor in self._batches():
            self._log(points)
            self.cursor = cursor
            cursor.write(self._kept)

    def _batches(self) -> Iterator[tuple[list["Metric"], SyncState]]:
        """The points of the epochs not sent yet, each batch with the cursor behind it."""
        points, cursor = list["Metric"](), self.cursor
        for line, offset in read_events(self.folder.events, cursor.offset):
            # A resumed epoch repeats lines; the first of them counts, as in the run's own history.
            new = _points(line) if line["event"] == "epoch" and line["epoch"] > cursor.epoch else []
            if len(points) + len(new) > BATCH:
                yield points, cursor
                points = []
            points = points + new
            cursor = replace(
                cursor, offset=offset, epoch=max(cursor.epoch, line.get("epoch", 0)), time=line.get("time", cursor.time)
            )
        if cursor != self.cursor:
            yield points, cursor

    def _pending(self) -> list[Part]:
        return [part for part in self._parts() if self.cursor.sent.get(part[0]) != part[1]]

    def _send_parts(self) -> None:
        sent = dict(self.cursor.sent)
        try:
            for name, mark, send in self._pending():
                send()
                sent[name] = mark
        finally:
            self.cursor = replace(self.cursor, sent=sent)
            self.cursor.write(self._kept)

    def _parts(self) -> Iterator[Part]:
        """All there is besides curves; the state comes last, so that a run is only finished when it is all there."""
        settings = parameters(self.entry.run)
        yield "parameters", fingerprint(settings), partial(self._log_parameters, settings)
        yield CELL, fingerprint(self.entry.as_json()), self._log_cell
        for path in filter(Path.exists, map(self.folder.metric, self.entry.metrics)):
            yield path.name, file_stamp(path), partial(self._log_file, path, "metrics")
        for path in self._artefacts():
            yield path.name, file_stamp(path), partial(self._log_artefact, path)
        for path in self._drawn():
            yield f"image {path.name}", file_stamp(path), partial(self._log_image, path)
        record = self._record()
        if data := record.get("data"):
            digest = fingerprint(data)
            yield "dataset", digest, partial(self._log_dataset, self.entry.run.dataset, digest)
        if self.models and "shape" in record and self.folder.weights.exists():
            yield "model", file_stamp(self.folder.weights), partial(self._log_model, record)
        measured = [metric for metric in self.entry.metrics if self.folder.metric(metric).exists()]
        if measured:
            stamps = [file_stamp(self.folder.metric(metric)) for metric in measured]
            yield "measures", fingerprint(stamps), partial(self._log_measures, measured)
        state = self._tags()
        end = milliseconds(self.cursor.time) if record else None
        yield "state", fingerprint([state, end]), partial(self._log_state, state, record.get("status"), end)

    def _artefacts(self) -> list[Path]:
        return [path for path in (self.folder.spec, self.folder.record, *self._drawn()) if path.exists()]

    def _drawn(self) -> list[Path]:
        return sorted(self.folder.pictures.glob("*.png"))

    def _log_artefact(self, path: Path) -> None:
        below = "pictures" if path.parent == self.folder.pictures else None
        self._log_file(path, below)

    def _log_image(self, path: Path) -> None:
        with make_grid_images(path) as pictures:
            for picture in pictures:
                self._log_file(picture, FOLDER)

    def _log_model(self, record: Json) -> None:
        created = datetime.fromtimestamp(self.cursor.time, UTC).isoformat()
        self.target.client.log_text(
            self.cursor.run_id, format_mlmodel(self.cursor.run_id, record, created), "model/MLmodel"
        )
        for path in (self.folder.record, self.folder.weights):
            self._log_file(path, "model")

    def _log_file(self, path: Path, below: str | None) -> None:
        self.target.client.log_artifact(self.cursor.run_id, str(path), below)

    def _log_dataset(self, dataset: PluginSpec, digest: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        made = Dataset(dataset.name, digest, "code", canonical_json({"tags": dataset.as_json()}))
        tags = [InputTag("mlflow.data.context", "training")]
        self.target.client.log_inputs(self.cursor.run_id, [DatasetInput(made, tags)])

    def _log_parameters(self, settings: Mapping[str, str]) -> None:
        from mlflow.entities import Param

        params = [Param(name, value) for name, value in settings.items()]
        for start in range(0, len(params), PARAMETERS):
            self._log(params=params[start : start + PARAMETERS])

    def _log_cell(self) -> None:
        """What a reader of MLflow cannot know otherwise: which of the metrics there are wanted, what a run repeats."""
        self.target.client.log_dict(self.cursor.run_id, self.entry.as_json(), CELL)

    def _log_measures(self, metrics: Sequence[PluginSpec]) -> None:
        """All in one call, which takes MLflow as long as a single value does."""
        points = [point for metric in metrics for point in self._measures(metric)]
        for start in range(0, len(points), BATCH):
            self._log(points[start : start + BATCH])

    def _measures(self, metric: PluginSpec) -> list["Metric"]:
        from mlflow.entities import Metric

        path = self.folder.metric(metric)
        measured = read_metric_file(path, disambiguating_suffix(metric, self.entry.metrics)).rows[""]
        values = {name: estimate.value for name, estimate in measured.items()}
        errors = {f"within_model_se/{name}": e.se for name, e in measured.items() if e.se is not None}
        when = milliseconds(path.stat().st_mtime)
        # Of what has no step but 0 MLflow draws bars; what stands before a slash is a section of its charts.
        return [Metric(to_mlflow_name(name), value, when, 0) for name, value in (values | errors).items()]

    def _log_state(self, state: Mapping[str, str], status: str | None, end: int | None) -> None:
        from mlflow.entities import RunTag

        self._log(tags=[RunTag(name, value) for name, value in state.items()])
        if status:
            self.target.client.set_terminated(self.cursor.run_id, STATUS[status], end)
        else:
            self.target.client.update_run(self.cursor.run_id, "RUNNING")

    def _log(
        self, metrics: Sequence["Metric"] = (), params: Sequence["Param"] = (), tags: Sequence["RunTag"] = ()
    ) -> None:
        self.target.client.log_batch(self.cursor.run_id, metrics, params, tags, synchronous=True)


def milliseconds(seconds: float) -> int:
    """MLflow counts in whole milliseconds."""
    return round(seconds * 1000)


def _points(line: Json) -> list["Metric"]:
    """The terms of one epoch's loss, as `train/<term>`; a term that is not finite is null in the file and left out."""
    from mlflow.entities import Metric

    terms = {name: value for name, value in line["terms"].items() if value is not None}
    return [
        Metric(to_mlflow_name(f"train/{n}"), v, milliseconds(line["time"]), line["epoch"]) for n, v in terms.items()
    ]

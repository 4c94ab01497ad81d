"""What MLflow gets of a benchmark as a whole: means and decisions for each method, views, the report."""

import time
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import TYPE_CHECKING

from ..analysis.footnotes import format_count
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from ..analysis.load import BenchmarkResults
from ..analysis.measure_texts import describe_unit
from ..analysis.statements import describe_state
from ..storage.plain_files import check_plain_file, is_there
from ..storage.run_folder import RunFolder
from ..storage.store import REPORT_FILE
from .appearance import Appearance
from .description import format_description
from .generated_text import NOTE, update_generated_tag
from .method_runs import MethodRuns
from .names import KIND, NAME_TAG, REPORT, TABLE, format_method_key, to_mlflow_name
from .store import MlflowExperiment, list_runs, to_milliseconds
from .sync_state import file_stamp
from .view_path import PICTURE_VIEW
from .views import VIEW_TAG, describe_direction, format_picture_view, format_table_tag, format_view, name_views

if TYPE_CHECKING:
    from mlflow.entities import Run

REPORT_STAMP = "vb.report"
"""The stamp of the report that the run has."""
DIGITS = 4
"""Significant digits of a mean: MLflow shows all there are."""


def write_summary(target: MlflowExperiment, found: BenchmarkResults, appearance: Appearance) -> None:
    """Send what has changed since the last time. Raises what MLflow raises, and ResultsError for damaged results."""
    methods, current = MethodRuns(target, appearance), set[str]()
    runs = dict(methods.load())
    for board in found.leaderboards:
        for row in board.rows:
            entry = next(iter(row.run_results.values())).entry
            current.add(key := format_method_key(entry.run, entry.label))
            if key in runs:
                _update_method(target, runs[key], board, row, appearance.name_method(entry, row.exception))
    for key in runs.keys() - current:
        _retire_method(target, runs[key])
    report = _send_report(target)
    experiment = target.client.get_experiment(target.experiment)
    for (key, name), board in zip(name_views(found.leaderboards).items(), found.leaderboards, strict=True):
        view = format_view(name, board, experiment.creation_time or 0)
        _update_experiment(target, experiment.tags, f"{VIEW_TAG}{key}", view)
    pictures = format_picture_view(min(entry.seed for entry in found.entries), experiment.creation_time or 0)
    _update_experiment(target, experiment.tags, f"{VIEW_TAG}{PICTURE_VIEW}", pictures)
    _update_experiment(target, experiment.tags, NOTE, format_description(found, target.experiment, report))


def _update_experiment(target: MlflowExperiment, tags: Mapping[str, str], name: str, text: str) -> None:
    for tag, value in update_generated_tag(tags, name, text).items():
        target.client.set_experiment_tag(target.experiment, tag, value)


def _update_method(target: MlflowExperiment, run: "Run", board: Leaderboard, row: LeaderboardRow, name: str) -> None:
    """Give a method's run the means of its measures, and what is decided on it."""
    means = {to_mlflow_name(measure): float(f"{s.mean:.{DIGITS}g}") for measure, s in row.summaries.items()}
    _update_run(
        target,
        run,
        {NAME_TAG: name, TABLE: format_table_tag(board)}
        | update_generated_tag(run.data.tags, NOTE, "\n".join(_describe_method(board, row))),
        {measure: mean for measure, mean in means.items() if isfinite(mean)},
    )
    status = _choose_status(row)
    if status != run.info.status:
        if status == "RUNNING":
            target.client.update_run(run.info.run_id, status)
        else:
            target.client.set_terminated(run.info.run_id, status, _find_end(row))


def _update_run(
    target: MlflowExperiment, run: "Run", tags: Mapping[str, str], metrics: Mapping[str, float] | None = None
) -> None:
    """Set the tags and metrics that a run does not have, in one call; none if it has all."""
    from mlflow.entities import Metric, RunTag

    now = to_milliseconds(time.time())
    new_tags = [RunTag(key, value) for key, value in tags.items() if run.data.tags.get(key) != value]
    points = [Metric(key, v, now, 0) for key, v in (metrics or {}).items() if run.data.metrics.get(key) != v]
    if new_tags or points:
        target.client.log_batch(run.info.run_id, points, (), new_tags, synchronous=True)


def _retire_method(target: MlflowExperiment, run: "Run") -> None:
    """A method that the benchmark has no longer, or with other settings, is in no table."""
    name = f"{run.data.tags.get('vb.method', '')} (earlier settings)"
    _update_run(target, run, {TABLE: "", NAME_TAG: name})


def _choose_status(row: LeaderboardRow) -> str:
    if row.count_seeds("missing"):
        return "RUNNING"
    return "FINISHED" if row.is_complete else "FAILED"


def _find_end(row: LeaderboardRow) -> int | None:
    """When the last of its runs ended."""
    records = [RunFolder(result.folder).record for result in row.run_results.values()]
    return max((to_milliseconds(path.stat().st_mtime) for path in records if path.exists()), default=None)


def _describe_method(board: Leaderboard, row: LeaderboardRow) -> Iterator[str]:
    """A description in Markdown: what is decided on a method under each measure that is shown."""
    yield f"Means over {format_count(len(row.run_results), 'seed')}, whose runs are children of this one."
    yield ""
    for name in board.columns:
        if name in row.summaries:
            decision, measure, summary = board.decisions.get(name), board.measures[name], row.summaries[name]
            said = f": {describe_state(decision, row.label)}" if decision and row.label in decision.methods else ""
            yield (
                f"- **{describe_direction(measure)}** {_format_mean(summary)} {describe_unit(measure)}".rstrip() + said
            )
    yield ""
    yield "±: half the width of the 95 % interval of the mean."


def _format_mean(summary: MeasureSummary) -> str:
    width = summary.half_width
    return f"{summary.mean:.{DIGITS}g}" + (f" ± {width:.2g}" if width is not None else "")


def _send_report(target: MlflowExperiment) -> str:
    """Send the report, if there is one that MLflow does not have. Gives the id of the run that has it, or nothing."""
    path = target.benchmark / REPORT_FILE
    if not is_there(path):
        return ""
    check_plain_file(path)
    run = _find_or_create_report_run(target)
    if run.data.tags.get(REPORT_STAMP) != file_stamp(path):
        target.check_location(run)
        target.client.log_artifact(run.info.run_id, str(path))
        _update_run(target, run, {REPORT_STAMP: file_stamp(path)})
        target.client.set_terminated(run.info.run_id, "FINISHED")
    return run.info.run_id


def _find_or_create_report_run(target: MlflowExperiment) -> "Run":
    with target.lock():
        found = next(list_runs(target.client, target.experiment, f"tags.`{KIND}` = '{REPORT}'"), None)
        note = f"The report of all methods is its artifact {REPORT_FILE}."
        tags = {KIND: REPORT, NOTE: note}
        return found or target.client.create_run(target.experiment, tags=tags, run_name=REPORT)

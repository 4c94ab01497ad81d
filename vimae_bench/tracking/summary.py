"""What MLflow gets of a benchmark as a whole: means and decisions for each method, views, the report."""

import time
from collections.abc import Iterator, Mapping
from math import isfinite, nan
from statistics import fmean
from typing import TYPE_CHECKING

from ..analysis.footnotes import format_count
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from ..analysis.load import BenchmarkResults
from ..analysis.measure_texts import describe_unit
from ..analysis.statements import describe_state
from ..core.canonical import is_number
from ..storage.plain_files import check_plain_file, is_there
from ..storage.run_folder import RunFolder
from ..storage.store import REPORT_FILE
from .appearance import Appearance
from .description import format_description, format_report_link
from .generated_text import NOTE, update_generated_tag
from .method_files import ROW_FILE, TABLE_TAGS, MethodFiles, collect_method_files
from .method_runs import MethodRuns
from .names import ASIDE, KIND, NAME_TAG, NOT_COMPARABLE, REPORT, TABLE, format_method_key, to_mlflow_name
from .store import MlflowExperiment, list_runs, to_milliseconds
from .sync_state import file_stamp
from .view_path import PICTURE_VIEW
from .views import VIEW_TAG, describe_direction, format_picture_view, format_table_tag, format_view, name_views

if TYPE_CHECKING:
    from mlflow.entities import Run

REPORT_STAMP, FILES_STAMP = "vb.report", "vb.files"
"""The stamp of the report that the run has, and that of a method's artifacts."""
DIGITS = 4
"""Significant digits of a mean: MLflow shows all there are."""


def write_summary(target: MlflowExperiment, found: BenchmarkResults, appearance: Appearance) -> None:
    """Send what has changed since the last time. Raises what MLflow raises, and ResultsError for damaged results."""
    methods, current = MethodRuns(target, appearance), set[str]()
    runs = dict(methods.load())
    report = _send_report(target)
    link = format_report_link(target.experiment, report)
    for board in found.leaderboards:
        for row in board.rows:
            entry = next(iter(row.run_results.values())).entry
            current.add(key := format_method_key(entry.run, entry.label))
            if key in runs:
                name = appearance.name_method(entry, row.exception)
                _update_method(target, runs[key], board, row, name, link)
                _send_files(target, runs[key], collect_method_files(board, row))
    for key in runs.keys() - current:
        _retire_method(target, runs[key])
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


def _update_method(
    target: MlflowExperiment, run: "Run", board: Leaderboard, row: LeaderboardRow, name: str, link: str
) -> None:
    """Give a method's run the means of its measures, and what is decided on it."""
    means = {_name_mean(board, row, m): float(f"{s.mean:.{DIGITS}g}") for m, s in row.summaries.items()}
    means = {measure: mean for measure, mean in means.items() if isfinite(mean)}
    reason = _explain_not_comparable(board, row)
    # MLflow deletes no metric; one without a number is sorted below all others.
    gone = {measure: nan for measure, value in run.data.metrics.items() if measure not in means and isfinite(value)}
    _update_run(
        target,
        run,
        {NAME_TAG: name, TABLE: format_table_tag(board)}
        | ({NOT_COMPARABLE: reason} if reason or run.data.tags.get(NOT_COMPARABLE) else {})
        | update_generated_tag(run.data.tags, NOTE, "\n".join(_describe_method(board, row, link))),
        means | gone,
    )
    status = _choose_status(row)
    if status != run.info.status:
        if status == "RUNNING":
            target.client.update_run(run.info.run_id, status)
        else:
            target.client.set_terminated(run.info.run_id, status, _find_end(row))


def _name_mean(board: Leaderboard, row: LeaderboardRow, name: str) -> str:
    """What MLflow calls a mean: apart from those of others, if it is to be ranked and cannot be compared with them."""
    decision = board.decisions.get(name)
    is_lost = decision is not None and decision.get_state(row.label) == "not comparable"
    is_aside = board.measures[name].better and (is_lost or not row.is_comparable)
    return to_mlflow_name(f"{ASIDE}{name}" if is_aside else name)


def _explain_not_comparable(board: Leaderboard, row: LeaderboardRow) -> str:
    """Why a method is in no test; empty if it is in some, or has no decided measure."""
    methods = [one.methods[row.label] for one in board.decisions.values() if row.label in one.methods]
    return "" if any(method.state != "not comparable" for method in methods) else next((m.reason for m in methods), "")


def _send_files(target: MlflowExperiment, run: "Run", files: MethodFiles) -> None:
    """Send a method's row and pictures, in one call, if they have changed."""
    if run.data.tags.get(FILES_STAMP) == files.stamp:
        return
    target.check_location(run)
    with files.write() as folder:
        target.client.log_artifacts(run.info.run_id, str(folder))
    _update_run(target, run, {**TABLE_TAGS, FILES_STAMP: files.stamp})


def _update_run(
    target: MlflowExperiment, run: "Run", tags: Mapping[str, str], metrics: Mapping[str, float] | None = None
) -> None:
    """Set the tags and metrics that a run does not have, in one call; none if it has all."""
    from mlflow.entities import Metric, RunTag

    now = to_milliseconds(time.time())
    new_tags = [RunTag(key, value) for key, value in tags.items() if run.data.tags.get(key) != value]
    known = run.data.metrics
    points = [Metric(key, value, now, 0) for key, value in (metrics or {}).items() if known.get(key) != value]
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


def _describe_method(board: Leaderboard, row: LeaderboardRow, link: str) -> Iterator[str]:
    """A description in Markdown: what is decided on a method under each measure that is shown."""
    if reason := _explain_not_comparable(board, row):
        yield f"**Not comparable: {reason}.** Its metrics that others are ranked by begin with `{ASIDE}`."
        yield ""
    seeds = format_count(len(row.run_results), "seed")
    yield (
        f"Means over {seeds}, whose runs are children of this one. Its duration is that of all of them, from first to "
        f"last{_describe_training(row)}. Artifacts: `{ROW_FILE}`, with intervals and decisions, and pictures of one "
        f"seed. {link}".rstrip()
    )
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


def _describe_training(row: LeaderboardRow) -> str:
    times = [result.record.get("seconds") for result in row.run_results.values()]
    seconds = [float(one["training"]) for one in times if isinstance(one, dict) and is_number(one.get("training"))]
    return f"; one training took {fmean(seconds):.3g} s on average" if seconds else ""


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

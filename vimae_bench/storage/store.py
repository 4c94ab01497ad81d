"""A benchmark's results folder: what is still to be done of each run, and its results, as plain data.

    benchmark.json   the benchmark as it was run
    runs/            one folder for each run (run_folder.py)
    set-aside/       runs that were trained again, as they were before
    references/      baselines: what rows that need no training reach on the same data

A damaged file never hides its neighbours: it counts as missing, and a `reason` names it and the remedy.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from ..core.canonical import Json, check_type
from ..core.errors import ResultsError, shorten_text
from ..core.results import Estimate, Measure
from ..core.secrets import mask_secrets
from ..core.spec import (
    CHANGED_SETTINGS,
    LABELS,
    MatrixEntry,
    PluginSpec,
    Run,
    SpecReader,
    collect_changed_settings,
    collect_labels,
    disambiguating_suffix,
)
from .archive import ArchivePath
from .atomic import read_json, write_json
from .metric_file import describe_other_origin, find_older_version, parse_metric_text, read_metric_file
from .other_versions import OtherVersions
from .plain_files import (
    check_folder,
    check_in_place,
    is_there,
    list_misplaced_at_top,
    list_misplaced_in_run,
    read_plain_files,
)
from .run_folder import RunFolder, baseline_path, name_metric_file
from .verify import read_record, set_aside

RunState = Literal["new", "resume", "measure", "retrain", "done", "diverged", "failed"]
FINISHED_STATES: tuple[RunState, ...] = ("done", "diverged")
SCHEMA = 1
SET_ASIDE = "set-aside"
REPORT_FILE = "report.html"
"""What `run` calls the report in a results folder."""


@dataclass(frozen=True)
class RunResult:
    """The result of one entry: how its run ended, and an estimate for each measure that is defined for it."""

    entry: MatrixEntry
    folder: Path
    status: Literal["done", "diverged", "failed", "missing"]
    reason: str = ""
    record: Json = field(default_factory=dict[str, Any])
    measures: Mapping[str, Measure] = field(default_factory=dict[str, Measure])
    estimates: Mapping[str, Estimate] = field(default_factory=dict[str, Estimate])

    @cached_property
    def collapse_signs(self) -> Mapping[str, bool]:
        """Each sign of collapse that was looked at, such as `rate below 0.16 nats`, and whether it is there."""
        limits = {
            name: measure.collapse_below * (self.entry.run.latent if measure.is_per_latent else 1)
            for name, measure in self.measures.items()
            if measure.collapse_below is not None and name in self.estimates
        }
        return {
            f"{self.measures[name].label} below {limit:.2g} {self.measures[name].unit}".strip(): (
                self.estimates[name].value < limit
            )
            for name, limit in limits.items()
        }

    @property
    def collapsed(self) -> bool:
        """Whether the model ignores its data: more signs of a collapse are there than are not."""
        return 2 * sum(self.collapse_signs.values()) > len(self.collapse_signs)


@dataclass(frozen=True)
class Baselines:
    """Estimates of rows that need no training under one metric, by row label and measure."""

    dataset: PluginSpec
    latent: int
    measures: Mapping[str, Measure] = field(default_factory=dict[str, Measure])
    rows: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict[str, Mapping[str, Estimate]])
    reason: str = ""


@dataclass(frozen=True)
class SavedBenchmark:
    """A benchmark as it was run, read from its results; `leaderboard` has the fields of `LeaderboardConfig`."""

    name: str
    source: str
    leaderboard: Json
    entries: tuple[MatrixEntry, ...]
    file: str = ""
    """The path of its file, from the results folder; empty where that is not known."""


@dataclass(frozen=True)
class ResultsFolder:
    """The results folder of one benchmark, or the archive that takes its place.

    Nothing is created before something is written.
    """

    path: Path

    @property
    def name(self) -> str:
        """The benchmark's name: that of the folder, or of the archive that takes its place."""
        return self.folder.name

    @property
    def folder(self) -> Path:
        """The folder to write to, whether or not an archive takes its place."""
        return Path(self.path.with_suffix("")) if isinstance(self.path, ArchivePath) else self.path

    def run_folder(self, run: Run) -> RunFolder:
        """The folder of a run. Raises ResultsError for a name that leads out of the results folder."""
        name, runs = run.name, self.path / "runs"
        if not is_file_name(name):
            raise ResultsError(f"{runs}: a run's folder has to be a folder in here, not {shorten_text(name)}")
        return RunFolder(runs / name)

    def baseline_path(self, dataset: PluginSpec, latent: int, metric: PluginSpec) -> Path:
        """The file of the baselines of one metric. Raises ResultsError for a name that leads out of the folder."""
        path = baseline_path(self.path, dataset, latent, metric)
        if not is_file_name(path.name) or path.parent != self.path / "references":
            raise ResultsError(
                f"{self.path / 'references'}: baselines have to be in here, not {shorten_text(str(path))}"
            )
        return path

    def get_state(self, entry: MatrixEntry) -> RunState:
        """What is to be done of an entry.

        `new` and `resume` are to be trained, `measure` lacks the file of a wanted metric or the pictures of a model
        whose weights are there, `retrain` the file of a metric and the weights, `failed` is to be tried again, and so
        is a run whose record is damaged.
        """
        folder = self.run_folder(entry.run)
        if not is_there(folder.record):
            return "resume" if is_there(folder.spec) else "new"
        try:
            status: RunState = read_record(folder.record, entry.run)["status"]
        except ResultsError:
            return "failed"
        if status != "done":
            return status
        measured = all(folder.metric_path(metric).exists() for metric in entry.metrics)
        if not folder.weights.exists():
            return "done" if measured else "retrain"
        return "done" if measured and folder.pictures.exists() else "measure"

    def list_unmeasured(self, entry: MatrixEntry) -> list[tuple[PluginSpec, int | None]]:
        """The wanted metrics of an entry that have no file, each with the older version that has one."""
        folder = self.run_folder(entry.run)
        paths = [(metric, folder.metric_path(metric)) for metric in entry.metrics]
        older = [
            (metric, find_older_version(path, metric, entry.metrics)) for metric, path in paths if not path.exists()
        ]
        return [(metric, found[0] if found else None) for metric, found in older]

    def load_results(self, entries: Sequence[MatrixEntry]) -> list[RunResult]:
        """The result of each entry, in order. Raises ResultsError where two metrics share a measure's name."""
        others = self.list_other_versions()
        return [_note_other_version(self._load_result(entry), others) for entry in entries]

    def list_other_versions(self) -> OtherVersions:
        """The runs that are there, to be asked for those of other versions of plugins."""
        return OtherVersions(self.path / "runs")

    def load_baselines(self, entries: Sequence[MatrixEntry]) -> list[Baselines]:
        """The baselines of these entries, as far as they have been measured."""
        wanted = {(c.run.dataset.key, c.run.latent, m.key): (c, m) for c in entries for m in c.metrics}
        paths = [self._baseline_path_of(c.run, m) for c, m in wanted.values()]
        found = [(_find_file(p, m, c.metrics) or p, c, m) for p, (c, m) in zip(paths, wanted.values(), strict=True)]
        return [_load_baselines(path, entry, metric) for path, entry, metric in found if path.exists()]

    def set_aside_damaged(self, entries: Sequence[MatrixEntry]) -> list[Path]:
        """Rename damaged files of these entries to `<name>.corrupt`, to be made again; returns their old paths.

        Links and whatever else is not of the kind or size that belongs there are renamed too, and what they lead to is
        left alone. Raises ResultsError where the folders of all runs or of the baselines are links.
        """
        misplaced = self._set_aside_misplaced(entries)
        damaged = [
            path
            for path, read in dict(self._list_files(entries)).items()
            if is_there(path) and not _is_readable(path, read)
        ]
        set_aside(*damaged)
        self._set_aside_dependent(entries, set(damaged))
        return [*misplaced, *damaged]

    def set_aside_run(self, entry: MatrixEntry, is_wanted: Callable[[MatrixEntry], bool] | None = None) -> bool:
        """Move a run that is to be trained again out of the way; False if another process has done so, or is at it.

        Runs to `retrain` are, unless `is_wanted` says something else.
        """
        from filelock import Timeout

        folder, target = self.run_folder(entry.run).path, self.path / SET_ASIDE / entry.run.name
        try:
            with RunFolder(folder).claim():
                if not (is_wanted(entry) if is_wanted else self.get_state(entry) == "retrain"):
                    return False
                shutil.rmtree(target, ignore_errors=True)
                target.parent.mkdir(exist_ok=True)
                folder.rename(target)
        except Timeout:
            return False
        return True

    def write_benchmark(
        self, name: str, source: str, leaderboard: Mapping[str, Any], entries: Sequence[MatrixEntry], file: str = ""
    ) -> None:
        """Write benchmark.json, so that the folder can be read without the benchmark file."""
        rows = [entry.as_json() for entry in entries]
        head = {"schema": SCHEMA, "name": name, "source": source, "leaderboard": dict(leaderboard), "file": file}
        changed = collect_changed_settings(metric for entry in entries for metric in entry.metrics)
        labels = collect_labels(spec for entry in entries for spec in (entry.run.dataset, entry.run.architecture))
        write_json(self.path / "benchmark.json", {**head, CHANGED_SETTINGS: changed, LABELS: labels, "cells": rows})

    def read_benchmark(self) -> SavedBenchmark:
        """Read benchmark.json. Raises ResultsError if this is not a results folder or the file is damaged."""
        path = self.path / "benchmark.json"
        if not is_there(path):
            raise ResultsError(f"{self.path}: is not a results folder: it has no benchmark.json")
        raw = read_json(path)
        try:
            reader = SpecReader(raw.get(CHANGED_SETTINGS, {}), raw.get(LABELS, {}))  # older files do not have them
            entries = tuple(MatrixEntry.from_json(row, reader.read_spec) for row in raw["cells"])
            shown = dict(raw["leaderboard"])
            columns = shown.get("columns", ())
            for text in (raw["name"], raw["source"], shown.get("rank_by", ""), shown.get("provenance", ""), *columns):
                check_type("a name", text, str)
            for name, margin in dict(shown.get("margins", {})).items():
                check_type(f"the margin of {name}", margin, str if isinstance(margin, str) else float)
            check_type("file", file := raw.get("file", ""), str)
            # Files of earlier versions may have secrets in their source.
            return SavedBenchmark(raw["name"], mask_secrets(raw["source"]), shown, entries, file)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ResultsError(f"{path}: is not as `run` writes it ({error!r}); remove it and run again") from error

    def _load_result(self, entry: MatrixEntry) -> RunResult:
        folder = self.run_folder(entry.run)
        files = read_plain_files(folder.path, ("record.json", *map(name_metric_file, entry.metrics)))
        try:
            record = read_record(folder.record, entry.run, files.get("record.json"))
        except ResultsError as error:
            if is_there(folder.record):
                return RunResult(entry, folder.path, "failed", str(error))
            return RunResult(entry, folder.path, "missing", "not finished" if is_there(folder.spec) else "not started")
        # A run that failed when it was tried again may have metrics from before.
        wanted = entry.metrics if record["status"] == "done" else ()
        measures, estimates, damage = _read_metrics(folder, wanted, record, files)
        reason = "; ".join(filter(None, [record.get("reason"), *damage, *_list_unreadable(folder)]))
        return RunResult(entry, folder.path, record["status"], reason, record, measures, estimates)

    def _baseline_path_of(self, run: Run, metric: PluginSpec) -> Path:
        return self.baseline_path(run.dataset, run.latent, metric)

    def _set_aside_misplaced(self, entries: Sequence[MatrixEntry]) -> list[Path]:
        for name in ("runs", "references", SET_ASIDE):
            check_folder(self.path / name)
        folders = dict.fromkeys(self.run_folder(entry.run).path for entry in entries)
        links = [path for path in folders if os.path.lexists(path) and (path.is_symlink() or not path.is_dir())]
        set_aside(*links)
        found = [path for folder in folders for path, _ in list_misplaced_in_run(folder)]
        found += [path for path, _ in list_misplaced_at_top(self.path)]
        set_aside(*found)
        self._set_aside_dependent(entries, set(found))
        return [*links, *found]

    def _set_aside_dependent(self, entries: Sequence[MatrixEntry], found: Set[Path]) -> None:
        """What would say that nothing is to be made again: the record of such weights, the rest of such pictures."""
        for entry in entries if found else ():
            folder = self.run_folder(entry.run)
            if folder.weights in found:
                set_aside(folder.record)
            if folder.weights.exists() and any(path.parent == folder.pictures for path in found):
                set_aside(folder.pictures)
            if folder.spec in found:
                folder.write_spec(entry.run)

    def _list_files(self, entries: Sequence[MatrixEntry]) -> Iterator[tuple[Path, Callable[[Path], object]]]:
        for entry in entries:
            folder = self.run_folder(entry.run)
            yield folder.record, partial(read_record, run=entry.run)
            for metric in entry.metrics:
                yield folder.metric_path(metric), read_metric_file
                yield self._baseline_path_of(entry.run, metric), read_metric_file


def is_file_name(name: str) -> bool:
    """Whether a text can be the name of a file, and is not a path."""
    return name.isprintable() and "/" not in name and name not in ("", ".", "..") and len(name.encode()) <= 255


def _read_metrics(
    folder: RunFolder, metrics: Sequence[PluginSpec], record: Json, files: Mapping[str, bytes]
) -> tuple[dict[str, Measure], dict[str, Estimate], list[str]]:
    """The measures and estimates of a run's metrics, and what is wrong with their files.

    `files` are those that have been read, by their names.
    """
    measures, estimates, damage = dict[str, Measure](), dict[str, Estimate](), list[str]()
    for metric in metrics:
        name, suffix = name_metric_file(metric), disambiguating_suffix(metric, metrics)
        path = f"{folder.path}/{name}"
        try:
            found = parse_metric_text(files[name], suffix)
        except (AttributeError, KeyError, TypeError, ValueError):  # it may have to be looked at more closely
            chosen = _find_file(folder.path / name, metric, metrics)
            if chosen is None:
                continue
            path = str(chosen)
            try:
                found = read_metric_file(chosen, suffix)
            except ResultsError as error:
                damage.append(str(error))
                continue
        if other := describe_other_origin(found.made_from, record):
            damage.append(f"{path}: {other}; remove it and run again")
            continue
        if "" not in found.rows:
            damage.append(f"{path}: has no estimates of a run; remove it and run again")
            continue
        if twice := measures.keys() & found.measures.keys():
            raise ResultsError(f"{path}: another metric gives '{min(twice)}' too; leave one of the two out")
        measures.update(found.measures)
        estimates.update(found.rows[""])
    return measures, estimates, damage


def _find_file(path: Path, metric: PluginSpec, metrics: Sequence[PluginSpec]) -> Path | None:
    """The file of a metric, or where it is missing, that of an older version; None if there is neither."""
    if is_there(path):
        return path
    older = find_older_version(path, metric, metrics)
    return older[1] if older else None


def _list_unreadable(folder: RunFolder) -> Iterator[str]:
    """What is wrong with the rest of a run's folder, as far as it is seen without opening files."""
    for name in () if isinstance(folder.path, ArchivePath) else ("events.jsonl", "pictures"):
        try:
            check_in_place(f"{folder.path}/{name}")
        except ResultsError as error:
            yield str(error)


def _load_baselines(path: Path, entry: MatrixEntry, metric: PluginSpec) -> Baselines:
    try:
        found = read_metric_file(path, disambiguating_suffix(metric, entry.metrics))
    except ResultsError as error:
        return Baselines(entry.run.dataset, entry.run.latent, reason=str(error))
    return Baselines(entry.run.dataset, entry.run.latent, found.measures, found.rows)


def _is_readable(path: Path, read: Callable[[Path], object]) -> bool:
    try:
        read(path)
    except ResultsError:
        return False
    return True


def _note_other_version(result: RunResult, others: OtherVersions) -> RunResult:
    """The result; where the run was not started, with the other versions by which it is there."""
    if result.status != "missing" or not (versions := others.describe(result.entry.run)):
        return result
    return replace(result, reason=f"{result.reason}; there is one by {versions}")

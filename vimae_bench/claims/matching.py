"""Match results with the experiments of a paper: tables with setups, and labels with the paper's methods."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from ..analysis import footnotes as notes
from ..analysis.comparison import ResultsBySeed
from ..analysis.leaderboard import build_row, format_table_title, group_by_table, merge_measures, note_near_collapse
from ..analysis.leaderboard_data import LeaderboardRow
from ..core.errors import BenchError, suggest_similar
from ..core.results import Measure
from ..core.spec import PluginSpec, Run
from ..storage.store import RunResult
from .paper import METHOD_KEYS, Paper, PaperSetup

STATUS_ORDER = ("missing", "failed", "diverged", "done")
"""Statuses from the worst to the best: of two results of one run, the better is kept."""


@dataclass(frozen=True)
class ScaleDifference:
    """A setting in which runs differ from the published experiment."""

    name: str
    ours: Any
    published: Any

    @property
    def text(self) -> str:
        """Such as `width 64 (published: 1024)`."""
        if self.published is None:
            return self.name
        return f"{self.name} {_format_value(self.ours)} (published: {_format_value(self.published)})"


@dataclass(frozen=True)
class Evidence:
    """One table of results that belongs to a setup of a paper.

    `rows` are all methods of the table, as in a leaderboard, and `seeds` all its seeds. `labels` gives the label of the
    row of each of the paper's methods, `control_labels` that of its A/A control. `scale_differences` lists in what the
    runs differ from the published experiment; `notes` are warnings.
    """

    number: int
    setup: PaperSetup
    title: str
    seeds: tuple[int, ...]
    rows: Mapping[str, LeaderboardRow]
    labels: Mapping[str, str]
    control_labels: Mapping[str, str]
    measures: Mapping[str, Measure]
    scale_differences: tuple[ScaleDifference, ...]
    notes: tuple[str, ...]

    @property
    def methods(self) -> Mapping[str, ResultsBySeed]:
        """The results of the paper's methods by seed."""
        return {method: self.rows[label].run_results for method, label in self.labels.items()}

    @property
    def controls(self) -> Mapping[str, ResultsBySeed]:
        """The results of their A/A controls by the seed that they are paired with."""
        return {method: self.rows[label].run_results for method, label in self.control_labels.items()}

    @property
    def latent(self) -> int:
        """The number of latent dimensions."""
        return next(iter(next(iter(self.rows.values())).run_results.values())).entry.run.latent

    def has_several_definitions(self, measure: str) -> bool:
        """Whether the table has a measure from several versions of its metric, or defined in several ways."""
        runs = [result for row in self.rows.values() for result in row.run_results.values()]
        return len({run.measures[measure] for run in runs if measure in run.measures}) > 1

    def has_measure(self, measure: str) -> bool:
        """Whether any method has this measure."""
        return any(measure in self.rows[label].summaries for label in self.labels.values())


@dataclass(frozen=True)
class _LabelledRuns:
    """The results of one label in a table."""

    label: str
    objective: PluginSpec
    prior: PluginSpec
    control_of: str
    results: ResultsBySeed
    name: str
    """The label, with a number if several methods have it."""


def gather_evidence(
    paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str] | None = None
) -> tuple[list[Evidence], list[str]]:
    """The evidence for a paper, and sentences on results that belong to none of its setups.

    `chosen` gives the labels of methods that several labels match. Raises BenchError for an unknown method or label.
    """
    chosen = chosen or {}
    _check_chosen(paper, run_results, chosen)
    groups = list(group_by_table(_drop_duplicates(run_results)).values())
    runs = [group[0].entry.table_run for group in groups]
    found, unmatched = list[Evidence](), list[str]()
    for group in groups:
        title = format_table_title(group[0].entry.table_run, runs)
        setups = [setup for setup in paper.setup if _belongs_to(group[0].entry.run, setup)]
        for setup in setups:
            found.append(_make_evidence(len(found) + 1, paper, setup, title, group, chosen))
        if not setups:
            unmatched.append(f"{title}: belongs to no setup of the paper and is left out.")
    return found, unmatched


def _check_chosen(paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str]) -> None:
    labels = dict.fromkeys(result.entry.label for result in run_results)
    errors = [
        *(
            f"the paper has no method '{name}'{suggest_similar(name, paper.methods)}"
            for name in chosen.keys() - paper.methods
        ),
        *(f"no method here is called '{x}'{suggest_similar(x, labels)}" for x in chosen.values() if x not in labels),
    ]
    if errors:
        raise BenchError("\n".join(errors))


def _drop_duplicates(run_results: Sequence[RunResult]) -> list[RunResult]:
    """The best result of each run and label: several results folders may contain the same run."""
    kept: dict[tuple[str, str], RunResult] = {}
    for result in run_results:
        before = kept.setdefault((result.entry.label, result.entry.run.key), result)
        if (STATUS_ORDER.index(result.status), len(result.estimates)) > (
            STATUS_ORDER.index(before.status),
            len(before.estimates),
        ):
            kept[result.entry.label, result.entry.run.key] = result
    return list(kept.values())


def _belongs_to(run: Run, setup: PaperSetup) -> bool:
    return _find_dataset(run.dataset, setup) is not None and setup.latent in (None, run.latent)


def _find_dataset(dataset: PluginSpec, setup: PaperSetup) -> str | None:
    """The name under which a setup lists a data set: its own, or the last part of a text setting such as a path."""
    texts = [value for value in dataset.settings.values() if isinstance(value, str)]
    names = [*(PurePath(text).name for text in texts), dataset.name]
    return next((name for name in names if name in setup.datasets), None)


def _make_evidence(
    number: int, paper: Paper, setup: PaperSetup, title: str, group: Sequence[RunResult], chosen: Mapping[str, str]
) -> Evidence:
    rows = _group_by_label(group)
    labels, controls, warnings = dict[str, str](), dict[str, str](), list[str]()
    for method in paper.methods:
        fitting = _find_candidates(rows, method, paper, chosen)
        if len(fitting) > 1:
            names = ", ".join(f"'{row.label}'" for row in fitting)
            name = paper.get_method_name(method)
            warnings.append(f"{name}: several labels match, so none is used ({names}); choose one with --method.")
        elif fitting:
            labels[method] = fitting[0].name
            repeated = [row.name for row in rows if row.control_of == fitting[0].label]
            controls.update({method: repeated[0]} if repeated else {})
    seeds = tuple(sorted({result.entry.seed for result in group}))
    built = note_near_collapse([build_row(row.name, row.results, seeds) for row in rows], merge_measures(group))
    by_label = {row.label: row for row in built}
    named = [replace(by_label[label], label=paper.get_method_name(method)) for method, label in labels.items()]
    used = [by_label[label] for label in (*labels.values(), *controls.values())]
    results = [result for row in used for result in row.run_results.values()]
    warnings += [*notes.note_unfinished(named), *_note_collapsed(named), *notes.note_mixed(results)]
    differences = tuple(_find_scale_differences(paper, setup, group, {m: by_label[x] for m, x in labels.items()}))
    measures = merge_measures(results)
    return Evidence(number, setup, title, seeds, by_label, labels, controls, measures, differences, tuple(warnings))


def _note_collapsed(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Which methods collapsed or nearly did, by which signs."""
    for row in rows:
        signs = [sign for r in row.run_results.values() for sign, there in r.collapse_signs.items() if there]
        if row.collapsed_seeds:
            shown = ", ".join(dict.fromkeys(signs))
            seeds = notes.format_seeds(row.collapsed_seeds)
            yield f"† {row.label} ignores its data: it collapsed on {seeds} ({shown})."
        elif row.near_collapse:
            yield f"{row.label} is nearly collapsed ({row.near_collapse})."


def _group_by_label(group: Sequence[RunResult]) -> list[_LabelledRuns]:
    rows: dict[tuple[str, str, str], dict[int, RunResult]] = {}
    for result in group:
        run = result.entry.run
        rows.setdefault((result.entry.label, run.objective.key, run.prior.key), {})[result.entry.seed] = result
    firsts = {key: next(iter(by_seed.values())).entry for key, by_seed in rows.items()}
    names = dict[tuple[str, str, str], str]()
    for key, entry in firsts.items():
        earlier = sum(label == entry.label for label, _, _ in names)
        names[key] = f"{entry.label} ({earlier + 1})" if earlier else entry.label
    return [
        _LabelledRuns(
            *(entry.label, entry.run.objective, entry.run.prior, entry.control_of),
            dict(sorted(rows[key].items())),
            names[key],
        )
        for key, entry in firsts.items()
    ]


def _find_candidates(
    rows: Sequence[_LabelledRuns], method: str, paper: Paper, chosen: Mapping[str, str]
) -> list[_LabelledRuns]:
    """The rows that match a method: by its label if one was chosen or named, otherwise by its settings.

    Of several labels of one method only the first.
    """
    known = paper.methods[method]
    labels = [chosen[method]] if method in chosen else known.get("labels")
    if isinstance(labels, list):
        fitting = [row for row in rows if row.label in labels and not row.control_of]
    else:
        fitting = [row for row in rows if not row.control_of and matches_method(row.objective, row.prior, known)]
    return list({(row.objective.key, row.prior.key): row for row in reversed(fitting)}.values())[::-1]


def matches_method(objective: PluginSpec, prior: PluginSpec, known: Mapping[str, Any]) -> bool:
    """Whether an objective and a prior match a method of the paper, `<name>_above` and `<name>_below` being bounds."""
    if known.get("objective", objective.name) != objective.name or known.get("prior", prior.name) != prior.name:
        return False
    wanted = {key: value for key, value in known.items() if key not in METHOD_KEYS}
    return all(_setting_matches(objective.settings, key, value) for key, value in wanted.items())


def _setting_matches(settings: Mapping[str, Any], key: str, wanted: Any) -> bool:  # noqa: ANN401
    if key in settings:
        given = settings[key]
        return (given.get("use") if isinstance(given, Mapping) else given) == wanted
    name, _, bound = key.rpartition("_")
    given = settings.get(name)
    if not isinstance(given, int | float):
        return False
    return given > wanted if bound == "above" else given < wanted if bound == "below" else False


def _find_scale_differences(
    paper: Paper, setup: PaperSetup, group: Sequence[RunResult], methods: Mapping[str, LeaderboardRow]
) -> Iterator[ScaleDifference]:
    """In what the runs differ from the published experiment; a note on the data set has no published value."""
    run = group[0].entry.run
    if note := setup.datasets.get(_find_dataset(run.dataset, setup) or ""):
        yield ScaleDifference(note, None, None)
    plain = {**run.as_json(), "training": vars(run.training), "latent": run.latent}
    for path, published in (setup.published or {}).items():
        if (ours := _get_nested(plain, path)) != published:
            yield ScaleDifference(path.rpartition(".")[2], ours, published)
    for method, settings in (setup.methods or {}).items():
        if method in methods:
            objective = next(iter(methods[method].run_results.values())).entry.run.objective.settings
            for name, published in settings.items():
                if (ours := objective.get(name)) != published:
                    yield ScaleDifference(f"{name} of {paper.get_method_name(method)}", ours, published)


def _format_value(value: Any) -> str:  # noqa: ANN401
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _get_nested(table: Any, path: str) -> Any:  # noqa: ANN401
    for part in path.split("."):
        table = table.get(part) if isinstance(table, Mapping) else None
    return table

"""Runs matched with the experiments of a paper: which table of runs belongs to which setup, and which row is whose."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..analysis import footnotes as notes
from ..analysis.leaderboard import format_table_title, group_by_table
from ..analysis.leaderboard_data import LeaderboardRow
from ..core.errors import BenchError, suggest_similar
from ..core.spec import PluginSpec, Run
from ..storage.store import RunResult
from .paper import METHOD_KEYS, Paper, PaperSetup

ResultsBySeed = Mapping[int, RunResult]
"""The results of one method by seed."""

STATUS_ORDER = ("missing", "failed", "diverged", "done")
"""Which of two results of one run is kept, from the worst to the best."""


@dataclass(frozen=True)
class Evidence:
    """One table of results that belongs to a setup of a paper.

    `methods` and `controls` (A/A controls) hold the results by the paper's method id. `scale_differences` lists in what
    the runs differ from the published experiment; `notes` are warnings.
    """

    number: int
    setup: PaperSetup
    title: str
    methods: Mapping[str, ResultsBySeed]
    controls: Mapping[str, ResultsBySeed]
    scale_differences: tuple[str, ...]
    notes: tuple[str, ...]

    def has_measure(self, measure: str) -> bool:
        """Whether any method has this measure."""
        return any(measure in result.estimates for side in self.methods.values() for result in side.values())


@dataclass(frozen=True)
class _LabelledRuns:
    """A row of a table of runs: what runs of one label and one method came to."""

    label: str
    objective: PluginSpec
    prior: PluginSpec
    repeats: str
    results: ResultsBySeed


def gather_evidence(
    paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str] | None = None
) -> tuple[list[Evidence], list[str]]:
    """The evidence there is for a paper, and what of the results belongs to none of its setups.

    `chosen` gives the label that stands for a method where several rows could. Raises BenchError for a method or a
    label that is not there.
    """
    chosen = chosen or {}
    _check_chosen(paper, run_results, chosen)
    groups = list(group_by_table(_drop_duplicates(run_results)).values())
    runs = [group[0].entry.table_run for group in groups]
    found, alien = list[Evidence](), list[str]()
    for group in groups:
        name = format_table_title(group[0].entry.table_run, runs)
        setups = [setup for setup in paper.setup if _belongs_to(group[0].entry.run, setup)]
        for setup in setups:
            found.append(_make_evidence(len(found) + 1, paper, setup, name, group, chosen))
        if not setups:
            alien.append(f"{name}: belongs to no setup of the paper, and is left out.")
    return found, alien


def _check_chosen(paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str]) -> None:
    labels = dict.fromkeys(result.entry.label for result in run_results)
    wrong = [
        *(
            f"the paper has no method '{name}'{suggest_similar(name, paper.methods)}"
            for name in chosen.keys() - paper.methods
        ),
        *(f"no method here is called '{x}'{suggest_similar(x, labels)}" for x in chosen.values() if x not in labels),
    ]
    if wrong:
        raise BenchError("\n".join(wrong))


def _drop_duplicates(run_results: Sequence[RunResult]) -> list[RunResult]:
    """Each run of each label once, the best that came of it: several results folders may hold the same run."""
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
    return name_of(run.dataset) in setup.datasets and setup.latent in (None, run.latent)


def name_of(dataset: PluginSpec) -> str:
    """A data set's name; that of its folder where it is one's own `path`."""
    path = dataset.settings.get("path")
    return Path(path).name if isinstance(path, str) else dataset.name


def _make_evidence(
    number: int, paper: Paper, setup: PaperSetup, name: str, group: Sequence[RunResult], chosen: Mapping[str, str]
) -> Evidence:
    rows = _group_by_label(group)
    sides, controls, said = dict[str, ResultsBySeed](), dict[str, ResultsBySeed](), list[str]()
    for method in paper.methods:
        fitting = _find_candidates(rows, method, paper, chosen)
        if len(fitting) > 1:
            labels = ", ".join(f"'{row.label}'" for row in fitting)
            name = paper.get_method_name(method)
            said.append(f"{name}: {labels} could all be meant, and none is taken; say which by --method.")
        elif fitting:
            sides[method] = fitting[0].results
            found = [row.results for row in rows if row.repeats == fitting[0].label]
            controls.update({method: found[0]} if found else {})
    taken = [LeaderboardRow(paper.get_method_name(method), side, (), {}) for method, side in sides.items()]
    used = [result for side in (*sides.values(), *controls.values()) for result in side.values()]
    said += [*notes.note_unfinished(taken), *notes.note_collapsed(taken, ()), *notes.note_mixed(used)]
    return Evidence(
        number, setup, name, sides, controls, tuple(_describe_scale(paper, setup, group, sides)), tuple(said)
    )


def _group_by_label(group: Sequence[RunResult]) -> list[_LabelledRuns]:
    sides: dict[tuple[str, str, str], dict[int, RunResult]] = {}
    for result in group:
        run = result.entry.run
        sides.setdefault((result.entry.label, run.objective.key, run.prior.key), {})[result.entry.seed] = result
    firsts = {key: next(iter(side.values())).entry for key, side in sides.items()}
    return [
        _LabelledRuns(
            entry.label, entry.run.objective, entry.run.prior, entry.control_of, dict(sorted(sides[key].items()))
        )
        for key, entry in firsts.items()
    ]


def _find_candidates(
    rows: Sequence[_LabelledRuns], method: str, paper: Paper, chosen: Mapping[str, str]
) -> list[_LabelledRuns]:
    """The rows that could be a method: those of its label, where one was chosen or named, else those of its settings.

    Of rows that are one method under several labels, only the first.
    """
    known = paper.methods[method]
    labels = [chosen[method]] if method in chosen else known.get("labels")
    if isinstance(labels, list):
        fitting = [row for row in rows if row.label in labels and not row.repeats]
    else:
        fitting = [row for row in rows if not row.repeats and matches_method(row.objective, row.prior, known)]
    return list({(row.objective.key, row.prior.key): row for row in reversed(fitting)}.values())[::-1]


def matches_method(objective: PluginSpec, prior: PluginSpec, known: Mapping[str, Any]) -> bool:
    """Whether a method is the one that is `known` by these settings, `<name>_above` and `<name>_below` being bounds."""
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


def _describe_scale(
    paper: Paper, setup: PaperSetup, group: Sequence[RunResult], sides: Mapping[str, ResultsBySeed]
) -> Iterator[str]:
    """In what the runs differ from the published experiment."""
    run = group[0].entry.run
    if note := setup.datasets[name_of(run.dataset)]:
        yield note
    plain = {**run.as_json(), "training": vars(run.training), "latent": run.latent}
    for path, published in (setup.published or {}).items():
        yield from _format_difference(path.rpartition(".")[2], _get_nested(plain, path), published)
    for method, settings in (setup.methods or {}).items():
        if method in sides:
            objective = next(iter(sides[method].values())).entry.run.objective.settings
            for name, published in settings.items():
                yield from _format_difference(
                    f"{name} of {paper.get_method_name(method)}", objective.get(name), published
                )


def _format_difference(name: str, ours: Any, published: Any) -> Iterator[str]:  # noqa: ANN401
    if ours != published:
        yield f"{name} {_format_value(ours)} (published: {_format_value(published)})"


def _format_value(value: Any) -> str:  # noqa: ANN401
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _get_nested(table: Any, path: str) -> Any:  # noqa: ANN401
    for part in path.split("."):
        table = table.get(part) if isinstance(table, Mapping) else None
    return table

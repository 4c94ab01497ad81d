"""Runs matched with the experiments of a paper: which table of runs belongs to which setup, and which row is whose."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..analysis import footnotes as notes
from ..analysis.leaderboard import format_table_title, group_by_table
from ..analysis.leaderboard_data import LeaderboardRow
from ..core.errors import BenchError, did_you_mean
from ..core.spec import PluginSpec, Run
from ..storage.store import RunResult
from .paper import KNOWN_OF_METHODS, Paper, Setup

Side = Mapping[int, RunResult]
"""The results of one method by seed."""

QUALITY = ("missing", "failed", "diverged", "done")
"""Which of two results of one run is kept, from the worst to the best."""


@dataclass(frozen=True)
class Evidence:
    """One table of runs that belongs to a setup: its methods by their published ids, A/A controls likewise.

    `scale` says in what the runs differ from what was published, `notes` what must not be overlooked in them.
    """

    number: int
    setup: Setup
    title: str
    sides: Mapping[str, Side]
    controls: Mapping[str, Side]
    scale: tuple[str, ...]
    notes: tuple[str, ...]

    def measured(self, measure: str) -> bool:
        """Whether any method has this measure."""
        return any(measure in result.estimates for side in self.sides.values() for result in side.values())


@dataclass(frozen=True)
class _Kept:
    """A row of a table of runs: what runs of one label and one method came to."""

    label: str
    objective: PluginSpec
    prior: PluginSpec
    repeats: str
    side: Side


def gather(
    paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str] | None = None
) -> tuple[list[Evidence], list[str]]:
    """The evidence there is for a paper, and what of the results belongs to none of its setups.

    `chosen` gives the label that stands for a method where several rows could. Raises BenchError for a method or a
    label that is not there.
    """
    chosen = chosen or {}
    _expect_known(paper, run_results, chosen)
    groups = list(group_by_table(_once(run_results)).values())
    runs = [group[0].entry.table_run for group in groups]
    found, alien = list[Evidence](), list[str]()
    for group in groups:
        name = format_table_title(group[0].entry.table_run, runs)
        setups = [setup for setup in paper.setup if _belongs(group[0].entry.run, setup)]
        for setup in setups:
            found.append(_evidence(len(found) + 1, paper, setup, name, group, chosen))
        if not setups:
            alien.append(f"{name}: belongs to no setup of the paper, and is left out.")
    return found, alien


def _expect_known(paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str]) -> None:
    labels = dict.fromkeys(result.entry.label for result in run_results)
    wrong = [
        *(
            f"the paper has no method '{name}'{did_you_mean(name, paper.methods)}"
            for name in chosen.keys() - paper.methods
        ),
        *(f"no method here is called '{x}'{did_you_mean(x, labels)}" for x in chosen.values() if x not in labels),
    ]
    if wrong:
        raise BenchError("\n".join(wrong))


def _once(run_results: Sequence[RunResult]) -> list[RunResult]:
    """Each run of each label once, the best that came of it: several results folders may hold the same run."""
    kept: dict[tuple[str, str], RunResult] = {}
    for result in run_results:
        before = kept.setdefault((result.entry.label, result.entry.run.key), result)
        if (QUALITY.index(result.status), len(result.estimates)) > (
            QUALITY.index(before.status),
            len(before.estimates),
        ):
            kept[result.entry.label, result.entry.run.key] = result
    return list(kept.values())


def _belongs(run: Run, setup: Setup) -> bool:
    return name_of(run.dataset) in setup.datasets and setup.latent in (None, run.latent)


def name_of(dataset: PluginSpec) -> str:
    """A data set's name; that of its folder where it is one's own `path`."""
    path = dataset.settings.get("path")
    return Path(path).name if isinstance(path, str) else dataset.name


def _evidence(
    number: int, paper: Paper, setup: Setup, name: str, group: Sequence[RunResult], chosen: Mapping[str, str]
) -> Evidence:
    rows = _rows(group)
    sides, controls, said = dict[str, Side](), dict[str, Side](), list[str]()
    for method in paper.methods:
        fitting = _fitting(rows, method, paper, chosen)
        if len(fitting) > 1:
            labels = ", ".join(f"'{row.label}'" for row in fitting)
            said.append(f"{paper.name(method)}: {labels} could all be meant, and none is taken; say which by --method.")
        elif fitting:
            sides[method] = fitting[0].side
            found = [row.side for row in rows if row.repeats == fitting[0].label]
            controls.update({method: found[0]} if found else {})
    taken = [LeaderboardRow(paper.name(method), side, (), {}) for method, side in sides.items()]
    used = [result for side in (*sides.values(), *controls.values()) for result in side.values()]
    said += [*notes.unfinished(taken), *notes.collapsed(taken, ()), *notes.mixed(used)]
    return Evidence(number, setup, name, sides, controls, tuple(_scale(paper, setup, group, sides)), tuple(said))


def _rows(group: Sequence[RunResult]) -> list[_Kept]:
    sides: dict[tuple[str, str, str], dict[int, RunResult]] = {}
    for result in group:
        run = result.entry.run
        sides.setdefault((result.entry.label, run.objective.key, run.prior.key), {})[result.entry.seed] = result
    firsts = {key: next(iter(side.values())).entry for key, side in sides.items()}
    return [
        _Kept(entry.label, entry.run.objective, entry.run.prior, entry.control_of, dict(sorted(sides[key].items())))
        for key, entry in firsts.items()
    ]


def _fitting(rows: Sequence[_Kept], method: str, paper: Paper, chosen: Mapping[str, str]) -> list[_Kept]:
    """The rows that could be a method: those of its label, where one was chosen or named, else those of its settings.

    Of rows that are one method under several labels, only the first.
    """
    known = paper.methods[method]
    labels = [chosen[method]] if method in chosen else known.get("labels")
    if isinstance(labels, list):
        fitting = [row for row in rows if row.label in labels and not row.repeats]
    else:
        fitting = [row for row in rows if not row.repeats and fits(row.objective, row.prior, known)]
    return list({(row.objective.key, row.prior.key): row for row in reversed(fitting)}.values())[::-1]


def fits(objective: PluginSpec, prior: PluginSpec, known: Mapping[str, Any]) -> bool:
    """Whether a method is the one that is `known` by these settings, `<name>_above` and `<name>_below` being bounds."""
    if known.get("objective", objective.name) != objective.name or known.get("prior", prior.name) != prior.name:
        return False
    wanted = {key: value for key, value in known.items() if key not in KNOWN_OF_METHODS}
    return all(_agrees(objective.settings, key, value) for key, value in wanted.items())


def _agrees(settings: Mapping[str, Any], key: str, wanted: Any) -> bool:  # noqa: ANN401
    if key in settings:
        given = settings[key]
        return (given.get("use") if isinstance(given, Mapping) else given) == wanted
    name, _, bound = key.rpartition("_")
    given = settings.get(name)
    if not isinstance(given, int | float):
        return False
    return given > wanted if bound == "above" else given < wanted if bound == "below" else False


def _scale(paper: Paper, setup: Setup, group: Sequence[RunResult], sides: Mapping[str, Side]) -> Iterator[str]:
    """In what the runs differ from the published experiment."""
    run = group[0].entry.run
    if note := setup.datasets[name_of(run.dataset)]:
        yield note
    plain = {**run.as_json(), "training": vars(run.training), "latent": run.latent}
    for path, published in (setup.published or {}).items():
        yield from _differing(path.rpartition(".")[2], _at(plain, path), published)
    for method, settings in (setup.methods or {}).items():
        if method in sides:
            objective = next(iter(sides[method].values())).entry.run.objective.settings
            for name, published in settings.items():
                yield from _differing(f"{name} of {paper.name(method)}", objective.get(name), published)


def _differing(name: str, ours: Any, published: Any) -> Iterator[str]:  # noqa: ANN401
    if ours != published:
        yield f"{name} {_spelt(ours)} (published: {_spelt(published)})"


def _spelt(value: Any) -> str:  # noqa: ANN401
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _at(table: Any, path: str) -> Any:  # noqa: ANN401
    for part in path.split("."):
        table = table.get(part) if isinstance(table, Mapping) else None
    return table

"""Where the results of a page come from, and how to make them again."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...analysis.footnotes import format_count, format_seeds
from ...analysis.leaderboard_data import Leaderboard
from ...analysis.load import BenchmarkResults
from ...analysis.versions import find_version_outliers
from ...core.canonical import Json
from ...core.errors import ResultsError
from ...storage.store import RunResult
from ..table_format import clean_text

FACTS = {
    "vimae-bench": "vimae-bench",
    "torch": "torch",
    "python": "Python",
    "device": "device",
    "precision": "precision",
    "commit": "commit",
}
"""The keys of a record's `made_by` that are shown, with their names; distributions of plugins are shown too."""

COMMIT_LENGTH = 10
"""Digits shown of a commit hash."""


@dataclass(frozen=True)
class ProvenanceView:
    """One benchmark: its file as it was run, the command that runs it, and what its runs were made by."""

    name: str
    source: str
    command: str
    seeds: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def build_provenance(results: BenchmarkResults) -> ProvenanceView:
    """The provenance of a benchmark's results; `source` is empty if the results folder does not hold the file yet."""
    try:
        saved = results.store.read_benchmark()
        name, source = saved.name, saved.source
    except ResultsError:
        name, source = results.store.name, ""
    seeds = sorted({result.entry.run.seed for result in results.run_results})
    command = f"vimae-bench run {shlex.quote(f'{name}.toml')}"
    facts, notes = tuple(_list_facts(results.run_results)), tuple(_list_version_notes(results.leaderboards))
    return ProvenanceView(name, source, command, ", ".join(map(str, seeds)), facts, notes)


def _list_version_notes(boards: Sequence[Leaderboard]) -> Iterator[str]:
    """Which runs were made by other versions than most of their table, with a sentence for each table and reason."""
    for board in boards:
        labels_by_seeds: dict[tuple[str, tuple[int, ...]], list[str]] = {}
        stale = find_version_outliers([result for row in board.rows for result in row.run_results.values()])
        for row in board.rows:
            found: dict[str, list[int]] = {}
            for seed, result in row.run_results.items():
                if result.folder in stale:
                    found.setdefault(stale[result.folder], []).append(seed)
            for reason, seeds in found.items():
                labels_by_seeds.setdefault((reason, tuple(seeds)), []).append(row.label)
        for (reason, seeds), labels in labels_by_seeds.items():
            methods = "all methods" if len(labels) == len(board.rows) else ", ".join(map(clean_text, labels))
            yield f"{clean_text(board.title)}, {format_seeds(seeds)} of {methods}: {reason}."


def _list_facts(run_results: Sequence[RunResult]) -> Iterator[tuple[str, str]]:
    """Each fact with its values, and how many runs have each if there are several."""
    made_by: list[Json] = [result.record["made_by"] for result in run_results if result.record.get("made_by")]
    for key, name in FACTS.items():
        yield from _format_fact(name, [_shorten_value(key, facts[key]) for facts in made_by if facts.get(key)])
    distributions = dict.fromkeys(name for facts in made_by for name in facts.get("plugins") or {})
    for distribution in distributions:
        versions = [facts["plugins"][distribution] for facts in made_by if distribution in (facts.get("plugins") or {})]
        yield from _format_fact(f"plugins of {distribution}", list(map(str, versions)))


def _shorten_value(key: str, value: object) -> str:
    return str(value)[:COMMIT_LENGTH] if key == "commit" else str(value)


def _format_fact(name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    counts = Counter(values)
    if len(counts) == 1:
        yield name, values[0]
    elif counts:
        yield name, "; ".join(f"{value} ({format_count(n, 'run')})" for value, n in counts.most_common())

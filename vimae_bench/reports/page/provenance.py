"""By what the results of a page were made, and how they are made again."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...analysis.footnotes import format_count
from ...core.canonical import Json
from ...storage.store import RunResult

FACTS = {
    "vimae-bench": "vimae-bench",
    "torch": "torch",
    "python": "Python",
    "device": "device",
    "precision": "precision",
    "commit": "commit",
}
"""What of `made_by` is told, under which name; the distributions of plugins besides."""

COMMIT_LENGTH = 10
"""Digits of a commit."""


@dataclass(frozen=True)
class Provenance:
    """One results folder: the benchmark's file as it was run, its command, and what its runs were made by."""

    name: str
    source: str
    command: str
    seeds: str
    facts: tuple[tuple[str, str], ...]


def build_provenance(name: str, source: str, run_results: Sequence[RunResult]) -> Provenance:
    """What is to be told of a benchmark of this name, with the text of its file."""
    seeds = sorted({result.entry.run.seed for result in run_results})
    command = f"vimae-bench run {shlex.quote(f'{name}.toml')}"
    return Provenance(name, source, command, ", ".join(map(str, seeds)), tuple(_list_facts(run_results)))


def _list_facts(run_results: Sequence[RunResult]) -> Iterator[tuple[str, str]]:
    """Each fact with its values, and how many runs have each where there are several."""
    made: list[Json] = [result.record["made_by"] for result in run_results if result.record.get("made_by")]
    for key, name in FACTS.items():
        yield from _format_fact(name, [_shorten_value(key, told[key]) for told in made if told.get(key)])
    plugins = dict.fromkeys(name for told in made for name in told.get("plugins") or {})
    for plugin in plugins:
        found = [str(told["plugins"][plugin]) for told in made if plugin in (told.get("plugins") or {})]
        yield from _format_fact(f"plugins of {plugin}", found)


def _shorten_value(key: str, value: object) -> str:
    return str(value)[:COMMIT_LENGTH] if key == "commit" else str(value)


def _format_fact(name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    counts = Counter(values)
    if len(counts) == 1:
        yield name, values[0]
    elif counts:
        yield name, "; ".join(f"{value} ({format_count(n, 'run')})" for value, n in counts.most_common())

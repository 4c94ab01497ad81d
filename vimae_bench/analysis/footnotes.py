"""The sentences below a table: how to read it, and warnings."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..core.errors import suggest_similar
from ..core.results import OUTDATED, Measure
from ..plugin.source_digest import list_changed_packages
from ..storage.store import RunResult
from .decision import MIN_SEEDS, MIN_TESTED_SEEDS, MeasureDecision
from .leaderboard_data import LeaderboardRow
from .marks import NOT_COMPARABLE, QUALIFIED, UNUSUAL, explain_marks, list_marks
from .per_draw import per_draw_table
from .statements import join_names
from .statistics import ALPHA, confidence_interval
from .versions import find_metric

MAX_LISTED = 3
"""If there are more values than this, only their number is given."""
MIXED = "Runs come from"
"""How a note on differing origins of runs begins."""
ORIGINS = {"commit": "commits", "device": "devices", "precision": "precisions", "threads": "numbers of threads"}
"""What differing values of a field of `made_by` are called, other than versions of it."""
SOURCE_OF = "source of"
"""How the name of a digest of a plugin's source begins, among the fields of `made_by`."""
HARMLESS = ("sharing", "step")
"""Fields of `made_by` in which runs may differ without changing their results by more than rounding."""


def explain_leaderboard(seeds: Sequence[int], decisions: Sequence[MeasureDecision]) -> Iterator[str]:
    """How to read a leaderboard: intervals, states, families of tests."""
    n = len(seeds)
    yield from _explain_marks(decisions)
    if n < MIN_TESTED_SEEDS:
        yield (
            f"{format_count(n, 'seed')}: no intervals, tests or ranking; rows are in the order of the file. "
            "Tests need three seeds, a ranking five."
        )
        return
    covered = dict.fromkeys(decision.draws for decision in decisions)
    over = "over seeds only" if not any(covered) else "over seeds, and over draws where all runs share them"
    yield f"±: half the width of the 95 % interval of the mean of {n} seeds (Student's t, {over})."
    compared = [len(decision.pairs) for decision in decisions if decision.pairs]
    if compared:
        yield (
            "Pairs of methods are tested within each measure, Holm-adjusted over its "
            f"{format_count(max(compared), 'pair')}: if methods are equal, some difference is found in at most "
            f"{100 * ALPHA:g} % of cases{count_tested_measures(len(compared))}."
        )
    if n < MIN_SEEDS:
        yield (
            f"{n} seeds explore: differences are tested, but methods are not ranked, and rows are in the order of the "
            "file. A ranking needs five seeds."
        )


def _explain_marks(decisions: Sequence[MeasureDecision]) -> Iterator[str]:
    """One line on the marks of the table, and one each on what is not comparable and on unusual spread."""
    ranked = [decision for decision in decisions if decision.is_ranked]
    marks = {mark for decision in decisions for label in decision.methods for mark in list_marks(decision, label)}
    if texts := explain_marks(marks - {NOT_COMPARABLE, QUALIFIED, UNUSUAL}):
        yield f"{'; '.join(texts)}."
    if NOT_COMPARABLE in marks:
        yield f"{NOT_COMPARABLE} not comparable, in no test: collapsed, other data, or no value for some seed."
    unusual = {
        decision.measure.label: join_names([label for label, m in decision.methods.items() if m.has_unusual_spread])
        for decision in ranked
        if any(method.has_unusual_spread for method in decision.methods.values())
    }
    if unusual:
        where = ", ".join(f"{names} under {measure}" for measure, names in unusual.items())
        yield (
            f"{UNUSUAL} {where}: values spread over three times as much as usual, "
            "so false differences may be more frequent than stated."
        )


def count_tested_measures(measures: int) -> str:
    """What it means that a table tests several measures."""
    if measures == 1:
        return ""
    chance = 1 - (1 - ALPHA) ** measures
    return (
        f", and in up to {100 * chance:.0f} % under one of the {measures} measures tested here (each condition counts)"
    )


def note_hidden(shown: Sequence[LeaderboardRow], rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """How many methods are not shown, though they take part in all decisions."""
    if hidden := len(rows) - len(shown):
        yield f"{format_count(hidden, 'other method')} of the benchmark not shown; decisions are over all with results."


def note_unknown_measures(names: Iterable[str], measures: Mapping[str, Measure]) -> Iterator[str]:
    """Which of the requested measures do not exist."""
    for name in dict.fromkeys(names):
        if name and measures and name not in measures:
            yield f"No measure in these results is called '{name}'{suggest_similar(name, measures)}"


def note_unfinished(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Which seeds a row lacks and why, and problems with the files of the others."""
    for row in rows:
        found: dict[tuple[str, str], list[int]] = {}
        for seed, result in row.run_results.items():
            if result.status != "done" or result.reason:
                found.setdefault((result.status, result.reason), []).append(seed)
        if row.missing_seeds:
            found["missing", "not in the benchmark"] = list(row.missing_seeds)
        for (status, reason), seeds in found.items():
            yield f"{row.label}: {status} on {format_seeds(seeds)}" + (f" ({reason})" if reason else "") + "."


def note_own_training(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Which rows have other training settings than the table."""
    for row in rows:
        found = dict[str, None]()
        for entry in (result.entry for result in row.run_results.values()):
            theirs = vars(entry.table_training or entry.run.training)
            found |= dict.fromkeys(f"{k} = {v}" for k, v in vars(entry.run.training).items() if v != theirs[k])
        if found:
            yield f"{row.label} has its own training settings: {', '.join(found)}."


def note_collapsed(rows: Sequence[LeaderboardRow], measures: Sequence[Measure]) -> Iterator[str]:
    """Which rows collapsed, by which signs, and which use their codes far less than others."""
    rewarding = [measure.label for measure in measures if measure.rewards_collapse]
    for row in rows:
        if row.collapsed_seeds:
            signs = ", ".join(list_collapse_signs(row))
            where = format_seeds(row.collapsed_seeds)
            yield f"{NOT_COMPARABLE} {row.label} collapsed on {where} ({signs}): it is not comparable."
        elif row.near_collapse and rewarding:
            yield (
                f"{QUALIFIED} {row.label} is nearly collapsed ({row.near_collapse}), which {' and '.join(rewarding)} "
                f"{'rewards' if len(rewarding) == 1 else 'reward'}."
            )


def note_controls(rows: Sequence[LeaderboardRow], measures: Sequence[Measure]) -> Iterator[str]:
    """The differences between A/A controls and the methods they repeat, for each measure."""
    by_label = {row.label: row for row in rows}
    for row in rows:
        repeated = by_label.get(next((o.entry.control_of for o in row.run_results.values()), ""))
        found = [_format_control_difference(repeated, row, m) for m in measures] if repeated else []
        if repeated and (differences := ", ".join(filter(None, found))):
            yield (
                f"A/A control, in no test: {repeated.label} minus {row.label} (the same method from other seeds), "
                f"95 % intervals: {differences}."
            )


def _format_control_difference(a: LeaderboardRow, b: LeaderboardRow, measure: Measure) -> str:
    estimates = [row.summaries[measure.name].estimates for row in (a, b) if measure.name in row.summaries]
    if len(estimates) < 2:
        return ""
    seeds = sorted(estimates[0].keys() & estimates[1].keys())
    one, other = ([by_seed[seed] for seed in seeds] for by_seed in estimates)
    interval = confidence_interval(
        [x.value - y.value for x, y in zip(one, other, strict=True)], per_draw_table(one, other)
    )
    return f"{measure.name} [{interval[0]:.2g}, {interval[1]:.2g}]" if interval else ""


def note_mixed(run_results: Sequence[RunResult], only: Collection[str] = ()) -> Iterator[str]:
    """How the runs of one table differ in data, versions, machine and definitions of measures, all or `only` some."""
    yield from note_data(run_results)
    yield from note_software(run_results)
    yield from note_definitions(run_results, only)


def note_software(run_results: Sequence[RunResult]) -> Iterator[str]:
    """How the runs of one table differ in versions and machine."""
    made = [result.record.get("made_by") or {} for result in run_results if result.status == "done"]
    for name, counts in _count_differing([*map(flatten_made_by, made)] if _has_differences(made) else []).items():
        each = ", ".join(f"{value} ({format_count(n, 'run')})" for value, n in counts.items())
        yield f"{MIXED} {_count_origins(name, counts)}{f': {each}' if len(counts) <= MAX_LISTED else ''}."
    yield from note_other_sources(run_results)
    yield from note_resumed(run_results)


def note_other_sources(run_results: Sequence[RunResult]) -> Iterator[str]:
    """Which runs were made by another source of a plugin than is installed now under the same version."""
    found: dict[str, dict[str, None]] = {}
    for result in run_results:
        for package in list_changed_packages(result.record.get("made_by") or {}):
            found.setdefault(package, {})[result.entry.label] = None
    for package, labels in found.items():
        yield (
            f"{_list_names(list(labels))}: made by another source of {package} than is there now, under the same "
            "version; raise `version` in it, or train again with `vimae-bench run --retrain`."
        )


def note_resumed(run_results: Sequence[RunResult]) -> Iterator[str]:
    """Which trainings went on under another torch or on another device."""
    found: dict[str, list[str]] = {}
    for result in run_results:
        made: Mapping[str, Any] = result.record.get("made_by") or {}
        parts = [*(made.get("earlier") or ()), made]
        for name in ("torch", "device"):
            values = list(dict.fromkeys(str(part.get(name)) for part in parts))
            if len(values) > 1:
                found.setdefault(f"{name} {', then '.join(values)}", []).append(
                    f"{result.entry.label} s{result.entry.seed}"
                )
    for how, runs in found.items():
        yield f"{_list_names(runs)}: trained in parts under {how}."


def summarize_mixed(run_results: Sequence[RunResult]) -> Iterator[str]:
    """By how many versions and machines runs were made, in one line, such as `Runs come from 2 commits.`"""
    yield from note_other_sources(run_results)
    yield from note_resumed(run_results)
    made = [result.record.get("made_by") or {} for result in run_results if result.status == "done"]
    if differing := _count_differing([*map(flatten_made_by, made)] if _has_differences(made) else []):
        yield f"{MIXED} {join_names([_count_origins(name, counts) for name, counts in differing.items()])}."


def _count_origins(name: str, counts: Mapping[str, int]) -> str:
    """Such as `10 commits` or `2 versions of torch`."""
    several = f"sources of {name.removeprefix(SOURCE_OF).strip()}" if name.startswith(SOURCE_OF) else ""
    return f"{len(counts)} {several or ORIGINS.get(name, f'versions of {name}')}"


def note_data(run_results: Sequence[RunResult]) -> Iterator[str]:
    """Whether the runs of one table used different data."""
    records = [result.record for result in run_results if result.status == "done"]
    if differing := _count_differing([record.get("data") or {} for record in records]):
        yield f"The runs used different data ({', '.join(differing)}): they cannot be compared."
    tables: list[Mapping[str, object]] = [record.get("data") or {} for record in records]
    if any(data.get("train_x") and data.get("train_x") == data.get("test_x") for data in tables):
        yield "The test images are the training images: no measure tells how methods do on new ones."


def note_definitions(run_results: Sequence[RunResult], only: Collection[str] = ()) -> Iterator[str]:
    """Which measures, of all or `only` some, are not defined alike in all runs, or by older versions of metrics."""
    yield from note_several_definitions(run_results, only)
    yield from note_outdated(run_results, only)


def note_several_definitions(run_results: Sequence[RunResult], only: Collection[str] = ()) -> Iterator[str]:
    """Which measures, of all or `only` some, are not defined alike in all runs of a table."""
    for name in _count_differing([result.measures for result in run_results], absent_differs=False):
        if not only or name in only:
            yield f"{name} has several definitions among these runs and is not ranked."


def note_outdated(run_results: Sequence[RunResult], only: Collection[str] = ()) -> Iterator[str]:
    """Which metrics have measured runs in an older version than is installed, and what has changed since.

    `only` those that give one of these measures, and only these are named.
    """
    measured = [result.measures.values() for result in run_results if result.measures]
    names: dict[tuple[str, int], dict[str, None]] = {}
    for measure in (measure for measures in measured for measure in measures if not only or measure.name in only):
        names.setdefault((measure.metric, measure.version), {})[measure.name] = None
    for (metric, version), measures in names.items():
        entry = find_metric(metric)
        if entry and version < entry.version:
            n = sum(any((m.metric, m.version) == (metric, version) for m in each) for each in measured)
            runs = "" if n == len(measured) else f" in {n} of {len(measured)} runs"
            changes = f": {'; '.join(entry.changes[version - 1 :])}" if entry.changes else ""
            yield (
                f"{OUTDATED} {_list_names(list(measures))}: measured by version {version} of {metric}{runs}; its "
                f"version is {entry.version} now{changes}."
            )


def _list_names(names: Sequence[str]) -> str:
    """The names, or the first of many."""
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + more


def flatten_made_by(made_by: Mapping[str, Any]) -> dict[str, str]:
    """The `made_by` of a record without nested tables, except for harmless fields."""
    made = {name: value for name, value in made_by.items() if name not in (*HARMLESS, "earlier")}
    plugins, sources = made.pop("plugins", {}), made.pop("sources", {})
    named = {f"{SOURCE_OF} {name}": digest[:8] for name, digest in sources.items()}
    return {**made, "commit": str(made.get("commit") or "unknown")[:10], **plugins, **named}


def _has_differences(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any record differs from the first, which is quick to find out for thousands of runs."""
    return any(record != records[0] for record in records)


def _count_differing(
    records: Sequence[Mapping[str, Any]], *, absent_differs: bool = True
) -> dict[str, Mapping[str, int]]:
    """The keys whose values differ between records, with the number of records for each value."""
    found: dict[str, Mapping[str, int]] = {}
    if not _has_differences(records):
        return found
    for key in dict.fromkeys(key for record in records for key in record):
        values = [record.get(key, "none") for record in records if key in record or absent_differs]
        if any(value is not values[0] and value != values[0] for value in values):
            found[key] = Counter(map(str, values))
    return {key: counts for key, counts in found.items() if len(counts) > 1}


def list_collapse_signs(row: LeaderboardRow) -> list[str]:
    """The signs by which runs collapsed, such as `rate below 0.1 nats`."""
    runs = [result for result in row.run_results.values() if result.collapsed]
    return list(dict.fromkeys(sign for result in runs for sign, there in result.collapse_signs.items() if there))


def format_seeds(seeds: Sequence[int]) -> str:
    """Seeds as words, such as `seeds 0, 1`."""
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def format_count(n: int, thing: str) -> str:
    """A number with a noun, such as `1 run` or `3 runs`."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"

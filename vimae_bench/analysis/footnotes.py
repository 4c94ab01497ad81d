"""The sentences below a table: how to read it, and what must not be overlooked in it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..core.errors import suggest_similar
from ..core.results import Measure
from ..storage.store import RunResult
from .leaderboard_data import LeaderboardRow
from .per_draw import per_draw_table
from .statistics import MIN_BOOTSTRAP, PAIRED_T, confidence_interval

MIN_SEEDS = 5
"""Fewer seeds than this do not make a ranking to quote."""
MAX_LISTED = 3
"""More versions than this are counted, not listed."""
HARMLESS = ("sharing", "step")
"""What differs between runs without changing their results by more than rounding."""


def explain_leaderboard(seeds: int, test: str, comparisons: int, draws: bool = False) -> Iterator[str]:
    """What the intervals and letters are, and how far they may be trusted."""
    if seeds < 2:
        yield "One seed: no interval, no test, no ranks. The order is that of single numbers."
        return
    interval = f"95 % interval ({_name_interval(seeds)})"
    yield f"±: half the width of the {interval} of the mean over {seeds} seeds{_explain_draws(draws)}."
    if test:
        yield (
            "Methods that share a letter are not shown to differ; bold: none is shown to be better. "
            f"{_explain_test(test, seeds, comparisons)}"
        )
    if seeds < MIN_SEEDS:
        yield f"{seeds} seeds do not make a ranking to quote; five are the least."


def explain_comparison(seeds: int, test: str, comparisons: int) -> Iterator[str]:
    """What a comparison of two sides rests on."""
    if seeds < 2:
        yield "One seed in common: no interval, no test." if seeds else "No seed in common: nothing to compare."
        return
    yield (
        f"±: half the width of the 95 % interval ({_name_interval(seeds)}) of the mean difference. "
        "Shift: the Hodges-Lehmann estimate, with its interval from six seeds on."
    )
    if test:
        rule = "Better, worse: p < 0.05, and so on three quarters of the seeds."
        yield f"{rule} {_explain_test(test, seeds, comparisons)}"
    if seeds < MIN_SEEDS:
        yield f"{seeds} seeds are too few for a verdict to quote; five are the least."


def _name_interval(seeds: int) -> str:
    return "Student's t" if seeds < MIN_BOOTSTRAP else "BCa bootstrap"


def _explain_draws(draws: bool) -> str:
    return "; under measures with ten or more draws that all runs share, over seeds and draws" if draws else ""


def _explain_test(test: str, seeds: int, comparisons: int) -> str:
    why = ", as a sign-flip test cannot reach 5 % here" if test == PAIRED_T else ""
    return f"Test: {test} over {seeds} seeds, Holm-adjusted over {format_count(comparisons, 'comparison')}{why}."


def note_unknown_measures(names: Iterable[str], measures: Mapping[str, Measure]) -> Iterator[str]:
    """Which measures were asked for and are not there."""
    for name in dict.fromkeys(names):
        if name and measures and name not in measures:
            yield f"No measure in these results is called '{name}'{suggest_similar(name, measures)}"


def note_unfinished(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Which seeds a row lacks and why; what is wrong with the files of those it has."""
    for row in rows:
        found: dict[tuple[str, str], list[int]] = {}
        for seed, result in row.run_results.items():
            if result.status != "done" or result.reason:
                found.setdefault((result.status, result.reason), []).append(seed)
        if row.missing_seeds:
            found["missing", "not in the benchmark"] = list(row.missing_seeds)
        for (status, reason), seeds in found.items():
            yield f"{row.label}: {status} on {_format_seeds(seeds)}" + (f" ({reason})" if reason else "") + "."


def note_own_training(rows: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Which rows are trained otherwise than the table says."""
    for row in rows:
        found = dict[str, None]()
        for entry in (result.entry for result in row.run_results.values()):
            theirs = vars(entry.table_training or entry.run.training)
            found |= dict.fromkeys(f"{k} = {v}" for k, v in vars(entry.run.training).items() if v != theirs[k])
        if found:
            yield f"{row.label} has a training of its own: {', '.join(found)}."


def note_collapsed(rows: Sequence[LeaderboardRow], measures: Sequence[Measure]) -> Iterator[str]:
    """Which runs ignore their data, by what sign, and which rankings they are left out of."""
    unranked = [measure.name for measure in measures if measure.better and not measure.ranks_collapsed]
    left_out = f"; not ranked by {', '.join(unranked)}" if unranked else ""
    for row in rows:
        if row.collapsed_seeds:
            seeds = _format_seeds(row.collapsed_seeds)
            yield f"† {row.label} collapsed on {seeds} ({_list_collapse_signs(row)}){left_out}."


def note_controls(rows: Sequence[LeaderboardRow], measures: Sequence[Measure]) -> Iterator[str]:
    """How far two sets of seeds of one method lie apart under each measure, where a row repeats another."""
    by_label = {row.label: row for row in rows}
    for row in rows:
        repeated = by_label.get(next((o.entry.control_of for o in row.run_results.values()), ""))
        found = [_format_control_difference(repeated, row, m) for m in measures] if repeated else []
        if repeated and (said := ", ".join(filter(None, found))):
            yield (
                f"A/A control, {repeated.label} minus {row.label} (the same method from other seeds), "
                f"95 % intervals: {said}. A claimed effect has to exceed these."
            )


def _format_control_difference(a: LeaderboardRow, b: LeaderboardRow, measure: Measure) -> str:
    sides = [row.summaries[measure.name].estimates for row in (a, b) if measure.name in row.summaries]
    if len(sides) < 2:
        return ""
    seeds = sorted(sides[0].keys() & sides[1].keys())
    one, other = ([side[seed] for seed in seeds] for side in sides)
    between = confidence_interval(
        [x.value - y.value for x, y in zip(one, other, strict=True)], per_draw_table(one, other)
    )
    return f"{measure.name} [{between[0]:.2g}, {between[1]:.2g}]" if between else ""


def note_mixed(run_results: Sequence[RunResult]) -> Iterator[str]:
    """In what the runs of one table differ that ought to be alike: the data, the versions, the machine."""
    yield from note_data(run_results)
    made = [result.record.get("made_by") or {} for result in run_results if result.status == "done"]
    for name, counts in _count_differing([*map(flatten_made_by, made)] if _has_differences(made) else []).items():
        each = ", ".join(f"{value} ({format_count(n, 'run')})" for value, n in counts.items())
        yield f"Mixed {name}: {each if len(counts) <= MAX_LISTED else f'{len(counts)} different ones'}."
    yield from note_definitions(run_results)


def note_data(run_results: Sequence[RunResult]) -> Iterator[str]:
    """Whether the runs of one table saw other data than each other."""
    records = [result.record for result in run_results if result.status == "done"]
    if differing := _count_differing([record.get("data") or {} for record in records]):
        yield f"The runs did not see the same data ({', '.join(differing)} differ): they cannot be compared."


def note_definitions(run_results: Sequence[RunResult]) -> Iterator[str]:
    """Which measures are not the same ones in all runs of a table."""
    for name in _count_differing([result.measures for result in run_results], absent_differs=False):
        yield f"{name} is defined in more than one way among these runs, and is not ranked."


def flatten_made_by(told: Mapping[str, Any]) -> dict[str, str]:
    """What a record says it was made by, on one level, without what is harmless."""
    made = {name: value for name, value in told.items() if name not in HARMLESS}
    plugins = made.pop("plugins", {})
    return {**made, "commit": str(made.get("commit", ""))[:10], **plugins}


def _has_differences(records: Sequence[Mapping[str, Any]]) -> bool:
    """A look that spares most tables of thousands of runs a closer one."""
    return any(record != records[0] for record in records)


def _count_differing(
    records: Sequence[Mapping[str, Any]], *, absent_differs: bool = True
) -> dict[str, Mapping[str, int]]:
    """The keys whose values differ among records, with how often each value is found."""
    found: dict[str, Mapping[str, int]] = {}
    if not _has_differences(records):
        return found
    for key in dict.fromkeys(key for record in records for key in record):
        values = [record.get(key, "none") for record in records if key in record or absent_differs]
        if any(value is not values[0] and value != values[0] for value in values):
            found[key] = Counter(map(str, values))
    return {key: counts for key, counts in found.items() if len(counts) > 1}


def _list_collapse_signs(row: LeaderboardRow) -> str:
    """Such as `rate below 0.1 nats`."""
    found: dict[str, None] = {}
    for result in row.run_results.values():
        for name, measure in result.measures.items():
            limit, estimate = measure.collapse_below, result.estimates.get(name)
            if limit is not None and estimate and estimate.value < limit:
                found[f"{name} below {limit:g} {measure.unit}".strip()] = None
    return ", ".join(found)


def _format_seeds(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


def format_count(n: int, thing: str) -> str:
    """Such as `1 run`, `3 runs`."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"

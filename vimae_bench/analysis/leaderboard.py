"""Build leaderboards from run results: one for each data set, architecture, latent size and training.

A row is ranked only if it has every seed that any row has, and all its runs are done: means over different seeds are
never ranked. Incomplete rows are shown at the bottom of the table.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from ..core.canonical import canonical_json
from ..core.errors import ResultsError
from ..core.margins import GivenMargin, parse_margin
from ..core.results import Estimate, Measure
from ..core.spec import MatrixEntry, PluginSpec, Run, Training, label_twins
from ..storage.store import Baselines, RunResult
from . import footnotes as notes
from .decision import BaselineValue, MeasureDecision, MeasureValues, decide_measure
from .leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from .measure_texts import complete_texts
from .per_draw import per_draw_table
from .versions import is_outdated

NEAR_COLLAPSE = 0.1
"""A method whose rate or number of active units is below this share of the others' median is nearly collapsed."""


def build_leaderboards(
    run_results: Sequence[RunResult],
    baselines: Sequence[Baselines] = (),
    rank_by: str = "",
    columns: Sequence[str] = (),
    provenance: str = "",
    margins: Mapping[str, GivenMargin] | None = None,
    labels: Collection[str] = (),
    sort_by: str = "",
) -> list[Leaderboard]:
    """One leaderboard for each data set, architecture, latent size and training, in the order of the results.

    `rank_by` is the measure by which rows are sorted (empty: the first with a direction), `columns` are the measures
    that are shown (empty: all but hidden ones), `provenance` is the first sentence below each table. `margins` of
    equivalence, as a benchmark file has them, replace those of the measures. `labels` are the methods to show (empty:
    all); decisions are over all methods, whatever is shown. `sort_by` is a measure by which rows are sorted in place of
    `rank_by`, and whatever the number of seeds. Raises ResultsError if a table has two runs of one method
    with the same seed, or for a margin that does not fit its measure.
    """
    groups = group_by_table(run_results)
    runs = [group[0].entry.table_run for group in groups.values()]
    titles = {key: format_table_title(run, runs) for key, run in zip(groups, runs, strict=True)}
    # A column that only another table of the benchmark has is not unknown.
    known = merge_measures([*run_results, *baselines])
    unknown = [*notes.note_unknown_measures([rank_by, *columns, *(margins or {})], known)]
    boards = (
        _build_leaderboard(titles[key], group, baselines, rank_by, columns, unknown, margins or {}, labels, sort_by)
        for key, group in groups.items()
        if not labels or any(result.entry.label in labels for result in group)
    )
    if not provenance:
        return list(boards)
    return [
        replace(board, notes=(provenance, *board.notes), brief_notes=(provenance, *board.brief_notes))
        for board in boards
    ]


def group_by_table(run_results: Sequence[RunResult]) -> dict[object, list[RunResult]]:
    """The results of each table, by what they have in common."""
    groups: dict[object, list[RunResult]] = {}
    for result in run_results:
        groups.setdefault(get_table_key(result.entry), []).append(result)
    return groups


def get_table_key(entry: MatrixEntry) -> object:
    """What the entries of a table have in common."""
    run = entry.table_run
    return run.dataset.key, run.architecture.key, run.latent, run.training


def format_table_title(run: Run, among: Sequence[Run]) -> str:
    """A table's title, such as `mnist, mlp, d = 2, 80 epochs`, with the settings in which it differs from `among`."""
    return ", ".join(_list_title_parts(run, among))


def format_table_difference(run: Run, among: Sequence[Run]) -> str:
    """What a table's title has that is not in all titles, such as `d = 2`; empty for the only table."""
    titles = [_list_title_parts(other, among) for other in among]
    return ", ".join(part for part in _list_title_parts(run, among) if not all(part in title for title in titles))


def _list_title_parts(run: Run, among: Sequence[Run]) -> list[str]:
    def name(choice: PluginSpec, others: Sequence[PluginSpec]) -> str:
        distinct = {other.key: other for other in others}
        return {twin.key: twin.title for twin in label_twins(list(distinct.values()))}.get(choice.key, choice.title)

    dataset = name(run.dataset, [other.dataset for other in among])
    architecture = name(run.architecture, [other.architecture for other in among])
    differing = _format_differing_settings(run.training, [other.training for other in among])
    return [dataset, architecture, f"d = {run.latent}", f"{run.training.epochs} epochs", *differing]


def _format_differing_settings(training: Training, others: Sequence[Training]) -> list[str]:
    """Settings that differ between tables, such as `schedule=wae_steps`; epochs are in every title."""
    names = [field.name for field in fields(training) if field.name != "epochs"]
    differing = [name for name in names if len({getattr(other, name) for other in others}) > 1]
    return [f"{name}={getattr(training, name)}" for name in differing]


def _build_leaderboard(
    title: str,
    run_results: Sequence[RunResult],
    baselines: Sequence[Baselines],
    rank_by: str,
    columns: Sequence[str],
    unknown: Sequence[str],
    margins: Mapping[str, GivenMargin],
    labels: Collection[str],
    sort_by: str,
) -> Leaderboard:
    run = run_results[0].entry.table_run
    seeds = tuple(sorted({result.entry.seed for result in run_results}))
    matching = [r for r in baselines if (r.dataset.key, r.latent) == (run.dataset.key, run.latent)]
    measures = merge_measures([*run_results, *matching])
    named = [column for column in dict.fromkeys((*columns, rank_by, sort_by)) if column in measures]
    shown = (named if columns else None) or [
        name for name in measures if not measures[name].is_hidden or name in (rank_by, sort_by)
    ]
    untrained = _merge_baselines(matching)
    rows = _note_other_data(note_near_collapse(_build_rows(run_results, seeds), measures))
    decisions = {
        name: decide_measure(collect_values(measure, rows, seeds, untrained), _parse_margin(measure, margins))
        for name, measure in ((name, measures[name]) for name in dict.fromkeys((*shown, *named)))
        if measure.better
    }
    ranked = [name for name in shown if name in decisions]
    trusted = sorted(ranked, key=lambda name: bool(measures[name].caution))
    by = next((name for name in (sort_by, rank_by, *trusted) if name in ranked), None)
    is_sorted = by is not None and (decisions[by].is_ranked or by == sort_by)
    rows = _sort_rows(rows, decisions[by] if by and is_sorted else None)
    decisions = {name: _order_methods(decision, rows) for name, decision in decisions.items()}
    decided = [_add_decisions(row, decisions) for row in rows]
    visible = [row for row in decided if not labels or row.label in labels]
    sentences = (
        *notes.explain_leaderboard(seeds, [decisions[name] for name in ranked]),
        *notes.note_hidden(visible, decided),
        *unknown,
        *notes.note_own_training(visible),
        *notes.note_unfinished(visible),
        *notes.note_collapsed(visible, [measures[column] for column in shown]),
        *notes.note_controls(visible, [measures[column] for column in shown]),
        *notes.note_mixed(run_results, shown),
        *(reference.reason for reference in matching if reference.reason),
    )
    brief = (
        *notes.note_hidden(visible, decided),
        *unknown,
        *notes.note_own_training(visible),
        *notes.note_data(run_results),
        *notes.note_several_definitions(run_results, shown),
        *notes.summarize_mixed(run_results),
        *(reference.reason for reference in matching if reference.reason),
    )
    return Leaderboard(
        title=title,
        dataset=run.dataset,
        architecture=run.architecture,
        latent=run.latent,
        training=run.training,
        seeds=seeds,
        measures=measures,
        columns=tuple(shown),
        rank_by=by,
        rows=tuple(visible),
        baselines=untrained,
        decisions=decisions,
        notes=sentences,
        software_notes=tuple(notes.note_software(run_results)),
        brief_notes=brief,
        is_sorted=is_sorted,
    )


def _parse_margin(measure: Measure, margins: Mapping[str, GivenMargin]) -> float | None:
    if measure.name not in margins:
        return None
    try:
        return parse_margin(measure, margins[measure.name])
    except ValueError as error:
        raise ResultsError(f"leaderboard.margins: {measure.name}: {error}") from error


def merge_measures(sources: Sequence[RunResult | Baselines]) -> dict[str, Measure]:
    """All measures in order of appearance, with the texts of the installed metrics.

    One with two definitions loses its direction and is not ranked.
    A measure is outdated if some source has it from an older version of its metric than is installed.
    """
    found: dict[str, Measure] = {}
    outdated = set[str]()
    for source in sources:
        if source.measures.items() <= found.items():
            continue
        outdated |= {name for name, measure in source.measures.items() if is_outdated(measure)}
        for name, measure in source.measures.items():
            same = found.setdefault(name, measure) == measure
            found[name] = found[name] if same else replace(measure, better=None)
    found = {name: complete_texts(measure) for name, measure in found.items()}
    return {name: replace(measure, outdated=True) if name in outdated else measure for name, measure in found.items()}


def _build_rows(run_results: Sequence[RunResult], seeds: Sequence[int]) -> list[LeaderboardRow]:
    methods: dict[str, dict[int, RunResult]] = {}
    for result in run_results:
        by_seed = methods.setdefault(result.entry.label, {})
        if by_seed.setdefault(result.entry.seed, result) is not result:
            raise ResultsError(
                f"{result.folder}: is a second run of '{result.entry.label}' with the same seed in one table"
            )
    return [build_row(label, dict(sorted(by_seed.items())), seeds) for label, by_seed in methods.items()]


def build_row(label: str, run_results: Mapping[int, RunResult], seeds: Sequence[int]) -> LeaderboardRow:
    """The row of one method, from its results by seed; `seeds` are those of the table."""
    estimates: dict[str, dict[int, Estimate]] = {}
    for seed, result in run_results.items():
        for name, estimate in result.estimates.items():
            estimates.setdefault(name, {})[seed] = estimate
    summaries = {name: _summarize(by_seed, len(seeds)) for name, by_seed in estimates.items()}
    return LeaderboardRow(label, run_results, tuple(seed for seed in seeds if seed not in run_results), summaries)


def _summarize(estimates: Mapping[int, Estimate], seeds: int) -> MeasureSummary:
    mean = np.mean([estimate.value for estimate in estimates.values()])
    return MeasureSummary(estimates, float(mean), len(estimates) == seeds)


def collect_values(
    measure: Measure,
    rows: Sequence[LeaderboardRow],
    seeds: Sequence[int],
    baselines: Mapping[str, Mapping[str, Estimate]],
    *,
    with_controls: bool = False,
) -> MeasureValues:
    """The values of all methods under a measure, with the reason for each that is not comparable.

    A/A controls are left out unless they are asked for.
    """
    summaries = {row.label: row.summaries[measure.name] for row in rows if measure.name in row.summaries}
    methods = [row for row in rows if row.label in summaries and (with_controls or not row.control_of)]
    reasons = {row.label: _explain_not_comparable(row, summaries[row.label], len(seeds)) for row in methods}
    labels = tuple(label for label, reason in reasons.items() if not reason)
    estimates = [[summaries[label].estimates[seed] for seed in seeds] for label in labels]
    values = np.array([[estimate.value for estimate in one] for one in estimates], dtype=np.float64)
    tables = [table for one in estimates if (table := per_draw_table(one)) is not None]
    is_shared = len(tables) == len(labels) > 0 and len({table.shape for table in tables}) == 1
    return MeasureValues(
        measure,
        labels,
        tuple(seeds),
        values.reshape(len(labels), len(seeds)),
        np.stack(tables) if is_shared else None,
        {label: reason for label, reason in reasons.items() if reason},
        {
            label: BaselineValue(row[measure.name].value, row[measure.name].per_draw)
            for label, row in baselines.items()
            if measure.name in row
        },
        {row.label: f"nearly collapsed ({row.near_collapse})" for row in methods if row.near_collapse}
        if measure.rewards_collapse
        else {},
    )


def _explain_not_comparable(row: LeaderboardRow, summary: MeasureSummary, seeds: int) -> str:
    """Why a method cannot be compared with others; empty if it can."""
    if row.collapsed_seeds:
        return f"collapsed on {notes.format_seeds(row.collapsed_seeds)}"
    if row.has_other_data:
        return "used other data than most runs"
    return "" if summary.is_complete else f"has {len(summary.estimates)} of {seeds} seeds"


def _note_other_data(rows: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    """The rows, with whether some of their runs used other arrays than most runs of the table."""
    used = {
        row.label: [result.record.get("data") or {} for result in row.run_results.values() if result.status == "done"]
        for row in rows
    }
    every = [data for found in used.values() for data in found]
    if all(data == every[0] for data in every):
        return list(rows)
    ((common, _),) = Counter(map(canonical_json, every)).most_common(1)
    usual = next(data for data in every if canonical_json(data) == common)
    return [replace(row, has_other_data=any(data != usual for data in used[row.label])) for row in rows]


def note_near_collapse(rows: Sequence[LeaderboardRow], measures: Mapping[str, Measure]) -> list[LeaderboardRow]:
    """The rows, with what shows that a method uses its codes far less than the others."""
    signs = [name for name, measure in measures.items() if measure.collapse_below is not None]
    methods = [row for row in rows if not row.collapsed_seeds and not row.control_of]
    found: dict[str, str] = {}
    for name in signs:
        means = {row.label: row.summaries[name].mean for row in methods if name in row.summaries}
        for label, mean in means.items():
            others = [other for key, other in means.items() if key != label]
            if others and mean < NEAR_COLLAPSE * float(np.median(others)):
                measure = measures[name]
                median = f"a median of {np.median(others):.3g} {measure.unit}".strip()
                found.setdefault(label, f"{measure.title} {mean:.3g} against {median}")
    return [replace(row, near_collapse=found.get(row.label, "")) for row in rows]


def _order_methods(decision: MeasureDecision, rows: Sequence[LeaderboardRow]) -> MeasureDecision:
    """The decision with methods in the order of rows, in which sentences name them."""
    methods = {row.label: decision.methods[row.label] for row in rows if row.label in decision.methods}
    return replace(decision, methods=methods)


def _add_decisions(row: LeaderboardRow, decisions: Mapping[str, MeasureDecision]) -> LeaderboardRow:
    summaries = {
        name: replace(summary, decision=decisions[name].methods.get(row.label)) if name in decisions else summary
        for name, summary in row.summaries.items()
    }
    return replace(row, summaries=summaries)


def _sort_rows(rows: Sequence[LeaderboardRow], decision: MeasureDecision | None) -> list[LeaderboardRow]:
    """Comparable rows from the best mean to the worst, then the others; each is followed by its A/A control.

    Without a decision, comparable rows are in the order of the benchmark.
    """
    order = {row.label: i for i, row in enumerate(rows)}

    def key(row: LeaderboardRow) -> tuple[int, float, int, bool]:
        method = rows[order.get(row.control_of, order[row.label])]
        group, place = 0 if method.is_comparable else 2, order[method.label]
        if decision and not group:
            found = decision.methods.get(method.label)
            if found is None or found.state == "not comparable":
                return 1, 0.0, place, method is not row
            mean = method.summaries[decision.measure.name].mean
            return 0, mean if decision.measure.better == "lower" else -mean, place, method is not row
        return group, 0.0, place, method is not row

    return sorted(rows, key=key)


def _merge_baselines(baselines: Sequence[Baselines]) -> dict[str, dict[str, Estimate]]:
    rows: dict[str, dict[str, Estimate]] = {}
    for one in baselines:
        for label, estimates in one.rows.items():
            rows.setdefault(label, {}).update(estimates)
    return rows

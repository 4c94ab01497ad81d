"""Build leaderboards from run results: one for each data set, architecture, latent size and training.

A row is ranked only if it has every seed that any row has, and all its runs are done: means over different seeds are
never ranked. Incomplete rows are shown at the bottom of the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from ..core.errors import ResultsError
from ..core.results import Estimate, Measure
from ..core.spec import PluginSpec, Run, Training, disambiguating_suffix
from ..storage.store import Baselines, RunResult
from . import footnotes as notes
from .leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from .per_draw import per_draw_table
from .ranking import RankedMeasure, Ranking, rank_methods
from .statistics import MIN_BOOTSTRAP
from .versions import is_outdated


def build_leaderboards(
    run_results: Sequence[RunResult],
    baselines: Sequence[Baselines] = (),
    rank_by: str = "",
    columns: Sequence[str] = (),
    provenance: str = "",
) -> list[Leaderboard]:
    """One leaderboard for each data set, architecture, latent size and training, in the order of the results.

    `rank_by` is the measure by which rows are sorted (empty: the first with a direction), `columns` are the measures
    that are shown and tested (empty: all), `provenance` is the first sentence below each table. Raises ResultsError if
    a table has two runs of one method with the same seed.
    """
    groups = group_by_table(run_results)
    runs = [group[0].entry.table_run for group in groups.values()]
    titles = {key: format_table_title(run, runs) for key, run in zip(groups, runs, strict=True)}
    # A column that only another table of the benchmark has is not unknown.
    known = merge_measures([*run_results, *baselines])
    unknown = [*notes.note_unknown_measures([rank_by, *columns], known)]
    boards = (
        _build_leaderboard(titles[key], group, baselines, rank_by, columns, unknown) for key, group in groups.items()
    )
    return [replace(board, notes=(provenance, *board.notes)) if provenance else board for board in boards]


def group_by_table(run_results: Sequence[RunResult]) -> dict[object, list[RunResult]]:
    """The results of each table, by what they have in common."""
    groups: dict[object, list[RunResult]] = {}
    for result in run_results:
        run = result.entry.table_run
        key = (run.dataset.key, run.architecture.key, run.latent, run.training)
        groups.setdefault(key, []).append(result)
    return groups


def format_table_title(run: Run, among: Sequence[Run]) -> str:
    """A table's title, such as `mnist, mlp, d = 2, 80 epochs`, with the settings in which it differs from `among`."""

    def name(choice: PluginSpec, others: Sequence[PluginSpec]) -> str:
        return choice.name + disambiguating_suffix(choice, others)

    dataset = name(run.dataset, [other.dataset for other in among])
    architecture = name(run.architecture, [other.architecture for other in among])
    differing = _format_differing_settings(run.training, [other.training for other in among])
    return ", ".join([dataset, architecture, f"d = {run.latent}", f"{run.training.epochs} epochs", *differing])


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
) -> Leaderboard:
    run = run_results[0].entry.table_run
    seeds = tuple(sorted({result.entry.seed for result in run_results}))
    matching = [r for r in baselines if (r.dataset.key, r.latent) == (run.dataset.key, run.latent)]
    measures = merge_measures([*run_results, *matching])
    named = [column for column in dict.fromkeys((*columns, rank_by)) if column in measures]
    shown = (named if columns else None) or list(measures)
    rows = _build_rows(run_results, seeds)
    ranked = {column: _select_ranked(measures[column], rows, seeds) for column in shown if measures[column].better}
    by = rank_by if rank_by in ranked else next(iter(ranked), None)
    ranking = rank_methods(list(ranked.values()))
    sentences = (
        *notes.explain_leaderboard(len(seeds), ranking.test, ranking.comparisons, draws=_has_shared_draws(rows, shown)),
        *unknown,
        *notes.note_own_training(rows),
        *notes.note_unfinished(rows),
        *notes.note_collapsed(rows, [measures[column] for column in shown]),
        *notes.note_controls(rows, [measures[column] for column in shown]),
        *notes.note_mixed(run_results),
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
        rows=tuple(_add_ranks(row, ranking) for row in _sort_rows(rows, ranked[by] if by else None)),
        baselines=_merge_baselines(matching),
        test=ranking.test,
        comparisons=ranking.comparisons,
        notes=sentences,
    )


def merge_measures(sources: Sequence[RunResult | Baselines]) -> dict[str, Measure]:
    """All measures in order of appearance; one with two definitions loses its direction and is not ranked.

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
    return {name: replace(measure, outdated=True) if name in outdated else measure for name, measure in found.items()}


def _build_rows(run_results: Sequence[RunResult], seeds: Sequence[int]) -> list[LeaderboardRow]:
    methods: dict[str, dict[int, RunResult]] = {}
    for result in run_results:
        by_seed = methods.setdefault(result.entry.label, {})
        if by_seed.setdefault(result.entry.seed, result) is not result:
            raise ResultsError(
                f"{result.folder}: is a second run of '{result.entry.label}' with the same seed in one table"
            )
    return [_build_row(label, dict(sorted(by_seed.items())), seeds) for label, by_seed in methods.items()]


def _build_row(label: str, run_results: Mapping[int, RunResult], seeds: Sequence[int]) -> LeaderboardRow:
    estimates: dict[str, dict[int, Estimate]] = {}
    for seed, result in run_results.items():
        for name, estimate in result.estimates.items():
            estimates.setdefault(name, {})[seed] = estimate
    summaries = {name: _summarize(by_seed, len(seeds)) for name, by_seed in estimates.items()}
    return LeaderboardRow(label, run_results, tuple(seed for seed in seeds if seed not in run_results), summaries)


def _summarize(estimates: Mapping[int, Estimate], seeds: int) -> MeasureSummary:
    mean = np.mean([estimate.value for estimate in estimates.values()])
    return MeasureSummary(estimates, float(mean), len(estimates) == seeds)


def _has_shared_draws(rows: Sequence[LeaderboardRow], shown: Sequence[str]) -> bool:
    """Whether some interval shown also covers draws that all runs share."""
    summaries = [row.summaries[column] for row in rows for column in shown if column in row.summaries]
    tables = [
        per_draw_table(list(summary.estimates.values()))
        for summary in summaries
        if len(summary.estimates) >= MIN_BOOTSTRAP
    ]
    return any(table is not None and table.shape[1] >= MIN_BOOTSTRAP for table in tables)


def _select_ranked(measure: Measure, rows: Sequence[LeaderboardRow], seeds: Sequence[int]) -> RankedMeasure:
    """The rows that can be ranked by a measure, with their values in the order of the seeds."""
    allowed = [row for row in rows if measure.ranks_collapsed or not row.collapsed_seeds]
    summaries = {row.label: row.summaries[measure.name] for row in allowed if measure.name in row.summaries}
    complete = {label: summary for label, summary in summaries.items() if summary.is_complete}
    values = [[summary.estimates[seed].value for seed in seeds] for summary in complete.values()]
    return RankedMeasure(measure, tuple(complete), np.reshape(values, (len(complete), len(seeds))))


def _add_ranks(row: LeaderboardRow, ranking: Ranking) -> LeaderboardRow:
    summaries = {
        name: replace(summary, shared_rank=ranking.ranks.get(name, {}).get(row.label))
        for name, summary in row.summaries.items()
    }
    return replace(row, summaries=summaries)


def _sort_rows(rows: Sequence[LeaderboardRow], column: RankedMeasure | None) -> list[LeaderboardRow]:
    """Ranked rows from the best mean to the worst, then unranked ones, then incomplete ones."""

    def key(row: LeaderboardRow) -> tuple[bool, bool, float]:
        if column is None or row.label not in column.labels:
            return not row.is_complete, True, 0.0
        mean = row.summaries[column.measure.name].mean
        return False, False, mean if column.measure.better == "lower" else -mean

    return sorted(rows, key=key)


def _merge_baselines(baselines: Sequence[Baselines]) -> dict[str, dict[str, Estimate]]:
    rows: dict[str, dict[str, Estimate]] = {}
    for one in baselines:
        for label, estimates in one.rows.items():
            rows.setdefault(label, {}).update(estimates)
    return rows

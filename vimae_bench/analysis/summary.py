"""What the first screen of every surface says of a leaderboard: the answer for each topic, how sure, which columns.

A topic is what several measures tell of a model, such as `Reconstruction`. Pages, terminals and documents show the
same topics, sentences, columns and groups of rows, each in its own form.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isclose

import numpy as np

from ..core.conditions import Condition
from ..core.results import Measure
from .brief_statements import describe_leaders_briefly, describe_range, join_by_measure
from .decision import MIN_SEEDS, MIN_TESTED_SEEDS
from .footnotes import format_count
from .leaderboard_data import Leaderboard, LeaderboardRow
from .measure_texts import describe_condition, describe_unit
from .statements import describe_baselines, describe_cautions, join_names

TOPICS = ("Reconstruction", "Prior match", "Generation", "Representation", "Robustness", "Information")
"""In the order of reading; others follow, and then measures without a topic."""
OTHER_TOPIC = "Other"
MAX_KEY_COLUMNS, MAX_CONDITIONS = 8, 3
CONTROL_MEANING = "A/A control: the same method with other seeds; no difference is expected"
TWIN_SHARE = 0.5
"""A measure is another's twin if both are equal for this share of the methods."""


@dataclass(frozen=True)
class TopicSummary:
    """A topic: its key columns, the other columns that a reader may ask for, and what is decided.

    `sentence` is on the methods, `baselines` on how they stand to rows without training; both may be empty.
    """

    name: str
    key_columns: tuple[str, ...]
    more_columns: tuple[str, ...]
    sentence: str
    baselines: str

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the topic, key columns first."""
        return self.key_columns + self.more_columns


@dataclass(frozen=True)
class DetectableDifference:
    """The smallest difference between two methods that the seeds show with 80 % power, under one or several measures.

    `name` is what the measures have in common; `low` and `high` are equal for a single one. In the unit of the
    measures, or relative on a log scale.
    """

    name: str
    low: float
    high: float
    unit: str

    @property
    def text(self) -> str:
        """Such as `4 % in squared error`."""
        low, high = (f"{value:.2g}" for value in (self.low, self.high))
        return f"{low if low == high else f'{low} to {high}'}{f' {self.unit}' if self.unit else ''} in {self.name}"


@dataclass(frozen=True)
class Summary:
    """What is said first of a leaderboard.

    `size` counts methods, seeds and finished runs. `certainty` are sentences on how sure it all is: seeds, what
    collapsed or is missing; `differences` are those that the seeds can show. `order` says in which order `methods`,
    the comparable rows, stand. `not_comparable` rows are collapsed, incomplete or have other data; `controls` repeat a
    method; `baselines` are labels of rows without training.
    """

    leaderboard: Leaderboard
    size: str
    topics: tuple[TopicSummary, ...]
    certainty: tuple[str, ...]
    differences: tuple[DetectableDifference, ...]
    order: str
    methods: tuple[LeaderboardRow, ...]
    not_comparable: tuple[LeaderboardRow, ...]
    controls: tuple[LeaderboardRow, ...]
    baselines: tuple[str, ...]

    @property
    def has_exceptions(self) -> bool:
        """Whether there are too few seeds, or methods that collapsed, nearly so, or lack runs."""
        return len(self.certainty) > 1 or len(self.leaderboard.seeds) < MIN_SEEDS

    @property
    def resolution(self) -> str:
        """A sentence on the differences that these seeds are likely to show; empty if nothing is tested."""
        found = ", ".join(difference.text for difference in self.differences)
        return f"Power of 80 % between methods at differences of {found}." if found else ""

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns shown by default, by topic."""
        return tuple(name for topic in self.topics for name in topic.key_columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns of the leaderboard, by topic."""
        return tuple(name for topic in self.topics for name in topic.columns)

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """What is decided on each topic, such as `Reconstruction: AE is significantly better than VAE.`"""
        texts = {topic.name: f"{topic.sentence} {topic.baselines}".strip() for topic in self.topics}
        return tuple(f"{name}: {text}" for name, text in texts.items() if text)


def summarize_leaderboard(board: Leaderboard) -> Summary:
    """The summary of a leaderboard."""
    key = select_key_columns(board)
    rows = [row for row in board.rows if not row.control_of]
    return Summary(
        board,
        _describe_size(board),
        tuple(_summarize_topics(board, key)),
        tuple(_describe_certainty(board)),
        tuple(_list_differences(board, key)),
        _describe_order(board),
        tuple(row for row in rows if row.is_comparable),
        tuple(row for row in rows if not row.is_comparable),
        tuple(row for row in board.rows if row.control_of),
        tuple(label for label, estimates in board.baselines.items() if estimates.keys() & set(board.columns)),
    )


def choose_topic(measure: Measure) -> str:
    """The topic of a measure."""
    return measure.topic or OTHER_TOPIC


def select_key_columns(board: Leaderboard) -> tuple[str, ...]:
    """The columns of a leaderboard that are shown by default, in its order, eight at most.

    Left out are measures that are the same for all methods, twins of another measure, and further conditions of one
    classifier than clean images and the strongest corruption of each kind, three at most. Of the others, those with a
    direction come first.
    """
    rows = [row for row in board.rows if row.is_comparable and not row.control_of]
    found: list[str] = []
    for name in board.columns:
        twin = next((other for other in found if _are_twins(rows, name, other)), None)
        if _is_constant(rows, name) and name != board.rank_by:
            continue
        if twin is None:
            found.append(name)
        elif board.measures[twin].is_hidden and twin != board.rank_by:
            found[found.index(twin)] = name
    kept = _drop_conditions([board.measures[name] for name in found])
    kept.sort(key=lambda measure: (measure.name != board.rank_by, measure.better is None))
    names = {measure.name for measure in kept[:MAX_KEY_COLUMNS]}
    return tuple(name for name in found if name in names)


def describe_omitted_columns(board: Leaderboard) -> str:
    """Why measures of a leaderboard are not among its key columns, in a sentence or two; empty if all are."""
    rows = [row for row in board.rows if row.is_comparable and not row.control_of]
    shown = select_key_columns(board)
    omitted = [name for name in board.columns if name not in shown]
    constant = [name for name in omitted if _is_constant(rows, name)]
    others = len(omitted) - len(constant)
    equal = [f"{board.measures[name].title} ({_format_constant(rows, name)})" for name in constant]
    parts = [f"Equal for all comparable methods: {', '.join(equal)}."] if equal else []
    if others:
        parts.append(
            f"{format_count(others, 'further measure')} of the table {'is' if others == 1 else 'are'} not shown."
        )
    return " ".join(parts)


def _format_constant(rows: Sequence[LeaderboardRow], name: str) -> str:
    return next(f"{row.summaries[name].mean:.3g}" for row in rows if name in row.summaries)


def _is_constant(rows: Sequence[LeaderboardRow], name: str) -> bool:
    """Whether all values of a measure are equal; not if there are fewer than two methods."""
    values = [e.value for row in rows if name in row.summaries for e in row.summaries[name].estimates.values()]
    return len(rows) > 1 and bool(values) and np.ptp(values) <= 1e-9 * abs(values[0])


def _are_twins(rows: Sequence[LeaderboardRow], a: str, b: str) -> bool:
    """Whether two measures have the same values for many methods, such as a distance from two priors."""
    means = [(row.summaries[a].mean, row.summaries[b].mean) for row in rows if {a, b} <= row.summaries.keys()]
    equal = sum(isclose(one, other, rel_tol=1e-9) for one, other in means)
    return equal > 0 and equal >= TWIN_SHARE * len(means)


def _drop_conditions(measures: Sequence[Measure]) -> list[Measure]:
    """The measures, without most conditions of a classifier that has more than three."""
    kept = list(measures)
    for family in {measure.family for measure in measures if measure.condition}:
        own = [measure for measure in measures if measure.family == family and measure.condition]
        if len(own) > MAX_CONDITIONS:
            chosen = _choose_conditions(own)
            kept = [measure for measure in kept if measure not in own or measure in chosen]
    return kept


def _choose_conditions(measures: Sequence[Measure]) -> list[Measure]:
    """Clean images and the strongest corruption of each kind."""
    strongest: dict[str, tuple[float, Measure]] = {}
    for measure in measures:
        try:
            corruption = Condition.parse(measure.condition)
        except ValueError:
            continue
        if corruption.level >= strongest.get(corruption.kind, (0.0, measure))[0]:
            strongest[corruption.kind] = corruption.level, measure
    found = [measure for _, measure in strongest.values()] or list(measures)
    return sorted(found, key=lambda measure: measure.condition != "clean")[:MAX_CONDITIONS]


def _summarize_topics(board: Leaderboard, key: Sequence[str]) -> Iterator[TopicSummary]:
    by_topic: dict[str, list[str]] = {topic: [] for topic in TOPICS}
    for name in board.columns:
        by_topic.setdefault(choose_topic(board.measures[name]), []).append(name)
    by_topic[OTHER_TOPIC] = by_topic.pop(OTHER_TOPIC, [])  # at the end
    for topic, names in by_topic.items():
        if names:
            own = tuple(name for name in names if name in key)
            more = tuple(name for name in names if name not in key)
            yield _summarize_topic(board, topic, own, more)


def _summarize_topic(board: Leaderboard, topic: str, key: tuple[str, ...], more: tuple[str, ...]) -> TopicSummary:
    measures = [board.measures[name] for name in key]
    decided = [measure for measure in measures if measure.name in board.decisions]
    names = dict(zip([measure.name for measure in decided], shorten_names(decided), strict=True))
    methods = {label for measure in decided for label in board.decisions[measure.name].methods}

    def lead(measure: Measure) -> list[str]:
        summaries = {row.label: row.summaries[measure.name] for row in board.rows if measure.name in row.summaries}
        return [describe_leaders_briefly(board.decisions[measure.name], summaries)]

    leaders = join_by_measure(((names[m.name], lead(m)) for m in decided), methods)
    comparable = [row for row in board.rows if row.is_comparable and not row.control_of]
    ranges = [describe_range(measure, comparable) for measure in measures if measure not in decided]
    ranged = "; ".join(filter(None, ranges))
    baselines = [(m.title, describe_baselines(board.decisions[m.name])) for m in decided]
    caution = describe_cautions({names[m.name]: board.decisions[m.name] for m in decided})
    sentence = " ".join(filter(None, (leaders, caution, f"{ranged}." if ranged else "")))
    return TopicSummary(topic, key, more, sentence, join_by_measure(baselines, methods, always_named=True))


def shorten_names(measures: Sequence[Measure]) -> list[str]:
    """What tells measures of one topic apart: the condition alone, if they are conditions of one classifier."""
    if len({measure.family for measure in measures}) == 1 and all(measure.condition for measure in measures):
        return [describe_condition(measure) for measure in measures]
    return [measure.title for measure in measures]


def _list_differences(board: Leaderboard, key: Sequence[str]) -> Iterator[DetectableDifference]:
    """For each key measure; conditions of one classifier share a line."""
    found: dict[tuple[str, str], list[float]] = {}
    for name in key:
        measure, decision = board.measures[name], board.decisions.get(name)
        difference = decision.detectable_difference if decision else None
        if difference is None or not np.isfinite(difference):
            continue
        unit = "%" if measure.scale == "log" else "points" if measure.unit == "%" else describe_unit(measure)
        condition = describe_condition(measure)
        title = measure.title.removesuffix(f" ({condition})") if condition else measure.title
        found.setdefault((title, unit), []).append(difference * (100 if measure.scale == "log" else 1))
    for (title, unit), values in found.items():
        yield DetectableDifference(title, min(values), max(values), unit)


def _describe_certainty(board: Leaderboard) -> Iterator[str]:
    seeds = len(board.seeds)
    if seeds < MIN_TESTED_SEEDS:
        yield f"{format_count(seeds, 'seed')}: nothing is tested; at least {MIN_SEEDS} are needed for a ranking."
    elif seeds < MIN_SEEDS:
        yield f"{seeds} seeds: methods are not ranked; at least {MIN_SEEDS} are needed."
    else:
        yield f"{seeds} seeds."
    for row in board.rows:
        if row.collapsed_seeds:
            on = "all" if len(row.collapsed_seeds) == seeds else f"{len(row.collapsed_seeds)} of {seeds}"
            signs = dict.fromkeys(
                sign
                for r in row.run_results.values()
                if r.collapsed
                for sign, there in r.collapse_signs.items()
                if there
            )
            yield f"{row.label} collapsed on {on} seeds ({', '.join(signs)}): not comparable."
        elif row.near_collapse:
            yield f"{row.label} nearly collapsed ({row.near_collapse})."
    for row in board.rows:
        if row.has_other_data:
            yield f"{row.label} has other data: not comparable."
    lacking: dict[str, list[str]] = {}
    for row in board.rows:
        if not row.has_other_data and not row.is_complete:
            lacking.setdefault(_describe_missing(row), []).append(row.label)
    for runs, labels in lacking.items():
        yield f"{join_names(labels)} {'lacks' if len(labels) == 1 else 'lack'} {runs}: not comparable."


def _describe_missing(row: LeaderboardRow) -> str:
    counts = {status: row.count_seeds(status) for status in ("diverged", "failed", "missing")}
    parts = [f"{n} {status}" for status, n in counts.items() if n]
    return f"{sum(counts.values())} of {len(row.run_results) + len(row.missing_seeds)} runs ({', '.join(parts)})"


def _describe_size(board: Leaderboard) -> str:
    """Such as `6 methods × 5 seeds, 30 of 30 runs finished`, with what an A/A control is if there is one."""
    methods = sum(not row.control_of for row in board.rows)
    controls = len(board.rows) - methods
    done = sum(row.count_seeds("done") for row in board.rows)
    runs = len(board.rows) * len(board.seeds)
    control = f" and {format_count(controls, 'A/A control')}" if controls else ""
    counts = f"{format_count(methods, 'method')}{control} × {format_count(len(board.seeds), 'seed')}"  # noqa: RUF001
    meaning = f". {CONTROL_MEANING}" if controls else ""
    return f"{counts}, {done} of {format_count(runs, 'run')} finished{meaning}"


def _describe_order(board: Leaderboard) -> str:
    if board.is_sorted and board.rank_by:
        return f"Methods in the order of their mean {board.measures[board.rank_by].title}."
    return "Methods in the order of the file."

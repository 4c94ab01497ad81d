"""The first screen for a leaderboard: how sure, what is decided, methods x measures, and pictures in the same order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from ...analysis.decision import MeasureDecision
from ...analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from ...analysis.marks import LEADING, MARK_MEANINGS, NO_MARK, TIED, UNDECIDED, explain_marks, join_marks, list_marks
from ...analysis.measure_texts import describe_condition, describe_direction
from ...analysis.statements import describe_baseline, describe_state
from ...analysis.summary import CONTROL_MEANING, Summary, summarize_leaderboard
from ...core.results import Estimate, Measure
from ..table_format import UNDEFINED, choose_decimals, clean_text, format_arrow, format_number, format_unit
from .image_grids import ImageGridView
from .runs import make_cell_id, make_method_id
from .value_plot import HEIGHT, WIDTH, Span, ValuePlot, ValueScale, build_value_plot, choose_scale

MAX_DIGITS = 4
"""Of the largest value of a column."""
STATES = {
    "best": "leading",
    "not worse": "leading",
    "worse": "worse",
    "undecided": "undecided",
    "not comparable": "meaningless",
}
"""The class of the style sheet for each state."""


@dataclass(frozen=True)
class ScreenColumn:
    """A measure as a column of the grid; `name` is its code, `is_key` whether it is shown by default.

    `description` defines it, `direction` says what values are good, and which caution leading under it needs. `room` is
    the size of the drawings in its cells, None if there are none, and `mark_width` that of their marks in characters.
    """

    name: str
    label: str
    unit: str
    arrow: str
    better: str
    description: str
    direction: str
    topic: str
    is_key: bool
    room: tuple[float, float] | None
    mark_width: int


@dataclass(frozen=True)
class ScreenCell:
    """A value with its state: `kind` is its class, `state` says it in words, and `marks` have what each of them means.

    `target` is the id of the method's first run in the details.
    """

    text: str = ""
    kind: str = ""
    marks: tuple[tuple[str, str], ...] = ()
    state: str = ""
    order: float | None = None
    plot: ValuePlot | None = None
    target: str = ""


@dataclass(frozen=True)
class ScreenRow:
    """A method, an A/A control or a baseline; `note` is a word or two on it."""

    label: str
    note: str
    target: str
    cells: tuple[ScreenCell, ...]


@dataclass(frozen=True)
class FirstScreen:
    """What a reader sees first of a leaderboard. `topics` are the groups of columns, with the number of key columns.

    `groups` are the rows: methods, what is not comparable, baselines; each with the name of its class.
    """

    id: str
    details: str
    title: str
    size: str
    certainty: tuple[str, ...]
    resolution: str
    has_exceptions: bool
    sentences: tuple[tuple[str, str, str], ...]
    """Topics, what is decided on methods, and how they stand to baselines."""
    topics: tuple[tuple[str, int, int], ...]
    columns: tuple[ScreenColumn, ...]
    groups: tuple[tuple[str, tuple[ScreenRow, ...]], ...]
    order: str
    legend: tuple[tuple[str, str], ...]
    images: ImageGridView | None

    @property
    def more(self) -> int:
        """The number of columns that are hidden at first."""
        return sum(not column.is_key for column in self.columns)


def build_first_screen(n: int, board: Leaderboard, title: str, images: ImageGridView | None) -> FirstScreen:
    """The first screen of the n-th leaderboard of a page, whose details are in the table of the same number."""
    summary, details = summarize_leaderboard(board), f"table-{n}"
    builder = _GridBuilder(board, summary, details)
    columns = [builder.build_column(name) for name in summary.columns]
    places = {row.label: i for i, row in enumerate(board.rows)}
    methods = [*summary.methods, *summary.controls]
    methods.sort(key=lambda row: places[row.label])
    groups = {
        "methods": tuple(builder.build_row(row, places[row.label]) for row in methods),
        "apart": tuple(builder.build_row(row, places[row.label]) for row in summary.not_comparable),
        "baselines": tuple(builder.build_baseline(label) for label in summary.baselines),
    }
    return FirstScreen(
        f"answer-{n}",
        details,
        title,
        summary.size,
        tuple(map(clean_text, summary.certainty)),
        clean_text(summary.resolution),
        summary.has_exceptions,
        tuple(
            (clean_text(topic.name), clean_text(topic.sentence), clean_text(topic.baselines))
            for topic in summary.topics
            if topic.sentence
        ),
        tuple((topic.name, len(topic.key_columns), len(topic.more_columns)) for topic in summary.topics),
        tuple(columns),
        tuple((name, rows) for name, rows in groups.items() if rows),
        clean_text(summary.order),
        tuple(_list_legend(groups)),
        images,
    )


def _shorten_label(measure: Measure, names: Sequence[str], summary: Summary) -> str:
    """The label of a column; of several conditions of one classifier, all but the first need no more than that."""
    own = [name for name in names if summary.leaderboard.measures[name].family == measure.family]
    if measure.condition and len(own) > 1 and own[0] != measure.name:
        return describe_condition(measure).capitalize()
    return measure.title


@dataclass(frozen=True)
class _GridBuilder:
    board: Leaderboard
    summary: Summary
    details: str

    def build_column(self, name: str) -> ScreenColumn:
        measure, decision = self.board.measures[name], self.board.decisions.get(name)
        topic = next(topic for topic in self.summary.topics if name in topic.columns)
        caution = f"It {measure.caution}." if measure.caution else ""
        return ScreenColumn(
            clean_text(name),
            clean_text(_shorten_label(measure, topic.columns, self.summary)),
            format_unit(measure),
            format_arrow(measure),
            measure.better or "lower",
            clean_text(measure.description),
            clean_text(" ".join(filter(None, (describe_direction(measure), caution)))),
            topic.name,
            name in topic.key_columns,
            (WIDTH, HEIGHT) if self._choose_scale(name) else None,
            max((len(join_marks(list_marks(decision, row.label))) for row in self.board.rows), default=0),
        )

    def build_row(self, row: LeaderboardRow, place: int) -> ScreenRow:
        target = make_method_id(self.details, place)
        cells = tuple(self._build_cell(row, name, target) for name in self.summary.columns)
        return ScreenRow(clean_text(row.label), clean_text(_describe_row(row)), target, cells)

    def build_baseline(self, label: str) -> ScreenRow:
        estimates = self.board.baselines[label]
        cells = tuple(self._build_baseline_cell(label, estimates.get(name), name) for name in self.summary.columns)
        return ScreenRow(clean_text(label), "", "", cells)

    def _build_cell(self, row: LeaderboardRow, name: str, target: str) -> ScreenCell:
        summary, decision = row.summaries.get(name), self.board.decisions.get(name)
        if summary is None:
            is_measured = any(name in result.measures for result in row.run_results.values())
            return ScreenCell(UNDEFINED, state=f"{clean_text(row.label)}: not defined") if is_measured else ScreenCell()
        scale, digits = self._choose_scale(name), self._choose_decimals(name)
        interval = summary.interval if summary.is_complete else None
        values = [estimate.value for estimate in summary.estimates.values()]
        return ScreenCell(
            format_number(summary.mean, digits),
            _choose_kind(row, summary, decision),
            tuple((mark, MARK_MEANINGS[mark]) for mark in list_marks(decision, row.label)),
            clean_text(_describe_cell(self.board, row, name, digits)),
            summary.mean,
            build_value_plot(scale, summary.mean, interval, values) if scale else None,
            make_cell_id(target, self.board.columns.index(name)),
        )

    def _build_baseline_cell(self, label: str, estimate: Estimate | None, name: str) -> ScreenCell:
        if estimate is None:
            return ScreenCell()
        scale = self._choose_scale(name)
        text = format_number(estimate.value, self._choose_decimals(name))
        plot = build_value_plot(scale, estimate.value, None) if scale else None
        return ScreenCell(text, state=clean_text(f"{label}: {text}"), order=estimate.value, plot=plot)

    def _list_summaries(self, name: str) -> list[MeasureSummary]:
        rows = self.summary.methods or self.summary.not_comparable
        return [row.summaries[name] for row in rows if name in row.summaries and not _is_qualified(row, name)]

    def _choose_scale(self, name: str) -> ValueScale | None:
        summaries = self._list_summaries(name)
        leaders = [s for s in summaries if s.decision and s.decision.leads]
        baselines = [found[name].value for found in self.board.baselines.values() if name in found]
        return choose_scale(_list_spans(summaries), _list_spans(leaders), baselines)

    def _choose_decimals(self, name: str) -> int:
        summaries = self._list_summaries(name)
        if summaries and all(summary.mean == round(summary.mean) for summary in summaries):
            return 0
        means = [summary.mean for summary in summaries]
        digits = choose_decimals([s.half_width for s in summaries if s.half_width], means)
        largest = max(map(abs, means), default=0.0)
        return min(digits, max(MAX_DIGITS - 1 - floor(log10(largest)), 0)) if largest else digits


def _list_spans(summaries: Sequence[MeasureSummary]) -> list[Span]:
    return [summary.interval or (summary.mean, summary.mean) for summary in summaries]


def _is_qualified(row: LeaderboardRow, name: str) -> bool:
    decision = row.summaries[name].decision
    return bool(decision and decision.qualification)


def _choose_kind(row: LeaderboardRow, summary: MeasureSummary, decision: MeasureDecision | None) -> str:
    if row.control_of:
        return "control"
    if not row.is_comparable:
        return "meaningless" if decision and decision.measure.rewards_collapse and row.collapsed_seeds else "apart"
    if summary.decision and summary.decision.qualification:
        return "meaningless"
    state = decision.get_state(row.label) if decision else None
    if decision and state in ("best", "not worse") and not decision.is_evidently_leading(row.label):
        return "doubtful"
    if decision and state == "undecided" and not any(one.state == "worse" for one in decision.methods.values()):
        return "open"
    return STATES[state] if state else ""


def _describe_row(row: LeaderboardRow) -> str:
    """Why a row is no ordinary method, with the number of its seeds if it is incomplete."""
    done = f"{row.count_seeds('done')} of {len(row.run_results) + len(row.missing_seeds)} seeds"
    return {"control": "A/A control", "incomplete": done}.get(row.exception, row.exception)


def _describe_cell(board: Leaderboard, row: LeaderboardRow, name: str, digits: int) -> str:
    """The value in words, with its interval and state, and how it stands to each baseline."""
    summary, decision = row.summaries[name], board.decisions.get(name)
    parts = [f"{row.label}: {format_number(summary.mean, digits)}"]
    if summary.interval and summary.is_complete:
        low, high = (format_number(bound, digits) for bound in summary.interval)
        parts.append(f"95 % interval {low} to {high}")
    if decision and summary.decision:
        parts.append(describe_state(decision, row.label))
        parts += [describe_baseline(pair) for pair in summary.decision.baselines.values()]
    return "; ".join(parts)


def _list_legend(groups: Mapping[str, Sequence[ScreenRow]]) -> Iterator[tuple[str, str]]:
    """The class of each state in the grid, with what it means."""
    cells = [cell for rows in groups.values() for row in rows for cell in row.cells]
    kinds = {cell.kind for cell in cells}
    classes = {LEADING: "leading", TIED: "leading", UNDECIDED: "undecided" if "undecided" in kinds else "open"}
    for text in explain_marks({mark for cell in cells for mark, _ in cell.marks}):
        yield ("worse", f"grey, {text}") if text == NO_MARK else (classes.get(text.split()[0], ""), text)
    if "meaningless" in kinds:
        yield "meaningless", "hatched: the measure rewards that the model ignores its data"
    if "control" in kinds:
        yield "control", CONTROL_MEANING

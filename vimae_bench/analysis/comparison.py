"""Compare two methods of a benchmark, or each method in two sets of results, seed by seed.

Two methods are compared as their leaderboard does it: all pairs of methods of the table are one family of tests within
each measure, whichever pair is looked at. Two sets of results are compared in all methods that they share, which are
one family within each measure and table.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..core.errors import BenchError, suggest_similar
from ..core.margins import GivenMargin, parse_margin
from ..core.results import Estimate, Measure
from ..core.spec import Run, Training
from ..storage.store import RunResult
from . import comparison_notes
from . import footnotes as notes
from .comparison_data import Comparison, ComparisonOutcome, Difference
from .decision import MIN_TESTED_SEEDS, PairDecision, decide_matched, decide_measure
from .leaderboard import build_row, collect_values, format_table_title, merge_measures
from .leaderboard_data import Leaderboard, LeaderboardRow
from .per_draw import per_draw_table
from .provenance_diff import describe_differences, has_same_data
from .statistics import confidence_interval

ResultsBySeed = Mapping[int, RunResult]
"""The results of one method by seed."""

SIDES = ("A", "B")
"""What the two sides of a pair are called."""

_MethodKey = tuple[tuple[str, str, str, int], Training]
"""How methods are matched: label, data set, architecture and latent size; and training."""


@dataclass(frozen=True)
class _MatchedMethod:
    """A method that two sets of results share: their results, and rows of those over the seeds that both have."""

    results: tuple[ResultsBySeed, ResultsBySeed]
    rows: tuple[LeaderboardRow, LeaderboardRow]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(self.rows[0].run_results)


@dataclass(frozen=True)
class _FamilyRequest:
    """What to compare of the methods of a family, with margins of the benchmark and of this call."""

    names: tuple[str, str]
    runs: Sequence[Run]
    columns: Sequence[str]
    margins: Mapping[str, float]
    given_margins: Mapping[str, float]


def compare_methods(
    leaderboards: Sequence[Leaderboard], a: str, b: str, margins: Mapping[str, GivenMargin] | None = None
) -> list[Comparison]:
    """Compare method `a` with method `b` in each table that has both, under the measures that it shows.

    Each row has the leaderboard's decision on this pair. An A/A control is in no family there, and is compared alone.
    `margins` are those of this comparison, by measure: decisions by them stand next to the leaderboard's. The
    leaderboards have to have the rows of all methods. Raises BenchError for an unknown label or measure, and for a
    margin that does not fit its measure.
    """
    labels = dict.fromkeys(row.label for leaderboard in leaderboards for row in leaderboard.rows)
    for label in (a, b):
        if label not in labels:
            raise BenchError(f"no method here is called '{label}'{suggest_similar(label, labels)}")
    if a == b:
        raise BenchError(f"'{a}' cannot be compared with itself; name two methods")
    shared = [leaderboard for leaderboard in leaderboards if {a, b} <= {row.label for row in leaderboard.rows}]
    given = _parse_margins(margins or {}, (board.measures[name] for board in shared for name in board.columns))
    found = [_compare_rows(leaderboard, a, b, given) for leaderboard in shared]
    return [comparison for comparison in found if comparison.seeds]


def compare_results(
    a: Sequence[RunResult],
    b: Sequence[RunResult],
    names: tuple[str, str],
    columns: Sequence[str] = (),
    margins: Mapping[str, GivenMargin] | None = None,
    call_margins: Mapping[str, GivenMargin] | None = None,
) -> list[Comparison]:
    """Compare each method that two sets of results share, on the same data and with the same architecture.

    If a set has a method with several trainings, these are matched as well. Within each measure, all methods of a table
    are one family of tests; an A/A control is compared alone. `columns` are the measures to compare (empty: all but
    hidden ones), `margins` those of the benchmark, `call_margins` those of this comparison, as in `compare_methods`.
    Raises BenchError for a margin that does not fit its measure, or of a measure that is not compared.
    """
    left, right = _group_by_method(a), _group_by_method(b)
    runs = [_first_result(group).entry.run for group in left.values()]
    families: dict[object, list[tuple[ResultsBySeed, ResultsBySeed]]] = {}
    for one, other in _match_methods(left, right):
        if not one.keys() & other.keys():
            continue
        families.setdefault(_identify_family(one, other), []).append((one, other))
    measures = merge_measures([*a, *b])
    shown = [measures[name] for name in columns if name in measures]
    shown = shown or [measure for measure in measures.values() if not measure.is_hidden]
    own = _parse_margins({name: m for name, m in (margins or {}).items() if name in measures}, measures.values())
    given = _parse_margins(call_margins or {}, shown)
    request = _FamilyRequest(names, runs, [measure.name for measure in shown], own, given)
    return [comparison for family in families.values() for comparison in _compare_family(family, request)]


def describe_unmatched(a: Sequence[RunResult], b: Sequence[RunResult]) -> Iterator[str]:
    """Sentences on methods that only A or only B has, which `compare_results` leaves out."""
    left, right = _group_by_method(a), _group_by_method(b)
    matched = [id(group) for pair in _match_methods(left, right) for group in pair]
    for name, groups in (("A", left), ("B", right)):
        alone = [group for group in groups.values() if id(group) not in matched]
        runs = [_first_result(group).entry.run for group in (*left.values(), *right.values())]
        if alone:
            listed = "; ".join(_format_title(group, runs) for group in alone[: notes.MAX_LISTED])
            more = f"; and {len(alone) - notes.MAX_LISTED} more" if len(alone) > notes.MAX_LISTED else ""
            yield f"Only in {name}, and left out: {listed}{more}."


def _match_methods(
    a: Mapping[_MethodKey, ResultsBySeed], b: Mapping[_MethodKey, ResultsBySeed]
) -> Iterator[tuple[ResultsBySeed, ResultsBySeed]]:
    """The results of each common method in A and B: with the same training, or the only training of each."""
    for key, group in a.items():
        others = [other for other in b if other[0] == key[0]]
        if key in b:
            yield group, b[key]
        elif len(others) == 1 and sum(one[0] == key[0] for one in a) == 1:
            yield group, b[others[0]]


def _group_by_method(run_results: Sequence[RunResult]) -> dict[_MethodKey, dict[int, RunResult]]:
    methods: dict[_MethodKey, dict[int, RunResult]] = {}
    for result in run_results:
        run = result.entry.run
        method = (result.entry.label, run.dataset.key, run.architecture.key, run.latent)
        methods.setdefault((method, run.training), {})[result.entry.seed] = result
    return methods


def _first_result(group: ResultsBySeed) -> RunResult:
    return next(iter(group.values()))


def _format_title(group: ResultsBySeed, among: Sequence[Run]) -> str:
    entry = _first_result(group).entry
    return f"{entry.label}: {format_table_title(entry.run, among)}"


def _identify_family(a: ResultsBySeed, b: ResultsBySeed) -> object:
    """What the methods of a family share: their tables in both sets; an A/A control is alone."""
    entries = [_first_result(group).entry for group in (a, b)]
    tables = [
        (e.table_run.dataset, e.table_run.architecture, e.table_run.latent, e.table_run.training) for e in entries
    ]
    keys = [(dataset.key, architecture.key, *rest) for dataset, architecture, *rest in tables]
    return (*keys, entries[0].label if entries[0].control_of else "")


def _parse_margins(given: Mapping[str, GivenMargin], measures: Iterable[Measure]) -> dict[str, float]:
    """Margins of some of these measures as numbers."""
    known, found = {measure.name: measure for measure in measures}, dict[str, float]()
    for name, margin in given.items():
        if name not in known:
            raise BenchError(f"no measure compared here is called '{name}'{suggest_similar(name, known)}")
        if not known[name].better:
            raise BenchError(f"'{name}' has no better direction: it is not tested, and takes no margin")
        try:
            found[name] = parse_margin(known[name], margin)
        except ValueError as error:
            raise BenchError(f"the margin of '{name}' {error}") from error
    return found


def _compare_rows(leaderboard: Leaderboard, a: str, b: str, given: Mapping[str, float]) -> Comparison:
    """Two rows of a leaderboard."""
    one, other = (next(row for row in leaderboard.rows if row.label == label) for label in (a, b))
    columns = [leaderboard.measures[name] for name in leaderboard.columns]
    drafts = [_draft_difference(measure, one, other, leaderboard.seeds) for measure in columns]
    rows = [_decide_difference(draft, leaderboard, one, other, given) for draft in drafts if draft]
    seeds = tuple(sorted(one.run_results.keys() & other.run_results.keys()))
    control = next((row.label for row in (one, other) if row.control_of), "")
    family = "pairs of methods that this table can compare: the leaderboard's p, whichever pair is looked at"
    sentences = (
        *comparison_notes.explain_comparison(len(seeds), rows, family, control),
        *comparison_notes.note_rows(one, other, columns),
        *notes.note_mixed([row.run_results[seed] for row in (one, other) for seed in seeds]),
    )
    return Comparison(leaderboard.title, a, b, seeds, tuple(rows), sentences)


def _decide_difference(
    row: Difference, leaderboard: Leaderboard, a: LeaderboardRow, b: LeaderboardRow, given: Mapping[str, float]
) -> Difference:
    """The row with the leaderboard's decision; with one of these two alone if one is an A/A control."""
    name = row.measure.name
    if not row.measure.better:
        return row
    is_alone, whole = bool(a.control_of or b.control_of), leaderboard.decisions[name]
    values = collect_values(
        row.measure, (a, b) if is_alone else leaderboard.rows, leaderboard.seeds, {}, with_controls=is_alone
    )
    found = decide_measure(values, whole.margin) if is_alone else whole
    row = _add_decision(row, found.get_pair(a.label, b.label), found.margin, len(found.pairs), found.draws)
    if name not in given:
        return row
    by_given = decide_measure(values, given[name]).get_pair(a.label, b.label)
    return replace(row, given_margin=given[name], given_decision=by_given)


def _compare_family(
    family: Sequence[tuple[ResultsBySeed, ResultsBySeed]], request: _FamilyRequest
) -> Iterator[Comparison]:
    """A comparison for each method that two sets of results share in one table."""
    seeds = tuple(sorted({seed for a, b in family for seed in a.keys() & b.keys()}))
    methods = [_MatchedMethod(pair, _match_rows(*pair, seeds)) for pair in family]
    known = merge_measures([result for method in methods for row in method.rows for result in row.run_results.values()])
    columns = [known[name] for name in request.columns if name in known]
    rows = [_compare_measure(measure, methods, seeds, request) for measure in columns]
    for i, method in enumerate(methods):
        yield _describe_matched(method, [found for row in rows if (found := row[i])], columns, request)


def _match_rows(a: ResultsBySeed, b: ResultsBySeed, seeds: Sequence[int]) -> tuple[LeaderboardRow, LeaderboardRow]:
    """The rows of a method in both sets, over the seeds that both have."""
    common = sorted(a.keys() & b.keys())
    is_other = not all(has_same_data(a[seed], b[seed]) for seed in common)
    label = _first_result(a).entry.label
    one, other = (build_row(label, {seed: group[seed] for seed in common}, seeds) for group in (a, b))
    return replace(one, has_other_data=is_other), replace(other, has_other_data=is_other)


def _compare_measure(
    measure: Measure, methods: Sequence[_MatchedMethod], seeds: Sequence[int], request: _FamilyRequest
) -> list[Difference | None]:
    """The difference of each method, None where it has none, with decisions over all that can be tested."""
    drafts = [_draft_difference(measure, *method.rows, seeds) for method in methods]
    tested = [method.rows for method, draft in zip(methods, drafts, strict=True) if draft and not draft.untested]
    if not measure.better or not tested:
        return drafts
    a, b = (collect_values(measure, rows, seeds, {}, with_controls=True) for rows in zip(*tested, strict=True))
    margin, given = request.margins.get(measure.name, measure.margin), request.given_margins.get(measure.name)
    decided, draws = decide_matched(a, b, SIDES, margin)
    by_given = decide_matched(a, b, SIDES, given)[0] if given else {}
    found = list[Difference | None]()
    for method, draft in zip(methods, drafts, strict=True):
        label = method.rows[0].label
        row = draft and _add_decision(draft, decided.get(label), margin, len(tested), draws)
        found.append(row and replace(row, given_margin=given, given_decision=by_given.get(label)))
    return found


def _describe_matched(
    method: _MatchedMethod, rows: Sequence[Difference], columns: Sequence[Measure], request: _FamilyRequest
) -> Comparison:
    one, other = (replace(row, label=name) for row, name in zip(method.rows, request.names, strict=True))
    a, b = method.results
    alone = sorted(a.keys() ^ b.keys())
    among = "methods that A and B share in this table"
    control = method.rows[0].label if method.rows[0].control_of else ""
    sentences = (
        *([f"Seeds that only A or only B has, left out: {', '.join(map(str, alone))}."] if alone else []),
        *comparison_notes.explain_comparison(len(method.seeds), rows, among, control),
        *comparison_notes.note_rows(one, other, columns),
        *describe_differences([a[seed] for seed in method.seeds], [b[seed] for seed in method.seeds]),
    )
    return Comparison(_format_title(a, request.runs), *request.names, method.seeds, tuple(rows), sentences)


def _draft_difference(
    measure: Measure, a: LeaderboardRow, b: LeaderboardRow, seeds: Sequence[int]
) -> Difference | None:
    """Two rows over the seeds of a table under one measure, not tested; None if they have no common value."""
    if not (measure.name in a.summaries and measure.name in b.summaries):
        return None
    one, other = (row.summaries[measure.name].estimates for row in (a, b))
    common = tuple(sorted(one.keys() & other.keys()))
    if not common:
        return None
    left, right = [one[seed] for seed in common], [other[seed] for seed in common]
    row = Difference(measure, common, tuple(x.value for x in left), tuple(x.value for x in right))
    untested, reason = _explain_untested(measure, a, b, seeds)
    if measure.better:
        is_qualified = measure.rewards_collapse and bool(a.near_collapse or b.near_collapse)
        return replace(row, untested=untested, reason=reason, is_qualified=is_qualified)
    return row if untested or row.is_ratio else _add_own_interval(row, left, right)


def _add_own_interval(row: Difference, a: Sequence[Estimate], b: Sequence[Estimate]) -> Difference:
    """The row of a measure without a direction, which no family of tests has, with its interval."""
    table = per_draw_table(a, b)
    return replace(row, interval=confidence_interval(row.effects, table), draws=0 if table is None else table.shape[1])


def _explain_untested(
    measure: Measure, a: LeaderboardRow, b: LeaderboardRow, seeds: Sequence[int]
) -> tuple[ComparisonOutcome, str]:
    """Why two rows cannot be compared under a measure, in a word and in words; empty if they can."""
    rows = dict(zip(SIDES, (a, b), strict=True))
    if found := [side for side, row in rows.items() if row.has_other_data]:
        return "other data", f"{' and '.join(found)} used other data"
    if found := [side for side, row in rows.items() if row.collapsed_seeds]:
        return "collapsed", f"{' and '.join(found)} collapsed"
    counts = {side: len(row.summaries[measure.name].estimates) for side, row in rows.items()}
    if found := [f"{side} has {n} of {len(seeds)} seeds" for side, n in counts.items() if n < len(seeds)]:
        return "incomplete", " and ".join(found)
    if len(seeds) < MIN_TESTED_SEEDS:
        return "not tested", notes.format_count(len(seeds), "seed")
    return "", ""


def _add_decision(
    row: Difference, decision: PairDecision | None, margin: float | None, family: int, draws: int
) -> Difference:
    """The row with what was decided on it among a `family` of tests; nothing is if there was a reason not to test."""
    if row.untested:
        return row
    if decision is None:
        return replace(row, untested="not tested", reason="ratios need positive values")
    return replace(row, decision=decision, interval=decision.interval, margin=margin, family=family, draws=draws)

"""What decisions say on a first screen: the statements of `statements.py`, as briefly as possible."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from ..core.results import Measure
from .decision import MeasureDecision, MethodDecision, MethodState, PairDecision
from .leaderboard_data import LeaderboardRow, MeasureSummary
from .measure_texts import describe_unit
from .statements import format_margin, join_names


def describe_leaders_briefly(decision: MeasureDecision, summaries: Mapping[str, MeasureSummary]) -> str:
    """Which methods lead under a measure, such as `AE is significantly better than all others`.

    Where a nearly collapsed method leads or might lead, since the measure rewards it, this is said, and which of the
    others leads, if any. `summaries` are those of the measure by method. Without a ranking, the method of the best mean
    is named.
    """
    comparable = [method for method in decision.methods.values() if method.state != "not comparable"]
    if len(comparable) < 2:
        return "fewer than two methods can be compared"
    labels = [method.label for method in comparable]
    describe = _describe_ranked if decision.is_ranked else partial(_describe_unranked, summaries=summaries)
    qualified = [method.label for method in comparable if method.qualification and not method.worse_than]
    text = describe(decision, labels)
    if not qualified:
        return text
    others = [label for label in labels if label not in qualified]
    states = {_decide_among(decision.methods[label], others) for label in others}
    has_leader = decision.is_ranked and len(others) > 1 and states & {"best", "not worse"}
    rest = f"; of the others, {describe(decision, others)}" if has_leader else ""
    verb = "is" if len(qualified) == 1 else "are"
    return f"{text} ({join_names(qualified)} {verb} nearly collapsed, which this measure rewards{rest})"


def describe_baselines_briefly(decision: MeasureDecision) -> Iterator[str]:
    """How the comparable methods stand to baselines, such as `all worse than PCA-64`; baselines alike are joined."""
    methods = [method for method in decision.methods.values() if method.baselines]
    names = list(methods[0].baselines) if methods else []
    by_text: dict[str, list[str]] = {}
    for name in names:
        pairs = [method.baselines[name] for method in methods]
        by_text.setdefault(_describe_sides(pairs), []).append(name)
    for text, alike in by_text.items():
        yield f"{text} {_list_all(alike)}"


def describe_range(measure: Measure, rows: Sequence[LeaderboardRow]) -> str:
    """The range of a measure without a direction, such as `Rate 5.6 (VAE) to 12.4 nats (AE)`; empty for one value."""
    means = {row.label: row.summaries[measure.name].mean for row in rows if measure.name in row.summaries}
    if len(means) < 2:
        return ""
    low, high = (choose(means, key=lambda label: means[label]) for choose in (min, max))
    low_text, high_text = (f"{means[label]:.3g}" for label in (low, high))
    name, unit = measure.title, f" {describe_unit(measure)}".rstrip()
    if low_text == high_text:
        return f"{name} {high_text}{unit} for all"
    return f"{name} {low_text} ({low}) to {high_text}{unit} ({high})"


def join_by_measure(stated: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
    """Statements on measures, given by name; measures of which the same is said share it, all need no names."""
    found: dict[str, list[str]] = {}
    count = 0
    for name, texts in stated:
        count += 1
        said = [*texts]
        # `AE better, VAE worse than PCA-8` after a comma would be read with the baseline before it.
        text = ("; " if any(" better, " in one for one in said) else ", ").join(said)
        found.setdefault(text, []).append(name)
    return [text if len(names) == count else f"{join_names(names)}: {text}" for text, names in found.items() if text]


def _describe_ranked(decision: MeasureDecision, labels: Sequence[str]) -> str:
    """Which of some methods lead among these, by the decisions on all pairs."""
    states = {label: _decide_among(decision.methods[label], labels) for label in labels}
    best, not_worse, open_, worse = (
        [label for label, state in states.items() if state == wanted]
        for wanted in ("best", "not worse", "undecided", "worse")
    )
    if best:
        return f"{best[0]} is significantly better than {'all others' if len(labels) > 2 else join_names(worse)}"
    if not_worse:
        margin = format_margin(decision.measure, decision.margin)
        if len(not_worse) == len(labels):
            return f"{_say_all(len(labels))} are equivalent within {margin}"
        return f"{join_names(not_worse)} {'is' if len(not_worse) == 1 else 'are'} not worse than any, within {margin}"
    if not worse:
        return f"undecided between {_say_all(len(labels))}"
    return f"undecided between {join_names(open_)}; {join_names(worse)} {'is' if len(worse) == 1 else 'are'} worse"


def _decide_among(method: MethodDecision, labels: Sequence[str]) -> MethodState:
    if {*method.worse_than} & {*labels}:
        return "worse"
    if {*method.undecided_with} & {*labels}:
        return "undecided"
    return "not worse" if {*method.equivalent_to} & {*labels} else "best"


def _describe_unranked(
    decision: MeasureDecision, labels: Sequence[str], summaries: Mapping[str, MeasureSummary]
) -> str:
    higher = decision.measure.better == "higher"
    best = (max if higher else min)(labels, key=lambda label: summaries[label].mean)
    start = f"{'highest' if higher else 'lowest'} mean {best}"
    if not decision.pairs:
        return f"{start}, not tested"
    worse = [label for label in labels if {*decision.methods[label].worse_than} & {*labels}]
    if not worse:
        return f"{start}; no significant difference"
    return f"{start}; {join_names(worse)} significantly worse than some other"


def _describe_sides(pairs: Sequence[PairDecision]) -> str:
    """What is said of a baseline, in front of its name, from the decision on each method against it."""
    total = len(pairs)
    better = [pair.a for pair in pairs if pair.better == pair.a]
    worse = [pair.a for pair in pairs if pair.better == pair.b]
    for group, word in ((better, "better than"), (worse, "worse than")):
        rest = [pair.a for pair in pairs if pair.a not in group]
        if len(group) > total / 2 and len(group) > 1:
            return f"all{f' but {join_names(rest)}' if rest else ''} {word}"
    parts = [f"{join_names(group)} {word}" for group, word in ((better, "better"), (worse, "worse")) if group]
    return f"{', '.join(parts)} than" if parts else "no significant difference from"


def _list_all(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _say_all(n: int) -> str:
    return "both" if n == 2 else f"all {n}"

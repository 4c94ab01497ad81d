"""What decisions say on a first screen: the statements of `statements.py`, as briefly as possible."""

from collections.abc import Iterable, Mapping, Sequence

from ..core.results import Measure
from .decision import MeasureDecision
from .leaderboard_data import LeaderboardRow, MeasureSummary
from .measure_texts import describe_unit
from .statements import add_verb, decide_among, describe_ranking, join_all, join_names


def describe_leaders_briefly(decision: MeasureDecision, summaries: Mapping[str, MeasureSummary]) -> str:
    """Which methods lead under a measure, such as `AE is significantly better than the other 4 methods`.

    Where a nearly collapsed method leads or might lead, since the measure rewards it, this is said, and which of the
    others leads, if any. `summaries` are those of the measure by method. Without a ranking, the method of the best mean
    is named.
    """
    comparable = [method for method in decision.methods.values() if method.state != "not comparable"]
    labels = [method.label for method in comparable]
    if len(labels) < 2:
        return "fewer than two methods can be compared"
    is_ranked = decision.is_ranked
    text = describe_ranking(decision, labels) if is_ranked else _describe_unranked(decision, labels, summaries)
    qualified = [method.label for method in comparable if method.qualification and not method.worse_than]
    if not qualified:
        return text
    others = [label for label in labels if label not in qualified]
    states = {decide_among(decision.methods[label], others) for label in others}
    has_leader = is_ranked and len(others) > 1 and states & {"best", "not worse"}
    rest = f"; of the others, {describe_ranking(decision, others)}" if has_leader else ""
    return (
        f"{text} ({add_verb(join_names(qualified), len(qualified))} nearly collapsed, which this measure rewards{rest})"
    )


def describe_range(measure: Measure, rows: Sequence[LeaderboardRow]) -> str:
    """The range of a measure without a direction, such as `Rate 5.6 (VAE) to 12.4 nats (AE)`; empty for one value."""
    means = {row.label: row.summaries[measure.name].mean for row in rows if measure.name in row.summaries}
    if len(means) < 2:
        return ""
    low, high = (choose(means, key=lambda label: means[label]) for choose in (min, max))
    low_text, high_text = (f"{means[label]:.3g}" for label in (low, high))
    name, unit = measure.title, f" {describe_unit(measure)}".rstrip()
    ideal = "" if measure.target is None else f", best at {measure.target:g}"
    if low_text == high_text:
        return f"{name} {high_text}{unit} for all{ideal}"
    return f"{name} {low_text} ({low}) to {high_text}{unit} ({high}){ideal}"


def join_by_measure(
    stated: Iterable[tuple[str, Sequence[str]]], methods: Iterable[str], *, always_named: bool = False
) -> str:
    """Statements on measures, given by name, as sentences; measures of which the same is said share one.

    The names are left out where the same is said of all, unless they are `always_named`. A name of a method at the
    beginning stays as it is.
    """
    found: dict[str, list[str]] = {}
    count = 0
    for name, texts in stated:
        count += 1
        found.setdefault("; ".join(texts), []).append(name)
    parts = [
        text if len(names) == count and not always_named else f"{join_all(names)}: {text}"
        for text, names in found.items()
        if text
    ]
    names = tuple(f"{name} " for name in methods)
    return " ".join(f"{part if part.startswith(names) else part[0].upper() + part[1:]}." for part in parts)


def _describe_unranked(
    decision: MeasureDecision, labels: Sequence[str], summaries: Mapping[str, MeasureSummary]
) -> str:
    labels = [label for label in labels if label in summaries]  # without rows that are hidden
    higher = decision.measure.better == "higher"
    best = (max if higher else min)(labels, key=lambda label: summaries[label].mean)
    start = f"{'highest' if higher else 'lowest'} mean {best}"
    if not decision.pairs:
        return f"{start}, not tested"
    worse = [label for label in labels if {*decision.methods[label].worse_than} & {*labels}]
    if not worse:
        return f"{start}; no significant difference"
    return f"{start}; {join_names(worse)} significantly worse than some other"

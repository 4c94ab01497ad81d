"""What decisions say on a first screen: the statements of `statements.py`, as briefly as possible."""

from collections.abc import Iterable, Mapping, Sequence

from ..core.results import Measure
from .decision import MeasureDecision, PairDecision
from .leaderboard_data import LeaderboardRow, MeasureSummary
from .measure_texts import describe_unit
from .statements import add_verb, decide_among, describe_ranking, join_all, join_names

MAX_REST = 3
"""Of so many methods that are left, each is named."""


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


def describe_baselines_briefly(decision: MeasureDecision) -> list[str]:
    """How the comparable methods stand to each baseline, such as `against PCA-64 AE is better, the others are worse`.

    Baselines of which the same can be said are joined.
    """
    against = [method.baselines for method in decision.methods.values() if method.baselines]
    by_text: dict[str, list[str]] = {}
    for name in against[0] if against else ():
        by_text.setdefault(_describe_sides([pairs[name] for pairs in against], name), []).append(name)
    return [f"against {join_all(alike)} {text}" for text, alike in by_text.items()]


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


def join_by_measure(stated: Iterable[tuple[str, Sequence[str]]], methods: Iterable[str]) -> str:
    """Statements on measures, given by name, as sentences; measures of which the same is said share one.

    The names are left out where the same is said of all. A name of a method at the beginning stays as it is.
    """
    found: dict[str, list[str]] = {}
    count = 0
    for name, texts in stated:
        count += 1
        found.setdefault("; ".join(texts), []).append(name)
    parts = [text if len(names) == count else f"{join_names(names)}: {text}" for text, names in found.items() if text]
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


def _describe_sides(pairs: Sequence[PairDecision], baseline: str) -> str:
    """Which methods are better and worse than a baseline, and which are undecided; the most are `the others`."""
    by_word: dict[str, list[str]] = {"better": [], "worse": [], "undecided": []}
    for pair in pairs:
        by_word["undecided" if not pair.better else "worse" if pair.better == baseline else "better"].append(pair.a)
    groups = {word: labels for word, labels in by_word.items() if labels}
    if len(groups) == 1:
        (word,) = groups
        n = len(pairs)
        return f"{add_verb(pairs[0].a if n == 1 else 'both' if n == 2 else f'all {n}', n)} {word}"
    most = max(groups, key=lambda word: len(groups[word]))
    rest = groups.pop(most)
    parts = [f"{add_verb(join_names(labels), len(labels))} {word}" for word, labels in groups.items()]
    last = join_all(rest) if len(rest) <= MAX_REST else f"the other {len(rest)}"
    return ", ".join([*parts, f"{add_verb(last, len(rest))} {most}"])

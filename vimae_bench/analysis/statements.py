"""What decisions say, in words: the same sentences for every table, page, figure and command."""

from collections.abc import Iterator, Sequence

from ..core.results import Measure
from .decision import MIN_SEEDS, MIN_TESTED_SEEDS, MeasureDecision, MethodDecision, PairDecision
from .statistics import ALPHA, MAX_SEEDS

MAX_NAMED = 4
"""Of more methods than this, only the number is given."""


def describe_method(method: MethodDecision, seeds: int) -> str:
    """The state of a method under one measure with its reason, such as `worse than VAE and AE`."""
    if method.state == "not comparable":
        return f"not comparable: {method.reason}"
    if method.state == "best":
        return "better than every other method"
    if method.state == "not worse":
        return f"not worse than any: {_say_equivalent(method)}"
    if method.state == "worse":
        return f"worse than {join_names(method.worse_than)}"
    if seeds < MIN_SEEDS:
        return f"not ranked: {seeds} seeds explore, a ranking needs {MIN_SEEDS}"
    if not method.undecided_with:
        return "nothing to compare with"
    return f"undecided with {join_names(method.undecided_with)}: {describe_seeds_needed(method.seeds_needed)}"


def describe_pair(pair: PairDecision, measure: Measure, margin: float | None) -> str:
    """What is decided on a pair, such as `VAE is better than AE (difference 1.2 %, p = 0.003)`."""
    if pair.outcome == "equivalent":
        return f"{pair.a} and {pair.b} are equivalent, within {format_margin(measure, margin)}"
    if pair.outcome == "different":
        other = pair.b if pair.better == pair.a else pair.a
        return f"{pair.better} is better than {other} ({format_p(pair.p)})"
    return f"{pair.a} and {pair.b}: undecided ({format_p(pair.p)}); {describe_seeds_needed(pair.seeds_needed)}"


def describe_seeds_needed(seeds: int | None) -> str:
    """How many seeds would decide, if effect and spread stay as they are."""
    if seeds is None:
        return f"up to {MAX_SEEDS:,} seeds would not decide it"
    return f"about {seeds:,} seeds would decide it"


def summarize_measure(decision: MeasureDecision) -> str:
    """Which methods lead under a measure, in one sentence."""
    name, seeds = decision.measure.label, len(decision.seeds)
    comparable = [method for method in decision.methods.values() if method.state != "not comparable"]
    if len(comparable) < 2:
        return f"{name}: fewer than two methods can be compared."
    if seeds < MIN_TESTED_SEEDS or not decision.pairs:
        return f"{name}: not tested."
    if seeds < MIN_SEEDS:
        different = sum(pair.outcome == "different" for pair in decision.pairs.values())
        return f"{name}: {different} of {len(decision.pairs)} pairs differ; {seeds} seeds make no ranking."
    best = [method.label for method in comparable if method.state == "best"]
    if best:
        return f"{name}: {best[0]} is better than every other method."
    not_worse = [method.label for method in comparable if method.state == "not worse"]
    if not_worse:
        verb = "is" if len(not_worse) == 1 else "are"
        return f"{name}: {join_names(not_worse)} {verb} not worse than any, within {_margin_of(decision)}."
    open_ = [method for method in comparable if method.state == "undecided"]
    needed = [method.seeds_needed for method in open_]
    known = [n for n in needed if n is not None]
    seeds_needed = max(known) if known and len(known) == len(needed) else None
    worse = len(comparable) - len(open_)
    rest = f"; {worse} {'is' if worse == 1 else 'are'} worse" if worse else ""
    names = join_names([method.label for method in open_])
    return f"{name}: undecided between {names}{rest}; {describe_seeds_needed(seeds_needed)}."


def summarize_baselines(decision: MeasureDecision) -> Iterator[str]:
    """How the comparable methods stand to each baseline, such as `all 5 methods are worse than PCA, d = 8`."""
    methods = [method for method in decision.methods.values() if method.baselines]
    for name in methods[0].baselines if methods else ():
        found = [method.baselines[name] for method in methods]
        better = [pair.a for pair in found if pair.better == pair.a]
        worse = [pair.a for pair in found if pair.better == name]
        parts = [
            f"{_say_all(group, len(found))} {'is' if len(group) == 1 else 'are'} {word} than {name}"
            for group, word in ((better, "better"), (worse, "worse"))
            if group
        ]
        open_ = len(found) - len(better) - len(worse)
        if open_ and parts:
            parts.append(f"{open_} {'is' if open_ == 1 else 'are'} undecided")
        yield f"{decision.measure.label}: {', '.join(parts) if parts else f'no method is shown to differ from {name}'}."


def join_names(names: Sequence[str]) -> str:
    """Names as words, such as `VAE, AE and DAE`, or only their number if they are many."""
    if len(names) > MAX_NAMED:
        return f"{len(names)} methods"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def format_margin(measure: Measure, margin: float | None) -> str:
    """A margin of equivalence with its unit: relative on a log scale."""
    if margin is None:
        return "no margin"
    return f"{margin * 100:g} %" if measure.scale == "log" else f"{margin:g} {measure.unit}".strip()


def format_p(p: float | None) -> str:
    """An adjusted p-value, such as `p = 0.012`."""
    if p is None:
        return "not tested"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < ALPHA or p >= 0.06 else f"p = {p:.3f}"


def _margin_of(decision: MeasureDecision) -> str:
    return format_margin(decision.measure, decision.margin)


def _say_equivalent(method: MethodDecision) -> str:
    return f"equivalent to {join_names(method.equivalent_to)}"


def _say_all(labels: Sequence[str], total: int) -> str:
    return f"all {total} methods" if len(labels) == total > 1 else join_names(labels)

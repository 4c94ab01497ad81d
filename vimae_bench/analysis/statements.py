"""What decisions say, in words: the same sentences for every table, page, figure and command."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..core.results import Measure
from .decision import (
    MIN_SEEDS,
    MIN_TESTED_SEEDS,
    MeasureDecision,
    MethodDecision,
    MethodState,
    PairDecision,
    find_seeds_needed,
)
from .marks import MARK_MEANINGS, UNUSUAL
from .measure_texts import describe_unit
from .statistics import ALPHA, MAX_SEEDS

MAX_NAMED = 4
"""Of more methods than this, only the number is given."""
MAX_REST = 3
"""Of so many methods that are left, each is named."""


class MeasureStatement(NamedTuple):
    """A sentence that holds under one measure or several."""

    measures: tuple[str, ...]
    text: str

    @property
    def line(self) -> str:
        """The sentence after the names of its measures."""
        return f"{', '.join(self.measures)}: {self.text}"


def describe_state(decision: MeasureDecision, label: str) -> str:
    """The state of a method under a measure in words, with everything that its marks say."""
    method = decision.methods[label]
    parts = [describe_method(method, len(decision.seeds))]
    if method.leads and (caution := describe_caution(decision)):
        parts.append(f"this does not show that it is better: {caution}")
    if method.qualification:
        parts.append(f"{method.qualification}, which the measure rewards")
    if method.has_unusual_spread:
        parts.append(MARK_MEANINGS[UNUSUAL])
    return "; ".join(parts)


def describe_caution(decision: MeasureDecision) -> str:
    """Why no method that leads under a measure is thereby shown to be better; empty if it is."""
    if decision.beats_real_images:
        return "real images score worse than some methods"
    return f"this measure {decision.measure.caution}" if decision.measure.caution else ""


def describe_cautions(decisions: Mapping[str, MeasureDecision]) -> str:
    """The cautions of the measures, by name, as sentences; empty without any."""

    def join(names: Sequence[str], one: str, many: str) -> str:
        return f"this measure {one}" if len(decisions) == 1 else f"{join_all(names)} {one if len(names) == 1 else many}"

    beaten = [name for name, decision in decisions.items() if decision.beats_real_images]
    sentences = list[str]()
    if beaten:
        subject = join(beaten, "does", "do")
        sentences.append(f"Real images score worse than some methods: {subject} not show how realistic samples are.")
    for name, decision in decisions.items():
        if decision.measure.caution and name not in beaten:
            subject = "This measure" if len(decisions) == 1 else name
            sentences.append(f"{subject} {decision.measure.caution}.")
    return " ".join(sentences)


def describe_method(method: MethodDecision, seeds: int) -> str:
    """The state of a method under one measure with its reason, such as `worse than VAE and AE`."""
    if method.state == "not comparable":
        return f"not comparable: {method.reason}"
    if method.state == "best":
        return "better than every other method"
    if method.state == "not worse":
        return f"tied with {join_names(method.equivalent_to)}: better than or equivalent to every other method"
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


def describe_outcome(pair: PairDecision, measure: Measure, margin: float | None) -> str:
    """What is decided on a pair whose names are next to it, such as `VAE is better`."""
    if pair.outcome == "equivalent":
        return f"equivalent within {format_margin(measure, margin)} ({format_p(pair.equivalence_p)})"
    if pair.outcome == "different":
        return f"{pair.better} is better"
    return f"undecided: {describe_seeds_needed(pair.seeds_needed)}"


def describe_baseline(pair: PairDecision) -> str:
    """How a method, the first of a pair, stands to a baseline, such as `better than PCA-8 (p = 0.003)`."""
    word = "worse than" if pair.better == pair.b else "better than" if pair.better else "undecided against"
    comparisons = pair.forecast.comparisons if pair.forecast else 1
    over = f" over {comparisons} comparisons" if comparisons > 1 else ""
    return f"{word} {pair.b} ({format_p(pair.p)}{over})"


def describe_seeds_needed(seeds: int | None, verb: str = "decide") -> str:
    """How many seeds would decide, or support or contradict a claim, if effect and spread stay as they are."""
    if seeds is None:
        return f"up to {MAX_SEEDS:,} seeds would not decide it"
    return f"about {seeds:,} seeds would {verb} it"


def summarize_decisions(decisions: Iterable[MeasureDecision]) -> list[MeasureStatement]:
    """Which methods lead, and how they stand to the baselines; measures of which the same can be said share it.

    Nothing for fewer than three seeds.
    """
    tested = [decision for decision in decisions if len(decision.seeds) >= MIN_TESTED_SEEDS]
    leaders = _group_measures(tested, lambda decision: [describe_leaders(decision)])
    return [*leaders, *_group_measures(tested, lambda decision: [f"{text}." for text in describe_baselines(decision)])]


def describe_leaders(decision: MeasureDecision) -> str:
    """Which methods lead under a measure, with what qualifies it."""
    candidates = [method for method in decision.methods.values() if method.leads or method.state == "undecided"]
    qualified = [f"{method.label} is {method.qualification}" for method in candidates if method.qualification]
    rewarded = f" {' and '.join(qualified)}, which this measure rewards." if qualified and decision.is_ranked else ""
    caution = describe_cautions({decision.measure.label: decision}) if decision.leaders else ""
    return f"{_state_leaders(decision)}{rewarded} {caution}".rstrip()


def _state_leaders(decision: MeasureDecision) -> str:
    seeds = len(decision.seeds)
    comparable = [method for method in decision.methods.values() if method.state != "not comparable"]
    if len(comparable) < 2:
        return "fewer than two methods can be compared."
    if not decision.pairs:
        few = seeds < MIN_TESTED_SEEDS
        return f"not tested: {'at least three seeds are needed' if few else 'ratios need positive values'}."
    if seeds < MIN_SEEDS:
        different = sum(pair.outcome == "different" for pair in decision.pairs.values())
        return f"{different} of {len(decision.pairs)} pairs differ; {seeds} seeds make no ranking."
    labels = [method.label for method in comparable]
    open_ = [method for method in comparable if method.state == "undecided"]
    if len(open_) + sum(method.state == "worse" for method in comparable) < len(comparable):
        return f"{describe_ranking(decision, labels)}."
    forecasts = {(pair.a, pair.b): pair.forecast for method in open_ for pair in method.undecided_pairs}
    seeds_needed = find_seeds_needed([forecast for forecast in forecasts.values() if forecast])
    return f"{describe_ranking(decision, labels)}; {describe_seeds_needed(seeds_needed)}."


def describe_ranking(decision: MeasureDecision, labels: Sequence[str]) -> str:
    """Which of two or more comparable methods lead among these, such as `undecided between A and B; C is worse`."""
    states = {label: decide_among(decision.methods[label], labels) for label in labels}
    best, not_worse, open_, worse = (
        [label for label, state in states.items() if state == wanted]
        for wanted in ("best", "not worse", "undecided", "worse")
    )
    is_whole = all(method.state != "not comparable" for method in decision.methods.values())
    methods = "methods" if is_whole else "comparable methods"
    if best:
        others = worse[0] if len(labels) == 2 else f"the other {len(labels) - 1} {methods}"
        return f"{best[0]} is significantly better than {others}"
    rest = f"; {_say_others(worse)} worse" if worse else ""
    if len(not_worse) > 1:
        names = (
            _say_both(not_worse, f"all {len(labels)} {methods}")
            if len(not_worse) == len(labels)
            else join_names(not_worse)
        )
        open_text = f"; {add_verb(join_names(open_), len(open_))} undecided" if open_ else ""
        margin = format_margin(decision.measure, decision.margin)
        return f"{names} are tied: equally good, within {margin}{open_text}{rest}"
    if not_worse:
        margin = format_margin(decision.measure, decision.margin)
        return f"{not_worse[0]} is better than or equivalent to every other method, within {margin}"
    if not worse:
        return f"undecided: no significant difference between {_say_both(labels, f'the {len(labels)} {methods}')}"
    return f"undecided between {join_names(open_)}{rest}"


def decide_among(method: MethodDecision, labels: Sequence[str]) -> MethodState:
    """The state that a method has among some of the comparable methods."""
    if {*method.worse_than} & {*labels}:
        return "worse"
    if {*method.undecided_with} & {*labels}:
        return "undecided"
    return "not worse" if {*method.equivalent_to} & {*labels} else "best"


def describe_baselines(decision: MeasureDecision) -> list[str]:
    """How the comparable methods stand to the baselines, such as `against PCA-64 AE is better, the others are worse`.

    Baselines of which the same can be said are joined. The first that is undecided says by which p, since intervals,
    which are those of a method alone, may look as if it were decided.
    """
    against = [method.baselines for method in decision.methods.values() if method.baselines]
    by_text: dict[str, list[str]] = {}
    for name in against[0] if against else ():
        by_text.setdefault(_describe_sides([pairs[name] for pairs in against], name), []).append(name)
    count = sum(map(len, against))
    texts, undecided = list[str](), f"undecided (p > {ALPHA}{f' over {count} comparisons' if count > 1 else ''})"
    for text, alike in by_text.items():
        pairs = [pairs[alike[0]] for pairs in against]
        is_first = any(not pair.better for pair in pairs) and not any(undecided in before for before in texts)
        said = _describe_sides(pairs, alike[0], undecided) if is_first else text
        texts.append(f"against {join_all(alike)} {said}")
    return texts


def join_names(names: Sequence[str]) -> str:
    """Names as words, such as `VAE, AE and DAE`, or only their number if they are many."""
    if len(names) > MAX_NAMED:
        return f"{len(names)} methods"
    return join_all(names) if names else "none"


def add_verb(names: str, count: int) -> str:
    """Names of so many methods, such as `A and B are`."""
    return f"{names} {'is' if count == 1 else 'are'}"


def join_all(names: Sequence[str]) -> str:
    """All names as words, however many."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def format_margin(measure: Measure, margin: float | None) -> str:
    """A margin of equivalence with its unit: relative on a log scale."""
    if margin is None:
        return "no margin"
    if measure.scale == "log":
        return f"{margin * 100:g} %"
    unit = describe_unit(measure) if measure.unit != "%" else "percentage point" if margin == 1 else "percentage points"
    return f"{margin:g} {unit}".strip()


def format_p(p: float | None) -> str:
    """An adjusted p-value, such as `p = 0.012`."""
    if p is None:
        return "not tested"
    if p < 0.001:
        return "p < 0.001"
    if 0.0495 <= p < ALPHA:
        return f"p < {ALPHA}"  # not `p = 0.05`, which would not be significant
    return f"p = {p:.3f}" if ALPHA <= p < 0.06 else f"p = {p:.2g}"


def _say_others(labels: Sequence[str]) -> str:
    """Methods at the end of a sentence that has named all others, with a verb."""
    return add_verb(f"the other {len(labels)}" if len(labels) > 2 else join_all(labels), len(labels))


def _say_both(labels: Sequence[str], many: str) -> str:
    """The names of two methods; of more, what there is to say of many."""
    return join_all(labels) if len(labels) == 2 else many


def _describe_sides(pairs: Sequence[PairDecision], baseline: str, undecided: str = "undecided") -> str:
    """Which methods are better and worse than a baseline, and which are undecided; the most are `the others`."""
    by_word: dict[str, list[str]] = {"better": [], "worse": []}
    for pair in pairs:
        word = "worse" if pair.better == baseline else "better" if pair.better else undecided
        by_word.setdefault(word, []).append(pair.a)
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


def _group_measures(
    decisions: Iterable[MeasureDecision], describe: Callable[[MeasureDecision], Iterable[str]]
) -> list[MeasureStatement]:
    measures: dict[str, list[str]] = {}
    for decision in decisions:
        for text in describe(decision):
            measures.setdefault(text, []).append(decision.measure.label)
    return [MeasureStatement(tuple(names), text) for text, names in measures.items()]

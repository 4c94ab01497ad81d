"""The marks of methods in a table or figure: the same signs, with the same meanings, on every surface."""

from collections.abc import Iterable

from .decision import MeasureDecision

LEADING, TIED, UNDECIDED, NOT_COMPARABLE, QUALIFIED, UNUSUAL = "★", "★=", "?", "†", "‡", "§"
"""Of a method under a measure; one that is worse than some other has none."""
NO_EVIDENCE = "({})"
"""How the mark of a method is written that leads, which does not show that it is better."""
MARK_MEANINGS = {
    LEADING: "better than every other method",
    TIED: "tied: better than or equivalent to every other method",
    NO_EVIDENCE.format(LEADING): "leads, which here does not show that it is better",
    NO_EVIDENCE.format(TIED): "leads with a tie, which here does not show that it is better",
    UNDECIDED: "undecided: no method is shown to be better",
    NOT_COMPARABLE: "not comparable, in no test",
    QUALIFIED: "nearly collapsed, which the measure rewards",
    UNUSUAL: "values spread over three times as much as usual: p is less certain",
}
NO_MARK = "no mark: worse than some method"


def list_marks(decision: MeasureDecision | None, label: str) -> tuple[str, ...]:
    """The marks of a method under a measure, such as `("★",)`; none without a decision on it."""
    state = decision.get_state(label) if decision else None
    if decision is None or state is None:
        return ()
    method = decision.methods[label]
    signs = {"best": LEADING, "not worse": TIED, "undecided": UNDECIDED, "not comparable": NOT_COMPARABLE, "worse": ""}
    sign = signs[state]
    if method.leads and not decision.is_evidently_leading(label):
        sign = NO_EVIDENCE.format(sign)
    found = sign, QUALIFIED * bool(method.qualification), UNUSUAL * method.has_unusual_spread
    return tuple(filter(None, found))


def join_marks(marks: Iterable[str]) -> str:
    """Marks next to each other in a cell."""
    return " ".join(marks)


def explain_marks(marks: Iterable[str]) -> list[str]:
    """What marks mean, each once, such as `★ better than every other method`."""
    found = {*marks}
    texts = [f"{mark} {meaning}" for mark, meaning in MARK_MEANINGS.items() if mark in found]
    is_ranked = any(mark.strip("()") in (LEADING, TIED, UNDECIDED) for mark in found)
    return [*texts, NO_MARK] if is_ranked else texts

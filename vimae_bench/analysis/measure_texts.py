"""The texts of a measure for readers: its name, its definition, and the topic that it belongs to.

These texts are those of the installed metric, also for results that were written before it had them.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from ..core.conditions import Condition
from ..core.results import Measure
from .versions import find_metric

ANY_CONDITION = "*"
OMITTED_UNITS = ("units", "draws")
"""Units that only repeat what is counted."""


def complete_texts(measure: Measure) -> Measure:
    """The measure with the texts of the installed metric; as it is if there is none that knows it."""
    declared = _list_declared(measure.metric)
    for name in (measure.name, _generalize_name(measure)):
        base = next((known for known in declared if _is_variant(name, known)), None)
        if base is not None and declared[base].display_name:
            return _adapt_texts(measure, declared[base], name[len(base) :])
    return measure


def describe_unit(measure: Measure) -> str:
    """The unit of a measure as readers know it; empty for a count and for what depends on the range of pixels."""
    return "" if measure.unit in OMITTED_UNITS or measure.unit.startswith("[") else measure.unit


def describe_condition(measure: Measure) -> str:
    """The condition of a measure in words, such as `noise 0.4`; empty if it has none."""
    try:
        return Condition.parse(measure.condition).title if measure.condition else ""
    except ValueError:
        return measure.condition


def describe_direction(measure: Measure) -> str:
    """What values of a measure are good, such as `Lower is better.` or `Best at 0; not ranked.`"""
    if measure.better:
        return f"{measure.better.capitalize()} is better."
    if measure.target is None:
        return "Neither high nor low is better in itself; not ranked."
    unit = f" {describe_unit(measure)}".rstrip()
    return f"Best at {measure.target:g}{unit}; not ranked."


def _is_variant(name: str, known: str) -> bool:
    """Whether a name is the known one, or that with a suffix such as ` labels=100`."""
    return name == known or (name.startswith(f"{known} ") and "=" in name[len(known) :].split(" ")[1])


@cache
def _list_declared(metric: str) -> Mapping[str, Measure]:
    """What a metric measures with default settings, by name, and by its name under any condition."""
    entry = find_metric(metric) if metric else None
    measures = entry.measures if entry else ()
    corrupted = [measure for measure in measures if measure.condition not in ("", "clean")]
    return {_generalize_name(m): m for m in corrupted} | {measure.name: measure for measure in measures}


def _generalize_name(measure: Measure) -> str:
    """The name without its condition, such as `svm *`."""
    words = measure.name.split(" ")
    return " ".join(ANY_CONDITION if word == measure.condition else word for word in words)


def _adapt_texts(measure: Measure, known: Measure, suffix: str) -> Measure:
    """The texts of a known measure, for another condition and with the suffix of its settings."""
    name, description = known.display_name, known.description
    if measure.condition != known.condition:
        try:
            one, other = Condition.parse(measure.condition), Condition.parse(known.condition)
        except ValueError:
            return measure
        name, description = (
            name.replace(other.title, one.title),
            description.replace(other.description, one.description),
        )
    return replace(
        measure,
        display_name=name + suffix,
        description=description,
        topic=known.topic,
        target=known.target,
        caution=known.caution,
    )

"""Hypothesis strategies: values of every kind, and valid files with changes."""

from copy import deepcopy
from datetime import date, datetime, time, timedelta, timezone

from hypothesis import strategies as st

ESCAPE = "\x1b[31mred\x1b[0m"
TEXTS = [
    *("", " ", "\n", "a\nb", "\x00", "\x1b]0;title\x07", ESCAPE, "\u202eeman", "\u2028", "\x85", "\ufeff", "\ufffe"),
    *("../../x", "/abs", "..", ".", "a/b", "CON", "~", "[red]", "[/oops]", "<b>x</b>", "=1+1", "@x", "|", "\\", "$x$"),
    *("digits", "mnist", "mlp", "elbo", "vimae", "normal", "mmd", "svm", "VAE", "calibrated", "wae", "sse", "local"),
    *("é" * 99, "{condition}", "%s", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
]
NUMBERS = [
    *(0, 1, -1, 2, 3, 1000, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 10**99),
    *(0.0, -0.0, 0.5, 1e-320, 1e-200, 1e200, 1.7e308, float("nan"), float("inf"), float("-inf")),
]
DATES = [
    *(date(1979, 5, 27), time(7, 32), datetime(1979, 5, 27, 7, 32)),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=-12))),
]
LISTS = [[], {}, [[]], [{}], [[[[[]]]]], [1, "a", {}], ["a", "a"], [1, 1], [0.5, True], {"": {}}, {"a": [{"b": 1}]}]

long = st.sampled_from([300, 5000]).map("é".__mul__)
short = st.sampled_from(TEXTS) | st.text(max_size=20)
texts = short | long
numbers = st.sampled_from(NUMBERS) | st.integers() | st.floats()
scalars = st.one_of(texts, numbers, st.booleans())
junk = st.sampled_from([*TEXTS, *NUMBERS, *LISTS, True, False]) | scalars


def nest(leaves, keys=texts, most=4):
    """Nested lists and tables of these values."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=most,
    )


def mutate(value, junk=junk, keys=texts):
    """A value with up to three changes: parts removed, replaced, doubled or added."""
    return st.lists(
        st.tuples(st.integers(0, 10**6), st.sampled_from(["drop", "put", "double", "add"]), keys, junk),
        min_size=1,
        max_size=3,
    ).map(lambda changes: _apply_changes(value, changes))


def _apply_changes(value, changes):
    made = {"": deepcopy(value)}
    for draw, how, key, junk in changes:
        places = list(_places(made)) or [({}, "")]
        _change(*places[draw % len(places)], how, key, deepcopy(junk))
    return made.get("", {})


def _places(table):
    for key, value in list(table.items()) if isinstance(table, dict) else list(enumerate(table)):
        yield table, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _change(table, key, how, name, junk):
    if how == "drop":
        table.pop(key, None) if isinstance(table, dict) else table.pop(key)
    elif how == "put":
        table[key] = junk
    elif isinstance(table, dict):
        table[name or key] = table.get(key) if how == "double" else junk
    else:
        table.insert(key, deepcopy(table[key]) if how == "double" else junk)


def assert_readable(message, *places):
    """Check that a message names its place, in printable lines of limited length."""
    lines = message.split("\n")
    assert any(place in lines[0] for place in places), message
    assert all(lines)
    assert len(lines) <= 101
    assert max(map(len, lines)) <= 1100
    assert all(map(str.isprintable, lines))

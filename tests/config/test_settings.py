from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt, Lt

from vimae_bench.plugin.settings import PARTIAL, SettingsChecker, describe_settings


class Inner:
    """A kind."""


@dataclass(frozen=True)
class Table:
    depth: int = 2


@dataclass(frozen=True)
class Thing:
    name: str
    rate: Annotated[float, Gt(0), Lt(1)]
    count: Annotated[int, Ge(1)] = 3
    mode: Literal["fast", "exact"] = "fast"
    widths: tuple[int, ...] = (1, 2)
    scale: float | None = None
    on: bool = True
    inner: Inner = field(default="plain")
    table: Table = Table()
    several: tuple[Inner, ...] = ()
    """More of them."""
    changes: Annotated[Table, PARTIAL] = field(default_factory=dict)


FORM = describe_settings(Thing, {Inner: "inner"})
PLUGINS = {"plain": (describe_settings(Table, {}), 4)}


def plugin(kind, name):
    if name not in PLUGINS:
        raise LookupError(f"no {kind} is called '{name}'")
    return PLUGINS[name]


def checked(**given):
    checker = SettingsChecker(plugin)
    whole = checker.complete(FORM, {"name": "x", "rate": 0.5, **given})
    return whole, [(where, what) for where, what in checker.problems]


def test_missing_settings_get_their_defaults():
    whole, problems = checked()
    assert not problems
    assert whole == {
        "name": "x",
        "rate": 0.5,
        "count": 3,
        "mode": "fast",
        "widths": [1, 2],
        "scale": None,
        "on": True,
        "inner": {"use": "plain", "version": 4, "depth": 2},
        "table": {"depth": 2},
        "several": [],
        "changes": {},
    }


def test_equal_numbers_have_one_representation():
    assert checked(scale=2)[0] == checked(scale=2.0)[0]
    assert repr(checked(scale=2)[0]["scale"]) == "2.0"
    assert repr(checked(count=2.0)[0]["count"]) == "2"


def test_a_single_plugin_counts_as_a_list_of_one():
    assert checked(several="plain")[0]["several"] == [{"use": "plain", "version": 4, "depth": 2}]


def test_a_partial_table_is_not_completed_with_defaults():
    assert checked(changes={})[0]["changes"] == {}
    assert checked(changes={"depth": 3})[0]["changes"] == {"depth": 3}
    assert checked(changes={"depth": "x"})[1] == [(("changes", "depth"), "must be an integer, not 'x'")]


def test_a_form_says_what_its_settings_are_about():
    assert FORM["fields"]["several"]["about"] == "More of them."
    assert "about" not in FORM["fields"]["inner"]
    assert describe_settings(Inner, {})["about"] == "A kind."
    assert FORM["about"] == ""


@pytest.mark.parametrize(
    ("given", "where", "what"),
    [
        ({"rate": 0}, ("rate",), "must be greater than 0, not 0"),
        ({"rate": 1}, ("rate",), "must be less than 1, not 1"),
        ({"rate": float("nan")}, ("rate",), "must be finite, not nan"),
        ({"rate": "fast"}, ("rate",), "must be a number, not 'fast'"),
        ({"rate": True}, ("rate",), "must be a number, not True"),
        ({"count": 0}, ("count",), "must be at least 1, not 0"),
        ({"count": 1.5}, ("count",), "must be an integer, not 1.5"),
        ({"count": "3"}, ("count",), "must be an integer, not '3'"),
        ({"mode": "exakt"}, ("mode",), "must be one of 'fast', 'exact', not 'exakt'; did you mean 'exact'?"),
        ({"widths": [1, "b"]}, ("widths", 1), "must be an integer, not 'b'"),
        ({"on": 1}, ("on",), "must be a boolean, not 1"),
        ({"cuont": 1}, ("cuont",), "there is no setting of this name; did you mean 'count'?"),
        ({"inner": "plian"}, ("inner",), "no inner is called 'plian'"),
        ({"inner": 3}, ("inner",), "must name an inner: a string, or a table with `use`, not 3"),
        (
            {"inner": {"use": "plain", "depht": 1}},
            ("inner", "depht"),
            "there is no setting of this name; did you mean 'depth'?",
        ),
        (
            {"several": ["plain", {"use": "plain", "depth": "x"}]},
            ("several", 1, "depth"),
            "must be an integer, not 'x'",
        ),
        ({"table": 3}, ("table",), "must be a table, not 3"),
    ],
)
def test_an_invalid_setting_is_reported_with_its_place_and_a_remedy(given, where, what):
    assert checked(**given)[1] == [(where, what)]


def test_all_problems_are_reported_and_missing_settings_named():
    checker = SettingsChecker(plugin)
    checker.complete(FORM, {"rate": 3, "count": 0})
    assert {what for _, what in checker.problems} == {
        "needs a value for 'name'",
        "must be less than 1, not 3",
        "must be at least 1, not 0",
    }

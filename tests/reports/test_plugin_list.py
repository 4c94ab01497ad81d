"""The list of plugins in the terminal: nothing is cut, and summaries hang next to names of any length."""

import io
import re

import pytest
from rich.console import Console

from vimae_bench.plugin.catalog import BrokenPlugin, Catalog, CatalogEntry, get_catalog
from vimae_bench.plugin.hookspecs import HOOKS
from vimae_bench.plugin.manager import PluginOrigin
from vimae_bench.reports.plugin_list import render_plugins

MINE = PluginOrigin("mine", "mine", "mine", "1.2")


def printed(catalog: Catalog, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False, color_system=None)
    console.print(render_plugins(catalog))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_built_ins_are_listed_by_kind_in_full(width: int):
    catalog = get_catalog()
    text = printed(catalog, width)
    lines = [line.rstrip() for line in text.splitlines()]
    assert [line for line in lines if line and not line.startswith(" ")] == [*HOOKS, "preset", "schedule"]
    assert max(map(len, lines)) <= width
    words = " ".join(text.split())
    assert all(" ".join(entry.summary.split()) in words for entry in catalog.entries)
    (indent,) = {len(line) - len(line.lstrip()) for line in lines if line.startswith("   ")} or {0}
    assert not indent or indent == 4 + max(len(entry.name) for entry in catalog.entries)


def test_names_of_any_length_and_their_source_are_shown():
    name = "a_name_that_is_longer_than_any_other"
    entries = [CatalogEntry("metric", name, MINE, "\x1b[31mMeasures [red] little.", 1, {"fields": {}, "required": []})]
    text = printed(Catalog(entries, [BrokenPlugin(MINE, "raised [red] at import")]))
    assert re.search(rf"  {name}  \[31mMeasures \[red\]", text)
    assert "[mine 1.2]" in " ".join(text.split())
    assert "cannot be used\n  mine (mine 1.2): raised [red] at import" in text
    assert "\x1b" not in text

"""All pages that are made, by their names."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from vimae_bench.plugin import catalog
from vimae_bench.plugin.manager import find_plugins
from vimae_bench.reports.plugin_reference import KIND_TITLES, format_plugin_reference

from . import commands, hooks, interface

FOLDER = Path(__file__).parents[1] / "reference"


def of_kind(kind: str) -> str:
    """The page of a kind of plugin, with the built-ins alone, whatever else is installed."""
    return format_plugin_reference(
        kind, catalog.build_catalog([source for source in find_plugins() if source.distribution == "vimae-bench"])
    )


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "hooks.md": hooks.page,
    "api.md": interface.page,
    **{f"{kind}s.md": partial(of_kind, kind) for kind in KIND_TITLES},
}


def main() -> None:
    """Write every page that is no longer what the code says."""
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(path)

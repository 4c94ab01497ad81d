"""The installed plugins for the terminal."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..plugin.catalog import Catalog
from ..plugin.declarations import Preset
from ..plugin.hookspecs import HOOKS
from ..plugin.manager import PluginOrigin
from .table_format import clean_text

BUILT_IN = "vimae-bench"
"""The distribution of plugins whose origin is not named."""


class PluginLine(NamedTuple):
    """A plugin, a preset or a schedule."""

    name: str
    summary: str
    origin: PluginOrigin


def render_plugins(catalog: Catalog) -> Group:
    """A list for each kind, of presets and of schedules, and what cannot be used, to be printed by a rich console."""
    return Group(*_render_sections(_list_sections(catalog), [str(broken) for broken in catalog.broken]))


def _list_sections(catalog: Catalog) -> Mapping[str, Sequence[PluginLine]]:
    """What there is of each kind, by name."""
    kinds = {kind: sorted((e for e in catalog.entries if e.kind == kind), key=lambda e: e.name) for kind in HOOKS}
    sections = {kind: [PluginLine(e.name, e.summary, e.origin) for e in found] for kind, found in kinds.items()}
    presets, schedules = sorted(catalog.presets.items()), sorted(catalog.schedules.items())
    return {
        **sections,
        "preset": [PluginLine(name, _describe_preset(one), catalog.preset_origins[name]) for name, one in presets],
        "schedule": [PluginLine(name, "", origin) for name, origin in schedules],
    }


def _describe_preset(preset: Preset) -> str:
    """What a preset sets, in one line."""
    tables = {"objective": preset.objective, "training": preset.training}
    parts = [f"{table}.{key} = {json.dumps(v)}" for table, settings in tables.items() for key, v in settings.items()]
    if preset.scale_from_sigma:
        parts.append(f"objective.{preset.scale_from_sigma} from sigma")
    if preset.training_by_dataset:
        parts.append(f"more for {', '.join(preset.training_by_dataset)}")
    return "; ".join(parts)


def _render_sections(sections: Mapping[str, Sequence[PluginLine]], broken: Sequence[str]) -> Iterator[RenderableType]:
    width = max((cell_len(clean_text(line.name)) for lines in sections.values() for line in lines), default=0)
    for kind, lines in sections.items():
        if lines:
            yield from (Text(kind, style="bold"), _list_plugins(lines, width), Text())
    if broken:
        yield Text("cannot be used", style="bold red")
        table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
        for line in broken:
            table.add_row(Text(clean_text(line)))
        yield table


def _list_plugins(lines: Sequence[PluginLine], width: int) -> Table:
    """Names in a column of this width, and what they are."""
    table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
    table.add_column(no_wrap=True, min_width=width)
    table.add_column()
    for line in lines:
        text = Text(clean_text(line.summary))
        if line.origin.distribution != BUILT_IN:
            text.append(f"{'  ' if line.summary else ''}[{clean_text(line.origin.distribution)} {line.origin.version}]")
        table.add_row(Text(clean_text(line.name)), text)
    return table

"""`vimae-bench plugins`: what is installed."""

import json
from dataclasses import asdict

import click

from ..plugin.catalog import Catalog, get_catalog
from ..plugin.manager import PluginOrigin


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Everything, with the settings of each, as JSON.")
@click.option(
    "--reference",
    type=click.Choice(["objective", "metric", "picture", "prior", "divergence", "dataset", "architecture"]),
    help="The reference page of a kind in markdown: formulas, sources, settings, measures.",
)
def plugins(as_json: bool, reference: str | None) -> None:
    """List the plugins of each kind.

    Presets and schedules are listed as well. The distribution that a plugin comes from is named unless it is built in,
    and what cannot be used comes last, with the reason.

    \b
    Examples:
      vimae-bench plugins
      vimae-bench plugins --reference objective
    """
    catalog = get_catalog()
    if reference:
        from ..reports import plugin_reference as page

        click.echo(page.format_plugin_reference(reference, catalog), nl=False)
        return
    if as_json:
        click.echo(json.dumps(_make_json(catalog), indent=1))
        return
    from rich.console import Console

    from ..reports.plugin_list import render_plugins

    Console().print(render_plugins(catalog))


def _make_json(catalog: Catalog) -> dict[str, object]:
    entries = [
        {
            "kind": e.kind,
            "name": e.name,
            "summary": e.summary,
            "version": e.version,
            **_describe_origin(e.origin),
            "settings": e.form["fields"],
            "required": e.form["required"],
        }
        for e in catalog.entries
    ]
    broken = [
        {
            "plugin": b.origin.entry_point,
            "distribution": b.origin.distribution,
            "distribution_version": b.origin.version,
            "kind": b.kind,
            "name": b.name,
            "reason": b.reason,
        }
        for b in catalog.broken
    ]
    presets = [
        {"name": name, **_describe_origin(catalog.preset_origins[name]), **asdict(preset)}
        for name, preset in catalog.presets.items()
    ]
    schedules = [{"name": name, **_describe_origin(origin)} for name, origin in catalog.schedules.items()]
    return {"plugins": entries, "presets": presets, "schedules": schedules, "broken": broken}


def _describe_origin(origin: PluginOrigin) -> dict[str, str]:
    return {
        "distribution": origin.distribution,
        "distribution_version": origin.version,
        "module": origin.module,
    }

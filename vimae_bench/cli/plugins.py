"""`vimae-bench plugins`: what is installed."""

import json

import click

from ..core.errors import escape_control_characters
from ..plugin.catalog import Catalog, get_catalog
from ..plugin.hookspecs import HOOKS


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Everything, with the settings of each, as JSON.")
@click.option(
    "--reference",
    type=click.Choice(["objective", "metric", "prior", "divergence", "dataset", "architecture"]),
    help="The reference page of a kind in markdown: formulas, sources, settings, measures.",
)
def plugins(as_json: bool, reference: str | None) -> None:
    """List every plugin by kind, with the distribution it comes from, and those that cannot be used.

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
    click.echo(
        json.dumps(_make_json(catalog), indent=1) if as_json else escape_control_characters(_format_text(catalog))
    )


def _format_text(catalog: Catalog) -> str:
    lines: list[str] = []
    for kind in HOOKS:
        entries = sorted((e for e in catalog.entries if e.kind == kind), key=lambda e: e.name)
        lines += [
            f"\n{kind}",
            *(f"  {e.name:16} {e.summary}  [{e.origin.distribution} {e.origin.version}]" for e in entries),
        ]
    lines += ["\ncannot be used", *(f"  {broken}" for broken in catalog.broken)] if catalog.broken else []
    return "\n".join(lines).lstrip("\n")


def _make_json(catalog: Catalog) -> dict[str, object]:
    entries = [
        {
            "kind": e.kind,
            "name": e.name,
            "summary": e.summary,
            "version": e.version,
            "distribution": e.origin.distribution,
            "distribution_version": e.origin.version,
            "module": e.origin.module,
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
    return {"plugins": entries, "broken": broken}

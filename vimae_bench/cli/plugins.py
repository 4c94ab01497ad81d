"""`vimae-bench plugins`: what is installed."""

import json

import click

from ..core.errors import legible
from ..plugin.catalog import Catalogue, installed
from ..plugin.hookspecs import KINDS


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
    catalogue = installed()
    if reference:
        from ..reports import plugin_reference as page

        click.echo(page.reference(reference, catalogue), nl=False)
        return
    click.echo(json.dumps(_as_json(catalogue), indent=1) if as_json else legible(_as_text(catalogue)))


def _as_text(catalogue: Catalogue) -> str:
    lines: list[str] = []
    for kind in KINDS:
        entries = sorted((e for e in catalogue.entries if e.kind == kind), key=lambda e: e.name)
        lines += [
            f"\n{kind}",
            *(f"  {e.name:16} {e.summary}  [{e.source.distribution} {e.source.version}]" for e in entries),
        ]
    lines += ["\ncannot be used", *(f"  {broken}" for broken in catalogue.broken)] if catalogue.broken else []
    return "\n".join(lines).lstrip("\n")


def _as_json(catalogue: Catalogue) -> dict[str, object]:
    entries = [
        {
            "kind": e.kind,
            "name": e.name,
            "summary": e.summary,
            "version": e.version,
            "distribution": e.source.distribution,
            "distribution_version": e.source.version,
            "module": e.source.module,
            "settings": e.form["fields"],
            "required": e.form["required"],
        }
        for e in catalogue.entries
    ]
    broken = [
        {
            "plugin": b.source.entry,
            "distribution": b.source.distribution,
            "distribution_version": b.source.version,
            "kind": b.kind,
            "name": b.name,
            "reason": b.reason,
        }
        for b in catalogue.broken
    ]
    return {"plugins": entries, "broken": broken}

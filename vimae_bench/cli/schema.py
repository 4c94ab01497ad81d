"""`vimae-bench schema`: the schema of benchmark files, for editors."""

from pathlib import Path

import click

from ..plugin.catalog import get_catalog
from ..storage.atomic import format_json, write_json
from .options import FILE


@click.command()
@click.option("--output", type=FILE, help="Write it to this file.  [default: print it]")
def schema(output: Path | None) -> None:
    """Print the JSON Schema of benchmark files, for editors.

    It contains all installed plugins with their settings. The line `#:schema ./schema.json` at the top of a benchmark
    file tells editors where it is.

    \b
    Example:
      vimae-bench schema --output schema.json
    """
    from ..config.json_schema import make_json_schema

    made = make_json_schema(get_catalog())
    if output is None:
        click.echo(format_json(made), nl=False)
        return
    write_json(output, made)
    click.echo(output)

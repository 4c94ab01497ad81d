"""`vimae-bench sync`: send to MLflow what it does not have yet."""

from pathlib import Path

import click

from ..analysis.load import load_benchmark_results
from .options import file_argument, results_option

BEHIND = 1


@click.command()
@file_argument
@results_option
@click.option("--mlflow-uri", default="", help="The MLflow store.  [default: sqlite in the results folder]")
@click.option("--no-models", is_flag=True, help="Leave the trained models where they are.")
def sync(file: Path, results: Path, mlflow_uri: str, no_models: bool) -> None:
    """Mirror the runs of a benchmark to MLflow.

    Doing it again adds only what is new, and what was deleted from MLflow since. FILE is a benchmark file, or a results
    folder or its archive in its place.

    \b
    Example:
      vimae-bench sync benchmarks/fig1.toml --mlflow-uri http://localhost:5000
    """
    from ..storage.archive import unpack_results
    from ..tracking.server_links import explain_unused_address
    from ..tracking.sync import sync_benchmark, sync_summary

    found = load_benchmark_results(file, results)
    folder = unpack_results(found.store.path, click.echo)
    if unused := explain_unused_address(mlflow_uri, folder.parent):
        click.echo(unused, err=True)
    summary = sync_benchmark(folder, mlflow_uri, found.entries, models=not no_models, verify=True)
    reason = "" if summary.behind else sync_summary(folder, mlflow_uri)
    behind = f", {summary.behind} not yet: {summary.reason}" if summary.behind else ""
    missing = f", but not the summary of methods: {reason}" if reason else ""
    runs = "run" if summary.mirrored == 1 else "runs"
    click.echo(f"{summary.mirrored} {runs} mirrored{behind}{missing}")
    if summary.behind or reason:
        click.get_current_context().exit(BEHIND)

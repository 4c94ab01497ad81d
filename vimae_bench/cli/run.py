"""`vimae-bench run`: the main job."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..analysis.load import BenchmarkResults
from ..config.benchmark import Benchmark
from ..config.matrix import read_matrix, select_entries
from ..core.errors import ResultsError
from ..core.spec import MatrixEntry, PluginSpec
from ..engine.disk_space import expect_room
from ..engine.runner import list_jobs, run_jobs, share_jobs
from ..execution import signals
from ..execution.interfaces import Executor
from ..execution.jobs import Compile, NumericsOptions
from ..plugin.registry import make_plugin
from ..storage.archive import find_results, unpack_results
from ..storage.store import ResultsFolder
from . import leaderboard
from .options import (
    DEFAULT_RESULTS,
    data_option,
    data_root,
    file_argument,
    filter_option,
    override_option,
    results_option,
)
from .plan import show, show_costs, unmeasured
from .reporter_guard import dispensable

SOME_FAILED = 1


class Jobs(click.IntRange):
    """A number of runs, or `auto`, for which the executor's setting is 0."""

    name = "number or auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401
        return 0 if value == "auto" else super().convert(value, param, ctx)


class Shard(click.ParamType[tuple[int, int]]):
    """One of so many shares, counted from 1."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:  # noqa: ANN401
        share, _, of = str(value).partition("/")
        if not (share.isdigit() and of.isdigit() and 1 <= int(share) <= int(of)):
            self.fail(f"{value!r} is no share; the second of eight is 2/8", param, ctx)
        return int(share), int(of)


@click.command()
@file_argument
@click.option("--dry-run", is_flag=True, help="Check the file, the data and every model, list the runs, start nothing.")
@filter_option
@override_option
@click.option(
    "--executor", metavar="NAME", help="Who carries out the runs, such as local or ray.  [default: the file's]"
)
@click.option(
    "--jobs", metavar="N|auto", type=Jobs(min=1), help="Runs side by side; auto finds out and tells.  [default: auto]"
)
@click.option("--device", help="cpu, cuda, cuda:1 ...  [default: the GPUs if there are any]")
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(min=0), help="End a run that takes longer; 0: never."
)
@click.option(
    "--shard",
    metavar="I/N",
    type=Shard(),
    help="Begin with the I-th of N shares of the runs, for N processes on one results folder; then help the others.",
)
@click.option("--exact", is_flag=True, help="Keep to float32 where a GPU would multiply in bfloat16 or TensorFloat-32.")
@click.option(
    "--compile",
    "compiling",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Compile training steps; auto: those of long runs, where a trial shows that it pays.",
)
@click.option(
    "--batch-seeds", is_flag=True, help="Train the seeds of a method as one model, for GPUs left idle by small nets."
)
@click.option(
    "--inception-weights",
    "weights",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="The weights of the Inception network, for fid and kid.  [default: $VIMAE_BENCH_INCEPTION, or downloaded]",
)
@results_option
@data_option
@click.option("--mlflow-uri", metavar="URI", help="The MLflow store.  [default: sqlite in the results folder]")
@click.option("--no-mlflow", is_flag=True, help="Do not mirror the runs to MLflow.")
def run(
    file: Path,
    dry_run: bool,
    words: str,
    overrides: tuple[str, ...],
    executor: str | None,
    jobs: int | None,
    device: str | None,
    timeout: float | None,
    shard: tuple[int, int] | None,
    exact: bool,
    compiling: Compile,
    batch_seeds: bool,
    weights: Path | None,
    results: Path,
    data: Path | None,
    mlflow_uri: str | None,
    no_mlflow: bool,
) -> None:
    """Train and measure what a benchmark asks for and is not there yet, then rank it.

    Running it again continues what was cut off and repeats nothing.

    \b
    Examples:
      vimae-bench run benchmarks/quickstart.toml
      vimae-bench run benchmarks/fig1.toml -k "vimae s0" -o training.epochs=5 --results try
    """
    asked = asked_of_executor(executor, jobs=jobs, device=device, timeout=timeout)
    benchmark, matrix = read_matrix(file, (*overrides, *asked))
    wanted = select_entries(matrix, words)
    store, root = ResultsFolder(find_results(results.resolve() / benchmark.name)), data_root(data)
    _name_weights(weights)
    left = list_jobs(store, benchmark.name, wanted, root)
    chosen = executor_of(benchmark, bool(left) and not dry_run)
    sizes = _check(benchmark, root)
    show_costs(unmeasured(wanted, store), benchmark.executor.settings.get("device", "auto"), root)
    expect_room(store.path, left, sizes)
    if dry_run:
        show(wanted, store)
        return
    store = ResultsFolder(unpack_results(store.path, click.echo))
    open_store(store, benchmark, overrides, matrix)
    reporters = reporters_of(benchmark, mlflow_uri, no_mlflow)
    todo = list_jobs(store, benchmark.name, wanted, root, NumericsOptions(exact, compiling, batch_seeds))
    todo = share_jobs(todo, *shard) if shard else todo
    looking_on = [dispensable(make_plugin("reporter", choice), choice.name) for choice in reporters]
    failed = run_jobs(todo, chosen, looking_on, wait=not shard)
    shown = asdict(benchmark.leaderboard)
    found = BenchmarkResults(store, wanted, **shown)
    leaderboard.show(found)
    leaderboard.keep(found if len(wanted) == len(matrix) else BenchmarkResults(store, matrix, **shown))
    for name, where in _places(file, results, benchmark.name, reporters).items():
        click.echo(f"{name:10} {where}")
    if failed:
        click.get_current_context().exit(SOME_FAILED)


def _name_weights(weights: Path | None) -> None:
    """In the environment, which the executor's workers inherit when it makes ready."""
    if weights:
        os.environ["VIMAE_BENCH_INCEPTION"] = str(weights.expanduser().resolve())


def asked_of_executor(name: str | None, **given: object) -> list[str]:
    """Overrides for what the command line says of the executor."""
    named = [f"executor={{use={name!r}}}"] if name else []
    return named + [f"executor.{key}={value!r}" for key, value in given.items() if value is not None]


def executor_of(benchmark: Benchmark, needed: bool) -> Executor:
    """The benchmark's executor; if it is needed it makes ready while data and models are checked."""
    executor = make_plugin("executor", benchmark.executor)
    if needed and hasattr(executor, "prepare"):
        executor.prepare()
    return executor


def _check(benchmark: Benchmark, data: Path) -> dict[str, int]:
    with signals.block():
        from ..engine.preflight import check

    return check(benchmark, data, click.echo)


def open_store(
    store: ResultsFolder, benchmark: Benchmark, overrides: Sequence[str], matrix: Sequence[MatrixEntry]
) -> None:
    """Write down what is asked for, but no password in it, and make room for what is damaged."""
    from ..core.secrets import mask_secrets

    source = benchmark.source + "".join(f"# -o {override}\n" for override in overrides)
    try:
        store.write_benchmark(benchmark.name, mask_secrets(source), asdict(benchmark.leaderboard), matrix)
    except OSError as error:
        raise ResultsError(
            f"{store.path}: cannot be written ({error.strerror}); choose another with --results"
        ) from error
    for path in store.set_aside_damaged(matrix):
        click.echo(f"{path}: damaged, set aside as {path.with_suffix('.corrupt').name}, and made again", err=True)


def _places(file: Path, results: Path, name: str, reporters: Sequence[PluginSpec]) -> dict[str, str]:
    """Where the records and pictures are, how to see everything on a page, in MLflow, and the leaderboard again."""
    from ..core.secrets import mask_secrets
    from ..tracking.store import default_store_uri

    drawn = [str(path) for path in sorted((results / name).glob("leaderboard*.png"))]
    places = {"records": str(results / name / "runs"), "pictures": ", ".join(drawn)}
    places["report"] = f"vimae-bench report {results / name}"
    for choice in reporters:
        if choice.name == "mlflow":
            uri = choice.settings["uri"] or default_store_uri(results)
            places["MLflow"] = f"mlflow ui --backend-store-uri {mask_secrets(uri)}"
    elsewhere = "" if results == DEFAULT_RESULTS else f" --results {results}"
    return {**places, "again": f"vimae-bench leaderboard {file}{elsewhere}"}


def reporters_of(benchmark: Benchmark, mlflow_uri: str | None, no_mlflow: bool) -> list[PluginSpec]:
    """The file's reporters, with the command line's word on MLflow."""
    kept = [choice for choice in benchmark.reporters if not (no_mlflow and choice.name == "mlflow")]
    return [
        PluginSpec(c.name, {**c.settings, "uri": mlflow_uri}, c.version) if c.name == "mlflow" and mlflow_uri else c
        for c in kept
    ]

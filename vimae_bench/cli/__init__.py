"""The command line. Commands are imported when they are called, and import heavy libraries when they need them."""

import atexit
import gc
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import click

from ..core.errors import BenchError, ResultsError, suggest_similar
from ..execution import signals
from .output_streams import keep_output_going

COMMANDS = (
    "run",
    "tune",
    "plan",
    "leaderboard",
    "compare",
    "figures",
    "verdict",
    "report",
    "plugins",
    "schema",
    "data",
    "sync",
    "doctor",
    "pack",
    "export",
    "check",
    "new",
)
SIGNAL_OFFSET = 128
"""What a shell adds to the number of the signal that ended a command: 130 (SIGINT), 143 (SIGTERM), 129 (SIGHUP)."""
GARBAGE_THRESHOLDS = (100_000, 20, 20)
"""Python's own let the collector look at every object of torch and MLflow some twenty times while they are imported."""

atexit.register(gc.freeze)  # a last look for garbage takes a second, and the kernel takes all memory back anyway


class Commands(click.Group):
    """The commands by name; errors that a user can fix become a message and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f".{cmd_name}", __name__), cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"there is no command '{name}'{suggest_similar(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        with keep_output_going():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        with signals.install_handlers(), _collect_garbage_rarely():  # a signal that comes twice ends no message
            try:
                return super().invoke(ctx)
            except BenchError as error:
                click.echo(str(error), err=True)
                ctx.exit(error.exit_code)
            except signals.Interrupted as signal:
                with suppress(OSError):  # its terminal was closed
                    click.echo("interrupted; the same command continues where this one stopped", err=True)
                ctx.exit(SIGNAL_OFFSET + signal.number)
            except OSError as error:
                _report_full_disk(ctx, error)
                raise


@contextmanager
def _collect_garbage_rarely() -> Generator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _report_full_disk(ctx: click.Context, error: OSError) -> None:
    from ..storage.atomic import is_no_space_error

    if is_no_space_error(error):
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"{where}no space left; make room, and give the same command again", err=True)
        ctx.exit(ResultsError.exit_code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="vimae-bench")
def main() -> None:
    """Compare autoencoder objectives, and say which differences are real.

    \b
    Example:
      vimae-bench run benchmarks/quickstart.toml

    Shell completion: eval "$(_VIMAE_BENCH_COMPLETE=bash_source vimae-bench)", likewise for zsh and fish.
    """

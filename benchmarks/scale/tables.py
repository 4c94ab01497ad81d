"""The printed table of measurements and targets."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from vimae_bench.core.canonical import Json

MIB = 2**20
COMMANDS = {
    "planned": ("`plan`, nothing done yet", "< 5 s"),
    "plan": ("`plan`, all done", "< 5 s"),
    "leaderboard": ("`leaderboard`", "< 5 s"),
    "doctor": ("`doctor`", ""),
    "again": ("`run`, all done: leaderboard and figures", ""),
}


def show(found: Json, console: Console) -> None:
    """Print all measurements."""
    table = Table("", title=f"{found['runs']:,} simulated runs", title_justify="left")
    for head in ("measured", "target"):
        table.add_column(head, justify="right")
    for row in (*scheduling(found["driven"]), *_commands(found), *_mirror(found), *_files(found["files"])):
        table.add_row(*row)
    console.print(table)


Row = tuple[str, str, str]


def scheduling(driven: Json) -> Iterator[Row]:
    """The overhead per run; nothing if all runs existed already."""
    if not driven["runs"]:
        return
    each = {name: 1000 * driven[name] / driven["runs"] for name in ("wall", "lives", "locked", "driver", "server")}
    slots = driven["jobs"] * each["wall"]
    yield f"wall time per run, {driven['jobs']} at a time", f"{each['wall']:.0f} ms", ""
    yield "overhead beyond its process, from start to last event", f"{slots - each['lives']:.0f} ms", "< 50 ms"
    yield "overhead beyond the time under its lock", f"{slots - each['locked']:.0f} ms", ""
    yield "processor time of the scheduler", f"{each['driver']:.2f} ms", ""
    yield "processor time of the fork server", f"{each['server']:.1f} ms", ""
    yield "peak memory of the scheduler", f"{driven['peak_bytes'] / MIB:.0f} MiB", "< 1024 MiB"


def _commands(found: Json) -> Iterator[Row]:
    for name, (title, asked) in COMMANDS.items():
        one = found[name]
        yield title, f"{one['wall']:.1f} s, {one['cpu']:.1f} s of a core", asked
    for kind, seconds in found["console"].items():
        yield f"console reporter, {kind}", f"{1000 * seconds / found['runs']:.2f} ms per run", ""


def _mirror(found: Json) -> Iterator[Row]:
    mirror = found["mirror"]
    yield "MLflow in SQLite: points of long curves", f"{mirror['points_per_second']:,.0f} per second", "> 2,000"
    yield "MLflow in SQLite: runs of 20 epochs", f"{mirror['runs_per_second']:.1f} per second", ""
    yield "MLflow in SQLite: runs already complete", f"{mirror['known_per_second']:.0f} per second", ""


def _files(files: Json) -> Iterator[Row]:
    yield "files of a run", f"{files['count']}, {files['bytes'] / 1024:.0f} KiB, {files['lines']} events", ""

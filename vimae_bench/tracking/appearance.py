"""The names and colours of a benchmark's runs and methods in MLflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..core.spec import MatrixEntry


@dataclass(frozen=True)
class Appearance:
    """The colour of each method by label, and what tells tables apart; `tables` is empty if there is only one."""

    colours: Mapping[str, str] = field(default_factory=dict[str, str])
    tables: Mapping[object, str] = field(default_factory=dict[object, str])

    def name_run(self, entry: MatrixEntry) -> str:
        """A run's name, such as `VIMAE-n s2`, or `VIMAE-n s2, mnist`: short, since MLflow cuts it."""
        return f"{entry.label} s{entry.run.seed}{self._format_table(entry)}"

    def name_method(self, entry: MatrixEntry, state: str = "") -> str:
        """A method's name, such as `VIMAE-n`, with its state, such as `collapsed`."""
        return f"{entry.label}{f' ({state})' if state else ''}{self._format_table(entry)}"

    def _format_table(self, entry: MatrixEntry) -> str:
        if not self.tables:
            return ""
        from ..analysis.leaderboard import get_table_key

        table = self.tables.get(get_table_key(entry), "")
        return f", {table}" if table else ""


def plan_appearance(entries: Sequence[MatrixEntry]) -> Appearance:
    """The names and colours for the entries of a whole benchmark: the same for each of its processes."""
    from ..analysis.leaderboard import format_table_difference, get_table_key
    from ..analysis.method_colours import assign_colours

    controls = {entry.label for entry in entries if entry.control_of}
    first = {get_table_key(entry): entry.table_run for entry in reversed(entries)}
    runs = list(first.values())
    tables = {key: format_table_difference(run, runs) for key, run in first.items()} if len(runs) > 1 else {}
    return Appearance(assign_colours((entry.label for entry in entries), controls), tables)

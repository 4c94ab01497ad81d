"""What MLflow's run of a method has as artifacts: its row of the leaderboard, and the pictures of one seed."""

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.measure_texts import describe_unit
from ..analysis.statements import describe_state
from ..core.canonical import Json, canonical_json, fingerprint
from ..storage.plain_files import list_plain_folder, read_plain_file
from ..storage.run_folder import RunFolder
from .sync_state import file_stamp

ROW_FILE = "leaderboard-row.json"
TABLES_TAG = "mlflow.loggedArtifacts"
TABLE_TAGS = {TABLES_TAG: canonical_json([{"path": ROW_FILE, "type": "table"}])}
"""By this tag MLflow shows the file as a table."""
COLUMNS = ("measure", "mean", "low", "high", "state", "unit", "better", "seeds", "name")


@dataclass(frozen=True)
class MethodFiles:
    """The row of a method, and its pictures of one seed."""

    row: Json
    pictures: Sequence[Path]
    seed: int | None

    @property
    def stamp(self) -> str:
        """It changes with what is in the files."""
        return fingerprint([self.row, self.seed, [file_stamp(path) for path in self.pictures]])

    @contextmanager
    def write(self) -> Generator[Path]:
        """A temporary folder with all files."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / ROW_FILE).write_text(canonical_json(self.row), encoding="utf-8")
            if self.pictures:
                below = folder / "pictures" / f"seed-{self.seed}"
                below.mkdir(parents=True)
                for picture in self.pictures:
                    (below / picture.name).write_bytes(read_plain_file(picture))
            yield folder


def collect_method_files(board: Leaderboard, row: LeaderboardRow) -> MethodFiles:
    """Those of a method in its table. The pictures are of its first seed that has any."""
    by_seed = {seed: _list_pictures(result.folder) for seed, result in row.run_results.items()}
    seed = next((seed for seed, found in by_seed.items() if found), None)
    return MethodFiles(_make_row(board, row), () if seed is None else by_seed[seed], seed)


def _list_pictures(folder: Path) -> list[Path]:
    return list_plain_folder(RunFolder(folder).pictures, "*.png")


def _make_row(board: Leaderboard, row: LeaderboardRow) -> Json:
    """A line for each measure that is shown, in the form of MLflow's tables."""
    shown = [name for name in board.columns if name in row.summaries]
    return {"columns": COLUMNS, "data": [_make_line(board, row, name) for name in shown]}


def _make_line(board: Leaderboard, row: LeaderboardRow, name: str) -> Sequence[str | float | None]:
    measure, summary, decision = board.measures[name], row.summaries[name], board.decisions.get(name)
    low, high = summary.interval or (None, None)
    state = describe_state(decision, row.label) if decision and row.label in decision.methods else ""
    facts = describe_unit(measure), measure.better or "", len(summary.estimates), name
    return measure.title, summary.mean, low, high, state, *facts

"""Walls of pictures: which are collected, and what is drawn of them."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vimae_bench.reports.picture_walls import collect_walls, crop_table, draw_wall, enlarge_images, spread_places
from vimae_bench.storage.picture_data import BarChart, ImageTable, ScatterPlot
from vimae_bench.storage.picture_files import write_picture, write_reasons


@dataclass
class Result:
    """What a wall needs of a run's result."""

    label: str
    seed: int
    folder: Path
    status: str = "done"
    collapsed: tuple[str, ...] = ()
    entry: Any = field(init=False)

    def __post_init__(self) -> None:
        self.entry = SimpleNamespace(label=self.label, seed=self.seed)


def make_table(rows: int = 3, columns: int = 4) -> ImageTable:
    images = np.arange(rows * columns, dtype=np.uint8).reshape(rows, columns, 1, 1, 1).repeat(8, 2).repeat(8, 3)
    notes = tuple(tuple(f"{r} {c}" for c in range(columns)) for r in range(rows))
    return ImageTable(images, "title", tuple(map(str, range(rows))), tuple(map(str, range(columns))), notes)


@pytest.fixture
def results(tmp_path: Path) -> list[Any]:
    found = []
    for label, seed in (("A", 0), ("A", 1), ("B", 1), ("C", 1)):
        folder = tmp_path / f"{label}{seed}" / "pictures"
        folder.mkdir(parents=True)
        found.append(Result(label, seed, folder.parent))
        if label != "C":
            write_picture(make_table(), folder, "table")
            write_picture(ScatterPlot(np.eye(2), "points", "x", "y", np.arange(2)), folder, "points")
            write_picture(BarChart(np.ones(2), "bars: 2 nats", "x", "y", ("a", "b"), 0.5, "line"), folder, "some_kl")
        else:
            write_reasons({"table": "for no reason"}, folder)
    return [*found, Result("D", 1, tmp_path / "none", status="diverged")]


def test_the_seed_with_the_most_runs_is_shown_and_what_is_missing_is_named(results: list[Any]) -> None:
    walls = {wall.name: wall for wall in collect_walls(results)}
    assert [*walls] == ["points", "some_kl", "table"]
    table = walls["table"]
    assert (table.seed, [p.label for p in table.pictures], [p.label for p in table.shown]) == (
        1,
        ["A", "B", "C", "D"],
        ["A", "B"],
    )
    assert table.caption == "title. Models from seed 1. C: for no reason. D: diverged."
    assert walls["some_kl"].title == "Some KL"
    assert walls["some_kl"].caption.startswith("bars. Models")


def test_every_kind_is_drawn_with_its_labels_and_no_small_type(results: list[Any]) -> None:
    for wall in collect_walls(results):
        figure = draw_wall(wall)
        assert figure.get_figwidth() <= 7.01
        figure.canvas.draw()
        texts = [t for axes in figure.axes for t in (*axes.texts, axes.title, axes.xaxis.label) if t.get_text()]
        assert min(text.get_fontsize() for text in texts) >= 7
        found = {text.get_text() for axes in figure.axes for text in axes.texts}
        assert wall.name != "table" or {"A", "B", "2 3"} <= found


@pytest.mark.parametrize(
    ("count", "most", "places"),
    [
        (11, 7, [0, 2, 4, 6, 8, 10]),
        (13, 9, [0, 2, 4, 6, 8, 10, 12]),
        (11, 5, [0, 2, 5, 8, 10]),
        (3, 8, [0, 1, 2]),
        (9, 1, [0]),
        (1, 4, [0]),
    ],
)
def test_places_have_equal_steps_unless_few_would_be_left(count, most, places):
    assert spread_places(count, most) == places


def test_a_cropped_table_keeps_its_ends_and_their_labels() -> None:
    table = crop_table(make_table(5, 9), 3, 2)
    assert (table.row_labels, table.column_labels) == (("0", "2", "4"), ("0", "8"))
    assert table.images[:, :, 0, 0, 0].tolist() == [[0, 8], [18, 26], [36, 44]]
    assert table.notes[1] == ("2 0", "2 8")


def test_small_images_are_enlarged_smoothly_and_others_are_left() -> None:
    small, large = np.zeros((2, 8, 8, 1), np.uint8), np.zeros((2, 28, 28, 3), np.uint8)
    assert enlarge_images(small).shape == (2, 48, 48, 1)
    assert enlarge_images(large) is large

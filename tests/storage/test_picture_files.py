"""Pictures as files: what is read back is what was written, and damaged or hostile files are refused."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vimae_bench.core.errors import ResultsError
from vimae_bench.storage.labelled_grid import KEY
from vimae_bench.storage.picture_data import BarChart, ImageTable, ScatterPlot
from vimae_bench.storage.picture_files import load_pictures, read_picture, write_picture, write_reasons
from vimae_bench.storage.run_folder import RunFolder

RANDOM = np.random.default_rng(0)


def make_table(*shape: int, notes: bool = True) -> ImageTable:
    rows, columns = shape[:2]
    texts = tuple(tuple(f"{r}.{c}" if r else "" for c in range(columns)) for r in range(rows))
    images = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    labels = tuple(f"β {r}" for r in range(rows)), tuple(f"{c} %" for c in range(columns))
    return ImageTable(images, "a title with $ and ² " * 8, *labels, texts if notes else ())


@pytest.mark.parametrize("notes", [False, True])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (100, 70, 3), (3, 9, 1)])
def test_a_table_is_read_back(tmp_path: Path, shape: tuple[int, ...], notes: bool) -> None:
    table = make_table(3, 4, *shape, notes=notes)
    found = read_picture(write_picture(table, tmp_path, "one"))
    assert isinstance(found, ImageTable)
    assert (found.images == table.images).all()
    texts = [(t.title, t.row_labels, t.column_labels, t.notes) for t in (found, table)]
    assert texts[0] == texts[1]


def test_points_and_bars_are_read_back(tmp_path: Path) -> None:
    points, outline = RANDOM.normal(size=(30, 2)), np.array([[0, 1], [1, 0], [np.nan, np.nan]], np.float32)
    plot = ScatterPlot(points, "title", "x", "y", np.arange(30) % 3, outline, "outline")
    found = read_picture(write_picture(plot, tmp_path, "points"))
    assert isinstance(found, ScatterPlot)
    assert np.allclose(found.points, points, atol=2e-3)
    assert found.classes is not None
    assert (found.classes == plot.classes).all()
    assert np.array_equal(found.outline, outline, equal_nan=True)  # pyright: ignore
    chart = BarChart(np.array([2.0, 0.5]), "title", "x", "y", ("z1", "z2"), 0.01, "active")
    bars = read_picture(write_picture(chart, tmp_path, "bars"))
    assert isinstance(bars, BarChart)
    assert (bars.values.tolist(), bars.labels, bars.threshold) == ([2.0, 0.5], ("z1", "z2"), 0.01)


def test_a_run_has_pictures_or_reasons(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert load_pictures(folder) == {}
    folder.pictures.mkdir()
    write_picture(make_table(1, 1, 8, 8, 1), folder.pictures, "good")
    (folder.pictures / "bad.npz").write_bytes(b"PK")
    (folder.pictures / "losses.png").write_bytes(b"")
    write_reasons({"absent": "because"}, folder.pictures)
    found = load_pictures(folder)
    assert {name: data for name, data in found.items() if isinstance(data, str)} == {
        "absent": "because",
        "bad": "damaged, or of another version",
    }
    assert isinstance(found["good"], ImageTable)


def break_layout(path: Path, **changes: object) -> None:
    with Image.open(path) as opened:
        opened.load()
        texts = json.loads(opened.info[KEY])
    texts["layout"] |= changes
    info = PngInfo()
    info.add_text(KEY, json.dumps(texts))
    opened.save(path, pnginfo=info)


@pytest.mark.parametrize(
    "changes",
    [
        {"left": 10**5},
        {"tops": [-1]},
        {"columns": 10**9},
        {"factor": 0},
        {"step": "a"},
        {"tops": [0] * 20_000},
        {"x": 1},
    ],
)
def test_a_table_whose_layout_is_impossible_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    path = write_picture(make_table(2, 2, 8, 8, 1), tmp_path, "one")
    break_layout(path, **changes)
    with pytest.raises(ResultsError, match=r"one\.png: is not a picture"):
        read_picture(path)


def test_arrays_that_would_fill_the_memory_are_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("z.npy", bytes(2**26 + 1))
    with pytest.raises(ResultsError, match="take 67108865 bytes"):
        read_picture(path)


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 1)])
def test_labels_that_do_not_fit_are_refused(rows: int, columns: int) -> None:
    with pytest.raises(ValueError, match="labels of images"):
        ImageTable(np.zeros((2, 2, 4, 4, 1), np.uint8), "t", ("",) * rows, ("",) * columns)

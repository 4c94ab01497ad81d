"""Charts drawn pixel by pixel: everything is where its values say, whatever they are."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vimae_bench.storage.chart_image import BAR_COLOUR, CLASS_COLOURS, THRESHOLD_COLOUR, write_chart
from vimae_bench.storage.picture_data import BarChart, ScatterPlot
from vimae_bench.storage.plot_area import PlotArea, choose_ticks, parse_colours


def find_pixels(path: Path, colour: str) -> NDArray[np.int64]:
    """Rows and columns [N, 2] of pixels about this colour."""
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB"), np.int64)
    return np.argwhere(np.abs(pixels - parse_colours([colour]).astype(np.int64)).max(-1) < 12)


def test_bars_are_as_high_as_their_values(tmp_path: Path) -> None:
    values = np.array([8.0, 4.0, 2.0, -2.0])
    write_chart(BarChart(values, "title", "x", "y", ("a", "b", "c", "d")), path := tmp_path / "bars.png")
    pixels = find_pixels(path, BAR_COLOUR)
    columns, counts = np.unique(pixels[:, 1], return_counts=True)
    edges = np.flatnonzero(np.diff(columns) > 1)
    heights = np.array([np.median(part) for part in np.split(counts, edges + 1)])
    assert np.allclose(heights / heights[0], np.abs(values) / 8, atol=0.01)
    assert (
        pixels[pixels[:, 1] > columns[edges[-1]]][:, 0].min() >= pixels[pixels[:, 1] < columns[edges[-1]]][:, 0].max()
    )


def test_points_have_the_same_scale_along_both_axes(tmp_path: Path) -> None:
    points = np.array([[0, 0], [3, 0], [0, 1.0]])
    write_chart(ScatterPlot(points, "title", "x", "y", np.array([4, 5, 7])), path := tmp_path / "points.png")
    # Pixels of the legend are further to the right.
    centres = [find_pixels(path, colour) for colour in CLASS_COLOURS[:3]]
    (y0, x0), (y1, x1), (y2, x2) = (found[found[:, 1] < 500].mean(0) for found in centres)
    assert y0 == pytest.approx(y1, abs=1)
    assert x0 == pytest.approx(x2, abs=1)
    assert (x1 - x0) / (y0 - y2) == pytest.approx(3, rel=0.02)


def test_a_threshold_is_where_it_says(tmp_path: Path) -> None:
    write_chart(BarChart(np.array([1.0]), "", "", "", ("",), 0.5, "half"), path := tmp_path / "one.png")
    bar, line = find_pixels(path, BAR_COLOUR)[:, 0], find_pixels(path, THRESHOLD_COLOUR)[:, 0]
    assert np.median(line) == pytest.approx((bar.min() + bar.max()) / 2, abs=2)


@pytest.mark.parametrize(
    "data",
    [
        ScatterPlot(np.zeros((0, 2)), "", "", ""),
        ScatterPlot(np.full((3, 2), np.nan), "", "", ""),
        ScatterPlot(np.ones((3, 2)), "t " * 900, "x" * 900, "y" * 900, np.arange(3), np.zeros((0, 2), np.float32)),
        ScatterPlot(np.array([[1e6, 0], [np.inf, 1]]), "", "", "", None, np.full((2, 2), np.nan, np.float32), "l" * 99),
        BarChart(np.zeros(64), "", "", "", ("z",) * 64, 0.0, ""),
        BarChart(np.array([np.nan, np.inf, 1e-9]), "", "", "", ("",) * 3),
        BarChart(np.zeros(20), "", "", "", ("long " * 99,) * 20, -1.0, "below"),
        BarChart(np.zeros(0), "", "", "", ()),
    ],
)
def test_anything_can_be_drawn(tmp_path: Path, data: ScatterPlot | BarChart) -> None:
    write_chart(data, path := tmp_path / "one.png")
    with Image.open(path) as opened:
        opened.load()
        assert opened.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2, 4.7), (0, 1e-7), (-2e8, 5.0), (0.33, 0.34), (99, 1e4)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    ticks = choose_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    assert all(low <= value <= high for value in ticks)
    assert [float(text.replace("\N{MINUS SIGN}", "-")) for text in ticks.values()] == pytest.approx([*ticks])
    assert max(map(len, ticks.values())) <= 8


def test_an_area_places_its_ends_at_its_edges() -> None:
    area = PlotArea(10, 20, 100, 50, (-1.0, 1.0), (0.0, 5.0))
    assert (area.locate(-1, 5), area.locate(1, 0), area.locate(0, 2.5)) == ((10, 20), (110, 70), (60, 45))


def test_drawing_imports_no_matplotlib(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
import numpy as np
from vimae_bench.storage.picture_data import BarChart, ScatterPlot
from vimae_bench.storage.picture_files import write_picture
write_picture(BarChart(np.ones(2), "t", "x", "y", ("a", "b")), Path({str(tmp_path)!r}), "bars")
write_picture(ScatterPlot(np.ones((2, 2)), "t", "x", "y"), Path({str(tmp_path)!r}), "points")
assert "matplotlib" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert {path.name for path in tmp_path.iterdir()} == {"bars.npz", "bars.png", "points.npz", "points.png"}

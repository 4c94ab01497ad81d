"""The figures: what is in them, and that they can be drawn of whatever results there are."""

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from vimae_bench.core.errors import ResultsError
from vimae_bench.reports import intervals, latent_code_figure
from vimae_bench.storage.chart_image import CLASS_COLOURS

pytestmark = pytest.mark.medium


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def drawn(figure: Figure, path: Path) -> int:
    figure.savefig(path, dpi=40)
    return path.stat().st_size


@pytest.fixture
def coded(finished):
    """The finished results, with codes of two classes kept for the first seed; AE's reach far out."""
    generator = np.random.default_rng(0)
    for entry in finished.entries:
        if entry.run.seed == 0 and entry.label != "InfoVAE":
            pictures = finished.store.run_folder(entry.run).pictures
            pictures.mkdir()
            y = np.repeat([3, 8], 50)
            z = generator.normal(size=(100, 2)) + y[:, None] * (100 if entry.label == "AE" else 0)
            np.savez_compressed(pictures / "codes.npz", z=z.astype(np.float16), y=y)
    return finished


def test_intervals_have_a_panel_for_each_measure_with_unit_and_direction(finished, tmp_path: Path):
    figure = intervals.draw_intervals(finished.board())
    assert [axes.get_xlabel().replace("\n", " ") for axes in figure.axes] == [
        "Squared error ← better",
        "Rate [nats]",
        "MMD² to N(0, I) ← better",
        "SVM accuracy (clean) [%] better →",
    ]
    assert drawn(figure, tmp_path / "figure.png") > 1000


def test_panels_that_do_not_fit_the_width_go_into_further_rows(finished):
    figure = intervals.draw_intervals(finished.board(), ["sse", "rate", "mmd2", "svm clean", "sse"], width=3.25)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 5
    assert len({axes.get_subplotspec().colspan.start for axes in shown}) == 2
    assert [axes.get_yticklabels()[0].get_text() for axes in (shown[0], shown[2], shown[4])] == ["AE"] * 3


def test_a_method_far_from_the_others_is_an_arrow_with_its_value(finished):
    board = finished.board()
    sse = intervals.draw_intervals(board, ["sse"]).axes[0]
    far = next(row.summaries["sse"].mean for row in board.rows if row.label == "β_H-VAE")
    assert sse.get_xlim()[1] < 40 < far
    assert f"{far:.2g} →" in [text.get_text() for text in sse.texts]


def test_baselines_are_lines_and_outside_values_below_the_methods(finished):
    """PCA has 41 % where methods have 60 to 65 %, raw pixels 88 %."""
    board = finished.board()
    svm = intervals.draw_intervals(board, ["svm clean"]).axes[0]
    assert svm.get_ylim()[0] > len(board.rows)
    outside = [text.get_text() for text in svm.texts if text.get_position()[1] >= len(board.rows)]
    assert sorted(outside) == ["88 →", "← 41"]
    near = intervals.draw_intervals(finished_with_pca(finished, 62.0), ["svm clean"]).axes[0]
    assert [line.get_xdata()[0] for line in near.lines if line.is_dashed() and len(line.get_xdata()) == 2][:1] == [62.0]


def finished_with_pca(finished, value: float):
    finished.refer("svm", {"raw pixels": 88.0, "PCA, d = 2": value})
    return finished.board()


def test_constant_measures_have_no_panel_and_are_in_the_caption(results):
    for seed in range(3):
        for place, label in enumerate(("VAE", "AE")):
            results.add(label, seed, sse=20.0 + seed + place, rate=8.0)
    board = results.board()
    assert [axes.get_xlabel() for axes in intervals.draw_intervals(board).axes] == ["Squared error\n← better"]
    assert "Equal for all comparable methods: Rate (8)." in intervals.describe_intervals(board)


def test_the_caption_explains_the_lines_and_arrows_that_the_panels_have_and_no_others(results):
    for seed in range(5):
        for place, label in enumerate(("VAE", "AE")):
            results.add(label, seed, sse=20.0 + seed + place, **{"svm clean": 90.0 + seed + place})
    results.refer("svm", {"pixels": 92.0})
    near, without = results.board(), intervals.describe_intervals(results.board(), ["sse"])
    assert "Dashed: pixels." in intervals.describe_intervals(near, ["svm clean"])
    assert not [word for word in ("Dashed", "Arrows") if word in without]
    assert "Arrows" not in intervals.describe_intervals(near, ["svm clean"])
    results.refer("svm", {"pixels": 9.0})
    assert "Arrows: values outside the panel." in intervals.describe_intervals(results.board(), ["svm clean"])


def test_intervals_label_rows_with_missing_seeds(finished):
    labels = [label.get_text() for label in intervals.draw_intervals(finished.board()).axes[0].get_yticklabels()]
    assert labels == ["AE", "VAE", "VIMAE-n", "β_H-VAE †", "InfoVAE †\n3 of 5: 2 diverged"]


def test_intervals_mark_the_state_of_every_method(finished):
    sse, rate, mmd2, svm = intervals.draw_intervals(finished.board()).axes
    marks = [
        {text.get_position()[1]: text.get_text() for text in axes.texts if text.get_position()[0] == 1.01}
        for axes in (sse, rate, mmd2, svm)
    ]
    assert marks == [
        {0: "★", 1: "", 2: "", 3: "†", 4: "†"},
        {1: "", 2: "", 3: "", 4: ""},
        {0: "?", 1: "?", 2: "?", 3: "†", 4: "†"},
        {0: "★", 1: "", 2: "", 3: "†"},
    ]


def test_intervals_show_every_seed_of_methods_in_the_panel(finished):
    lines = intervals.draw_intervals(finished.board(), ["sse"]).axes[0].lines
    markers = [line.get_marker() for line in lines for _ in line.get_xdata()]
    assert markers.count("o") == 4 * 5 - 5 + 3
    assert markers.count("|") == 4
    bars = [line.get_xdata() for line in lines if line.get_marker() == "None"]
    assert [tuple(bar) for bar in bars] == [row.summaries["sse"].interval for row in finished.board().rows[:3]]


@pytest.mark.parametrize("label", ["$x_1", "a$b$c", "<&>\x1b[31m"])
def test_figures_take_any_label(results, tmp_path: Path, label: str):
    folder = results.add(label, 0, sse=1.0)
    folder.pictures.mkdir()
    np.savez_compressed(folder.pictures / "codes.npz", z=np.zeros((5, 2), np.float16))
    for figure in (
        intervals.draw_intervals(results.board()),
        latent_code_figure.draw_codes(results.store.load_results(results.entries)),
    ):
        assert drawn(figure, tmp_path / "figure.png") > 1000
        assert "\x1b" not in texts(figure)


def test_intervals_of_a_benchmark_without_results_can_be_drawn(results, tmp_path: Path):
    results.add("VAE", 0, "missing")
    assert drawn(intervals.draw_intervals(results.board()), tmp_path / "figure.png") > 100


def test_codes_have_equal_and_shared_axes(coded, tmp_path: Path):
    figure = latent_code_figure.draw_codes(coded.store.load_results(coded.entries))
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == 5
    ((x, y),) = {(axes.get_xlim(), axes.get_ylim()) for axes in panels}
    assert x == y == (-x[1], x[1])
    assert 2.45 < x[1] < 5  # the prior and most methods, not the one that is far out
    assert {axes.get_aspect() for axes in panels} == {1.0}
    assert drawn(figure, tmp_path / "figure.png") > 1000


def test_codes_are_shown_with_the_measures_of_their_run(coded):
    shown = texts(latent_code_figure.draw_codes(coded.store.load_results(coded.entries)))
    result = coded.store.load_results(coded.entries)[1]
    mmd2, sse = (result.estimates[name].value for name in ("mmd2", "sse"))
    assert f"mmd2 {mmd2:.3g}, rate 6, sse {sse:.3g}" in shown.replace("\n", " ")
    caption = latent_code_figure.describe_codes(coded.store.load_results(coded.entries))
    assert "100 test images by class, seed 0" in caption


def test_codes_outside_the_axes_are_counted(coded):
    shown = texts(latent_code_figure.draw_codes(coded.store.load_results(coded.entries)))
    assert "100.0% outside" in shown
    assert "no codes kept" in shown


def test_every_point_is_drawn_in_the_colour_of_its_class(coded):
    axes = latent_code_figure.draw_codes(coded.store.load_results(coded.entries)).axes[1]
    (points,) = axes.collections
    assert len(points.get_offsets()) == 100
    found, counts = np.unique(points.get_facecolors(), axis=0, return_counts=True)
    assert len(found) == 2
    assert counts.tolist() == [50, 50]


def test_the_classes_of_a_collapsed_method_are_not_named(coded):
    by_title = {
        axes.get_title("left"): axes
        for axes in latent_code_figure.draw_codes(coded.store.load_results(coded.entries)).axes
    }
    names = {title: {text.get_text() for text in axes.texts} for title, axes in by_title.items()}
    assert {"3", "8"} <= names["VAE"]
    assert not {"3", "8"} & names["β_H-VAE †"]


def test_codes_are_drawn_with_the_outline_of_their_own_prior(coded):
    """Of VAE it is a square far out, to which the axes make room; the other files are from before it was kept."""
    square = np.array([[-7, -7], [7, -7], [7, 7], [-7, 7], [-7, -7], [np.nan, np.nan]], np.float32)
    (vae,) = (entry for entry in coded.entries if entry.label == "VAE" and entry.run.seed == 0)
    path = coded.store.run_folder(vae.run).pictures / "codes.npz"
    with np.load(path) as kept:
        codes = dict(kept)
    before = latent_code_figure.draw_codes(coded.store.load_results(coded.entries))
    np.savez_compressed(path, **codes, prior=square)
    after = latent_code_figure.draw_codes(coded.store.load_results(coded.entries))
    lines = {axes.get_title("left"): [line.get_xydata() for line in axes.lines] for axes in after.axes}
    np.testing.assert_array_equal(lines["VAE"][0], square)
    assert all(len(line) == 0 for title, found in lines.items() if title != "VAE" for line in found)
    assert after.axes[0].get_xlim()[1] > 7 > before.axes[0].get_xlim()[1]
    assert len(before.axes[1].lines[0].get_xdata()) == 0
    caption = latent_code_figure.describe_codes(coded.store.load_results(coded.entries))
    assert "Dashed: the densest 95 % of the model's prior" in caption


def test_seed_of_codes_can_be_chosen(coded):
    with pytest.raises(ResultsError, match="no run from seed 1 has kept two-dimensional codes"):
        latent_code_figure.draw_codes(coded.store.load_results(coded.entries), seed=1)


def test_damaged_codes_do_not_hide_others(coded):
    path = coded.store.run_folder(coded.entries[0].run).pictures / "codes.npz"
    path.write_bytes(path.read_bytes()[:50])
    figure = latent_code_figure.draw_codes(coded.store.load_results(coded.entries))
    assert "damaged; see vimae-bench doctor" in texts(figure)
    assert [len(axes.collections) for axes in figure.axes][:3] == [0, 1, 1]


def test_tables_and_figures_import_matplotlib_and_torch_only_when_drawn():
    modules = (
        "leaderboard_terminal leaderboard_markdown leaderboard_latex leaderboard_csv leaderboard_json "
        "comparison_terminal intervals latent_code_figure"
    )
    program = (
        f"import sys, importlib; [importlib.import_module('vimae_bench.reports.' + m) for m in '{modules}'.split()];"
        "print([m for m in ('matplotlib', 'torch', 'pandas', 'sklearn', 'mlflow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
"""Of linear RGB: Machado, Oliveira and Fernandes (2009), severity 1."""
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])


def to_lab(colour: str, vision: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* of a colour as it is seen."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    ratio = XYZ @ np.clip(vision @ linear, 0, 1) / WHITE
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", [np.eye(3), DEUTERANOPIA], ids=["normal", "deuteranopia"])
def test_ten_classes_have_colours_that_stay_apart(vision: np.ndarray):
    """A difference of 2.3 can just be seen; of 25 it is seen in small dots."""
    seen = [to_lab(colour, vision) for colour in CLASS_COLOURS]
    assert len(seen) == 10
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 25
    assert min(np.linalg.norm(one - to_lab("#FFFFFF", vision)) for one in seen) > 20


def test_clusters_of_a_class_are_found_where_they_are():
    generator = np.random.default_rng(0)
    centres = np.array([[-3.0, 0.0], [3.0, 1.0]])
    points = np.concatenate(
        [generator.normal(centre, 0.7, (n, 2)) for centre, n in zip(centres, (300, 500), strict=True)]
    )
    found = sorted(latent_code_figure.find_clusters(points))
    assert np.allclose(found, centres, atol=0.15)
    (one,) = latent_code_figure.find_clusters(generator.normal(2.0, 1.0, (500, 2)))
    assert np.allclose(one, 2.0, atol=0.2)


@pytest.mark.parametrize("points", [np.zeros((100, 2)), np.arange(20.0).reshape(10, 2)])
def test_few_or_equal_codes_have_one_label_at_their_median(points: np.ndarray):
    assert latent_code_figure.find_clusters(points) == [tuple(np.median(points, axis=0).tolist())]

"""The figures of a comparison: what is drawn is what was measured, and nothing else is."""

import re
from dataclasses import asdict, replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from helpers.image_grids import save_grid
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.analysis.statistics import confidence_interval
from vimae_bench.execution import PluginSpec
from vimae_bench.plugin import Measure
from vimae_bench.reports import robustness
from vimae_bench.reports.all_figures import draw_figures, draw_image_grids, list_tables_without_images
from vimae_bench.reports.image_grid_figure import collect_images, describe_image_grid, draw_image_grid
from vimae_bench.reports.plot_style import BLUE, MethodStyles, assign_styles, encode_figure
from vimae_bench.reports.rate_distortion import describe_rate_distortion, draw_rate_distortion
from vimae_bench.reports.training_curves import draw_curves, read_histories
from vimae_bench.reports.win_rates import EQUIVALENT_COLOUR, compute_win_rates, draw_win_rates, select_rows
from vimae_bench.storage.atomic import write_json
from vimae_bench.storage.run_folder import RunFolder

pytestmark = pytest.mark.medium

PROBED = ("svm clean", "svm gauss_0.2", "svm gauss_0.4", "svm mask_0.5", "svm sampled")
HOSTILE = ("_x_", r"$\frac{1}", "a_b & 5% $y_1$ <b>", r"\input{x}", "\x1b[31mred", "much to say " * 9)


def looks(results) -> MethodStyles:
    return assign_styles(entry.label for entry in results.entries)


def named(figure) -> list[str]:
    """The names in a figure's legend."""
    return [text.get_text() for text in figure.legends[0].get_texts()]


def lines(axes, colour: str) -> list[np.ndarray]:
    """The points [n, 2] of all that is drawn in a colour and has a line or a marker."""
    return [line.get_xydata() for line in axes.lines if to_hex(line.get_color()) == colour.lower()]


def probe(folder: RunFolder, values: dict[str, float]) -> None:
    """A file of `svm` with a measure for each value."""
    measures = [asdict(Measure(name, "%", "higher", family="svm", condition=name.split()[1])) for name in values]
    estimates = {name: {"value": value, "n": 100, "se": 0.1} for name, value in values.items()}
    head = {"metric": PluginSpec("svm").as_json(), "seconds": 0.1, "measures": measures}
    write_json(folder.metric_path(PluginSpec("svm")), {**head, "estimates": estimates})


def tell(folder: RunFolder, totals: list[float | None], **terms: float) -> None:
    for epoch, total in enumerate(totals, 1):
        folder.append_event("epoch", epoch=epoch, time=1.0, seconds=1.0, terms={"total": total, **terms})


def paint(folder: RunFolder, shade: int, inputs: int = 7) -> None:
    """Pictures in which every test image has one grey, and every reconstruction and sample another."""
    folder.pictures.mkdir(parents=True, exist_ok=True)
    alternating = np.repeat(np.array([inputs, shade] * 5, np.uint8), 10)
    for name, greys in (("reconstructions", alternating), ("samples", np.full(100, shade + 1, np.uint8))):
        images = np.broadcast_to(greys[:, None, None, None], (100, 8, 8, 1))
        save_grid(images, 10, folder.pictures / f"{name}.png")


@pytest.fixture
def full(results):
    """Three methods from three seeds of which everything is known, and a fourth that diverged on one of them."""
    generator = np.random.default_rng(0)
    for seed in range(3):
        for place, label in enumerate(("VAE", "AE", "β_H-VAE")):
            sse, rate = 20.0 + 5 * place + generator.normal(), 9.0 - place + generator.normal()
            folder = results.add(label, seed, sse=sse, rate=rate, mmd2=0.1 * generator.random())
            probe(folder, {name: 90 - 9 * i - place + generator.normal() for i, name in enumerate(PROBED)})
            tell(folder, [sse + 5, sse + 4, sse + 3, sse + 2, sse + 1], kl=rate)
            paint(folder, 50 + 10 * place)
        folder = results.add("lost", seed, "diverged" if seed == 0 else "done", sse=30.0 + seed, rate=5.0)
        tell(folder, [*[40.0] * 4, None] if seed == 0 else [40.0, 39.0, 38.0, 37.0, 36.0, 35.0])
    results.refer("svm", {"raw pixels": 70.0})
    return results


def test_methods_have_distinct_and_stable_styles():
    found = assign_styles(map(str, range(56)))
    assert len(set(found.values())) == 56
    assert assign_styles(["a", "b", "a", "c"]) == assign_styles(["a", "b", "c"])


def test_rate_distortion_shows_seeds_mean_and_intervals(full):
    board = full.board()
    axes = draw_rate_distortion(board, looks(full)).axes[0]
    vae = next(row for row in board.rows if row.label == "VAE")
    rate, sse = ([e.value for e in vae.summaries[name].estimates.values()] for name in ("rate", "sse"))
    seeds, across, up, mean = lines(axes, looks(full)["VAE"].colour)
    assert np.allclose(across[:, 0], confidence_interval(rate))
    assert np.allclose(up[:, 1], confidence_interval(sse))
    assert np.allclose(mean, [[np.mean(rate), np.mean(sse)]])
    assert sorted(map(tuple, seeds)) == sorted(zip(rate, sse, strict=True))


def test_rate_distortion_shows_no_mean_of_incomplete_methods(full):
    (points,) = lines(draw_rate_distortion(full.board(), looks(full)).axes[0], looks(full)["lost"].colour)
    assert sorted(map(tuple, points)) == [(5.0, 31.0), (5.0, 32.0)]


def test_collapsed_methods_outside_the_plane_are_arrows_with_their_values(finished):
    board = finished.board()
    figure = draw_rate_distortion(board, looks(finished))
    (axes,) = figure.axes
    row = next(row for row in board.rows if row.label == "β_H-VAE")
    rate, sse = (row.summaries[name].mean for name in ("rate", "sse"))
    assert axes.get_ylim()[1] < 50 < sse
    assert f"({rate:.3g}, {sse:.3g})" in [text.get_text() for text in axes.texts]
    assert "β_H-VAE †" in named(figure)


def test_methods_without_a_rate_are_named_in_the_caption(finished):
    assert "Without a rate, and so not shown: AE." in describe_rate_distortion(finished.board())


def test_distortion_has_the_scale_that_its_measure_declares(finished):
    board = finished.board()
    measure = replace(board.measures["sse"], scale="log")
    assert draw_rate_distortion(board, looks(finished)).axes[0].get_yscale() == "linear"
    logarithmic = replace(board, measures={**board.measures, "sse": measure})
    assert draw_rate_distortion(logarithmic, looks(finished)).axes[0].get_yscale() == "log"


def test_accuracy_is_drawn_against_the_strength_of_each_corruption(full):
    board = full.board()
    found = [
        (panel.classifier, panel.kind, [level for level, _ in panel.conditions])
        for panel in robustness.find_panels(board)
    ]
    assert found == [("svm", "gauss", [0.0, 0.2, 0.4]), ("svm", "mask", [0.0, 0.5])]
    panel = robustness.find_panels(board)[0]
    figure = robustness.draw_robustness(board, panel, looks(full))
    assert [axes.get_title("left") for axes in figure.axes] == ["VAE", "AE", "β_H-VAE"]
    row = next(row for row in board.rows if row.label == "AE")
    means = [row.summaries[name].mean for name in PROBED[:3]]
    (line,) = lines(figure.axes[1], looks(full)["AE"].colour)
    assert np.allclose(line, np.stack([[0, 0.2, 0.4], means], 1))
    assert any(np.allclose(other, line) for other in lines(figure.axes[0], robustness.OTHERS))
    assert figure.get_supxlabel() == "standard deviation of the noise"


def test_band_around_accuracy_is_its_interval(full):
    board = full.board()
    axes = robustness.draw_robustness(board, robustness.find_panels(board)[1], looks(full)).axes[1]
    bands = {
        to_hex(band.get_facecolor()[0]): band.get_paths()[0].vertices
        for band in axes.collections
        if len(band.get_paths())
    }
    row = next(row for row in board.rows if row.label == "AE")
    vertices = bands[looks(full)["AE"].colour.lower()]
    for level, name in ((0.0, "svm clean"), (0.5, "svm mask_0.5")):
        at = vertices[vertices[:, 0] == level, 1]
        assert np.allclose((at.min(), at.max()), row.summaries[name].interval)


def test_baselines_are_dashed_lines_in_the_legend(full):
    board = full.board()
    figure = robustness.draw_robustness(board, robustness.find_panels(board)[0], looks(full))
    assert named(figure)[-1] == "raw pixels"
    (broken,) = [line for line in figure.axes[0].lines if line.is_dashed()]
    assert broken.get_xydata().tolist() == [[0.0, 70.0]]


def test_curves_show_mean_and_range_over_seeds(full):
    board = full.board()
    figure = draw_curves(board, looks(full), read_histories(board))
    total, kl = figure.axes
    assert [axes.get_title("left") for axes in (total, kl)] == ["total", "kl"]
    sse = [e.value for e in next(r for r in board.rows if r.label == "VAE").summaries["sse"].estimates.values()]
    (line,) = lines(total, looks(full)["VAE"].colour)
    assert np.allclose(line, [[epoch, np.mean(sse) + 6 - epoch] for epoch in range(1, 6)])
    (band,) = [b for b in total.collections if to_hex(b.get_facecolor()[0]) == looks(full)["VAE"].colour.lower()]
    heights = band.get_paths()[0].vertices[:, 1]
    assert np.allclose((heights.min(), heights.max()), (min(sse) + 1, max(sse) + 5))


def test_curves_of_incomplete_methods_are_shown_by_seed(full):
    board = full.board()
    total = draw_curves(board, looks(full), read_histories(board)).axes[0]
    ended, *others = sorted(lines(total, looks(full)["lost"].colour), key=len)
    assert ended.tolist() == [[4.0, 40.0]]  # the cross
    assert sorted(map(len, others)) == [5, 6, 6]


def test_win_rates_are_shares_of_seeds(full):
    board = full.board()
    methods = select_rows(board)
    for name, sign in (("sse", -1), ("svm clean", 1)):
        won = compute_win_rates(board, board.measures[name])
        values = [[estimate.value for estimate in row.summaries[name].estimates.values()] for row in methods]
        for i, a in enumerate(values):
            for j, b in enumerate(values):
                if i != j:
                    assert won[i, j] == np.mean([sign * x > sign * y for x, y in zip(a, b, strict=True)])
        assert np.isnan(np.diag(won)).all()


@pytest.mark.parametrize("margin", [None, 1.0])
def test_win_rates_are_coloured_by_the_decision_on_each_pair(finished, margin: float | None):
    run_results = finished.store.load_results(finished.entries)
    (board,) = build_leaderboards(run_results, columns=("sse",), margins={"sse": margin} if margin else {})
    (axes,) = draw_win_rates(board).axes
    methods, won = select_rows(board), compute_win_rates(board, board.measures["sse"])
    assert [row.label for row in methods] == ["AE", "VAE", "VIMAE-n"]
    cells = {
        (round(patch.get_y() + 0.46), round(patch.get_x() + 0.46)): to_hex(patch.get_facecolor())
        for patch in axes.patches
    }
    undecided = (EQUIVALENT_COLOUR if margin else "#ffffff").lower()
    assert cells == {(0, 1): BLUE.lower(), (0, 2): BLUE.lower(), (1, 2): undecided}
    shown = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axes.texts}
    assert shown == {(i, j): f"{won[i, j]:.2f}" for i, j in ((0, 1), (0, 2), (1, 2))}


def test_first_triangle_counts_the_measures_on_which_either_is_better(finished):
    """AE is better in squared error and in accuracy; nothing is decided on MMD."""
    board = finished.board()
    summary, *measures = draw_win_rates(board).axes
    assert len(measures) == 3
    shown = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in summary.texts}
    assert [row.label for row in select_rows(board)] == ["AE", "VAE", "VIMAE-n"]
    assert shown == {(0, 1): "2:0", (0, 2): "2:0"}
    worst_last = [row.label for row in select_rows(finished.board(columns=("svm clean",)))]
    assert worst_last[0] == "AE"


def test_win_rates_leave_out_what_is_not_comparable(finished):
    board = finished.board()
    assert [row.label for row in select_rows(board)] == ["AE", "VAE", "VIMAE-n"]
    for seed in range(5):
        finished.add("new", seed, sse=24.0 + seed % 2)
    board = finished.board()
    at = [row.label for row in select_rows(board)].index("new")
    assert np.isnan(compute_win_rates(board, board.measures["mmd2"])[at]).all()
    assert np.isfinite(compute_win_rates(board, board.measures["sse"])[at]).sum() == 3


def test_image_grid_shows_each_method_in_its_row(full):
    images = collect_images(full.store.load_results(full.entries))
    assert [(one.label, one.missing_reason) for one in images] == [
        *((label, "") for label in ("VAE", "AE", "β_H-VAE")),
        ("lost", "diverged"),
    ]
    tiles = draw_image_grid(images).axes[0].images
    rows = {}
    for tile in tiles:
        left, _, _, top = tile.get_extent()
        rows.setdefault(round(top, 3), []).append((left, int(tile.get_array().flat[0])))
    shades = [[shade for _, shade in sorted(found)] for _, found in sorted(rows.items())]
    half = len(shades[0])
    assert shades == [[7] * half, *([shade] * half + [shade + 1] * half for shade in (50, 60, 70))]


def test_image_grid_uses_the_seed_with_the_most_images(full):
    for entry in full.entries:
        pictures = full.store.run_folder(entry.run).pictures
        if entry.label == "VAE" and entry.seed == 0:
            (pictures / "samples.png").unlink()
        elif entry.label == "AE" and entry.seed == 1:
            (pictures / "samples.png").write_bytes(b"no picture")
    images = collect_images(full.store.load_results(full.entries))
    assert {one.result.entry.seed for one in images} == {1}
    assert "seed 1" in describe_image_grid(images)
    lacking = "No images of AE: images damaged, or of another version. No images of lost: no images kept."
    assert describe_image_grid(images).endswith(lacking)


def test_image_grid_leaves_out_runs_with_other_inputs(full):
    paint(full.store.run_folder(full.entries[1].run), 60, inputs=8)
    images = collect_images(full.store.load_results(full.entries))
    assert [one.missing_reason for one in images] == ["", "was shown other test images", "", "diverged"]


@pytest.mark.parametrize("shape", [(90, 8, 8, 1), (100, 9, 9, 1), (100, 8, 8, 4)])
def test_images_of_unexpected_shape_count_as_damaged(full, shape: tuple[int, ...]):
    name = "reconstructions" if shape[0] == 90 else "samples"
    for entry in full.entries[:2]:
        save_grid(np.zeros(shape, np.uint8), 10, full.store.run_folder(entry.run).pictures / f"{name}.png")
    images = collect_images(full.store.load_results(full.entries))
    assert [bool(one.grids) for one in images] == [False, False, True, False]
    assert "images damaged" in images[0].missing_reason


def test_tables_without_readable_images_are_listed(full):
    for path in full.store.path.glob("runs/*/pictures/*.png"):
        path.write_bytes(b"no picture")
    run_results = full.store.load_results(full.entries)
    assert [*draw_image_grids(run_results)] == []
    assert list_tables_without_images(run_results) == ["mnist, mlp, d = 2, 80 epochs"]


def test_all_figures_are_drawn_if_everything_is_measured(full):
    run_results = full.store.load_results(full.entries)
    made = [*draw_figures(full.boards(), run_results), *draw_image_grids(run_results)]
    kinds = [drawn.title.removesuffix(", mnist, mlp, d = 2, 80 epochs") for drawn in made]
    assert kinds == [
        "Key measures",
        "Rate and distortion",
        "Accuracy under corruption, SVM accuracy, noise",
        "Accuracy under corruption, SVM accuracy, masking",
        "Win rates",
        "Training curves",
        "Reconstructions and samples",
    ]
    assert all("over 3 " in drawn.caption for drawn in made[:6])
    assert list_tables_without_images(run_results) == []


def test_figures_without_data_are_not_drawn(results):
    tell(results.add("VAE", 0, sse=1.0), [3.0] * 4)  # too few epochs for a curve
    run_results = results.store.load_results(results.entries)
    (drawn,) = draw_figures(results.boards(), run_results)
    assert drawn.title.startswith("Key measures")
    assert drawn.caption.startswith("1 seed, without intervals.")
    assert [*draw_image_grids(run_results)] == []
    assert list_tables_without_images(run_results) == ["mnist, mlp, d = 2, 80 epochs"]


def test_names_in_figures_are_plain_text(results):
    for seed in range(2):
        for place, label in enumerate(HOSTILE):
            folder = results.add(label, seed, sse=20.0 + place + seed, rate=5.0 - place, mmd2=0.1)
            probe(folder, dict.fromkeys(PROBED, 90.0 - place - seed))
            tell(folder, [3.0, 2.0] * 3, **{r"a $\dear$ term": 1.0})
            paint(folder, 50 + place)
    results.refer("svm", {"$raw": 70.0, "_PCA": 60.0})
    run_results = results.store.load_results(results.entries)
    for drawn in (*draw_figures(results.boards(), run_results), *draw_image_grids(run_results)):
        svg = re.sub("<!--.*?-->", "", encode_figure(drawn.figure, "svg").decode(), flags=re.DOTALL)
        for name in ("_x_", r"$\frac{1}", "a_b", r"\input{x}", "[31mred", "much"):  # long names lose their middle
            assert name in svg, (drawn.title, name)
        assert "<b>" not in svg
        assert "\x1b" not in svg


@pytest.mark.parametrize(("form", "sign"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figure_files_are_complete_and_reproducible(full, form: str, sign: bytes):
    first, again = (encode_figure(draw_rate_distortion(full.board(), looks(full)), form) for _ in range(2))
    assert first == again
    assert first.startswith(sign)
    ends = {"png": b"IEND", "svg": b"</svg>", "pdf": b"%%EOF"}
    assert ends[form] in first[-20:]


def test_pdf_embeds_truetype_fonts_and_svg_keeps_text(full):
    figure = draw_rate_distortion(full.board(), looks(full))
    pdf = encode_figure(figure, "pdf")
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert ">β_H-VAE<" in encode_figure(figure, "svg").decode()

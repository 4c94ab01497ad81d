"""Every figure can be read in the width that it was drawn for: the size of its type, its width, and what overlaps."""

from collections.abc import Iterator

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from helpers.figures import list_cut_texts, list_overlaps, measure_smallest_svg_type, measure_smallest_type
from vimae_bench.analysis.load import BenchmarkResults
from vimae_bench.core.errors import BenchError
from vimae_bench.reports.all_figures import NamedFigure, draw_named_figures
from vimae_bench.reports.latent_code_figure import draw_codes
from vimae_bench.reports.plot_axes import choose_ticks
from vimae_bench.reports.plot_style import encode_figure, parse_width
from vimae_bench.reports.plot_text import FONT_SIZE, fit_name, format_tick, measure_text, wrap_text

from .test_all_figures import PROBED, paint, probe, tell

pytestmark = pytest.mark.medium

WIDTHS = {"column": 3.25, "text": 5.5}
LABELS = ("VAE", "β_A-VAE", "AE", "VIMAE-n", "a method with a rather long name", "β_H-VAE")
DATASETS = ("mnist", "omniglot", "cifar10", "digits", "fashion")


@pytest.fixture
def everything(results) -> BenchmarkResults:
    """Five tables of six methods, one of which collapses; all that can be drawn is there in the first."""
    generator = np.random.default_rng(0)
    for dataset in DATASETS:
        results.dataset = dataset
        for place, label in enumerate(LABELS):
            for seed in range(3):
                is_last = place == len(LABELS) - 1
                sse, rate = (25.0 + place, 9.0 + 3 * place) if not is_last else (60.0, 0.01)
                noise = generator.normal(0, 0.3, 8)
                rate = None if label == "AE" else rate + abs(noise[1]) * 0.1
                folder = results.add(label, seed, sse=sse + noise[0], rate=rate, mmd2=0.02 * (1 + noise[2] ** 2))
                if dataset != "mnist":
                    continue
                probe(folder, {name: 90 - 9 * i - place + noise[i] for i, name in enumerate(PROBED)})
                tell(folder, [sse + 60 / epoch + noise[3] for epoch in range(1, 9)], kl=9.0)
                paint(folder, 50 + place)
                z, y = generator.normal(size=(200, 2)), np.repeat(np.arange(10), 20)
                z += np.stack([np.cos(y * 0.628), np.sin(y * 0.628)], 1) * 2
                np.savez_compressed(folder.pictures / "codes.npz", z=z.astype(np.float16), y=y)
        results.refer("svm", {"raw pixels": 70.0, "PCA, d = 2": 20.0})
    return BenchmarkResults(results.store, results.entries)


def draw(results: BenchmarkResults, width: float) -> Iterator[NamedFigure]:
    """All figures of the first table and those over all tables."""
    for named in draw_named_figures(results, width):
        if "mnist" in named.name or named.name.startswith(("critical", "performance")):
            yield named


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_every_figure_can_be_read_at_its_width(everything: BenchmarkResults, width: float):
    """7 points at least, nothing cut or on other text, and exactly the width that was asked for."""
    seen = list[str]()
    for name, _, figure in draw(everything, width):
        assert measure_smallest_type(figure) >= FONT_SIZE, name
        assert measure_smallest_svg_type(figure, width) >= FONT_SIZE - 0.01, name
        assert read_pdf_width(figure) == pytest.approx(width, abs=0.02), name
        assert figure.get_figheight() < 11, name
        assert list_cut_texts(figure) == [], name
        assert list_overlaps(figure) == [], name
        assert not figure.get_suptitle(), name
        seen.append(name.partition("-mnist")[0])
    assert seen == [
        "key-measures",
        "rate-and-distortion",
        "accuracy-under-corruption-svm-accuracy-noise",
        "accuracy-under-corruption-svm-accuracy-masking",
        "win-rates",
        "training-curves",
        "codes",
        "critical-differences",
        "performance-profiles",
        "reconstructions-and-samples",
    ]


@pytest.mark.parametrize("count", [1, 3, 4, 7])
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_no_name_above_codes_is_cut_whatever_the_number_of_methods(results, width: float, count: int):
    z = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float16)
    for label in ("AE", "β_A-VAE", *(f"VIMAE-{n}" for n in range(5)))[:count]:
        folder = results.add(label, 0, sse=26.3, rate=0.000257, mmd2=0.00456)
        folder.pictures.mkdir()
        np.savez_compressed(folder.pictures / "codes.npz", z=z, y=np.arange(40) % 10)
    figure = draw_codes(results.store.load_results(results.entries), width=width)
    assert not list_cut_texts(figure)
    assert not list_overlaps(figure)
    FigureCanvasAgg(figure).draw()
    shown = [axes for axes in figure.axes if axes.get_visible()]
    lowest = shown[-min(count, sum(axes.get_subplotspec().rowspan.start == 0 for axes in figure.axes)) :]
    assert all(any(tick.label1.get_visible() for tick in axes.xaxis.get_major_ticks()) for axes in lowest)


def read_pdf_width(figure: Figure) -> float:
    """The width of the page of its PDF, in inches."""
    pdf = encode_figure(figure, "pdf")
    box = pdf.partition(b"/MediaBox [")[2].partition(b"]")[0].split()
    return float(box[2]) / 72


def test_smaller_type_is_found():
    figure = Figure((2, 2))
    axes = figure.subplots()
    axes.tick_params(labelsize=6)
    assert measure_smallest_type(figure) == 6
    assert measure_smallest_svg_type(figure, 1.0) == pytest.approx(3)
    axes.text(0.5, 0.5, "one", fontsize=20)
    axes.text(0.52, 0.5, "other", fontsize=20)
    axes.text(0.9, 0.9, "much too far to the right", fontsize=8)
    assert ("one", "other") in list_overlaps(figure)
    assert list_cut_texts(figure) == ["much too far to the right"]


@pytest.mark.parametrize(("given", "inches"), [("column", 3.25), ("text", 5.5), ("6.75", 6.75), (4, 4.0)])
def test_width_is_a_name_or_inches(given: str | float, inches: float):
    assert parse_width(given) == inches


@pytest.mark.parametrize("given", ["wide", "0", "-3", "nan", "40"])
def test_other_widths_are_refused(given: str):
    with pytest.raises(BenchError, match=r"has to be column \(3.25 inches\) or text \(5.5 inches\), or 2.5 to 12"):
        parse_width(given)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.0003, 0.00041), (12.1, 12.3), (0.0, 52_000.0), (-3.0, 3.0)])
@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("inches", [0.3, 0.8, 2.0])
def test_ticks_do_not_touch(low: float, high: float, scale: str, inches: float):
    low = max(low, high / 1e4) if scale == "log" else low
    ticks = choose_ticks(low, high, inches, scale)
    places = np.log(ticks) if scale == "log" else np.array(ticks)
    ends = np.log([low, high]) if scale == "log" else np.array([low, high])
    places = (places - ends[0]) / (ends[1] - ends[0]) * inches
    widths = [measure_text(format_tick(tick)) for tick in ticks]
    assert all(low <= tick <= high for tick in ticks)
    assert all(
        right - left >= (a + b) / 2 for left, right, a, b in zip(places, places[1:], widths, widths[1:], strict=False)
    )


def test_long_text_is_broken_or_shortened():
    assert wrap_text("SVM accuracy (20 % masked)", 1.0).split("\n") == ["SVM accuracy (20 %", "masked)"]
    assert fit_name("a name that is much too long to be shown", 1.0).startswith("a name")
    assert measure_text(fit_name("a name that is much too long to be shown", 1.0)) <= 1.0

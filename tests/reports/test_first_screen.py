"""The parts of a page's first screen: scales of cells, headings, states, colours of methods."""

import re

import pytest

from vimae_bench.analysis.marks import MARK_MEANINGS
from vimae_bench.analysis.measure_texts import complete_texts, describe_direction
from vimae_bench.core.results import Measure
from vimae_bench.reports.page.first_screen import build_first_screen
from vimae_bench.reports.page.heading import read_heading
from vimae_bench.reports.page.value_plot import EDGE, WIDTH, ValueScale, build_value_plot, choose_scale
from vimae_bench.reports.plot_style import assign_styles
from vimae_bench.reports.table_format import format_arrow
from vimae_bench.reports.value_range import extend_range


def test_one_outlier_does_not_decide_on_the_scale():
    usual = [(1.0, 1.2), (1.1, 1.3), (0.9, 1.4)]
    scale = choose_scale([*usual, (50.0, 51.0)])
    assert (scale.low, scale.high) == (0.9, 1.4)
    far = build_value_plot(scale, 50.5, (50.0, 51.0), [50.5])
    assert (far.outside, far.interval, far.seeds) == ("right", None, ())
    assert build_value_plot(scale, -3.0, None).outside == "left"


def test_two_methods_that_differ_much_are_both_on_the_scale():
    scale = choose_scale([(1.0, 1.1), (50.0, 51.0)])
    assert (scale.low, scale.high) == (1.0, 51.0)
    plot = build_value_plot(scale, 1.0, (1.0, 1.1), [1.0, 1.1])
    assert plot.mean == plot.seeds[0] == EDGE
    assert build_value_plot(scale, 51.0, None).mean == WIDTH - EDGE


def test_leaders_and_near_baselines_are_on_the_scale():
    methods = [(1.0, 1.1), (1.05, 1.2), (1.1, 1.15), (0.05, 0.06)]
    assert choose_scale(methods).low == 1.0
    assert choose_scale(methods, methods[3:]).low == 0.05
    scale = choose_scale(methods[:3], baselines=[1.3, 5.0])
    assert (scale.low, scale.high) == (1.0, 1.3)
    assert scale.side(5.0) == "right"


def test_seeds_that_are_off_the_scale_are_not_drawn():
    assert len(build_value_plot(ValueScale(0.0, 1.0), 0.5, (0.2, 0.8), [0.5, 3.0]).seeds) == 1


def test_the_nearest_value_lengthens_a_range_first():
    assert extend_range((0.0, 1.0), [1.7, -0.2]) == (-0.2, 1.0)


def test_equal_values_are_in_the_middle():
    scale = choose_scale([(8.0, 8.0)] * 4 + [(7.0, 7.5)])
    assert not scale.side(7.2)
    assert build_value_plot(choose_scale([(8.0, 8.0)]), 8.0, None).mean == WIDTH / 2
    assert choose_scale([]) is None


@pytest.mark.parametrize(
    ("source", "title", "purpose"),
    [
        ('title = "T"\ndescription = "D."\n', "T", "D."),
        ("# One sentence. Another one.\n#\n# More.\nseeds = [0]\n", "name", "One sentence."),
        ("# " + "long words " * 20 + ": rest. More.\n", "name", ("long words " * 20).strip()),
        ("seeds = [0]\n# not at the head\n", "name", ""),
        ("no toml at all", "name", ""),
        ("title = 3\ndescription = [1]\n", "name", ""),
    ],
)
def test_heading_comes_from_the_file(source: str, title: str, purpose: str):
    assert (read_heading("name", source).title, read_heading("name", source).purpose.strip()) == (title, purpose)


def test_cells_have_states_in_words_and_marks(finished):
    screen = build_first_screen(1, finished.board(), "a title", None)
    columns = [column.name for column in screen.columns]
    groups = {name: {row.label: row for row in rows} for name, rows in screen.groups}
    assert {name: [*rows] for name, rows in groups.items()} == {
        "methods": ["AE", "VAE", "VIMAE-n"],
        "apart": ["β_H-VAE", "InfoVAE"],
        "baselines": ["raw pixels", "PCA, d = 2"],
    }
    best = groups["methods"]["AE"].cells[columns.index("sse")]
    assert (best.kind, best.marks) == ("leading", (("★", MARK_MEANINGS["★"]),))
    assert best.state.endswith("better than every other method")
    assert "95 % interval" in best.state
    assert groups["methods"]["VAE"].cells[columns.index("sse")].kind == "worse"
    assert groups["methods"]["VAE"].cells[columns.index("mmd2")].kind == "open"
    collapsed = groups["apart"]["β_H-VAE"]
    assert collapsed.note == "collapsed"
    assert collapsed.cells[columns.index("mmd2")].kind == "meaningless"
    assert collapsed.cells[columns.index("sse")].kind == "apart"
    assert collapsed.cells[columns.index("sse")].plot.outside == "right"
    assert groups["apart"]["InfoVAE"].note == "3 of 5 seeds"
    assert [cell.text for cell in groups["baselines"]["raw pixels"].cells].count("") == len(columns) - 1


def test_cells_say_how_methods_stand_to_baselines_and_by_which_p(finished):
    screen = build_first_screen(1, finished.board(), "a title", None)
    column = [column.name for column in screen.columns].index("svm clean")
    states = {row.label: row.cells[column].state for _, rows in screen.groups for row in rows}
    assert re.search(r"; better than PCA, d = 2 \(p (<|=) 0\.\d+\)", states["AE"])
    assert states["raw pixels"].startswith("raw pixels: ")


def test_a_head_says_what_is_ideal():
    gap = complete_texts(Measure("entropy gap", "nats", None, metric="entropy"))
    assert (format_arrow(gap), describe_direction(gap)) == ("→ 0", "Best at 0 nats; not ranked.")
    rate = complete_texts(Measure("rate", "nats", None, metric="rate"))
    assert (format_arrow(rate), describe_direction(rate)) == (
        "",
        "Neither high nor low is better in itself; not ranked.",
    )
    parzen = complete_texts(Measure("nll_parzen_cv", "nats", "lower", metric="parzen"))
    assert (format_arrow(parzen), describe_direction(parzen)) == ("↓", "Lower is better.")
    assert parzen.caution.startswith("rewards blur")


def test_a_method_keeps_its_colour_in_other_company():
    alone = assign_styles(["VAE", "AE"])
    assert assign_styles(["AE", "VAE"]) == alone
    assert assign_styles(["AE", "VAE", "again"], controls={"again"})["AE"] == alone["AE"]
    many = assign_styles(["AE", "VAE", "β_A-VAE", "VIMAE-l", "VIMAE-n", "again"], controls={"again"})
    assert {label: many[label] for label in alone} == alone
    assert len({style.colour for style in many.values()}) == len(many)

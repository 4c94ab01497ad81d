"""The page of a comparison: every seed is drawn at its place, verdicts are given, names cannot inject markup."""

import json
import re

import html5lib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimae_bench.analysis.comparison import compare_methods
from vimae_bench.analysis.comparison_data import Difference
from vimae_bench.analysis.statistics import confidence_interval
from vimae_bench.core.results import Measure
from vimae_bench.reports import comparison_csv, comparison_markdown
from vimae_bench.reports.comparison_text import format_difference
from vimae_bench.reports.page.comparison import render_comparison_page
from vimae_bench.reports.page.interval_plot import WIDTH, build_interval_plot

NASTY = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e & '\" {{ 7*7 }}"
FORMATS = {"Markdown": comparison_markdown, "CSV": comparison_csv}
numbers = st.lists(st.floats(-1e6, 1e6).map(lambda x: x + 0.0), min_size=1, max_size=30)


def parsed(text):
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)


def all_of(tree, tag):
    return [element for element in tree.iter() if str(element.tag).rpartition("}")[2] == tag]


def said(element):
    return " ".join("".join(element.itertext()).split())


def compared(results, a, b, **margins):
    return compare_methods(results.boards(), a, b, margins)


def rows_of(tree):
    (table,) = [element for element in tree.iter() if element.get("id") == "table-1"]
    names = {"Squared": "sse", "MMD²": "mmd2", "SVM": "svm", "Rate": "rate"}
    return {names[said(row[0]).split()[0]]: row for row in all_of(table, "tr")[1:]}


def difference(values, better="lower", margin=None):
    values = np.array(values)
    measure, seeds = Measure("sse", "", better), tuple(range(len(values)))
    return Difference(
        measure, seeds, tuple(values), (0.0,) * len(values), interval=confidence_interval(values), margin=margin
    )


def drawn_plot(row):
    return build_interval_plot(row, format_difference(row))


def test_page_shows_numbers_outcomes_and_a_mark_for_every_seed(finished):
    made = compared(finished, "AE", "VAE", mmd2=0.01)
    tree = parsed(render_comparison_page(made, (), "vimae-bench compare fig1 AE VAE"))
    rows = rows_of(tree)
    assert {name: said(row[1]) for name, row in rows.items()} == {
        "sse": "A is better",
        "mmd2": said(rows["mmd2"][1]),
        "svm": "A is better",
    }
    assert re.fullmatch(
        r"undecided: .+ decide it ?with this call's margin of 0.01: equivalent within 0.01 \(p < 0.001\)",
        said(rows["mmd2"][1]),
    )
    assert rows["sse"][1].get("class") == "good"
    assert said(rows["sse"][2]) == "-5.05[-5.18, -4.91]"
    for row in rows.values():
        assert len(all_of(row, "circle")) == 5
    assert {mark.get("class") for mark in all_of(rows["sse"], "circle")} == {"good"}
    (lead,) = [element for element in tree.iter() if element.get("class") == "leads"]
    assert said(lead).endswith("A is better in Squared error and SVM accuracy (clean); undecided in MMD² to N(0, I).")
    assert all(" ".join(note.split()) in said(tree) for note in made[0].notes)


def test_page_shows_missing_seeds_and_collapsed_runs(finished):
    rows = rows_of(parsed(render_comparison_page(compared(finished, "InfoVAE", "β_H-VAE"), ("a note on all",), "")))
    assert said(rows["sse"][1]) == "not comparable: B collapsed"
    assert len(all_of(rows["sse"], "circle")) == 3
    text = render_comparison_page(compared(finished, "β_H-VAE", "VAE"), ("a note on all",), "")
    assert said(rows_of(parsed(text))["mmd2"][1]) == "not comparable: A collapsed"
    assert "<li>a note on all</li>" in text


def test_copied_texts_equal_those_of_the_other_formats(finished):
    made = compared(finished, "AE", "VAE")
    (data,) = [
        element for element in parsed(render_comparison_page(made, (), "")).iter() if element.get("id") == "texts"
    ]
    assert json.loads(data.text)["table-1"] == {name: form.format_comparisons(made) for name, form in FORMATS.items()}


def test_names_run_nothing_and_request_nothing(results):
    for seed in range(2):
        results.add(NASTY, seed, sse=20.0 + seed)
        results.add("b", seed, sse=30.0)
    text = render_comparison_page(compared(results, NASTY, "b"), (NASTY,), NASTY)
    tree = parsed(text)
    assert len(all_of(tree, "script")) == 2
    assert all_of(tree, "img") == []
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    for element in tree.iter():
        assert not {name for name in element.attrib if name == "style" or str(name).startswith("on")}
        assert not [value for value in element.attrib.values() if re.match(r"\s*(https?:|//|javascript:)", value)]
    assert said(tree).count("{{ 7*7 }}") >= 3


@given(numbers)
def test_marks_are_ordered_and_inside_the_drawing(values):
    drawn = drawn_plot(difference(values))
    assert len(drawn.marks) == len(values)
    xs = {mark.title.split(":")[0]: mark.x for mark in drawn.marks}
    order = [xs[f"seed {seed}"] for seed in np.argsort(values)]
    assert order == sorted(order)
    inside = [drawn.zero, drawn.mean, *order, *(drawn.interval or ()), *(x for x, _ in drawn.ticks)]
    assert all(0 <= x <= WIDTH for x in inside)
    if drawn.interval:
        assert drawn.interval[0] <= drawn.mean <= drawn.interval[1]


@given(numbers, st.floats(0.01, 1e6))
def test_margin_is_symmetric_around_zero(values, margin):
    drawn = drawn_plot(difference(values, margin=margin))
    low, high = drawn.margin
    assert drawn.zero - low == pytest.approx(high - drawn.zero, abs=0.21)


@pytest.mark.parametrize(
    ("better", "kinds"), [("lower", ["good", "bad", ""]), ("higher", ["bad", "good", ""]), (None, [""] * 3)]
)
def test_marks_show_which_method_is_better(better, kinds):
    drawn = drawn_plot(difference([-1.0, 2.0, 0.0], better))
    by_seed = {mark.title.split(":")[0]: mark.kind for mark in drawn.marks}
    assert [by_seed[f"seed {seed}"] for seed in range(3)] == kinds
    assert drawn.marks[0].title == "seed 0: -1.00 - 0.00 = -1.00"


def test_ratios_are_drawn_on_a_logarithmic_line():
    measure = Measure("sse", "", "lower", scale="log")
    row = Difference(measure, (0, 1, 2), (2.0, 4.0, 1.0), (4.0, 4.0, 2.0), interval=(0.25, 1.5), margin=1.0)
    drawn = drawn_plot(row)
    assert drawn.label.startswith("A / B by seed: mean 0.63 x, 95 % interval of this comparison 0.25 to 1.50")
    low, high = drawn.margin
    assert high - drawn.zero == pytest.approx(drawn.zero - low, abs=0.11)
    assert drawn.marks[0].x == drawn.marks[1].x == pytest.approx(low, abs=0.11)
    assert drawn.marks[0].title == "seed 0: 2.0 / 4.0 = 0.50 x"
    assert [text for _, text in drawn.ticks] == ["1 x", "0.25 x", "2.00 x"]

"""The first screen of a report in a browser: readable at every width, in both schemes and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from helpers.image_grids import save_grid
from vimae_bench.cli import main

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.medium

WIDTHS = (390, 768, 1024, 1600)
SMALLEST_TEXT = 12
GRID = "#answer-1 table.grid"
SMALL_TEXTS = f"""() => {{
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {{
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || ["SCRIPT", "STYLE", "TITLE"].includes(element.tagName)) continue;
    if (!element.checkVisibility({{ visibilityProperty: true }}) || element.closest(".hidden")) continue;
    const size = parseFloat(getComputedStyle(element).fontSize);
    if (size < {SMALLEST_TEXT}) found.push([size, walker.currentNode.textContent.trim().slice(0, 40)]);
  }}
  return found;
}}"""


@pytest.fixture
def answer(tab: Page, finished, tmp_path: Path) -> Page:
    """A report with pictures of two methods, freshly opened at 1600 x 1000."""
    images = np.random.default_rng(0).integers(0, 256, (100, 28, 28, 1), np.uint8)
    for entry in finished.entries:
        pictures = finished.store.run_folder(entry.run).pictures
        if entry.label in ("AE", "VAE"):
            pictures.mkdir()
            for name in ("reconstructions", "samples"):
                save_grid(images, 10, pictures / f"{name}.png")
    finished.store.write_benchmark("made-up", 'title = "A made-up benchmark"', {}, finished.entries)
    output = tmp_path / "report.html"
    CliRunner().invoke(main, ["report", str(finished.store.path), "--output", str(output)], catch_exceptions=False)
    tab.set_viewport_size({"width": 1600, "height": 1000})
    tab.goto(output.as_uri())
    yield tab
    tab.emulate_media(media="screen", color_scheme="light")
    tab.set_viewport_size({"width": 1024, "height": 800})


def list_rows(page: Page) -> list[str]:
    return page.locator(f"{GRID} tbody tr").evaluate_all("rows => rows.map(row => row.dataset.method)")


def test_the_answer_and_pictures_are_within_two_screens(answer):
    assert answer.locator("h1").inner_text() == "A made-up benchmark"
    texts = answer.locator("#answer-1 dl.topics").inner_text()
    assert "AE is significantly better than the other 2 comparable methods." in texts
    assert "SVM accuracy (clean): against raw pixels all 3 are worse" in texts
    assert "InfoVAE lacks 2 of 5 runs (2 diverged)" in answer.locator(".sure").inner_text()
    bottom = answer.locator("#answer-1 img").last.evaluate("image => image.getBoundingClientRect().bottom")
    assert bottom < 2000
    order = answer.locator("#answer-1 table.images tbody th").all_inner_texts()
    assert [name.rstrip(" †") for name in order[1:]] == [name for name in list_rows(answer) if name in " ".join(order)]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_is_small_and_the_page_never_scrolls_sideways(answer, width: int):
    answer.set_viewport_size({"width": width, "height": 1000})
    answer.locator("button.more").evaluate_all("buttons => buttons.forEach(button => button.click())")
    answer.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert answer.evaluate(SMALL_TEXTS) == []
    assert answer.evaluate("document.documentElement.scrollWidth") <= width


def test_every_header_has_a_definition_that_the_keyboard_reaches(answer):
    heads = answer.locator(f"{GRID} thead tr:last-child th:not(:first-child)")
    described = heads.evaluate_all("ths => ths.map(th => document.getElementById(th.getAttribute('aria-describedby')))")
    assert len(described) == heads.count() >= 4
    texts = heads.evaluate_all(
        "ths => ths.map(th => document.getElementById(th.getAttribute('aria-describedby')).textContent)"
    )
    assert all(text.strip().endswith(".") for text in texts)
    tip = heads.first.locator(".tip")
    assert not tip.is_visible()
    heads.first.get_by_role("button").focus()
    assert tip.is_visible()
    glossary = answer.locator("#glossary dt code").all_inner_texts()
    assert {"sse", "mmd2", "svm clean"} <= {*glossary}


def test_states_differ_without_colour(answer):
    marks = answer.locator(f"{GRID} td.leading .marks").all_inner_texts()
    assert marks
    assert {*marks} == {"★"}
    titles = answer.locator(f"{GRID} .mark").evaluate_all(
        "all => all.map(one => one.title.startsWith(one.textContent))"
    )
    assert titles
    assert all(titles)
    weights = answer.locator(f"{GRID} td.leading").evaluate_all(
        "cells => cells.map(c => getComputedStyle(c).fontWeight)"
    )
    assert {*weights} == {"700"}
    assert {*answer.locator(f"{GRID} td.open .marks").all_inner_texts()} == {"?"}
    assert "repeating" in answer.locator(f"{GRID} td.meaningless").first.evaluate(
        "c => getComputedStyle(c).backgroundImage"
    )


def test_what_is_undefined_stands_where_the_numbers_of_its_column_stand(answer):
    """The last number of a cell ends where the others end, with or without a drawing next to it."""
    rights = """
        places => places.map(place => [place.closest("td").cellIndex, place.getBoundingClientRect().right])
    """
    by_column = {}
    for column, right in answer.locator(f"{GRID} .number").evaluate_all(rights):
        by_column.setdefault(column, set()).add(round(right))
    assert by_column
    assert all(max(found) - min(found) <= 1 for found in by_column.values()), by_column


def test_sorting_keeps_methods_apart_from_the_others(answer):
    before = list_rows(answer)
    answer.locator(f"{GRID} thead").get_by_role("button", name="Squared error").click()
    answer.locator(f"{GRID} thead").get_by_role("button", name="Squared error").click()
    after = list_rows(answer)
    assert after != before
    assert sorted(after[:3]) == sorted(before[:3]) == ["AE", "VAE", "VIMAE-n"]
    assert sorted(after[-2:]) == sorted(before[-2:])


def test_methods_are_hidden_and_highlighted_in_figures(answer):
    marks = answer.locator('figure [data-method="VAE"]')
    assert marks.count() > 0
    others = answer.locator('figure [data-method="VIMAE-n"]').first
    chip = answer.locator(".series").get_by_role("button", name="VAE", exact=True)
    chip.focus()
    assert "dim" in others.get_attribute("class")
    assert "dim" not in (marks.first.get_attribute("class") or "")
    chip.click()
    assert chip.get_attribute("aria-pressed") == "false"
    assert not marks.first.is_visible()
    chip.click()
    assert marks.first.evaluate("mark => getComputedStyle(mark).display") != "none"


def test_a_marker_keeps_its_method_highlighted(answer):
    other = answer.locator('figure [data-method="VIMAE-n"]').first
    strip = answer.locator('table.images tr[data-method="VAE"]')
    button = answer.locator(GRID).get_by_role("button", name="Highlight VAE", exact=True)
    button.focus()
    answer.keyboard.press("Enter")
    answer.locator("h1").hover()
    answer.get_by_role("button", name="Copy as CSV").first.focus()
    assert button.get_attribute("aria-pressed") == "true"
    assert "dim" in other.get_attribute("class")
    assert "picked" in strip.get_attribute("class")
    answer.locator(f'{GRID} tr[data-method="VIMAE-n"]').hover()
    assert "dim" not in other.get_attribute("class")
    answer.locator("h1").hover()
    assert "dim" in other.get_attribute("class")
    answer.keyboard.press("Escape")
    assert "dim" not in other.get_attribute("class")
    assert answer.locator("tr.picked").count() == 0


def test_strips_and_figures_fit_a_phone(answer):
    answer.set_viewport_size({"width": 390, "height": 844})
    cut = ".filter(frame => frame.scrollWidth > frame.clientWidth).length"
    assert answer.locator("#answer-1 .scroll.images").evaluate_all(f"frames => frames{cut}") == 0
    assert answer.locator(".panel:not(:has(svg.wide))").evaluate_all(f"frames => frames{cut}") == 0


@pytest.mark.parametrize("width", [1024, 1280, 1440, 1600])
def test_the_grid_is_not_cut_on_a_desk(answer, width: int):
    answer.set_viewport_size({"width": width, "height": 900})
    grid = answer.locator("#answer-1 .scroll.grid")
    assert grid.evaluate("frame => frame.scrollWidth - frame.clientWidth") == 0


def test_colours_of_figures_follow_the_scheme(answer):
    colour = "getComputedStyle(document.querySelector('figure svg')).fill"
    light = answer.evaluate(colour)
    answer.emulate_media(color_scheme="dark")
    assert answer.evaluate(colour) != light
    assert answer.locator("figure [style]").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(answer, scheme: str):
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, which is not installed")
    answer.emulate_media(color_scheme=scheme)
    answer.locator("button.more").evaluate_all("buttons => buttons.forEach(button => button.click())")
    answer.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text())
    found = answer.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert not grave, [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in grave]


def test_paper_shows_key_measures_and_all_states(answer):
    answer.emulate_media(media="print")
    answer.set_viewport_size({"width": 703, "height": 1000})  # A4 without its margins
    strips = answer.locator("#answer-1 .scroll.images")
    assert strips.evaluate("frame => frame.scrollWidth") <= 703
    assert strips.locator("thead").is_visible()
    assert answer.locator("button.more:visible, .tip:visible, .chip button:visible").count() == 0
    assert answer.locator(f"{GRID} td.leading").first.evaluate("c => getComputedStyle(c).printColorAdjust") == "exact"
    cut = answer.locator(".scroll, .panel").evaluate_all(
        "frames => frames.filter(frame => getComputedStyle(frame).overflowX !== 'visible').length"
    )
    assert cut == 0

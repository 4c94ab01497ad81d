"""A report in a browser: what a reader does with it, by mouse and by keyboard, on every screen and in both schemes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.medium

NASTY = "</script><img src=x onerror=alert(1)><svg onload=alert(2)>"
TABLE = "#table-1"


def methods(page: Page) -> list[str]:
    """The rows that are to be seen, in their order."""
    rows = page.locator(f"{TABLE} tbody tr:visible th").all_inner_texts()
    return [text.strip() for text in rows]


def values(page: Page, name: str) -> list[float]:
    """The numbers of a column in the order of the rows that have one."""
    names = page.locator(f"{TABLE} thead th").evaluate_all("heads => heads.map(head => head.dataset.name)")
    cells = page.locator(f"{TABLE} tbody td:nth-child({names.index(name) + 1})")
    orders = cells.evaluate_all("cells => cells.map(cell => cell.dataset.order)")
    return [float(value) for value in orders if value]


def head(page: Page, name: str):
    return page.locator(f'{TABLE} th[data-name="{name}"]')


def test_page_makes_no_requests_and_logs_no_messages(page, report):
    page.wait_for_timeout(50)
    assert page.messages == []
    assert [url for url in page.requests if not url.startswith("data:")] == [report.as_uri()]


def test_column_header_sorts_best_first_and_then_reverses(page):
    for name, descending in (("sse", False), ("svm clean", True)):
        head(page, name).get_by_role("button").click()
        assert values(page, name) == sorted(values(page, name), reverse=descending)
        assert head(page, name).get_attribute("aria-sort") == ("descending" if descending else "ascending")
        head(page, name).get_by_role("button").click()
        assert values(page, name) == sorted(values(page, name), reverse=not descending)
    assert head(page, "sse").get_attribute("aria-sort") == "none"


def test_runs_of_a_method_stay_together_when_sorting(page):
    page.get_by_text("All runs of this table").click()
    runs = page.locator("#tables > details").last.locator("table")
    runs.locator('th[data-name="sse"]').get_by_role("button").click()
    column = runs.locator('th[data-name="sse"]').evaluate("th => th.cellIndex")
    script = f"rows => rows.map(row => [row.cells[0].innerText, Number(row.cells[{column}].dataset.order)])"
    found = [body.locator("tr").evaluate_all(script) for body in runs.locator("tbody").all()]
    assert [len({label for label, _ in rows}) for rows in found] == [1] * 7
    assert [len(rows) for rows in found] == [5] * 7
    firsts = [rows[0][1] for rows in found]
    assert firsts == sorted(firsts)
    assert all(rows == sorted(rows, key=lambda row: row[1]) for rows in found)


def test_rows_without_a_number_stay_at_the_end(page):
    for _ in range(2):
        head(page, "sse").get_by_role("button").click()
        assert methods(page)[-2:] == ["raw pixels", "PCA-2"]


def test_method_column_restores_the_order_of_the_table(page):
    before = methods(page)
    head(page, "svm clean").get_by_role("button").click()
    assert methods(page) != before
    head(page, "method").get_by_role("button").click()
    assert methods(page) == before


def test_page_can_be_used_with_the_keyboard(page):
    page.get_by_label("Filter methods").focus()
    page.keyboard.type("vimae")
    assert methods(page) == ["VIMAE-l", "VIMAE-n", "VIMAE-n again (control)"]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert head(page, "seeds").is_hidden()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "Columns"
    assert page.locator(".tools fieldset").first.is_hidden()
    head(page, "sse").get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert head(page, "sse").get_attribute("aria-sort") == "ascending"


def test_clearing_a_filter_shows_all_rows(page):
    before = methods(page)
    page.get_by_label("Filter methods").fill("no such method")
    assert methods(page) == []
    page.get_by_label("Filter methods").fill("")
    assert methods(page) == before


def test_column_can_be_hidden_and_shown(page):
    page.locator(".tools summary").first.click()
    box = page.get_by_label("sse", exact=True)
    box.uncheck()
    assert head(page, "sse").is_hidden()
    assert (
        page.locator(f"{TABLE} tbody tr:first-child td:visible").count()
        == page.locator(f"{TABLE} th[scope=col]:visible").count() - 1
    )
    box.check()
    assert head(page, "sse").is_visible()


@pytest.mark.parametrize("form", ["LaTeX", "Markdown", "CSV"])
def test_copied_table_equals_the_rendered_one(page, form):
    page.get_by_label(f"Copy as {form}").click()
    page.get_by_text(f"Copied as {form}").wait_for(state="attached")
    texts = json.loads(page.locator("#texts").text_content())
    assert page.evaluate("navigator.clipboard.readText()") == texts["table-1"][form]


def test_without_clipboard_access_text_is_copied_by_selection(page):
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.evaluate("document.addEventListener('copy', () => { window.copied = document.activeElement.value; })")
    page.get_by_label("Copy as CSV").click()
    page.get_by_text("Copied as CSV").wait_for(state="attached")
    assert page.evaluate("window.copied").startswith("table,dataset,")
    assert page.locator("textarea").count() == 0


def test_without_copying_the_text_is_selected(page):
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.evaluate("document.execCommand = () => false")
    page.get_by_label("Copy as Markdown").click()
    assert page.evaluate("getSelection().toString() || document.activeElement.value").startswith("### mnist")


def test_number_links_to_its_runs(page):
    page.locator(f"{TABLE} tbody tr:first-child td a").first.click()
    target = page.locator(":target")
    target.wait_for()
    assert target.is_visible()
    assert page.locator("details:has(:target)").get_attribute("open") is not None


def test_reader_can_override_the_colour_scheme(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="light")
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark", exact=True).click()
    dark = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    page.reload()
    assert (page.evaluate(ground), page.get_by_role("button", name="Light", exact=True).count()) == (dark, 1)
    page.get_by_role("button", name="Light", exact=True).click()
    assert page.evaluate(ground) == light
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")
    axe = pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python, which is not installed")
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text())
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    page.emulate_media(color_scheme="light")
    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    assert not grave, [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in grave]


@pytest.mark.parametrize("width", [390, 768, 1024, 1600])
def test_page_is_no_wider_than_the_screen(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1024, "height": 800})
    assert wide <= width


def test_header_and_methods_stay_visible_when_scrolling(page):
    page.set_viewport_size({"width": 380, "height": 800})
    frame = page.locator(f".scroll:has({TABLE})")
    first = page.locator(f"{TABLE} tbody tr:first-child th")
    before = first.bounding_box()
    frame.evaluate("frame => frame.scrollTo(200, 0)")
    after = first.bounding_box()
    page.set_viewport_size({"width": 1024, "height": 800})
    assert frame.evaluate("frame => frame.scrollWidth > 380")
    assert before["x"] == after["x"]


def test_print_shows_complete_tables_without_controls(page):
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1024, "height": 800})
    assert page.locator(".tools:visible, .scheme:visible").count() == 0
    cut = page.locator("main > section:not(#figures) .scroll").evaluate_all(
        "frames => frames.filter(frame => getComputedStyle(frame).overflowX !== 'visible').length"
    )
    page.emulate_media(media="screen")
    assert cut == 0


def test_everything_is_shown_without_scripts(browser, report):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert len(methods(page)) == 9
    assert page.locator("button, input, textarea").count() == 0
    assert page.locator("figure svg").first.is_visible()
    context.close()


def test_names_in_results_execute_nothing(tab, results, tmp_path):
    from click.testing import CliRunner

    from vimae_bench.cli import main

    for seed in range(2):
        results.add(NASTY, seed, "failed" if seed else "done", NASTY if seed else "", sse=30.0 + seed)
        results.add("plain", seed, sse=25.0 + seed)
    results.store.write_benchmark(NASTY, NASTY, {}, results.entries)
    output = tmp_path / "nasty.html"
    CliRunner().invoke(main, ["report", str(results.store.path), "--output", str(output)], catch_exceptions=False)
    tab.messages.clear()
    tab.requests.clear()
    tab.goto(output.as_uri())
    tab.locator("table[data-tools] thead button").nth(2).click()
    tab.get_by_label("Copy as LaTeX").click()
    tab.wait_for_timeout(50)
    assert tab.messages == []
    assert [url for url in tab.requests if not url.startswith("data:")] == [output.as_uri()]
    assert NASTY in tab.locator("table[data-tools]").first.inner_text()
    assert tab.locator("img").count() == 0

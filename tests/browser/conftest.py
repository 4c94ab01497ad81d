"""A browser for tests of HTML pages: Chromium, installed by `apt-get install chromium` on Debian."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from helpers.tools import require_program
from vimae_bench.cli import main
from vimae_bench.reports.page import report as report_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, which is not installed")
    path = require_program("chromium", "chromium-browser", "google-chrome")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of real results, with two of its figures to save time."""
    output = tmp_path_factory.mktemp("pages") / "report.html"
    results = Path(__file__).parents[2] / "results" / "fig1"
    with pytest.MonkeyPatch.context() as patch:
        figures = report_page.draw_figures
        patch.setattr(report_page, "draw_figures", lambda *given, **options: islice(figures(*given, **options), 2))
        done = CliRunner().invoke(main, ["report", str(results), "--output", str(output)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return output


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser context with permission to use the clipboard."""
    context = browser.new_context(viewport={"width": 1024, "height": 800})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture(scope="module")
def tab(context: BrowserContext) -> Page:
    """A tab whose `messages` of the console and `requests` are recorded; requests to hosts are blocked."""
    tab = context.new_page()
    tab.messages, tab.requests = [], []
    tab.on("console", lambda message: tab.messages.append(message.text))
    tab.on("pageerror", lambda error: tab.messages.append(str(error)))
    tab.on("dialog", lambda dialog: (tab.messages.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: tab.requests.append(request.url))
    tab.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    return tab


@pytest.fixture
def page(tab: Page, report: Path) -> Page:
    """The report, freshly opened."""
    tab.messages.clear()
    tab.requests.clear()
    tab.goto(report.as_uri())
    return tab

"""A browser for the tests of pages: Debian's Chromium, as `apt-get install chromium` puts it there."""

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from vimae_bench.cli import main
from vimae_bench.reports import all_figures

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("no Chromium is installed (on Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a real comparison; two figures stand for all, which take their time."""
    output = tmp_path_factory.mktemp("pages") / "report.html"
    results = Path(__file__).parents[2] / "results" / "fig1"
    with pytest.MonkeyPatch.context() as patch:
        figures = all_figures.draw_figures
        patch.setattr(all_figures, "figures", lambda *given: islice(figures(*given), 2))
        done = CliRunner().invoke(main, ["report", str(results), "--output", str(output)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return output


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Where no request leaves for a host, and what was asked for is known."""
    context = browser.new_context(viewport={"width": 1024, "height": 800})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture(scope="module")
def tab(context: BrowserContext) -> Page:
    """The one tab of a module; `told` and `asked` are what its console said and what it asked for."""
    tab = context.new_page()
    tab.told, tab.asked = [], []
    tab.on("console", lambda message: tab.told.append(message.text))
    tab.on("pageerror", lambda error: tab.told.append(str(error)))
    tab.on("dialog", lambda dialog: (tab.told.append(dialog.message), dialog.dismiss()))
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    return tab


@pytest.fixture
def page(tab: Page, report: Path) -> Page:
    """The report as it is when it is opened."""
    tab.told.clear()
    tab.asked.clear()
    tab.goto(report.as_uri())
    return tab

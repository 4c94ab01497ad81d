"""What a notebook shows during training, and for errors."""

import io

import pytest
from IPython import get_ipython
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from rich.console import Console

from vimae_bench.notebook import progress


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def said(shell, code: str) -> str:
    with capture_output() as captured:
        shell.run_cell(code)
    return captured.stdout


def test_only_errors_in_code_show_a_traceback(shell):
    shell.run_cell("import vimae_bench as vb")
    assert said(shell, "vb.load('nowhere/at-all')").strip() == "nowhere/at-all: there is no such folder or file"
    assert "Traceback" in said(shell, "1 / 0")


def test_notebook_shows_a_progress_bar_and_removes_it(shell, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", -1)
    monkeypatch.setattr(progress, "REFRESH", -1)
    shell.kernel = object()
    assert get_ipython() is shell
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda html, display_id: shown.append(html.data) or Shown(shown))
    with progress.show_progress("<b>mine</b>", 10) as tell:
        tell(3, "loss <i>")
        tell(4, "loss 2")
    first, second, last = shown
    assert first == "<progress value='3' max='10'></progress> &lt;b&gt;mine&lt;/b&gt;: loss &lt;i&gt;"
    assert "value='4'" in second
    assert last == ""


class Shown:
    """A display that is written over."""

    def __init__(self, shown):
        self.shown = shown

    def update(self, html):
        self.shown.append(html.data)


def test_short_training_shows_no_progress_bar(shell, monkeypatch):
    shell.kernel = object()
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: pytest.fail("it was shown"))
    with progress.show_progress("mine", 10) as tell:
        tell(10, "done")


def test_progress_bar_is_shown_in_terminals_only(monkeypatch):
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
        monkeypatch.setattr("rich.console.Console", lambda console=console, **_: console)
        with progress.show_progress("[red]mine", 10) as tell:
            tell(10, "loss \x1b[31m2")
        text = console.file.getvalue()
        assert ("[red]mine" in text) is terminal
        assert "\x1b[31m2" not in text

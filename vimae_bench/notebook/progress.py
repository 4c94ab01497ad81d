"""How far a training is: a bar by rich on a terminal, one of HTML in a notebook, nothing elsewhere."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from html import escape
from typing import Any

ProgressCallback = Callable[[int, str], None]
"""Takes how much is done and a few words."""
DELAY = 2.0
"""Seconds of work before a notebook has a bar, which a short training leaves no room for."""
REFRESH = 0.5
"""Seconds between two styles of a notebook's bar."""


@contextmanager
def show_progress(name: str, total: int) -> Generator[ProgressCallback]:
    """A bar that is gone when the work is done."""
    with (_show_in_notebook if is_notebook() else _show_in_terminal)(name, total) as tell:
        yield tell


def is_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


@contextmanager
def _show_in_terminal(name: str, total: int) -> Generator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    words = [TextColumn(f"{{task.{text}}}", markup=False) for text in ("description", "fields[words]")]
    with Progress(
        words[0],
        BarColumn(),
        words[1],
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(_remove_unprintable(name), total=total, words="")
        yield lambda done, words: progress.update(task, completed=done, words=_remove_unprintable(words))


@contextmanager
def _show_in_notebook(name: str, total: int) -> Generator[ProgressCallback]:
    """Rich's own needs ipywidgets, and leaves an empty widget in the saved notebook."""
    from IPython.display import HTML, display  # pyright: ignore

    shown: Any = None
    due = time.monotonic() + DELAY

    def tell(done: int, words: str) -> None:
        nonlocal shown, due
        if time.monotonic() < due:
            return
        due = time.monotonic() + REFRESH
        html = HTML(f"<progress value='{done}' max='{total}'></progress> {escape(f'{name}: {words}')}")
        if shown is None:
            shown = display(html, display_id=True)
        else:
            shown.update(html)

    try:
        yield tell
    finally:
        if shown is not None:
            shown.update(HTML(""))


def _remove_unprintable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())

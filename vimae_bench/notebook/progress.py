"""A progress bar of a training: by rich in a terminal, in HTML in a notebook, and none elsewhere."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from html import escape
from typing import Any

ProgressCallback = Callable[[int, str], None]
"""Takes the amount of work done and a short description."""
DELAY = 2.0
"""Seconds before a notebook shows a bar, so that short trainings have none."""
REFRESH = 0.5
"""Seconds between two updates of a notebook's bar."""


@contextmanager
def show_progress(name: str, total: int) -> Generator[ProgressCallback]:
    """Show a bar until the work is done."""
    with (_show_in_notebook if is_notebook() else _show_in_terminal)(name, total) as update:
        yield update


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

    handle: Any = None
    due = time.monotonic() + DELAY

    def update(done: int, words: str) -> None:
        nonlocal handle, due
        if time.monotonic() < due:
            return
        due = time.monotonic() + REFRESH
        html = HTML(f"<progress value='{done}' max='{total}'></progress> {escape(f'{name}: {words}')}")
        if handle is None:
            handle = display(html, display_id=True)
        else:
            handle.update(html)

    try:
        yield update
    finally:
        if handle is not None:
            handle.update(HTML(""))


def _remove_unprintable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())

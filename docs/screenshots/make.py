"""Make pictures, small, and note what each was made from."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import numpy as np
from PIL import Image

from vimae_bench.reports.plot_style import encode_figure

from .made_up import draw_made_up_figure, render_made_up_search
from .paper_page import render_paper_page
from .pictures import (
    PICTURES,
    RECORDS,
    ROOT,
    ComparisonPicture,
    FigurePicture,
    MadeUpFigurePicture,
    MadeUpSearchPicture,
    MlflowPicture,
    PaperPagePicture,
    Picture,
    ReportPicture,
    TerminalPicture,
    compute_digest,
    find_figure,
    load_record,
    run_command,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = ROOT / "docs" / "images"
MADE_FROM = IMAGES / "made-from.json"
MAX_BYTES, MAX_WIDTH = 150_000, 1440
"""Of a picture."""
COLOURS = (256, 128, 64)
"""Sizes of palettes that are tried until a picture is small enough; then it is made smaller by a tenth."""
PAPER_SCALE = 1.5
"""Pixels of a page of a paper for each of 1/96 inch."""
SETTLE, START = 8000, 120
"""Milliseconds until MLflow has drawn its charts, and seconds until its server answers at the latest."""
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #14171a; }
pre { display: inline-block; margin: 0; padding: 16px 20px; color: #e6e4df; background: #14171a; }
pre, code { font: 14px/1.3 "DejaVu Sans Mono", "Liberation Mono", monospace; }
</style>"""


def main(names: Sequence[str]) -> None:
    """Make the pictures of these names, or those that are old. Exits with a message for a name that is none."""
    os.chdir(ROOT)
    if unknown := [name for name in names if name not in PICTURES]:
        sys.exit(f"no picture is called {', '.join(unknown)}; there are {', '.join(PICTURES)}")
    chosen = names or [name for name in PICTURES if is_old(name)]
    digests = {name: digest for name, digest in read_digests().items() if name in PICTURES}
    with ExitStack() as stack:
        studio = open_studio(stack)
        for name in chosen:
            content = compress_image(studio.take(PICTURES[name]))
            (IMAGES / f"{name}.png").write_bytes(content)
            digests[name] = compute_digest(PICTURES[name])
            MADE_FROM.write_text(json.dumps(digests, indent=2, sort_keys=True) + "\n")
            print(f"{name}: {len(content) / 1000:.0f} kB")


def is_old(name: str) -> bool:
    """Whether a picture is missing or would show something else now; the working folder has to be the repository."""
    return not (IMAGES / f"{name}.png").exists() or read_digests().get(name) != compute_digest(PICTURES[name])


def read_digests() -> dict[str, str]:
    """The digest of what each picture was made from."""
    return json.loads(MADE_FROM.read_text()) if MADE_FROM.exists() else {}


def compress_image(image: Image.Image) -> bytes:
    """A PNG of at most `MAX_BYTES` with a palette."""
    image = image.convert("RGB")
    scale = min(1.0, MAX_WIDTH / image.width)
    while True:
        size = round(image.width * scale), round(image.height * scale)
        scaled = image if scale == 1.0 else image.resize(size, Image.Resampling.LANCZOS)
        for colours in COLOURS:
            file = io.BytesIO()
            reduce_colours(scaled, colours).save(file, format="PNG", optimize=True)
            if file.tell() <= MAX_BYTES:
                return file.getvalue()
        scale *= 0.9


def reduce_colours(image: Image.Image, colours: int) -> Image.Image:
    """The image with a palette: up to half are the most frequent colours of areas, such as markers, unchanged."""
    pixels = np.asarray(image)
    corner = pixels[:-1, :-1]
    is_area = (corner == pixels[1:, :-1]).all(-1) & (corner == pixels[:-1, 1:]).all(-1)
    found, counts = np.unique(corner[is_area], axis=0, return_counts=True)
    kept = found[np.argsort(-counts)][: colours // 2]
    others = image.quantize(colours - len(kept), dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*kept.ravel().tolist(), *others])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


@dataclass(frozen=True)
class Studio:
    """A browser, and a folder of the files that pictures share; what is started is ended with `stack`."""

    folder: Path
    browser: "Browser"
    stack: ExitStack

    def take(self, picture: Picture) -> Image.Image:
        """The picture as it is on a screen."""
        match picture:
            case ReportPicture():
                path = self.folder / f"{picture.record}.html"
                if not path.exists():
                    run_command(("report", str(RECORDS[picture.record]), "--output", str(path)))
                return self._take_page(path.as_uri(), picture.size, picture.scheme)
            case ComparisonPicture():
                path = self.folder / "compare.html"
                run_command((*picture.command, "--output", str(path)))
                return self._take_page(path.as_uri(), picture.size)
            case TerminalPicture():
                path = self.folder / "terminal.html"
                path.write_text(TERMINAL + _render_terminal(picture), encoding="utf-8")
                return self._take_page(path.as_uri(), (1600, 900), selector="pre")
            case FigurePicture():
                return _decode(encode_figure(find_figure(picture.record, picture.title), "png"))
            case MadeUpFigurePicture():
                return _decode(encode_figure(draw_made_up_figure(picture.title), "png"))
            case MadeUpSearchPicture():
                path = self.folder / "terminal.html"
                path.write_text(TERMINAL + _render_search(picture), encoding="utf-8")
                return self._take_page(path.as_uri(), (1600, 900), selector="pre")
            case PaperPagePicture():
                path = self.folder / "paper.html"
                path.write_text(render_paper_page(load_record(picture.record)), encoding="utf-8")
                return self._take_page(path.as_uri(), picture.size, scale=PAPER_SCALE)
            case MlflowPicture():
                return self._take_mlflow(picture)

    def _take_page(
        self, url: str, size: tuple[int, int], scheme: Any = "light", selector: str = "", scale: float = 1.0
    ) -> Image.Image:
        page = self.browser.new_page(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, device_scale_factor=scale
        )
        page.goto(url)
        content = page.locator(selector).screenshot() if selector else page.screenshot()
        page.close()
        return _decode(content)

    def _take_mlflow(self, picture: MlflowPicture) -> Image.Image:
        server = self._start_mlflow(picture.record)
        page = self.browser.new_page(viewport={"width": picture.size[0], "height": picture.size[1]})
        page.goto(f"{server}/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey={picture.view}")
        page.locator(".ag-row").first.wait_for(timeout=1000 * START)
        if (button := page.get_by_role("button", name="Close").first).is_visible():
            button.click()  # an assistant that covers a third of the page
        page.wait_for_timeout(SETTLE)
        content = page.screenshot()
        page.close()
        return _decode(content)

    def _start_mlflow(self, record: str) -> str:
        """The address of a server that has a record; it is started once."""
        folder, address = self.folder / "mlflow", self.folder / f"{record}.address"
        if address.exists():
            return address.read_text()
        with ZipFile(RECORDS[record]) as archive:
            archive.extractall(folder / record)
        store = f"sqlite:///{folder / 'mlflow.db'}"
        run_command(("sync", str(folder / record), "--mlflow-uri", store, "--no-models"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        words = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store, "--port", str(port)]
        server = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.stack.callback(server.wait)
        self.stack.callback(server.terminate)
        end = monotonic() + START
        while monotonic() < end:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                address.write_text(f"http://127.0.0.1:{port}")
                return address.read_text()
            sleep(0.5)
        raise TimeoutError("MLflow's server does not answer")


def open_studio(stack: ExitStack) -> Studio:
    """A studio that is closed with the stack."""
    from playwright.sync_api import sync_playwright

    folder = Path(stack.enter_context(TemporaryDirectory()))
    playwright = stack.enter_context(sync_playwright())
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium") or shutil.which("google-chrome"))
    stack.callback(browser.close)
    return Studio(folder, browser, stack)


def _render_terminal(picture: TerminalPicture) -> str:
    """The command and what it prints, with its colours, as HTML."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI
    from rich.text import Text

    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(picture.columns), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    command = [str(Path(sys.executable).with_name("vimae-bench")), *picture.words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    console = Console(record=True, file=io.StringIO(), width=picture.columns)
    console.print(Text.from_ansi(done.stdout.rstrip()), soft_wrap=True)
    body = console.export_html(theme=MONOKAI, inline_styles=True, code_format="{code}")
    return f"<pre><b>$ vimae-bench {escape(' '.join(picture.words))}</b>\n\n{body}</pre>"


def _render_search(picture: MadeUpSearchPicture) -> str:
    """What `tune` prints of a made-up search, as HTML."""
    from rich.console import Console
    from rich.terminal_theme import MONOKAI

    console = Console(record=True, file=io.StringIO(), width=picture.columns, color_system="truecolor")
    console.print(render_made_up_search())
    return f"<pre>{console.export_html(theme=MONOKAI, inline_styles=True, code_format='{code}')}</pre>"


def _decode(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))

"""Each picture: what it is made from, and a description that changes when what it shows would change.

Descriptions need neither a browser nor a server, and have no versions or dates: a release makes no picture old.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from click.testing import CliRunner
from rich.console import Console

from vimae_bench.analysis.load import BenchmarkResults, load_benchmark_results
from vimae_bench.cli import main
from vimae_bench.reports import page
from vimae_bench.reports.all_figures import CaptionedFigure, draw_figures, draw_image_grids
from vimae_bench.reports.page.first_screen import FirstScreen, build_first_screen
from vimae_bench.reports.page.heading import read_heading

from .made_up import draw_made_up_figure, render_made_up_search
from .paper_page import STYLE, describe_results, draw_page_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
RECORDS = {
    "quickstart": Path("docs/records/quickstart.zip"),
    "fig1": Path("results/fig1.zip"),
    "paper-small": Path("results/paper-small.zip"),
}
"""The committed results."""
ASSETS = Path(page.__file__).parent
SCREEN_ASSETS = ("assets/page.css", "templates/base.html.j2", "templates/first.html.j2")
COMPARISON_ASSETS = ("assets/page.css", "templates/base.html.j2", "templates/compare.html.j2")


@dataclass(frozen=True)
class ReportPicture:
    """The top of a report in a window of a size in pixels."""

    record: str
    size: tuple[int, int] = (1440, 1000)
    scheme: str = "light"

    def describe(self) -> str:
        """The first screen's texts; its images and drawings follow from the record."""
        results = load_record(self.record)
        heading = read_heading(results.store.name, results.store.read_benchmark().source)
        screen = build_first_screen(1, results.leaderboards[0], results.leaderboards[0].title, None)
        return f"{self}\n{heading}\n{_describe_screen(screen)}\n{_read_assets(SCREEN_ASSETS)}"


@dataclass(frozen=True)
class ComparisonPicture:
    """The top of the page on two methods of a record."""

    record: str
    methods: tuple[str, str]
    size: tuple[int, int] = (1200, 1290)

    @property
    def command(self) -> tuple[str, ...]:
        """The words of the command that compares."""
        return "compare", str(RECORDS[self.record]), *self.methods

    def describe(self) -> str:
        """The comparison as Markdown."""
        text = run_command((*self.command, "--format", "markdown"))
        return f"{self}\n{text}\n{_read_assets(COMPARISON_ASSETS)}"


@dataclass(frozen=True)
class TerminalPicture:
    """What a command prints in a terminal of some columns."""

    words: tuple[str, ...]
    columns: int = 92

    def describe(self) -> str:
        """What it prints."""
        return f"{self}\n{run_command(self.words, self.columns)}"


@dataclass(frozen=True)
class FigurePicture:
    """A figure of a record's first table, by its title."""

    record: str
    title: str

    def describe(self) -> str:
        """The elements of the figure with their style, which change when the figure is restyled."""
        return f"{self}\n" + "\n".join(_list_elements(find_figure(self.record, self.title)))


@dataclass(frozen=True)
class PaperPagePicture:
    """A page of a paper with three figures of a record, in CSS pixels of 1/96 inch."""

    record: str
    size: tuple[int, int] = (816, 1056)

    def describe(self) -> str:
        """The text of the page, its style, and the elements of its figures."""
        results = load_record(self.record)
        parts = [str(self), STYLE, describe_results(results)]
        for one in draw_page_figures(results):
            parts += [one.caption, *_list_elements(one.figure)]
        return "\n".join(parts)


@dataclass(frozen=True)
class MlflowPicture:
    """A shared view of a record in MLflow's server."""

    record: str
    view: str
    size: tuple[int, int] = (1400, 840)

    def describe(self) -> str:
        """What decides on the methods' runs: the leaderboard."""
        return f"{self}\n{run_command(('leaderboard', str(RECORDS[self.record])))}"


@dataclass(frozen=True)
class MadeUpFigurePicture:
    """A figure over several tables of made-up results, by its title."""

    title: str

    def describe(self) -> str:
        """The elements of the figure with their style."""
        return f"{self}\n" + "\n".join(_list_elements(draw_made_up_figure(self.title)))


@dataclass(frozen=True)
class MadeUpSearchPicture:
    """What `tune` prints of a made-up search in a terminal of some columns."""

    columns: int = 92

    def describe(self) -> str:
        """What it prints."""
        printed = StringIO()
        Console(width=self.columns, file=printed, color_system=None).print(render_made_up_search())
        return f"{self}\n{printed.getvalue()}"


Picture = (
    ReportPicture
    | ComparisonPicture
    | TerminalPicture
    | FigurePicture
    | PaperPagePicture
    | MlflowPicture
    | MadeUpFigurePicture
    | MadeUpSearchPicture
)

FIGURES = (
    "Key measures",
    "Rate and distortion",
    "Accuracy under corruption",
    "Win rates",
    "Training curves",
    "Codes",
    "Latent KL",
    "Reconstructions and samples",
    "Traversals",
    "Interpolations",
    "Training neighbours",
)
"""Those of the gallery that the quickstart's results have."""

PICTURES: dict[str, Picture] = {
    "report": ReportPicture("quickstart", size=(1200, 1490)),
    "report-dark": ReportPicture("quickstart", size=(1200, 1490), scheme="dark"),
    "compare": ComparisonPicture("quickstart", ("VAE (σ = 0.1)", "β_A-VAE")),  # noqa: RUF001
    "leaderboard": TerminalPicture(("leaderboard", str(RECORDS["quickstart"]))),
    "verdict": TerminalPicture(("verdict", str(RECORDS["paper-small"]), str(RECORDS["fig1"]))),
    "mlflow-methods": MlflowPicture("quickstart", "methods"),
    "mlflow-charts": MlflowPicture("quickstart", "methods&compareRunsMode=CHART"),
    "mlflow-images": MlflowPicture("quickstart", "pictures&compareRunsMode=CHART"),
    "paper-page": PaperPagePicture("quickstart"),
    "gallery-codes-2d": FigurePicture("fig1", "Codes"),
    "gallery-latent-grid": FigurePicture("fig1", "Latent grid"),
    "gallery-critical-differences": MadeUpFigurePicture("Critical differences"),
    "gallery-performance-profiles": MadeUpFigurePicture("Performance profiles"),
    "gallery-tune": MadeUpSearchPicture(),
    **{f"gallery-{title.lower().replace(' ', '-')}": FigurePicture("quickstart", title) for title in FIGURES},
}
"""All pictures by their file names, without ending."""


def compute_digest(picture: Picture) -> str:
    """The sha256 of what a picture shows and of the records that it is made from."""
    if isinstance(picture, MadeUpFigurePicture | MadeUpSearchPicture):
        records = []
    elif isinstance(picture, TerminalPicture):
        records = [path for path in RECORDS.values() if str(path) in picture.words]
    else:
        records = [RECORDS[picture.record]]
    digest = hashlib.sha256(picture.describe().encode())
    for record in records:
        digest.update(hashlib.sha256((ROOT / record).read_bytes()).digest())
    return digest.hexdigest()


@cache
def load_record(name: str) -> BenchmarkResults:
    """The results in a record."""
    return load_benchmark_results(ROOT / RECORDS[name], ROOT)


def run_command(words: tuple[str, ...], columns: int = 92) -> str:
    """What a command of vimae-bench prints, without colours; the working folder has to be the repository."""
    done = CliRunner().invoke(main, [*words], env={"COLUMNS": str(columns)}, catch_exceptions=False)
    if done.exit_code:
        raise RuntimeError(f"vimae-bench {' '.join(words)}: {done.output}")
    return done.output


def _describe_screen(screen: FirstScreen) -> str:
    """All texts of a first screen, and the classes of its cells. No floats, whose last digits depend on the machine."""
    lines = [screen.title, screen.size, *screen.certainty, screen.resolution, screen.order]
    lines += map(str, (screen.sentences, screen.topics, screen.columns, screen.legend))
    for name, rows in screen.groups:
        for row in rows:
            cells = [(cell.text, cell.kind, cell.marks, cell.state) for cell in row.cells]
            lines.append(f"{name} {row.label} {row.note} {cells}")
    return "\n".join(lines)


def find_figure(record: str, title: str) -> "Figure":
    """The first figure of a record whose title begins so. Raises LookupError if it has none."""
    for one in _draw_figures(record):
        if one.title.startswith(f"{title},"):
            return one.figure
    raise LookupError(f"{RECORDS[record]} has no figure {title!r}")


def _draw_figures(record: str) -> Iterator[CaptionedFigure]:
    """The figures of a record, each drawn once, when it is asked for."""
    drawn, others = _open_figures(record)
    yield from drawn
    for one in others:
        drawn.append(one)
        yield one


@cache
def _open_figures(record: str) -> tuple[list[CaptionedFigure], Iterator[CaptionedFigure]]:
    results = load_record(record)
    figures = draw_figures(results.leaderboards, results.run_results)
    return [], chain(figures, draw_image_grids(results.run_results))


def _list_elements(figure: "Figure") -> Iterator[str]:
    """A line for each element of a figure whose look does not depend on the version of matplotlib."""
    from matplotlib.collections import Collection
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    yield f"{figure.get_figwidth():.2f} x {figure.get_figheight():.2f} inches"
    for axes in figure.axes:
        ticks = {part for axis in (axes.xaxis, axes.yaxis) for part in axis.findobj()}
        for element in axes.findobj(lambda one, ticks=ticks: one not in ticks and one.get_visible()):
            match element:
                case Text() if element.get_text():
                    yield f"{element.get_text()!r} {element.get_fontsize():.1f} {_format_colours(element.get_color())}"
                case Line2D():
                    style = element.get_linestyle(), element.get_marker(), f"{element.get_linewidth():.2f}"
                    yield f"line {style} {_format_colours(element.get_color())} {np.size(element.get_xdata())}"
                case Collection():
                    yield f"{type(element).__name__} {_format_colours(element.get_facecolor())}"
                case AxesImage():
                    yield f"image {element.get_size()}"
                case _:
                    pass


def _format_colours(colours: Any) -> str:
    from matplotlib.colors import to_hex, to_rgba_array

    return " ".join(sorted({to_hex(colour, keep_alpha=True) for colour in to_rgba_array(colours)}))


def _read_assets(names: tuple[str, ...]) -> str:
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in names)

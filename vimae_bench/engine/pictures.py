"""Makes the pictures of a run: those of the installed plugins, and the losses by epoch."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.canonical import Json
from ..core.errors import BenchError
from ..core.spec import PluginSpec
from ..plugin.catalog import get_catalog
from ..plugin.evaluation import Evaluation
from ..plugin.manager import PLUGIN_ERRORS
from ..plugin.registry import make_plugin
from ..storage.atomic import is_disk_full
from ..storage.picture_data import BarChart, ImageTable, PictureData, ScatterPlot
from ..storage.picture_files import write_picture, write_reasons
from .picture_drawing import draw_chart, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_pictures(evaluation: Evaluation, history: Sequence[Json], folder: Path) -> None:
    """Make the pictures of a run in `folder`, which is not there yet and appears with all of them at once.

    `history` is a line for each epoch, with its `epoch` and its `terms`. Raises BenchError at the end if a plugin
    failed, with the reasons; all other pictures are there then.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    reasons, failures = dict[str, str](), dict[str, str]()
    for name in get_catalog().list_names("picture"):
        try:
            data = make_picture(name, evaluation)
            if isinstance(data, str):
                reasons[name] = data
            else:
                draw_data(data, unfinished, name)
        except PLUGIN_ERRORS as error:
            if is_disk_full(error, folder.parent):
                raise
            failures[name] = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
    write_reasons({**reasons, **{name: f"failed: {reason}" for name, reason in failures.items()}}, unfinished)
    if history:
        _draw_losses(history, unfinished / "losses.png")
    unfinished.rename(folder)
    if failures:
        raise BenchError("; ".join(f"picture '{name}' failed: {reason}" for name, reason in failures.items()))


def make_picture(name: str, evaluation: Evaluation) -> PictureData | str:
    """The picture of this name, or why the model has none. The model and all random generators stay as they are.

    Raises BenchError if the plugin gives something else.
    """
    picture = make_plugin("picture", PluginSpec(name))

    def make() -> object:
        return picture.explain_absence(evaluation) or picture(evaluation)

    try:
        data = evaluation.with_seed(make, "picture", name, draw=0)
    finally:
        evaluation.model.eval()
    if not isinstance(data, str | ImageTable | ScatterPlot | BarChart):
        raise BenchError(f"it gives a {type(data).__name__}, not an ImageTable, ScatterPlot or BarChart")
    return data


def draw_data(data: PictureData, folder: Path, name: str) -> None:
    """Write a picture's data, and a PNG of it where the data are no images."""
    path = write_picture(data, folder, name)
    if not isinstance(data, ImageTable):
        save_figure(draw_chart(data), path.with_suffix(".png"))


def _draw_losses(history: Sequence[Json], path: Path) -> None:
    names = list(history[0]["terms"])
    epochs = [line["epoch"] for line in history]
    figure = _make_figure(3 * len(names), 2.6)
    for axes, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        axes.plot(epochs, [line["terms"][name] for line in history], marker=".", markersize=3, linewidth=1)
        # A plugin names its terms, and a dollar sign in a name does not begin a formula. Ticks take most of a figure's
        # time, and looking where there is room for a title much of the rest.
        axes.set_title(name, fontsize=9, y=1, parse_math=False)
        axes.set_xlabel("epoch", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.locator_params(nbins=4)
        axes.xaxis.get_major_locator().set_params(integer=True)
    # Margins by hand: a layout engine draws everything twice, which is half of the time of all pictures.
    figure.subplots_adjust(left=0.17 / len(names), right=1 - 0.03 / len(names), bottom=0.18, top=0.9, wspace=0.28)
    save_figure(figure, path)


def _make_figure(width: float, height: float) -> "Figure":
    # Made without pyplot: nothing global, and the import alone takes half a second.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=100)

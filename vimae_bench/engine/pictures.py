"""Makes the pictures of a run, those of the installed plugins."""

import shutil
from pathlib import Path

from ..core.errors import BenchError
from ..core.spec import PluginSpec
from ..plugin.catalog import get_catalog
from ..plugin.evaluation import Evaluation
from ..plugin.manager import PLUGIN_ERRORS
from ..plugin.registry import make_plugin
from ..storage.atomic import is_disk_full
from ..storage.picture_data import BarChart, ImageTable, PictureData, ScatterPlot
from ..storage.picture_files import write_picture, write_reasons


def draw_pictures(evaluation: Evaluation, folder: Path) -> None:
    """Make the pictures of a run in `folder`, which is not there yet and appears with all of them at once.

    Raises BenchError at the end if a plugin failed, with the reasons; all other pictures are there then.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    reasons, failures = dict[str, str](), dict[str, str]()
    for name in get_catalog().list_names("picture"):
        try:
            data = make_picture(name, evaluation)
            if isinstance(data, str):
                reasons[name] = data
            else:
                write_picture(data, unfinished, name)
        except PLUGIN_ERRORS as error:
            if is_disk_full(error, folder.parent):
                raise
            failures[name] = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
    write_reasons({**reasons, **{name: f"failed: {reason}" for name, reason in failures.items()}}, unfinished)
    unfinished.rename(folder)
    if failures:
        raise BenchError("; ".join(f"picture '{name}' failed: {reason}" for name, reason in failures.items()))


def make_picture(name: str, evaluation: Evaluation) -> PictureData | str:
    """The picture of this name, or why the model has none. The model and all random generators stay as they are.

    Raises BenchError if the plugin gives something else.
    """
    picture = make_plugin("picture", PluginSpec(name))
    with evaluation.isolate() as own:

        def make() -> object:
            return picture.explain_absence(own) or picture(own)

        data = own.with_seed(make, "picture", name, draw=0)
    if not isinstance(data, str | ImageTable | ScatterPlot | BarChart):
        raise BenchError(f"it gives a {type(data).__name__}, not an ImageTable, ScatterPlot or BarChart")
    return data

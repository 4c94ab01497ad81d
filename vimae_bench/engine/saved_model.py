"""Trained models out of results and files, and into files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import BenchError, suggest_similar
from ..core.spec import Run
from ..models.image_model import ImageModel
from ..storage.cache_folder import expand_home
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .load_model import load_model as load_trained
from .model_file import load_model_file, save_model


@dataclass(frozen=True, eq=False, repr=False)
class LoadedModel(ImageModel):
    """A trained model with the `run` that made it, and the `label` of its row in a table."""

    run: Run | None = None
    label: str = ""

    def save(self, path: str | Path) -> Path:
        """Write the model to a safetensors file, which `load_model` reads; gives its path.

        Raises BenchError for a model with a part that is not registered by a package, as no other process could build
        it.
        """
        if self.run is None:
            raise BenchError(f"{self.name} has a part that no package registers, so that it could not be loaded again")
        target = expand_home(Path(path))
        save_model(self.model, self.run, self.label, target)
        return target


def load_model(path: str | Path, device: str = "cpu") -> LoadedModel:
    """The model in a file that `LoadedModel.save` or `vimae-bench export` wrote.

    Nothing in the file is executed; the plugins that the model is made of have to be installed. Raises BenchError for a
    file that is none of these, and for a plugin that is not there.
    """
    model, run, label = load_model_file(expand_home(Path(path)), device)
    return LoadedModel(model, name_model(label, run), run, label)


def find_result(results: Sequence[RunResult], label: str, seed: int | None = None) -> RunResult:
    """The result of a method from a seed, by default the first that there is.

    Raises BenchError where there is none, or one in each of several tables.
    """
    labels = [*dict.fromkeys(result.entry.label for result in results)]
    if label not in labels:
        raise BenchError(f"no method here is called '{label}'{suggest_similar(label, labels)}")
    of_method = [result for result in results if result.entry.label == label]
    seeds = sorted({result.entry.seed for result in of_method})
    chosen = [result for result in of_method if result.entry.seed == (seeds[0] if seed is None else seed)]
    if not chosen:
        raise BenchError(f"'{label}' has no seed {seed} here; it has {', '.join(map(str, seeds))}")
    if len(chosen) > 1:
        raise BenchError(f"'{label}' is in {len(chosen)} tables; choose one of them")
    return chosen[0]


def load_result_model(result: RunResult, device: str = "cpu") -> LoadedModel:
    """The trained model of a run. Raises BenchError where there is none."""
    label = result.entry.label
    if result.status != "done":
        raise BenchError(f"'{label}' from seed {result.entry.seed} is {result.status}: it has no trained model")
    folder = RunFolder(result.folder)
    if not folder.weights.exists():
        remedy = "archives have none, and `vimae-bench run FILE --retrain` trains again"
        raise BenchError(f"{folder.weights}: is not there; {remedy}")
    run = result.entry.run
    return LoadedModel(load_trained(folder, device), name_model(label, run), run, label)


def name_model(label: str, run: Run) -> str:
    """What a model is called in messages."""
    return f"{label} on {run.dataset.name}, seed {run.seed}"

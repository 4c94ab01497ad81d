"""The method to train, from the arguments of `train`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..config.file_form import get_file_form
from ..core.spec import MatrixEntry, Run, Training
from ..plugin.catalog import get_catalog
from .components import Component, ComponentReader

DEFAULTS: Mapping[str, Any] = {
    "dataset": "digits",
    "architecture": "mlp",
    "latent": 8,
    "metrics": ("reconstruction", "rate"),
    "training": Training(),
}


@dataclass(frozen=True)
class MethodSpec:
    """A method with all its components, to be trained from one seed and measured."""

    objective: Component
    prior: Component
    dataset: Component
    architecture: Component
    metrics: tuple[Component, ...]
    latent: int
    training: Training
    seed: int

    @property
    def run(self) -> Run:
        """The run; see `components.get_run_key` for whether it identifies the method."""
        components = {name: getattr(self, name).spec for name in ("dataset", "architecture", "objective", "prior")}
        return Run(**components, latent=self.latent, training=self.training, seed=self.seed)

    def to_entry(self, label: str) -> MatrixEntry:
        """The method as an entry of a benchmark's matrix, under this label."""
        return MatrixEntry(label, self.run, tuple(metric.spec for metric in self.metrics))


def parse_method(given: Mapping[str, Any], settings: Mapping[str, Any], setup: Mapping[str, Any]) -> MethodSpec:
    """The method for the arguments `given`; what is missing is taken from `setup`, and then from DEFAULTS.

    `settings` are those of the training.

    Raises Problems with everything that is wrong.
    """
    reader, form = ComponentReader(), get_file_form(get_catalog())["fields"]
    values = {**DEFAULTS, **setup, **given}
    components = {
        kind: reader.read_component(kind, values[kind], (kind,))
        for kind in ("objective", "prior", "dataset", "architecture")
    }
    metrics = [
        reader.read_component("metric", metric, ("metrics", i))
        for i, metric in enumerate(_as_sequence(values["metrics"]))
    ]
    latent = reader.read_value(form["latent"], values["latent"], ("latent",))
    training = reader.read_value(form["training"], {**asdict(values["training"]), **settings}, ("training",))
    seed = reader.read_value({"schema": {"type": "integer", "minimum": 0}}, values["seed"], ("seed",))
    reader.raise_problems()
    arguments: Any = {**components, "metrics": tuple(metrics), "latent": latent, "seed": seed}
    return MethodSpec(**arguments, training=Training(**training))


def _as_sequence(metrics: Any) -> Sequence[Any]:  # noqa: ANN401
    return metrics if isinstance(metrics, list | tuple) else [metrics]

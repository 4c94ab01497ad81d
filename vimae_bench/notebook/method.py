"""What is to be trained, read from the arguments of `train`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
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
    """All that is trained and measured, from one seed."""

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
        """The run, as far as it can be told: see `parts.identity`."""
        parts = {name: getattr(self, name).spec for name in ("dataset", "architecture", "objective", "prior")}
        return Run(**parts, latent=self.latent, training=self.training, seed=self.seed)

    def to_entry(self, label: str) -> MatrixEntry:
        """Its place in a table."""
        return MatrixEntry(label, self.run, tuple(metric.spec for metric in self.metrics))


def parse_method(given: Mapping[str, Any], settings: Mapping[str, Any], setup: Mapping[str, Any]) -> MethodSpec:
    """The method of these arguments; `setup` are those that go before DEFAULTS, `settings` those of the training.

    Raises Problems with all that is wrong.
    """
    reader, form = ComponentReader(), get_file_form(get_catalog())["fields"]
    whole = {**DEFAULTS, **setup, **given}
    parts = {
        kind: reader.read_component(kind, whole[kind], (kind,))
        for kind in ("objective", "prior", "dataset", "architecture")
    }
    metrics = [
        reader.read_component("metric", metric, ("metrics", i))
        for i, metric in enumerate(_as_sequence(whole["metrics"]))
    ]
    training: Training = whole["training"]
    values = {field.name: getattr(training, field.name) for field in fields(Training)}
    latent = reader.read_value(form["latent"], whole["latent"], ("latent",))
    values = reader.read_value(form["training"], {**values, **settings}, ("training",))
    seed = reader.read_value({"schema": {"type": "integer", "minimum": 0}}, whole["seed"], ("seed",))
    reader.raise_problems()
    made: Any = {**parts, "metrics": tuple(metrics), "latent": latent, "training": Training(**values), "seed": seed}
    return MethodSpec(**made)


def _as_sequence(metrics: Any) -> Sequence[Any]:  # noqa: ANN401
    return metrics if isinstance(metrics, list | tuple) else [metrics]

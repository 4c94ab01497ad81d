"""What is to be trained, read from the arguments of `train`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..core.spec import Cell, Run, Training
from ..plugin.catalog import get_catalog
from .components import Part, Reader

DEFAULTS: Mapping[str, Any] = {
    "dataset": "digits",
    "architecture": "mlp",
    "latent": 8,
    "metrics": ("reconstruction", "rate"),
    "training": Training(),
}


@dataclass(frozen=True)
class Method:
    """All that is trained and measured, from one seed."""

    objective: Part
    prior: Part
    dataset: Part
    architecture: Part
    metrics: tuple[Part, ...]
    latent: int
    training: Training
    seed: int

    @property
    def run(self) -> Run:
        """The run, as far as it can be told: see `parts.identity`."""
        parts = {name: getattr(self, name).choice for name in ("dataset", "architecture", "objective", "prior")}
        return Run(**parts, latent=self.latent, training=self.training, seed=self.seed)

    def cell(self, label: str) -> Cell:
        """Its place in a table."""
        return Cell(label, self.run, tuple(metric.choice for metric in self.metrics))


def read(given: Mapping[str, Any], settings: Mapping[str, Any], setup: Mapping[str, Any]) -> Method:
    """The method of these arguments; `setup` are those that go before DEFAULTS, `settings` those of the training.

    Raises Problems with all that is wrong.
    """
    reader, form = Reader(), get_catalog().file["fields"]
    whole = {**DEFAULTS, **setup, **given}
    parts = {
        kind: reader.part(kind, whole[kind], (kind,)) for kind in ("objective", "prior", "dataset", "architecture")
    }
    metrics = [reader.part("metric", metric, ("metrics", i)) for i, metric in enumerate(_many(whole["metrics"]))]
    training: Training = whole["training"]
    values = {field.name: getattr(training, field.name) for field in fields(Training)}
    latent = reader.value(form["latent"], whole["latent"], ("latent",))
    values = reader.value(form["training"], {**values, **settings}, ("training",))
    seed = reader.value({"schema": {"type": "integer", "minimum": 0}}, whole["seed"], ("seed",))
    reader.expect_nothing_wrong()
    made: Any = {**parts, "metrics": tuple(metrics), "latent": latent, "training": Training(**values), "seed": seed}
    return Method(**made)


def _many(metrics: Any) -> Sequence[Any]:  # noqa: ANN401
    return metrics if isinstance(metrics, list | tuple) else [metrics]

"""The type of each kind of plugin: a setting annotated with one of these is itself a plugin."""

from ..data.types import Dataset
from ..execution.interfaces import Executor, Reporter
from ..models.priors import Prior
from .interfaces import Architecture, Divergence, Metric, Objective, Picture

INTERFACES: dict[object, str] = {
    Prior: "prior",
    Divergence: "divergence",
    Architecture: "architecture",
    Objective: "objective",
    Metric: "metric",
    Picture: "picture",
    Dataset: "dataset",
    Executor: "executor",
    Reporter: "reporter",
}

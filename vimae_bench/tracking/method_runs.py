"""MLflow's runs that stand for methods: the parents of the runs of their seeds, which are listed below them.

They are found by a tag, so that processes and machines that share a store share them too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.spec import MatrixEntry
from .appearance import Appearance
from .names import KIND, METHOD, METHOD_KEY, RUN_COLOUR, format_method_key
from .store import MlflowExperiment, list_runs

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass
class MethodRuns:
    """Those of an experiment, by method; what others have made is seen when one is missing."""

    target: MlflowExperiment
    appearance: Appearance
    known: "dict[str, Run]" = field(default_factory=dict[str, "Run"])

    def load(self) -> "Mapping[str, Run]":
        """All there are, by the key of their method; of two of one method the one made first."""
        where = f"tags.`{KIND}` = '{METHOD}'"
        runs = [*list_runs(self.target.client, self.target.experiment, where)]
        self.known = {run.data.tags[METHOD_KEY]: run for run in reversed(runs)}
        return self.known

    def find_or_create(self, entry: MatrixEntry, start_time: int) -> "Run":
        """That of an entry's method. A new one began with the entry's run, in milliseconds since the epoch."""
        key = format_method_key(entry.run, entry.label)
        if key not in self.known:
            with self.target.lock():
                if key not in self.load():
                    self.known[key] = self._create(entry, key, start_time)
        return self.known[key]

    def _create(self, entry: MatrixEntry, key: str, start_time: int) -> "Run":
        tags = {
            KIND: METHOD,
            METHOD_KEY: key,
            "vb.method": entry.label,
            "vb.dataset": entry.run.dataset.title,
            RUN_COLOUR: self.appearance.colours.get(entry.label, ""),
        }
        name = self.appearance.name_method(entry)
        return self.target.client.create_run(self.target.experiment, start_time, tags, name)

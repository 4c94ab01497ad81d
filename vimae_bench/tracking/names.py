"""What a run is called in MLflow: tags, parameters, and names made of the characters that MLflow allows."""

import re
from collections.abc import Iterator, Mapping

from ..core.canonical import Json, canonical_json, fingerprint
from ..core.errors import shorten_middle
from ..core.spec import Run

KEY_LENGTH = 250
VALUE_LENGTH = 500
"""MLflow's own limits on names, and on parameters in its older servers; newer ones cut at 6,000 without a warning."""

RUN_KEY, METHOD_KEY = "vb.run_key", "vb.group"
"""The tags by which MLflow's runs are found: those of runs, and those that stand for a method."""
KIND, METHOD, REPORT = "vb.kind", "method", "report"
"""A tag of MLflow's runs that are no runs of the matrix, and its values."""
TABLE = "vb.table"
"""A tag of methods that are in a leaderboard: its title."""
NOT_COMPARABLE = "vb.not_comparable"
"""A tag of methods that are in no test: why."""
ASIDE = "not comparable/"
"""How the names of the metrics of such methods begin, so that they are not sorted among those of the others."""
NAME_TAG, RUN_COLOUR = "mlflow.runName", "mlflow.runColor"
ENTRY_FILE = "cell.json"
"""The artifact with the run's entry in the benchmark's matrix, and the metrics by which it is measured."""


def to_mlflow_name(name: str) -> str:
    """A name that MLflow takes for a metric or a parameter: `fid@5k` becomes `fid_at_5k`, `top 5%` `top 5_percent`.

    MLflow allows letters, digits, `_-. :` and `/` between parts that could be names of files.
    """
    allowed = name.replace("@", "_at_").replace("%", "_percent").replace("#", "_number_")
    allowed = re.sub(r"[^\w\-. :/]|^\.(?=\.)", "_", allowed)
    parts = ["_" if not part.strip(".") else part for part in allowed.split("/")]
    cut = "/".join(parts)[:KEY_LENGTH]
    before, _, last = cut.rpartition("/")
    return cut if last.strip(".") else before or "_"


def format_parameters(run: Run) -> dict[str, str]:
    """The run's settings as MLflow's parameters, such as `objective.divergence.kernel`; long values are cut."""
    return {to_mlflow_name(name): _shorten_value(value) for name, value in _flatten_settings(run.as_json())}


def format_tags(run: Run, label: str, benchmark: str, record: Json) -> dict[str, str]:
    """The tags to filter and group by; `record` is empty while the run goes on.

    `vb.group` is shared by the runs of a method, which differ in nothing but the seed.
    """
    return {
        "vb.suite": benchmark,
        "vb.method": label,
        "vb.objective": run.objective.name,
        "vb.prior": run.prior.name,
        "vb.dataset": run.dataset.title,
        "vb.architecture": run.architecture.title,
        "vb.seed": str(run.seed),
        METHOD_KEY: format_method_key(run, label),
        "vb.status": record.get("status", "running"),
        "vb.reason": shorten_middle(record.get("reason", ""), VALUE_LENGTH),
        RUN_KEY: run.key,
        "mlflow.source.name": "vimae-bench",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": (record.get("made_by") or {}).get("commit", ""),
    }


def format_method_key(run: Run, label: str) -> str:
    """What the runs of a method, which differ in nothing but the seed, have in common."""
    settings = {name: value for name, value in run.as_json().items() if name != "seed"}
    return f"{label}, {run.dataset.name}, {run.architecture.name}, {fingerprint(settings)[:8]}"


def _flatten_settings(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flatten_settings(inner, f"{at}.{name}" if at else str(name))
    else:
        yield at, value if isinstance(value, str) else canonical_json(value)


def _shorten_value(value: str) -> str:
    return value if len(value) <= VALUE_LENGTH else value[: VALUE_LENGTH - 1] + "…"

"""What a run is called in MLflow: its tags, its parameters, and names of the characters that MLflow allows."""

import re
from collections.abc import Iterator, Mapping

from ..core.canonical import Json, canonical_json, fingerprint
from ..core.spec import Run

KEY_LENGTH = 250
VALUE_LENGTH = 500
"""MLflow's own limits on names, and on parameters in its older servers; newer ones cut at 6,000 without a word."""

RUN_KEY = "vb.run_key"
CELL = "cell.json"
"""The artefact that says which place in the benchmark's matrix a run has, and by which metrics it is measured."""


def to_mlflow_name(name: str) -> str:
    """A name that MLflow takes for a metric or a parameter: `fid@5k` becomes `fid_at_5k`, `top 5%` `top 5_percent`.

    MLflow allows letters, digits, `_-. :` and `/` between parts that could be names of files.
    """
    spelt = name.replace("@", "_at_").replace("%", "_percent").replace("#", "_number_")
    spelt = re.sub(r"[^\w\-. :/]|^\.(?=\.)", "_", spelt)
    parts = ["_" if not part.strip(".") else part for part in spelt.split("/")]
    cut = "/".join(parts)[:KEY_LENGTH]
    whole, _, last = cut.rpartition("/")
    return cut if last.strip(".") else whole or "_"


def parameters(run: Run) -> dict[str, str]:
    """The run's settings as MLflow's parameters, such as `objective.divergence.kernel`; long values are cut."""
    return {to_mlflow_name(name): _short(value) for name, value in _flatten(run.as_json())}


def tags(run: Run, label: str, benchmark: str, record: Json) -> dict[str, str]:
    """The tags to filter and group by; `record` is empty while the run goes on.

    `vb.group` is shared by runs that differ in nothing but the seed.
    """
    return {
        "vb.suite": benchmark,
        "vb.method": label,
        "vb.objective": run.objective.name,
        "vb.prior": run.prior.name,
        "vb.dataset": run.dataset.name,
        "vb.architecture": run.architecture.name,
        "vb.seed": str(run.seed),
        "vb.group": _group(run, label),
        "vb.status": record.get("status", "running"),
        "vb.reason": _short(record.get("reason", "")),
        RUN_KEY: run.key,
        "mlflow.source.name": "vimae-bench",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": (record.get("made_by") or {}).get("commit", ""),
    }


def title(run: Run, label: str) -> str:
    """The run's name in MLflow's lists."""
    return f"{label}, {run.dataset.name}, {run.architecture.name}, seed {run.seed}"


def _group(run: Run, label: str) -> str:
    settings = {name: value for name, value in run.as_json().items() if name != "seed"}
    return f"{label}, {run.dataset.name}, {run.architecture.name}, {fingerprint(settings)[:8]}"


def _flatten(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flatten(inner, f"{at}.{name}" if at else str(name))
    else:
        yield at, value if isinstance(value, str) else canonical_json(value)


def _short(value: str) -> str:
    return value if len(value) <= VALUE_LENGTH else value[: VALUE_LENGTH - 1] + "…"

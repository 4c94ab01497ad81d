"""What an experiment says of itself in MLflow: what was compared, how to make it again, how to compare here."""

from pathlib import Path

from ..core.canonical import fingerprint
from ..core.errors import ResultsError
from ..storage.store import ResultsFolder, SavedBenchmark
from .store import MlflowExperiment

NOTE = "mlflow.note.content"
OURS = "vb.description"
"""Holds the fingerprint of the description that was written last: one that a user has changed is left alone."""
REPORT = "report.html"


def describe(target: MlflowExperiment, results: ResultsFolder) -> None:
    """Write the description of a benchmark's experiment, if it is not there and no user has written another.

    Runs whose benchmark.json is missing or damaged go without one.
    """
    try:
        text = description(results.path, results.read_benchmark())
    except ResultsError:
        return
    known = target.client.get_experiment(target.experiment).tags
    written = known.get(NOTE, "")
    if written != text and known.get(OURS, "") == (fingerprint(written) if written else ""):
        target.client.set_experiment_tag(target.experiment, NOTE, text)
        target.client.set_experiment_tag(target.experiment, OURS, fingerprint(text))


def description(benchmark: Path, kept: SavedBenchmark) -> str:
    """The description, as Markdown."""
    name, folder = benchmark.name, benchmark.resolve()
    methods = dict.fromkeys(entry.label for entry in kept.entries)
    datasets = dict.fromkeys(entry.run.dataset.name for entry in kept.entries)
    seeds = {entry.seed for entry in kept.entries}
    return f"""\
{len(methods)} autoencoder objectives on {", ".join(datasets)}, {len(seeds)} paired seeds each, by vimae-bench.

- **Report**: {_report(folder)}
- **Ranking**: `vimae-bench leaderboard {folder}`
- **Again**: save the file below as `{name}.toml`, then `vimae-bench run {name}.toml`

To compare here: group the runs by the tag `vb.group`, which is shared by runs that differ in their seed alone, or by \
`vb.method`. Charts then draw means over seeds. Measures have their standard errors beside them, as \
`within_model_se/<measure>`. Terms of the loss by epoch are `train/<term>`. Pictures are in the image grid. A trained \
model is `mlflow.pyfunc.load_model("runs:/RUN_ID/model")`.

{_fenced(kept.source)}
"""


def _report(folder: Path) -> str:
    report = folder / REPORT
    if report.exists():
        return f"[{report}]({report.as_uri()})"
    return f"`vimae-bench report {folder} --output {report}`"


def _fenced(source: str) -> str:
    """A block of TOML, its fence longer than any in the text."""
    fence = "```"
    while fence in source:
        fence += "`"
    return f"{fence}toml\n{source.rstrip()}\n{fence}"

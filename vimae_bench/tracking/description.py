"""The description of an experiment in MLflow: what was compared, how to run it again, how to compare in MLflow."""

from pathlib import Path

from ..core.canonical import fingerprint
from ..core.errors import ResultsError
from ..storage.store import ResultsFolder, SavedBenchmark
from .store import MlflowExperiment

NOTE = "mlflow.note.content"
DESCRIPTION_TAG = "vb.description"
"""The fingerprint of the description that was written last: one that a user has changed is left alone."""
REPORT_FILE = "report.html"


def write_description(target: MlflowExperiment, results: ResultsFolder) -> None:
    """Write the description of a benchmark's experiment, if it is not there and no user has written another.

    There is none for runs whose benchmark.json is missing or damaged.
    """
    try:
        text = format_description(results.path, results.read_benchmark())
    except ResultsError:
        return
    tags = target.client.get_experiment(target.experiment).tags
    written = tags.get(NOTE, "")
    if written != text and tags.get(DESCRIPTION_TAG, "") == (fingerprint(written) if written else ""):
        target.client.set_experiment_tag(target.experiment, NOTE, text)
        target.client.set_experiment_tag(target.experiment, DESCRIPTION_TAG, fingerprint(text))


def format_description(benchmark: Path, saved: SavedBenchmark) -> str:
    """The description, as Markdown."""
    name, folder = benchmark.name, benchmark.resolve()
    methods = dict.fromkeys(entry.label for entry in saved.entries)
    datasets = dict.fromkeys(entry.run.dataset.name for entry in saved.entries)
    seeds = {entry.seed for entry in saved.entries}
    return f"""\
{len(methods)} autoencoder objectives on {", ".join(datasets)}, {len(seeds)} paired seeds each, by vimae-bench.

- **Report**: {_format_report_link(folder)}
- **Ranking**: `vimae-bench leaderboard {folder}`
- **Again**: save the file below as `{name}.toml`, then `vimae-bench run {name}.toml`

To compare here: group the runs by the tag `vb.group`, which is shared by runs that differ in their seed alone, or by \
`vb.method`. Charts then draw means over seeds. Standard errors of measures are \
`within_model_se/<measure>`. Terms of the loss by epoch are `train/<term>`. Pictures are in the image grid. A trained \
model is `mlflow.pyfunc.load_model("runs:/RUN_ID/model")`.

{_format_toml_block(saved.source)}
"""


def _format_report_link(folder: Path) -> str:
    report = folder / REPORT_FILE
    if report.exists():
        return f"[{report}]({report.as_uri()})"
    return f"`vimae-bench report {folder} --output {report}`"


def _format_toml_block(source: str) -> str:
    """A block of TOML, its fence longer than any in the text."""
    fence = "```"
    while fence in source:
        fence += "`"
    return f"{fence}toml\n{source.rstrip()}\n{fence}"

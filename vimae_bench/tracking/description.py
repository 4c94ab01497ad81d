"""The description of an experiment in MLflow: what was compared, which methods lead, how to run it again."""

import shlex

from ..analysis.load import BenchmarkResults
from ..analysis.summary import summarize_leaderboard
from ..storage.store import REPORT_FILE
from .view_path import PICTURE_VIEW, TRAINING_PAGES, format_view_path
from .views import name_views


def format_description(found: BenchmarkResults, experiment: str, report_run: str) -> str:
    """The description, as Markdown; `report_run` is the id of MLflow's run with the report, empty if there is none."""
    entries, folder = found.entries, found.store.path.resolve()
    methods = dict.fromkeys(entry.label for entry in entries if not entry.control_of)
    datasets = dict.fromkeys(entry.run.dataset.title for entry in entries)
    seeds = {entry.seed for entry in entries}
    again = shlex.join(["vimae-bench", "run", f"{folder.name}.toml"])
    links = [f"[{name}]({format_view_path(experiment, key)})" for key, name in name_views(found.leaderboards).items()]
    links.append(f"[Pictures]({format_view_path(experiment, PICTURE_VIEW)}&compareRunsMode=CHART)")
    if link := format_report_link(experiment, report_run):
        links.insert(0, link)
    return f"""\
{" · ".join(links)} · {len(methods)} methods on {", ".join(datasets)}, {len(seeds)} paired seeds each, by vimae-bench

{_format_findings(found)}

- **Means over seeds** are metrics of a method's run, of which the runs of its seeds are children. Terms of the loss \
by epoch are `train/<term>`, pictures are in the image grid, and standard errors in the artifacts `metrics/` of the \
runs of seeds.
- **Intervals and tests**: the report, or `{shlex.join(["vimae-bench", "leaderboard", str(folder)])}`
- **Again**: save the file below as `{folder.name}.toml`, then `{again}`
- **A trained model**: `mlflow.set_tracking_uri("ADDRESS")` with the address of this store, then \
`mlflow.pyfunc.load_model("runs:/RUN_ID/model")` with the ID of the run of one seed

{_format_toml_block(found.store.read_benchmark().source)}
"""


def format_report_link(experiment: str, report_run: str) -> str:
    """A link to the report, in Markdown; empty if no run has it."""
    page = f"#/experiments/{experiment}/runs/{report_run}/artifacts/{REPORT_FILE}?{TRAINING_PAGES}"
    return f"[Report]({page})" if report_run else ""


def _format_findings(found: BenchmarkResults) -> str:
    """What is decided, a line for each topic, under the title of its table."""
    parts = list[str]()
    for board in found.leaderboards:
        summary = summarize_leaderboard(board)
        lines = [*summary.certainty, *summary.sentences]
        parts += [f"**{board.title}**", "\n".join(f"- {line}" for line in lines)] if lines else []
    return "\n\n".join(parts)


def _format_toml_block(source: str) -> str:
    """A block of TOML, its fence longer than any in the text."""
    fence = "```"
    while fence in source:
        fence += "`"
    return f"{fence}toml\n{source.rstrip()}\n{fence}"

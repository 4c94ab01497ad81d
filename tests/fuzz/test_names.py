"""Any name is only a name: in folders, on terminals, in tables, in MLflow."""

import csv
import io
import re
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name
from rich.console import Console

from helpers.fuzz_strategies import ESCAPE, assert_readable, short, texts
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.core.errors import BenchError, ResultsError, escape_control_characters, shorten_text
from vimae_bench.core.results import Estimate, Measure
from vimae_bench.core.spec import MatrixEntry, PluginSpec, Run, Training
from vimae_bench.reports import leaderboard_csv, leaderboard_latex, leaderboard_markdown
from vimae_bench.reports.leaderboard_terminal import render_leaderboards
from vimae_bench.storage.store import Baselines, ResultsFolder, RunResult
from vimae_bench.tracking.names import format_parameters, format_tags, to_mlflow_name
from vimae_builtin.reporters.console import remove_unprintable

undecodable = st.sampled_from(["\udcff", "a\ud800"])
labels = short | undecodable
names = texts | undecodable | st.lists(st.sampled_from(["a" * 83, "/", ".", "..", "\n", "é"]), max_size=6).map("".join)


def run(name, seed=0):
    return Run(
        PluginSpec("digits", {"path": name}),
        PluginSpec("mlp"),
        PluginSpec(name),
        PluginSpec("normal"),
        2,
        Training(),
        seed,
    )


@given(name=names, seed=st.integers())
@example(name="n" * 300, seed=0)
@example(name="a\0b", seed=0)
@example(name="/\n\n", seed=0)
@example(name="é" * 120, seed=0)
@example(name="a", seed=10**300)
def test_run_folders_and_their_files_are_in_the_results_folder(tmp_path, name, seed):
    store = ResultsFolder(tmp_path / "results")
    for made in (
        lambda: store.run_folder(run(name, seed)).path,
        lambda: store.baseline_path(PluginSpec(name), 2, PluginSpec("svm")),
        lambda: store.baseline_path(PluginSpec("digits"), 2, PluginSpec(name)),
    ):
        try:
            path = made()
        except ResultsError as error:
            assert_readable(str(error), str(tmp_path))
            continue
        assert path.resolve().parent in (store.path / "runs", store.path / "references")
        assert not path.exists()


@given(name=names, more=st.text(max_size=300))
@example(name="n" * 248, more="/.a")
@example(name="n" * 247, more="/..a")
@example(name="..", more="0")
def test_mlflow_accepts_every_adapted_name(name, more):
    _validate_metric_name(to_mlflow_name(name + more))
    kept = run(name)
    assert all(len(key) <= 250 and len(value) <= 500 for key, value in format_parameters(kept).items())
    assert all(isinstance(value, str) for value in format_tags(kept, name, name, {"reason": name}).values())


@given(text=names)
@example(text="x" * 10**6)
@example(text="\n".join(["x"] * 9))
def test_messages_are_readable_whatever_they_quote(text):
    lines = [line for line in str(BenchError(text)).split("\n") if line]
    assert all(map(str.isprintable, lines))
    assert all(len(line) <= 1100 for line in lines)
    assert escape_control_characters(escape_control_characters(text)) == escape_control_characters(text)
    assert len(shorten_text(text)) < 90
    assert remove_unprintable(text).isprintable()


def tables(label, measure, unit, reason, reference):
    """A leaderboard of two methods from five seeds and a baseline with arbitrary names."""
    shown = {measure: Measure(measure, unit, "lower", margin=1.0)}
    estimates = {measure: Estimate(-1.0, 10)}
    entries = [MatrixEntry(name, run("elbo", seed), ()) for name in (label, f"{label}2") for seed in range(5)]
    found = [
        RunResult(entry, Path("runs/x"), "done", reason, {}, shown, {measure: Estimate(-1.0 - i % 3, 10)})
        for i, entry in enumerate(entries)
    ]
    return build_leaderboards(found, [Baselines(entries[0].run.dataset, 2, shown, {reference: estimates})])


def printed(boards):
    console = Console(file=io.StringIO(), width=100)
    console.print(render_leaderboards(boards))
    return console.file.getvalue()


@given(label=labels, measure=labels, unit=labels, reason=labels, reference=labels)
@example(label=ESCAPE, measure="[red]x", unit="[/oops]", reason="\x9b31m", reference="\u202e")
@example(label="a|b\\", measure="c|", unit="|", reason="<script>", reference="`|`")
@example(label="=1+1", measure="@x", unit="\t-1", reason="+1", reference=" \n=1")
def test_tables_show_any_name_as_text(label, measure, unit, reason, reference):
    boards = tables(label, measure, unit, reason, reference)
    page, csv_text, tex = (
        form.format_leaderboards(boards) for form in (leaderboard_markdown, leaderboard_csv, leaderboard_latex)
    )
    assert all(line.isprintable() for text in (printed(boards), page, tex) for line in text.split("\n"))
    rows = [line for line in page.split("\n") if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    assert set(re.findall("<[^>]*>", page)) <= {"<br>"}
    assert all(len(re.findall(r"(?<!\\)&", row)) == 2 for row in tex.split("\n") if row.endswith(r" \\"))
    for row in csv.reader(io.StringIO(csv_text)):
        assert len(row) == len(leaderboard_csv.FIELDS)
        assert all(is_number(entry) for entry in row if entry.startswith(("=", "+", "-", "@", "\t", "\r")))


def is_number(text):
    try:
        return text != "" and float(text) is not None
    except ValueError:
        return False

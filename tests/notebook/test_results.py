"""Results in a notebook: frames that say what the other formats say, and tables out of which no name breaks."""

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import vimae_bench as vb
from vimae_bench.analysis.comparison import compare_methods
from vimae_bench.core.errors import ResultsError
from vimae_bench.notebook import frames
from vimae_bench.plugin import BenchError
from vimae_bench.reports import leaderboard_csv
from vimae_bench.reports.all_figures import draw_figures, draw_image_grids

pytestmark = pytest.mark.medium

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;\x1b[31m\u202e"


@pytest.fixture
def load(results):
    """Writes the fabricated benchmark down and loads it."""

    def loaded(**shown):
        results.store.write_benchmark("fig1", "", {"rank_by": "", "columns": [], **shown}, results.entries)
        return vb.load(results.store.path)

    return loaded


class Elements(HTMLParser):
    """The elements and attributes of a page, and its text."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def test_leaderboard_frame_equals_the_csv(finished, load):
    found = load().leaderboard
    assert list(found.columns) == ["benchmark", *leaderboard_csv.METHOD_FIELDS]
    check_frame(finished, found, frames.LEADERBOARD, pairs=False)


def test_pairs_frame_equals_the_csv(finished, load):
    found = load().pairs
    assert list(found.columns) == ["benchmark", *leaderboard_csv.PAIR_FIELDS]
    assert set(found["kind"]) == {"pair", "reference pair"}
    check_frame(finished, found, frames.PAIRS, pairs=True)


def check_frame(finished, found: pd.DataFrame, kinds: dict[str, str], *, pairs: bool) -> None:
    everything = pd.read_csv(
        io.StringIO(leaderboard_csv.format_leaderboards(finished.boards())), keep_default_na=False, na_values=[""]
    )
    expected = everything[everything["kind"].str.endswith("pair") == pairs].reset_index(drop=True)
    for name in list(kinds)[1:]:
        column = expected[name].astype(found[name].dtype)
        if kinds[name] == frames.TEXT:  # CSV does not tell what is empty from what is not there
            assert list(found[name].fillna("")) == list(column.fillna(""))
        else:
            pd.testing.assert_series_equal(found[name], column, check_exact=True)


def test_runs_frame_has_a_row_for_every_run(finished, load):
    runs = load().runs
    assert list(runs["key"]) == [entry.run.key for entry in finished.entries]
    counts = runs.groupby(["method", "status"]).size()
    assert (counts["AE", "done"], counts["InfoVAE", "done"], counts["InfoVAE", "diverged"]) == (5, 3, 2)
    lost = runs[runs["status"] == "diverged"]
    assert set(lost["reason"]) == {"the loss is nan in epoch 3"}
    assert list(runs.loc[runs["collapsed"], "method"].unique()) == ["β_H-VAE"]
    assert set(runs["version"]) == {"0.1.0"}
    assert runs["seconds"].isna().all()  # these records do not tell


def test_measures_frame_equals_the_metric_files(finished, load):
    measures = load().measures.set_index(["key", "measure"])
    run_results = finished.store.load_results(finished.entries)
    assert len(measures) == sum(len(result.estimates) for result in run_results)
    for result in run_results:
        for name, estimate in result.estimates.items():
            row = measures.loc[result.entry.run.key, name]
            assert (row["value"], row["se"], row["n"]) == (estimate.value, estimate.se, estimate.n)
            assert (row["unit"], row["method"]) == (result.measures[name].unit, result.entry.label)


def test_curves_frame_has_each_epoch_once(results, load):
    folder = results.add("VAE", 0, sse=30.0)
    for epoch in (1, 2, 2):  # a resumed epoch repeats its line
        folder.append_event("epoch", epoch=epoch, time=0.0, seconds=0.5, terms={"total": 10.0 / epoch, "kl": None})
    curves = load().curves
    assert list(curves["epoch"]) == [1, 1, 2, 2]
    assert list(curves.loc[curves["term"] == "total", "value"]) == [10.0, 5.0]
    assert curves.loc[curves["term"] == "kl", "value"].isna().all()


@pytest.mark.parametrize("name", ["runs", "measures", "curves", "leaderboard", "pairs"])
def test_frame_without_rows_has_all_columns_and_types(results, load, name):
    kinds = getattr(frames, name.upper())
    empty = getattr(load(), name)
    results.add("VAE", 0, sse=30.0)
    for frame in (empty, getattr(load(), name)):
        assert {column: str(kind) for column, kind in frame.dtypes.items()} == kinds


def test_benchmark_without_runs_shows_missing_runs(results, load):
    results.add("VAE", 0, "missing")
    found = load()
    assert list(found.runs["status"]) == ["missing"]
    assert found.measures.empty
    assert "VAE" in Elements(found._repr_html_()).text
    assert "0 of 1 runs done" in repr(found)


def test_damaged_file_affects_nothing_else(finished, load):
    folder = finished.store.run_folder(finished.entries[0].run)
    folder.record.write_text("{")
    folder.events.write_bytes(b'\xff\n{"event": "epoch", "epoch": "1"}\n')
    found = load()
    row = found.runs.iloc[0]
    assert row["status"] == "failed"
    assert "record.json" in row["reason"]
    assert len(found.measures) == sum(len(o.estimates) for o in finished.store.load_results(finished.entries[1:]))
    assert found.curves.empty
    assert "record.json" in Elements(found._repr_html_()).text


def test_unexpected_values_in_a_record_are_ignored(results, load):
    folder = results.add("VAE", 0, sse=30.0)
    record = json.loads(folder.record.read_text())
    record |= {"seconds": [1], "parameters": "many", "steps": 2**63}
    folder.record.write_text(json.dumps(record))
    row = load().runs.iloc[0]
    assert row[["seconds", "parameters", "steps"]].isna().all()


def test_names_are_escaped_in_html_tables(results, load):
    for seed in range(2):
        results.add(HOSTILE, seed, sse=30.0 + seed)
        results.add("other", seed, sse=25.0 + seed)
        results.add("lost", seed, "failed", HOSTILE)
    found = load()
    for html in (found._repr_html_(), found.compare(HOSTILE, "other")._repr_html_()):
        page = Elements(html)
        assert page.tags <= {
            "h4",
            "div",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "b",
            "i",
            "sup",
            "br",
            "p",
            "ul",
            "li",
        }
        assert page.attributes <= {"style"}
        assert "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;[31m" in page.text
        assert "\x1b" not in html
        assert "\u202e" not in html


def test_html_table_shows_states_and_notes(finished, load):
    html = load(columns=["sse"])._repr_html_()
    assert "<b>25.1 ± 1.0</b> ★" in html
    assert "Squared error: AE is significantly better than the other 2 comparable methods." in html
    assert "β_H-VAE †" in html
    assert "MMD" not in Elements(html).text.split("±: half")[0]
    assert "InfoVAE" in html
    assert "3 of 5" in html


def test_comparison_equals_that_of_the_command(finished, load):
    found = load().compare("AE", "VAE", margins={"mmd2": 0.01})
    (expected,) = compare_methods(finished.boards(), "AE", "VAE", {"mmd2": 0.01})
    frame = found.frame.set_index("measure")
    for row in expected.rows:
        shown = frame.loc[row.measure.name]
        assert shown["outcome"] == row.outcome
        assert shown["difference"] == pytest.approx(row.difference)
        assert (shown["low"], shown["high"]) == row.interval
        assert shown["p"] == row.p == finished.board().decisions[row.measure.name].get_pair("AE", "VAE").p
    assert frame.loc["mmd2", ["outcome", "given_outcome"]].tolist() == ["undecided", "equivalent"]
    assert "with this call's margin of 0.01: equivalent within 0.01" in Elements(found._repr_html_()).text
    assert "A is better in Squared error" in repr(found)
    assert found[0].rows == expected.rows


def test_several_folders_are_loaded_together(finished, load, tmp_path):
    load()
    finished.store.path.rename(tmp_path / "first")
    found = vb.load(tmp_path / "first", tmp_path / "first")
    assert len(found.runs) == 2 * len(finished.entries)
    assert len(found.tables) == 2
    assert list(found.leaderboard["benchmark"].unique()) == ["first"]


def test_benchmark_file_loads_its_results_folder(finished, load, tmp_path):
    load()
    path = tmp_path / "fig1.toml"
    path.write_text(
        'name = "fig1"\nseeds = [0]\ndataset = "digits"\narchitecture = "mlp"\nlatent = 2\n'
        '[[method]]\nlabel = "M"\nobjective = "ae"\nprior = "normal"\n'
    )
    assert list(vb.load(path, results=tmp_path).runs["status"]) == ["missing"]


def test_table_is_selected_by_parts_of_its_title(finished, load):
    found = load()
    assert found.table("mnist, d = 2").tables == found.tables
    with pytest.raises(BenchError, match=r"no table here is called 'mnist, d = 3'; did you mean 'mnist, mlp, d = 2"):
        found.table("mnist, d = 3")


def test_there_is_a_figure_for_each_table(finished, load, tmp_path):
    found = load().plot.intervals("sse", "rate")
    assert len(found) == 1
    assert [axes.get_visible() for axes in found[0].axes] == [True, True]
    assert found.save(tmp_path / "sse.png") == [tmp_path / "sse.png"]
    assert (tmp_path / "sse.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(BenchError, match=r"has to end in \.png or \.svg or \.pdf"):
        found.save(tmp_path / "sse.doc")


def panels(figure) -> list[object]:
    """What can be known of a figure without drawing it, which takes seconds."""
    named = [(axes.get_title("left"), axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    drawn = [(len(axes.lines), len(axes.collections), axes.get_xlim(), axes.get_ylim()) for axes in figure.axes]
    return [tuple(figure.get_size_inches()), named, drawn]


def test_plots_equal_the_figures_of_the_command():
    found = vb.load(ROOT / "results" / "fig1")
    plot, (bench,) = found.plot, found.benchmarks
    ours = [plot.intervals(), plot.rate_distortion(), plot.corruption(), plot.win_rates(), plot.curves(), plot.codes()]
    drawn = list(draw_figures(bench.leaderboards, bench.run_results))
    (*drawn, divergences) = drawn
    assert divergences.title.startswith("Latent KL")  # a picture that is not among the plots
    assert [caption for figures in ours for caption in figures.captions] == [made.caption for made in drawn]
    assert [panels(figure) for figures in ours for figure in figures] == [panels(made.figure) for made in drawn]
    (grid, *_) = draw_image_grids(bench.run_results)
    assert [*plot.image_grids().captions] == [grid.caption]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.compare("VA", "AE"), "no method here is called 'VA'; did you mean 'VAE'"),
        (
            lambda r: r.compare("VAE", "AE", {"ssse": 1}),
            "no measure compared here is called 'ssse'; did you mean 'sse'",
        ),
        (lambda r: r.compare("VAE", "AE", {"sse": -1}), "the margin of 'sse' must be positive"),
        (lambda r: r.compare("VAE", "AE", {"svm clean": "1 nats"}), "the margin of 'svm clean' must be in %, such as"),
        (lambda r: r.compare("VAE", "VAE"), "'VAE' cannot be compared with itself"),
        (lambda r: r.plot.intervals("svm"), "no measure here is called 'svm'; did you mean 'svm clean'"),
        (lambda r: r.plot.codes(), "no table here has two-dimensional codes"),
        (lambda r: vb.load(r.path.with_name("fig2")), "there is no such folder or file; did you mean 'fig1'"),
        (lambda r: vb.load(), "needs a results folder"),
    ],
)
def test_unknown_names_are_reported_with_suggestions(finished, load, ask, message):
    found = load()
    object.__setattr__(found, "path", finished.store.path)
    with pytest.raises(BenchError, match=message):
        ask(found)


def test_folder_without_benchmark_json_is_rejected(tmp_path):
    with pytest.raises(ResultsError, match=r"is not a results folder: it has no benchmark\.json"):
        vb.load(tmp_path)


@pytest.mark.parametrize("name", ["RUNS", "MEASURES", "CURVES", "LEADERBOARD", "PAIRS", "COMPARISON"])
def test_every_column_is_documented(name):
    page = (ROOT / "docs" / "reference" / "python.md").read_text()
    head = "compare(...).frame" if name == "COMPARISON" else name.lower()
    section = page.split(f"**`{head}`**")[1].split("\n**")[0]
    shared = page.split("## Frames")[1].split("**`runs`**")[0]
    assert [column for column in getattr(frames, name) if f"`{column}`" not in section + shared] == []

"""Labels distinguish data sets and architectures of one plugin, and are no part of identity."""

import pytest

from helpers.benchmarks import make_benchmark
from vimae_bench.analysis.leaderboard import format_table_title
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries, select_entries
from vimae_bench.core.errors import InvalidFileError
from vimae_bench.core.spec import PluginSpec, label_twins
from vimae_bench.storage.store import ResultsFolder


@pytest.fixture
def read(tmp_path):
    def benchmark(**changes):
        path = tmp_path / "small.toml"
        path.write_text(make_benchmark(**changes))
        return list_entries(read_benchmark(path))

    return benchmark


def arrays(path, **more):
    return {"use": "arrays", "path": path, **more}


def titles(entries):
    runs = [entry.run for entry in entries]
    return [format_table_title(run, runs).split(", ")[0] for run in runs]


def test_two_data_sets_of_one_plugin_are_told_apart_without_their_whole_paths(read):
    entries = read(dataset=[arrays("/data/mine/first"), arrays("/data/mine/second"), "digits"])
    assert [entry.run.dataset.title for entry in entries] == ["arrays path=first", "arrays path=second", "digits"]
    assert titles(entries) == ["arrays path=first", "arrays path=second", "digits"]
    entries = read(dataset=[arrays("/data/a/images"), arrays("/data/b/images")])
    assert titles(entries) == ["arrays path=a/images", "arrays path=b/images"]


def test_labels_name_data_sets_and_architectures_and_change_no_identity(read):
    plain = read(dataset=[arrays("/a"), arrays("/b")], architecture=["mlp", {"use": "mlp", "hidden": [8]}])
    entries = read(
        dataset=[arrays("/a", label="day"), arrays("/b", label="night")],
        architecture=[{"use": "mlp", "label": "wide"}, {"use": "mlp", "hidden": [8], "label": "narrow"}],
    )
    assert [entry.run.key for entry in entries] == [entry.run.key for entry in plain]
    assert [(e.run.dataset.title, e.run.architecture.title) for e in entries] == [
        ("day", "wide"),
        ("day", "narrow"),
        ("night", "wide"),
        ("night", "narrow"),
    ]
    assert [entry.run.dataset.title for entry in select_entries(entries, "night wide")] == ["night"]
    assert titles(entries) == ["day", "day", "night", "night"]


def test_a_label_can_be_left_out(read):
    entries = read(dataset=[arrays("/a", label="day"), arrays("/b", label="night")], leave_out=[{"dataset": "day"}])
    assert [entry.run.dataset.title for entry in entries] == ["night"]


def test_labels_are_kept_with_the_results(read, tmp_path):
    entries = read(dataset=[arrays("/a", label="day"), arrays("/b")])
    store = ResultsFolder(tmp_path / "results" / "small")
    store.path.mkdir(parents=True)
    store.write_benchmark("small", "", {}, entries)
    saved = store.read_benchmark().entries
    assert [entry.run.dataset.title for entry in saved] == [entry.run.dataset.title for entry in entries]
    assert [entry.run.key for entry in saved] == [entry.run.key for entry in entries]


@pytest.mark.parametrize(
    ("dataset", "what"),
    [
        ([arrays("/a", label="x"), arrays("/b", label="x")], r"dataset\[1\].label: 'x' is the label of an earlier"),
        ([arrays("/a", label=5)], r"dataset\[0\].label: must be a short text"),
        ([arrays("/a", label="a/b")], r"dataset\[0\].label: must be a short text"),
        ([arrays("/a", lable="x")], "lable"),
    ],
)
def test_wrong_labels_are_reported_with_their_place(dataset, what, read):
    with pytest.raises(InvalidFileError, match=what):
        read(dataset=dataset)


def test_a_plugin_that_is_there_once_has_no_label():
    assert [spec.label for spec in label_twins([PluginSpec("digits"), PluginSpec("mnist")])] == ["", ""]

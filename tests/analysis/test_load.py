import gc

import pytest

from vimae_bench import load
from vimae_bench.analysis.load import load_all_benchmark_results, load_benchmark_results
from vimae_bench.core.errors import InvalidFileError, ResultsError


@pytest.fixture
def folder(finished):
    finished.store.write_benchmark("fig1", "", {"rank_by": "sse", "columns": ["sse", "rate"]}, finished.entries)
    return finished.store.path


@pytest.fixture(params=[True, False], ids=["collecting", "not collecting"])
def collector(request):
    """The garbage collector, enabled or disabled by the user before."""
    gc.enable() if request.param else gc.disable()
    yield request.param
    gc.enable()


def test_loading_leaves_the_garbage_collector_alone(folder, collector: bool):
    frozen = gc.get_freeze_count()
    _ = load(folder).leaderboard
    assert gc.isenabled() is collector
    assert gc.get_freeze_count() == frozen


def test_results_are_shown_as_the_benchmark_says(folder, tmp_path):
    found = load_benchmark_results(folder, tmp_path)
    (board,) = found.leaderboards
    assert (board.rank_by, board.columns) == ("sse", ("sse", "rate"))
    assert len(found.run_results) == len(found.entries) == 25


def test_margins_of_the_benchmark_decide_on_equivalence(finished, folder, tmp_path):
    decision = load_benchmark_results(folder, tmp_path).leaderboards[0].decisions["sse"]
    assert (decision.margin, decision.get_pair("VAE", "VIMAE-n").outcome) == (None, "undecided")
    finished.store.write_benchmark("fig1", "", {"margins": {"sse": "2 [0,1]^2"}}, finished.entries)
    decision = load_benchmark_results(folder, tmp_path).leaderboards[0].decisions["sse"]
    assert (decision.margin, decision.get_pair("VAE", "VIMAE-n").outcome) == (2.0, "equivalent")


def test_a_margin_that_no_longer_fits_is_refused(finished, folder, tmp_path):
    finished.store.write_benchmark("fig1", "", {"margins": {"sse": "5 %"}}, finished.entries)
    with pytest.raises(ResultsError, match=r"leaderboard\.margins: sse: must be in \[0,1\]\^2, such as"):
        _ = load_benchmark_results(folder, tmp_path).leaderboards


def test_a_margin_of_an_unknown_measure_is_noted(finished, folder, tmp_path):
    finished.store.write_benchmark("fig1", "", {"margins": {"sze": 2.0}}, finished.entries)
    (board,) = load_benchmark_results(folder, tmp_path).leaderboards
    assert "No measure in these results is called 'sze'; did you mean 'sse'?" in board.notes


def test_all_problems_are_reported_together(folder, tmp_path):
    with pytest.raises(InvalidFileError) as caught:
        load_all_benchmark_results([folder, tmp_path / "nothing", tmp_path], tmp_path)
    assert len(str(caught.value).splitlines()) == 2

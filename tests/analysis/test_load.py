import gc

import pytest

from vimae_bench import load
from vimae_bench.analysis.load import load_all_benchmark_results, load_benchmark_results
from vimae_bench.core.errors import InvalidFileError


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


def test_all_problems_are_reported_together(folder, tmp_path):
    with pytest.raises(InvalidFileError) as caught:
        load_all_benchmark_results([folder, tmp_path / "nothing", tmp_path], tmp_path)
    assert len(str(caught.value).splitlines()) == 2

"""What a run tells of itself, as the executor reads it."""

from helpers.worker_behaviours import make_job
from vimae_bench.storage.run_folder import RunFolder
from vimae_builtin.executors.local.run_monitor import Epoch, Told


def test_only_what_a_run_tells_from_its_start_here_counts(tmp_path):
    one = make_job(tmp_path, 0)
    folder = RunFolder(one.folder)
    folder.append_event("epoch", epoch=1, time=1.0, seconds=1.0, terms={})
    folder.append_event("ended", status="failed", reason="OutOfMemoryError: CUDA out of memory", time=2.0)
    run = Told.of(one)
    run.read()
    assert (run.epochs, run.training, run.out_of_memory) == ([], False, False)
    folder.append_event("epoch", epoch=2, time=9.0, seconds=3.0, terms={})
    run.read()
    assert (run.epochs, run.training) == ([Epoch(9.0, 3.0)], True)
    folder.append_event("measuring", metric="svm", time=9.5)
    run.read()
    assert (run.epochs, run.training) == ([Epoch(9.0, 3.0)], False)
    folder.append_event("metric failed", reason="svm: RuntimeError: CUDA error: out of memory", time=9.9)
    run.read()
    assert run.out_of_memory


def test_runs_that_differ_in_their_seed_alone_are_one_workload(tmp_path):
    assert Told.of(make_job(tmp_path, 0, 1)).workload == Told.of(make_job(tmp_path, 0, 2)).workload

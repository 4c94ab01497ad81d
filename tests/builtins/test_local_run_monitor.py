"""What the executor reads from the events of a run."""

import pytest

from helpers.worker_behaviours import make_job
from vimae_bench.storage.run_folder import RunFolder
from vimae_builtin.executors.local.run_monitor import RunMonitor


@pytest.mark.parametrize("event", ["ended", "metric failed"])
def test_only_what_a_run_writes_from_its_start_here_counts(tmp_path, event):
    job = make_job(tmp_path, 0)
    folder = RunFolder(job.folder)
    folder.append_event(event, status="failed", reason="OutOfMemoryError: CUDA out of memory", time=2.0)
    monitor = RunMonitor.watch(job)
    assert not monitor.has_run_out_of_memory()
    folder.append_event("epoch", epoch=2, time=9.0, seconds=3.0, terms={})
    assert not monitor.has_run_out_of_memory()
    folder.append_event(event, status="failed", reason="svm: RuntimeError: CUDA error: out of memory", time=9.9)
    assert monitor.has_run_out_of_memory()

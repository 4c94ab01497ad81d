import os

from vimae_bench.tracking.sync_state import SyncState, file_stamp


def test_a_state_is_read_as_it_was_written(tmp_path):
    path = tmp_path / ".mlflow.json"
    state = SyncState("here 1 2", "abc", 120, 3, 1.5, {"record.json": "1-2"}).write(path)
    assert SyncState.read(path, "here 1 2") == state


def test_a_state_of_another_target_or_a_damaged_one_is_ignored(tmp_path):
    path = tmp_path / ".mlflow.json"
    assert SyncState.read(path, "here") == SyncState("here")
    SyncState("there", "abc", 120).write(path)
    assert SyncState.read(path, "here") == SyncState("here")
    path.write_text('{"target": "here", "surplus": 1}')
    assert SyncState.read(path, "here") == SyncState("here")
    path.write_text('{"targ')
    assert SyncState.read(path, "here") == SyncState("here")


def test_a_stamp_changes_when_a_file_is_written_again(tmp_path):
    path = tmp_path / "a"
    path.write_text("x")
    first = file_stamp(path)
    assert file_stamp(path) == first
    os.utime(path, (1, 1))
    assert file_stamp(path) != first

import gc

import pytest

from vimae_bench.cli.options import pause_garbage_collection, write_output
from vimae_bench.core.errors import BenchError


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_is_paused_and_then_as_before(enabled: bool):
    gc.enable() if enabled else gc.disable()
    try:
        with pause_garbage_collection():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        gc.enable()


def test_output_is_written_to_a_file_or_printed(tmp_path, capsys):
    write_output("text\n", None)
    write_output("text\n", tmp_path / "out.md")
    assert capsys.readouterr().out == f"text\n{tmp_path / 'out.md'}\n"
    assert (tmp_path / "out.md").read_text() == "text\n"


def test_output_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="cannot be written"):
        write_output("text", tmp_path / "file" / "out.md")

"""Whatever happens to an archive, its files are read as they were or the damage is reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.archives import Member, forge
from helpers.fuzz_strategies import assert_readable
from vimae_bench.core.errors import ResultsError
from vimae_bench.storage.archive import find_results


@given(data=st.data())
def test_whatever_happens_to_an_archive_its_files_are_read_or_reported(tmp_path, data):
    members = [Member(f"runs/{i}/record.json", data=b'{"value": %d}' % i * 9) for i in range(3)]
    archive = forge(tmp_path / "a.zip", *members)
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    archive.write_bytes(content)
    known = {b"{}", *(member.data for member in members)}
    try:
        root = find_results(archive)
        paths = [path for path in root.rglob("*") if path.is_file()]
    except ResultsError as error:
        assert_readable(str(error), str(archive))
        return
    for path in paths:
        try:
            assert path.read_bytes() in known
        except ResultsError as error:
            assert_readable(str(error), str(archive))


@given(content=st.binary(max_size=200))
def test_any_bytes_are_an_archive_or_reported(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ResultsError) as raised:
        find_results(tmp_path / "a.zip")
    assert_readable(str(raised.value), str(tmp_path / "a.zip"))

"""Benchmark files with something changed in them."""

import pytest


@pytest.fixture
def changed(tmp_path):
    """Writes a text with pairs (old, new) exchanged, each once and none that is not there; gives the file."""

    def written(text, *changes):
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "benchmark.toml"
        path.write_text(text)
        return path

    return written

"""Standard output and error of the commands: what a terminal cannot show, or does not take, never ends a command."""

import errno
import io
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

NOBODY_READS = (errno.EPIPE, errno.EIO)
"""What writing fails with after a pipe's reader has ended, and after a terminal is gone."""


class _TolerantFile(io.FileIO):
    """A file descriptor that leads nowhere once it cannot be written. Raises where that is no reader's choice."""

    def write(self, data: "Buffer", /) -> int | None:
        try:
            return super().write(data)
        except OSError as error:
            with Path(os.devnull).open("wb") as nowhere:  # what is buffered would otherwise fail again at the end
                os.dup2(nowhere.fileno(), self.fileno())
            if error.errno not in NOBODY_READS:
                raise
            return memoryview(data).nbytes


@contextmanager
def keep_output_going() -> Generator[None]:
    """In this block output replaces characters that its encoding lacks, and is discarded once nobody reads it.

    So that `vimae-bench run ... | head` still trains, and keeps all it makes. A stream that was closed from the start
    discards everything. Other errors, such as a full disk, are raised.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_make_tolerant(stream) for stream in before)
    try:
        yield
    finally:
        for stream in _list_open(sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def _make_tolerant(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    errors = "replace" if stream.errors == "strict" else stream.errors
    try:
        stream.flush()
        file = _TolerantFile(stream.fileno(), "w", closefd=False)
    except (OSError, ValueError):  # no file of the operating system: a test's or a notebook's
        stream.reconfigure(errors=errors)
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(file), stream.encoding, errors, line_buffering=file.isatty(), write_through=not file.isatty()
    )


def _list_open(*streams: IO[str] | None) -> Iterator[IO[str]]:
    yield from (stream for stream in streams if stream is not None and not stream.closed)

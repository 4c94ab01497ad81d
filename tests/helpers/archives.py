"""Archives that hold whatever a test wants."""

import stat
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Member:
    """A file of an archive, and what the archive says of it where that is not true."""

    name: str = "runs/a/record.json"
    data: bytes = b"{}"
    method: int = 8
    mode: int = stat.S_IFREG | 0o644
    flags: int = 0
    size: int | None = None
    packed_size: int | None = None
    crc: int | None = None
    offset: int | None = None

    def pack(self) -> bytes:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush() if self.method == 8 else self.data


def forge(path: Path, *members: Member, directory: bytes | None = None) -> Path:
    """Write an archive that holds whatever is asked for."""
    body, listing = b"", b""
    for member in (Member("benchmark.json"), *members):
        name, packed = member.name.encode(), member.pack()
        crc = zlib.crc32(member.data) if member.crc is None else member.crc
        size = len(member.data) if member.size is None else member.size
        packed_size = len(packed) if member.packed_size is None else member.packed_size
        offset = len(body) if member.offset is None else member.offset
        fields = (20, member.flags, member.method, 0, 0, crc, packed_size, size, len(name))
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *fields, 0) + name + packed
        listing += struct.pack("<4s6H3L5H2L", b"PK\1\2", 788, *fields, 0, 0, 0, 0, member.mode << 16, offset) + name
    listing = listing if directory is None else directory
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(listing), len(body), 0)
    path.write_bytes(body + listing + end)
    return path

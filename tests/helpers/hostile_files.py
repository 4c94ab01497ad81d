"""What somebody may have put in the place of a file of a results folder, and where."""

import json
import os
import shutil
import stat
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

RUN = "runs/@"
PLACES = (
    *("benchmark.json", "references", "references/@.json", "runs", RUN, "set-aside"),
    *("report.html", "leaderboard.md", "leaderboard.png", "codes.png"),
    *(f"{RUN}/{name}" for name in ("spec.json", "record.json", "events.jsonl", "weights.safetensors", "log.txt")),
    *(f"{RUN}/{name}" for name in (".lock", ".mlflow.json", ".mlflow.lock", ".pictures.unfinished")),
    *(f"{RUN}/{name}" for name in ("metrics", "metrics/@.json", "checkpoints", "checkpoints-of-seeds")),
    f"{RUN}/checkpoints/epoch-00001.0000000-0123456789abcdef.pt",
    *(f"{RUN}/pictures{name}" for name in ("", "/samples.png", "/reconstructions.png", "/codes.npz", "/left-out.json")),
    *("../mlflow.db", "../mlflow.db-journal", "../mlflow-artifacts", "../.mlflow.lock"),
)
"""Relative to the folder of a benchmark; `@` stands for the first name that there is."""
Change = Callable[[Path, Path], object]
"""Changes what is at a path; the second path is a folder outside the results, to which links may lead."""


def find_place(benchmark: Path, place: str) -> Path | None:
    """The path that a place stands for; None if there is none."""
    path = benchmark
    for part in place.split("/"):
        if not part.startswith("@"):
            path /= part
            continue
        found = sorted(one for one in path.iterdir() if one.name.endswith(part[1:]))
        if not found:
            return None
        path = found[0]
    return path


def make_png(width: int, height: int) -> bytes:
    """A black PNG, whose file is small however many pixels it has."""
    packer = zlib.compressobj(9)
    row = bytes(3 * width + 1)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)


def _link_to_copy(path: Path, outside: Path) -> None:
    """A link to what was there, so that following it succeeds."""
    target = outside / f"moved {path.name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        shutil.move(path, target)
    else:
        target.write_text("{}")
    path.symlink_to(target)


def _link_to_folder(path: Path, outside: Path) -> None:
    _remove(path)
    folder = outside / "folder"
    folder.mkdir()
    for name in ("epoch-00001.0000000-0123456789abcdef.pt", ".left.tmp", "samples.png", "record.json"):
        (folder / name).write_text("private")
    path.symlink_to(folder)


def _make(make: Callable[[Path], object]) -> Change:
    def change(path: Path, outside: Path) -> None:
        _remove(path)
        make(path)

    return change


def _rewrite(rewrite: Callable[[object], str]) -> Change:
    def change(path: Path, outside: Path) -> None:
        try:
            value: object = json.loads(path.read_text())
        except (OSError, ValueError):
            value = {}
        _remove(path)
        path.write_text(rewrite(value))

    return change


def _replace(value: object, new: object, kinds: tuple[type, ...]) -> object:
    if isinstance(value, dict):
        return {key: _replace(inner, new, kinds) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replace(inner, new, kinds) for inner in value]
    return new if isinstance(value, kinds) and not isinstance(value, bool) else value


def _replace_numbers(new: object) -> Change:
    return _rewrite(lambda value: json.dumps(_replace(value, new, (int, float))))


def _make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(20 * 2**30)


def _make_folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("x")


def _make_nested_folders(path: Path) -> None:
    for _ in range(600):
        path = path / "d"
    path.mkdir(parents=True)


LINKS: dict[str, Change] = {
    "a link to what was there": _link_to_copy,
    "a link to nothing": lambda path, outside: (_remove(path), path.symlink_to(outside / "nothing")),
    "a link to a folder": _link_to_folder,
}
NO_FILES: dict[str, Change] = {
    "a pipe": _make(os.mkfifo),
    "a device": _make(lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))),
    "a folder": _make(_make_folder),
    "folders 600 deep": _make(_make_nested_folders),
    "20 GiB of nothing": _make(_make_sparse),
}
WRONG_CONTENTS: dict[str, Change] = {
    "nothing": _make(Path.touch),
    "zeros": _make(lambda path: path.write_bytes(bytes(1000))),
    "a list": _make(lambda path: path.write_text("[1, 2]")),
    "deep nesting": _rewrite(lambda _: '{"a":' * 100_000 + "1" + "}" * 100_000),
    "twenty million values": _make(lambda path: path.write_bytes(b'{"a":[' + b"[]," * 20_000_000 + b"1]}")),
    "a text of 60 MB": _make(lambda path: path.write_bytes(b'{"event":"' + b"a" * 60_000_000 + b'"}')),
    "NaN": _replace_numbers(float("nan")),
    "huge numbers": _replace_numbers(10**400),
    "negative numbers": _replace_numbers(-5),
    "half of a character": _rewrite(lambda value: json.dumps(_replace(value, "\ud800", (str,)))),
    "a picture of 144 million pixels": _make(lambda path: path.write_bytes(make_png(12_000, 12_000))),
}
HOSTILE = LINKS | NO_FILES | WRONG_CONTENTS


def describe_folder(folder: Path) -> dict[str, object]:
    """What is in a folder, with times and contents."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mtime_ns,
            path.lstat().st_size,
            path.read_bytes() if path.is_file() and path.stat().st_size < 10**6 else None,
        )
        for path in sorted(folder.rglob("*"))
    }

"""Run by its path: `python benchmarks/decisions`, without a package on `sys.path`."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.decisions.command import main  # noqa: E402

main()

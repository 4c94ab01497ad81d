"""Run by its path: `python benchmarks/scale`, without a package on `sys.path`."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.scale.command import main  # noqa: E402

main()

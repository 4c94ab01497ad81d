"""Run by its path: `python docs/screenshots`, without a package on `sys.path`."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from docs.screenshots.make import main  # noqa: E402

main(sys.argv[1:])

"""Lets the folder be run by its path, which gives it no package of its own."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from docs.pages.made import main  # noqa: E402

main()

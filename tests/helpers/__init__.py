"""What several test modules share: `from helpers.benchmarks import make_benchmark`.

pytest puts `tests` on `sys.path`; a process that a test starts needs `PYTHONPATH=TESTS_FOLDER`.
"""

from pathlib import Path

TESTS_FOLDER = str(Path(__file__).parents[1])

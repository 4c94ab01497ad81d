"""What executors and reporters are made of: jobs, events, exit codes, run folders, signals."""

from ..core.spec import Cell, Choice, Run, Training
from ..storage.run_folder import RunFolder
from .interfaces import Executor, Reporter
from .jobs import Event, Job

__all__ = [
    "Cell",
    "Choice",
    "Event",
    "Executor",
    "Job",
    "Reporter",
    "Run",
    "RunFolder",
    "Training",
]

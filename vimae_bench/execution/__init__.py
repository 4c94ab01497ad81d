"""What executors and reporters are made of: jobs, events, exit codes, run folders, signals."""

from ..core.spec import MatrixEntry, PluginSpec, Run, Training
from ..storage.run_folder import RunFolder, read_events
from .interfaces import Executor, Reporter
from .jobs import Event, Job

__all__ = [
    "Event",
    "Executor",
    "Job",
    "MatrixEntry",
    "PluginSpec",
    "Reporter",
    "Run",
    "RunFolder",
    "Training",
    "read_events",
]

"""What executors and reporters are made of: jobs, events, exit codes, run folders, signals."""

from ..core.spec import MatrixEntry, PluginSpec, Run, Training
from ..storage.atomic import atomic_write, is_disk_full
from ..storage.plain_files import list_plain_folder, make_folder_of, open_for_appending, read_plain_file
from ..storage.run_folder import RunFolder, baseline_path, read_events
from . import signals
from .allocator import MALLOC_VARIABLES, is_glibc, keep_freed_memory
from .events import Event, ExitCode, JobEnded, JobRequeued, JobStarted, Note, Tick, describe_exit_code
from .interfaces import Executor, PreparedExecutor, PublishesResults, Reporter
from .jobs import Job, NumericsOptions
from .worker import perform_job, redirect_output

__all__ = [
    "MALLOC_VARIABLES",
    "Event",
    "Executor",
    "ExitCode",
    "Job",
    "JobEnded",
    "JobRequeued",
    "JobStarted",
    "MatrixEntry",
    "Note",
    "NumericsOptions",
    "PluginSpec",
    "PreparedExecutor",
    "PublishesResults",
    "Reporter",
    "Run",
    "RunFolder",
    "Tick",
    "Training",
    "atomic_write",
    "baseline_path",
    "describe_exit_code",
    "is_disk_full",
    "is_glibc",
    "keep_freed_memory",
    "list_plain_folder",
    "make_folder_of",
    "open_for_appending",
    "perform_job",
    "read_events",
    "read_plain_file",
    "redirect_output",
    "signals",
]

"""What executors report while they work, and how jobs end."""

from dataclasses import dataclass
from enum import IntEnum
from signal import Signals

from .jobs import Job


class ExitCode(IntEnum):
    """How a job ended, where its worker could say so; a negative number stands for the signal that killed it."""

    DONE = 0
    """The run is trained and measured, or has diverged."""
    FAILED = 1
    """What went wrong is in the run's record and log."""
    NO_SPACE = 74
    """Nothing more can be written to the disk (EX_IOERR)."""
    INTERRUPTED = 75
    """It was asked to end and can be resumed, or another process is doing the run (EX_TEMPFAIL)."""


def describe_exit_code(code: int) -> str:
    """How a process ended, as said after its name, such as `was stopped by SIGKILL`."""
    if code >= 0:
        return "was interrupted" if code == ExitCode.INTERRUPTED else f"ended with exit code {code}"
    name = next((number.name for number in Signals if number == -code), f"signal {-code}")
    return f"was stopped by {name}{' (was the machine out of memory?)' * (name == 'SIGKILL')}"


@dataclass(frozen=True)
class JobStarted:
    """A worker has begun a job. The job says on which device."""

    job: Job


@dataclass(frozen=True)
class JobEnded:
    """A job is over: with an `ExitCode`, another code of its process, or a negative number for a signal.

    `reason` says why the executor itself ended it; it is empty for a job that came to its own end. Reporters also see
    the end of jobs that other processes have done, which they did not see start.
    """

    job: Job
    exit_code: int
    reason: str = ""


@dataclass(frozen=True)
class JobRequeued:
    """A job that was interrupted, or that another process is doing: it will be taken up again unless that one does it.

    Executors report these as ended, with `ExitCode.INTERRUPTED`; reporters see this event instead.
    """

    job: Job


@dataclass(frozen=True)
class Tick:
    """Time has passed, and files may have grown."""


@dataclass(frozen=True)
class Note:
    """A line for the user, such as how many jobs run at a time and why."""

    text: str


Event = JobStarted | JobEnded | JobRequeued | Tick | Note
"""What an executor reports and reporters pass on; a `match` statement tells them apart."""

"""Jobs, which executors pass to workers, and how their numbers are computed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..core.spec import MatrixEntry

Compile = Literal["auto", "always", "never"]


@dataclass(frozen=True)
class NumericsOptions:
    """How a run is computed, which is not part of its identity: the result is the same up to rounding.

    `exact` keeps to float32 where a GPU would multiply in TensorFloat-32. Steps are compiled where that
    pays (`auto`), `always` or `never`. `batch_seeds` trains the seeds of a method as one batched model, with other
    noise than each alone.
    """

    exact: bool = False
    compile: Compile = "auto"
    batch_seeds: bool = False


@dataclass(frozen=True)
class Job:
    """What a worker does: which run, where its folder and the data are, on which device, with which options.

    `batched_with` are jobs that differ from this one in the seed alone, to be trained with it as one batched model.
    `max_concurrent` is the most runs that the device may have at a time, this one included: seconds of runs compare
    only where it is 1.
    """

    benchmark: str
    entry: MatrixEntry
    folder: Path
    data: Path
    device: str = "cpu"
    max_concurrent: int = 1
    numerics: NumericsOptions = NumericsOptions()
    batched_with: tuple["Job", ...] = ()

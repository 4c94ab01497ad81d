"""The driver: as many runs under way as the cluster has room for, and what lost its node begun again elsewhere."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from filelock import FileLock, Timeout

from vimae_bench.execution import Event, Job
from vimae_bench.execution.jobs import LEFT
from vimae_bench.storage.run_folder import RunFolder

from .cluster import Need
from .file_transfer import pack, unpack
from .remote_worker import Desk, carry

TICK = 0.2
"""Seconds."""
ROOM = 5.0
"""Seconds between two looks at what the cluster has room for: nodes come and go."""
GRACE = 20.0
"""Seconds for runs to write a checkpoint when they are asked to end."""
LOSSES = 3
"""How often a run is begun again that has lost its node."""


@dataclass
class Task:
    """A run on the cluster. Its `deadline` is set when it begins; its lock is held here where nodes do not see it."""

    job: Job
    lock: ExitStack
    losses: int = 0
    deadline: float = 0.0
    late: bool = False


@dataclass
class Driver:
    """The tasks under way by Ray's references to them, and the jobs that wait for room."""

    work: Callable[[Job], int]
    need: Need
    jobs: int
    timeout: float
    shared: bool
    """Whether the nodes see the results folder."""
    waiting: deque[tuple[Job, int]] = field(default_factory=deque[tuple[Job, int]])
    busy: dict[Any, Task] = field(default_factory=dict[Any, Task])
    room: int = 0
    looked: float = float("-inf")
    desk: Any = None

    def told(self) -> str:
        """What the user should know of the cluster."""
        runs = min(self.need.room(), self.jobs or self.need.room())
        where = "writing into the results folder" if self.shared else "their files brought here, as nodes do not see it"
        return f"up to {runs} runs side by side on the Ray cluster, {where}"

    def carry_out(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Keep the cluster busy; gives starts, ends, notes, and ticks while nothing happens."""
        import ray

        self.desk = ray.remote(num_cpus=0)(Desk).options(scheduling_strategy=_here()).remote()
        self.waiting.extend((job, 0) for job in jobs)
        while self.waiting or self.busy:
            yield from self.submit()
            ended, _ = ray.wait([*self.busy], num_returns=1, timeout=TICK) if self.busy else ([], [])
            yield from self.news()
            for reference in ended:
                yield self.ended(reference)
            self.end_late()
            if not ended:
                yield Event("tick")

    def submit(self) -> Iterator[Event]:
        """Fill what room there is."""
        if time.monotonic() - self.looked > ROOM:
            self.room, self.looked = self.need.room(), time.monotonic()
        while self.waiting and len(self.busy) < min(self.room, self.jobs or self.room):
            job, losses = self.waiting.popleft()
            here = replace(job, device="cuda" if self.need.gpu else "cpu", max_concurrent=self.need.sharing())
            lock = ExitStack()
            if not self._held(job, lock):
                yield Event("ended", here, LEFT)
                continue
            self.busy[self._remote(here)] = Task(here, lock, losses)

    def _held(self, job: Job, lock: ExitStack) -> bool:
        """Whether the job's runs are this process's; where nodes see their folders they find out for themselves."""
        try:
            for one in () if self.shared else (job, *job.batched_with):
                one.folder.mkdir(parents=True, exist_ok=True)
                lock.enter_context(FileLock(RunFolder(one.folder).lock, timeout=0))
        except Timeout:
            lock.close()
            return False
        return True

    def _remote(self, job: Job) -> Any:  # noqa: ANN401
        import ray

        settings = {"num_cpus": self.need.cpus, "max_retries": 0, "scheduling_strategy": "SPREAD"}
        task = ray.remote(**settings, num_gpus=self.need.gpu)(carry)
        return task.remote(self.work, job, None if self.shared else pack(job), self.desk)

    def news(self) -> Iterator[Event]:
        """Take in what the runs have told: that they have begun, and what they have written."""
        import ray

        tasks = {task.job.folder.name: task for task in self.busy.values()}
        for name, told in ray.get(self.desk.collect.remote()).items():
            if name not in tasks:  # it ended meanwhile, and all it wrote is there
                continue
            task = tasks[name]
            if not task.deadline:
                task.deadline = time.monotonic() + (self.timeout or float("inf"))
                yield Event("started", task.job)
            for one in told:
                one.write(RunFolder(task.job.folder))

    def ended(self, reference: Any) -> Event:  # noqa: ANN401
        """Take in the end of a task, and let go of its run."""
        import ray

        task = self.busy.pop(reference)
        with task.lock:
            try:
                code, files = ray.get(reference)
            except ray.exceptions.NodeDiedError:
                return self._lost(task)
            except ray.exceptions.RayError as error:
                why = f"stopped after {self.timeout:g} s, its time" if task.late else _told(error)
                return Event("ended", task.job, -9, why)
            if files is not None:
                unpack(task.job, files)
        return Event("ended", task.job, code)

    def _lost(self, task: Task) -> Event:
        name = f"{task.job.entry.label} s{task.job.entry.run.seed}"
        if task.losses == LOSSES:
            return Event("ended", task.job, -9, f"its node was lost, for the {LOSSES + 1}th time")
        self.waiting.appendleft((task.job, task.losses + 1))
        self.looked = float("-inf")
        return Event("note", reason=f"{name} has lost its node, and is begun again from its newest checkpoint")

    def end_late(self) -> None:
        """End what is past its time; its end is seen like any other."""
        import ray

        for reference, task in self.busy.items():
            if task.deadline and time.monotonic() > task.deadline and not task.late:
                task.late = True
                ray.cancel(reference, force=True)

    def dismiss(self) -> None:
        """Let the runs under way write their checkpoints, bring these here, and end what does not end."""
        import ray

        if not self.busy:
            return
        try:
            with suppress(ray.exceptions.RayError):  # it was lost, and with it all that would hear of it
                ray.get(self.desk.close.remote())
            deadline = time.monotonic() + GRACE
            while self.busy and time.monotonic() < deadline:
                ended, _ = ray.wait([*self.busy], num_returns=1, timeout=TICK)
                for reference in ended:
                    self.ended(reference)
        finally:
            for reference, task in self.busy.items():
                ray.cancel(reference, force=True)
                task.lock.close()


def _here() -> Any:  # noqa: ANN401
    """On the driver's node, with which it lives and dies."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _told(error: BaseException) -> str:
    """What Ray says of a death, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"

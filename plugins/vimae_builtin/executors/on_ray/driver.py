"""The driver: runs as many jobs at a time as the cluster has room for, and restarts those that lose their node."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from filelock import Timeout

from vimae_bench.execution import Event, ExitCode, Job, JobEnded, JobStarted, Note, RunFolder, Tick

from .cluster import RunResources
from .file_transfer import pack_files, unpack_files
from .remote_worker import run_remotely

TICK_SECONDS = 0.2
ROOM_SECONDS = 5.0
"""Between two looks at what the cluster has room for: nodes come and go."""
GRACE_SECONDS = 20.0
"""For runs to write a checkpoint when they are asked to end."""
MAX_LOSSES = 3
"""How often a run that has lost its node is restarted."""
KILLED = -9


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
    """The tasks in progress by Ray's references to them, and the jobs that wait for room, with their losses."""

    work: Callable[[Job], int]
    resources: RunResources
    jobs: int
    timeout: float
    shared: bool
    """Whether the nodes see the results folder."""
    queue: deque[tuple[Job, int]] = field(default_factory=deque[tuple[Job, int]])
    tasks: dict[Any, Task] = field(default_factory=dict[Any, Task])
    room: int = 0
    room_checked: float = float("-inf")
    updates: Any = None
    """Ray's own queue, in which runs say that they have begun and what they have written."""

    def describe(self) -> str:
        """What the user should know of the cluster."""
        runs = min(self.resources.count_slots(), self.jobs or self.resources.count_slots())
        where = "writing into the results folder" if self.shared else "their files brought here, as nodes do not see it"
        return f"up to {runs} runs at a time on the Ray cluster, {where}"

    def run_jobs(self, jobs: Sequence[Job]) -> Iterator[Event]:
        """Keep the cluster busy; gives starts, ends, notes, and ticks while nothing happens."""
        import ray
        from ray.util.queue import Queue

        self.updates = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": _pin_to_this_node()})
        self.queue.extend((job, 0) for job in jobs)
        while self.queue or self.tasks:
            yield from self._submit_jobs()
            ended, _ = ray.wait([*self.tasks], num_returns=1, timeout=TICK_SECONDS) if self.tasks else ([], [])
            yield from self._receive_updates()
            for reference in ended:
                yield self._end_task(reference)
            self._cancel_late_tasks()
            if not ended:
                yield Tick()

    def _submit_jobs(self) -> Iterator[Event]:
        """Fill what room there is."""
        if time.monotonic() - self.room_checked > ROOM_SECONDS:
            self.room, self.room_checked = self.resources.count_slots(), time.monotonic()
        while self.queue and len(self.tasks) < min(self.room, self.jobs or self.room):
            job, losses = self.queue.popleft()
            device = "cuda" if self.resources.gpu else "cpu"
            here = replace(job, device=device, max_concurrent=self.resources.count_runs_per_device())
            lock = ExitStack()
            if not self._claim(job, lock):
                yield JobEnded(here, ExitCode.INTERRUPTED)
                continue
            self.tasks[self._submit(here)] = Task(here, lock, losses)

    def _claim(self, job: Job, lock: ExitStack) -> bool:
        """Whether the job's runs are this process's; where nodes see their folders, the workers claim them."""
        try:
            for one in () if self.shared else (job, *job.batched_with):
                lock.enter_context(RunFolder(one.folder).claim())
        except Timeout:
            lock.close()
            return False
        return True

    def _submit(self, job: Job) -> Any:  # noqa: ANN401
        import ray

        options: dict[str, Any] = {"num_cpus": self.resources.cpus, "max_retries": 0, "scheduling_strategy": "SPREAD"}
        task = ray.remote(**options, num_gpus=self.resources.gpu)(run_remotely)
        return task.remote(self.work, job, None if self.shared else pack_files(job), self.updates)

    def _receive_updates(self) -> Iterator[Event]:
        """Take in what the runs have sent: that they have begun, and what they have written."""
        count = self.updates.qsize()
        tasks = {task.job.folder.name: task for task in self.tasks.values()}
        for name, update in self.updates.get_nowait_batch(count) if count else ():
            if name not in tasks:  # it has ended meanwhile, and all that it wrote is there
                continue
            task = tasks[name]
            if not task.deadline:
                task.deadline = time.monotonic() + (self.timeout or float("inf"))
                yield JobStarted(task.job)
            if update:
                update.apply(RunFolder(task.job.folder))

    def _end_task(self, reference: Any) -> Event:  # noqa: ANN401
        """Take in the end of a task, and release its run."""
        import ray

        task = self.tasks.pop(reference)
        with task.lock:
            try:
                code, files = ray.get(reference)
            except ray.exceptions.NodeDiedError:
                return self._requeue_lost(task)
            except ray.exceptions.RayError as error:
                why = f"stopped after {self.timeout:g} s, its time" if task.late else _describe_error(error)
                return JobEnded(task.job, KILLED, why)
            if files is not None:
                unpack_files(task.job, files)
        return JobEnded(task.job, code)

    def _requeue_lost(self, task: Task) -> Event:
        name = f"{task.job.entry.label} s{task.job.entry.run.seed}"
        if task.losses == MAX_LOSSES:
            return JobEnded(task.job, KILLED, f"its node was lost, for the {MAX_LOSSES + 1}th time")
        self.queue.appendleft((task.job, task.losses + 1))
        self.room_checked = float("-inf")
        return Note(f"{name} has lost its node, and is restarted from its newest checkpoint")

    def _cancel_late_tasks(self) -> None:
        """End what is past its time; its end is seen like any other."""
        import ray

        for reference, task in self.tasks.items():
            if task.deadline and time.monotonic() > task.deadline and not task.late:
                task.late = True
                ray.cancel(reference, force=True)

    def shut_down(self) -> None:
        """Let the runs in progress write their checkpoints, bring these here, and end what does not end."""
        import ray

        if not self.tasks:
            return
        try:
            for reference in self.tasks:
                ray.cancel(reference, force=False)  # interrupts the run; what its task then gives is a result like any
            deadline = time.monotonic() + GRACE_SECONDS
            while self.tasks and time.monotonic() < deadline:
                ended, _ = ray.wait([*self.tasks], num_returns=1, timeout=TICK_SECONDS)
                for reference in ended:
                    self._end_task(reference)
        finally:
            for reference, task in self.tasks.items():
                ray.cancel(reference, force=True)
                task.lock.close()


def _pin_to_this_node() -> Any:  # noqa: ANN401
    """So that the queue lives as long as the driver."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def _describe_error(error: BaseException) -> str:
    """What Ray says of a death, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"

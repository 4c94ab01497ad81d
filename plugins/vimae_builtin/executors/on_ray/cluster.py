"""The cluster: connecting to it, what it has room for, and whether its nodes fit this process."""

import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

from vimae_bench.execution import MALLOC_VARIABLES, signals
from vimae_bench.plugin import BenchError

FORWARDED_VARIABLES = ("VIMAE_BENCH_DATA", "VIMAE_BENCH_CACHE", "VIMAE_BENCH_INCEPTION")
"""What the environment here says of files is said on the nodes too; nothing else of it goes there."""
ANSWER_SECONDS = 120.0
"""Seconds for the nodes to answer a first question, for which each starts a process."""


def connect(address: str) -> None:
    """Connect this process to a cluster; does nothing if it is. Raises BenchError where that cannot be."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise BenchError("the executor 'ray' needs Ray: python -m pip install ray") from error
    if ray.is_initialized():
        return
    _silence_worker_deaths()
    address = address or os.environ.get("RAY_ADDRESS", "")
    names = (*MALLOC_VARIABLES, *FORWARDED_VARIABLES)
    variables = MALLOC_VARIABLES | {name: os.environ[name] for name in names if name in os.environ}
    # Without "local" Ray would join whatever cluster was last started on this machine, even one that is about to end.
    settings: dict[str, Any] = {"address": address} if address else {"address": "local", "include_dashboard": False}
    with _keep_signal_handlers():
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", runtime_env={"env_vars": variables}, **settings)
        except Exception as error:  # of no kind of its own where a node takes too long to start
            where = f"the cluster at {address}" if address else "a Ray of its own"
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise BenchError(f"{where} cannot be reached: {reason}") from error


def _silence_worker_deaths() -> None:
    """Ray prints the death of every worker to the standard output, where the leaderboard goes; each has its event."""
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        setattr(worker, "print_to_stdstream", lambda *_, **__: None)  # noqa: B010  # it has no such setting


def disconnect() -> None:
    """Leave the cluster; one that was started here ends."""
    import ray

    with _keep_signal_handlers():
        ray.shutdown()


@contextlib.contextmanager
def _keep_signal_handlers() -> Generator[None]:
    """Ray replaces our handler of SIGTERM."""
    before = {number: signal.getsignal(number) for number in signals.STOP_SIGNALS}
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # signals belong to the main thread
            for number, handler in before.items():
                signal.signal(number, handler)


def has_gpus() -> bool:
    """Whether some node has a GPU."""
    import ray

    return ray.cluster_resources().get("GPU", 0) > 0


@dataclass(frozen=True)
class RunResources:
    """What one run needs: CPUs, one for each of its threads, and a share of a GPU."""

    cpus: int
    gpu: float

    def count_slots(self) -> int:
        """How many such runs the cluster has room for at a time."""
        return sum(map(self._count_fitting, _list_alive_nodes()))

    def count_runs_per_device(self) -> int:
        """How many such runs a device may have at a time: a GPU, or the largest node's CPUs."""
        return round(1 / self.gpu) if self.gpu else max(map(self._count_fitting, _list_alive_nodes()), default=1)

    def describe_shortage(self) -> str:
        """Say that there is no room for any run, and what there is."""
        gpu = f" and {self.gpu:g} of a GPU" if self.gpu else ""
        nodes = [f"{r.get('CPU', 0):g} CPUs, {r.get('GPU', 0):g} GPUs" for r in _list_alive_nodes()]
        return f"a run needs {self.cpus} CPUs{gpu} of one node, and there is only: {'; '.join(nodes)}"

    def _count_fitting(self, node: dict[str, float]) -> int:
        counts = [int(node.get("CPU", 0) // self.cpus)]
        if self.gpu:
            counts.append(int(node.get("GPU", 0) * round(1 / self.gpu)))
        return min(counts)


def _list_alive_nodes() -> list[dict[str, float]]:
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def check_node_versions() -> None:
    """Raises BenchError where a node has other plugins than this process, or other versions: results would differ."""
    here, problems = list_versions(), list[str]()
    for node, there in _ask_each_node(list_versions):
        differing = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        problems += [
            f"{node}: {name} is {there.get(name, 'not there')}, here it is {here.get(name, 'not there')}"
            for name in differing
        ]
    if problems:
        raise BenchError("\n".join([*problems, "install the same versions on all nodes"]))


def list_versions() -> dict[str, str]:
    """The versions of what decides a result here: Python, torch, the harness, every distribution with plugins."""
    plugins = {e.dist.name: e.dist.version for e in entry_points(group="vimae_bench") if e.dist}
    return {"python": ".".join(map(str, sys.version_info[:2])), "torch": version("torch").partition("+")[0], **plugins}


def is_visible_on_all_nodes(folder: Path) -> bool:
    """Whether every node sees this folder: they are shown a file in it."""
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / f".{secrets.token_hex(8)}.tmp"
    token.touch()
    try:
        return all(seen for _, seen in _ask_each_node(lambda: token.exists()))
    finally:
        token.unlink()


def _ask_each_node(ask: Callable[[], Any]) -> list[tuple[str, Any]]:
    """The answer of every node that has room for runs, by its name. What is asked goes there with its code."""
    import ray
    from ray import cloudpickle
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        task = ray.remote(num_cpus=0, max_retries=0)(ask)
        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0)]
        asked = [
            task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
            for node in nodes
        ]
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    answers: list[tuple[str, Any]] = []
    for node, reference in zip(nodes, asked, strict=True):
        try:
            answers.append((node["NodeManagerHostname"], ray.get(reference, timeout=ANSWER_SECONDS)))
        except (ray.exceptions.TaskUnschedulableError, ray.exceptions.NodeDiedError):
            continue  # it has just gone
        except (ray.exceptions.RayError, TimeoutError) as error:
            raise BenchError(f"a node of the cluster does not answer: {str(error).splitlines()[-1]}") from error
    return answers

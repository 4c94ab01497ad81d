"""The speed benchmark: all contestants do the same work, turns are fair, and results are complete."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
import torch
from click.testing import CliRunner
from torch.optim.optimizer import register_optimizer_step_post_hook

from benchmarks.speed import command, contestants, worker
from benchmarks.speed.contestants import (
    BEST,
    COMPILED,
    KEEPING_MEMORY,
    OURS,
    PEAK,
    PYTHAE,
    Closed,
    train_contestant,
)
from benchmarks.speed.loops import BestByHand, Eager, Optimised
from benchmarks.speed.losses import add_noise, fast_kernel, make_loss, plain_kernel
from benchmarks.speed.matrix import Matrix
from benchmarks.speed.measure import Measured, Need
from benchmarks.speed.side_by_side import SideBySide
from benchmarks.speed.turns import (
    Turn,
    compute_cpu_ratio,
    compute_speedup,
    compute_spread,
    estimate_compile_time,
    get_wall_times,
    take_turns,
)
from benchmarks.speed.worker import Memory, Slice, run_slices, start_workers
from benchmarks.speed.workloads import BATCH, METHODS, MLP_NET, Workload, conv
from vimae_bench.plugin import Batch
from vimae_bench.storage.atomic import read_json_lines
from vimae_builtin.architectures.mlp import MLP

pytestmark = pytest.mark.medium

TINY = replace(MLP_NET, name="tiny", architecture=MLP((8,)), shape=(1, 4, 4), latent=3)


def tiny(method: str = "vae") -> Workload:
    return Workload(TINY, METHODS[method], steps=2)


def ours(workload: Workload, x: torch.Tensor) -> torch.Tensor:
    model = workload.model().train()
    return workload.objective()(model, Batch(x, torch.zeros(()), len(x))).total


def by_hand(workload: Workload, kernel, x: torch.Tensor) -> torch.Tensor:
    model = workload.model().train()
    return make_loss(workload.method, model.encoder, model.decoder, kernel)(
        add_noise(x, workload.method.input_noise), x
    )


def pythaes(workload: Workload, x: torch.Tensor) -> torch.Tensor:
    trainer = pytest.importorskip("benchmarks.speed.pythae_trainer", exc_type=ImportError)
    model = trainer.model_of(workload).train()
    if workload.method.prior == "normal":
        return model({"data": x}).loss
    with mock.patch("torch.randn_like", torch.zeros_like):  # its draws of a normal prior, which are replaced
        return model({"data": x}).loss


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("other", [plain_kernel, fast_kernel, pythaes])
def test_all_contestants_minimise_the_same_loss(method: str, other):
    workload = tiny(method)
    x = workload.pixels()[:50]
    torch.manual_seed(1)
    expected = ours(workload, x)
    torch.manual_seed(1)
    found = pythaes(workload, x) if other is pythaes else by_hand(workload, other, x)
    torch.testing.assert_close(found, expected, rtol=2e-6, atol=0)


def test_no_two_methods_have_the_same_loss():
    x = tiny().pixels()[:50]
    losses = []
    for name in METHODS:
        torch.manual_seed(1)
        losses.append(ours(tiny(name), x).item())
    assert len(set(losses)) == len(METHODS)


@pytest.mark.parametrize("loop", [Eager, Optimised])
def test_hand_written_loop_makes_the_steps_of_a_slice(loop):
    contestant = loop(tiny("imq"))
    contestant.slice()
    (group,) = contestant.optimiser.param_groups
    assert {float(contestant.optimiser.state[p]["step"]) for p in group["params"]} == {2.0}
    assert (group["lr"], group["betas"]) == (1e-3, (0.5, 0.999))


@pytest.mark.parametrize("method", ["vae", "vimae-l"])
def test_the_best_loop_trains_as_the_optimised_one_does(method, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    ends = []
    for loop in (Optimised, BestByHand):
        contestant = loop(tiny(method))
        torch.manual_seed(0)
        contestant.slice()
        ends.append(torch.cat([value.flatten() for value in contestant.model.state_dict().values()]))
    torch.testing.assert_close(*ends, rtol=1e-4, atol=1e-5)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch):
    """A run too short for compiling."""
    monkeypatch.setattr("benchmarks.speed.ours.STEPS", 1000)


class CountedPause:
    """Ends a contestant after so many slices."""

    def __init__(self, slices: int, see: Callable[[], object] = lambda: None):
        self.left, self.see = slices, see

    def __call__(self) -> None:
        self.see()
        self.left -= 1
        if not self.left:
            raise Closed


def test_slice_of_ours_is_an_epoch_recorded_in_its_folder(short: None, tmp_path: Path):
    with pytest.raises(Closed):
        train_contestant(OURS, tiny(), tmp_path, CountedPause(3))
    epochs = [line["epoch"] for line, _ in read_json_lines(tmp_path / "events.jsonl") if line["event"] == "epoch"]
    assert epochs == [1, 2, 3]


def test_slice_of_pythaes_trainer_is_an_epoch(tmp_path: Path):
    pytest.importorskip("benchmarks.speed.pythae_trainer", exc_type=ImportError)
    steps, counts = [], []
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    with pytest.raises(Closed):
        train_contestant(PYTHAE, tiny(), tmp_path, CountedPause(2, lambda: counts.append(len(steps))))
    hook.remove()
    assert counts == [2, 4]


def test_trainer_that_ends_does_not_count_as_fast(short: None, tmp_path: Path):
    with pytest.raises(RuntimeError, match="ended before"):
        train_contestant(OURS, replace(tiny(), steps=500), tmp_path, CountedPause(-1))


def test_each_contestant_has_one_turn_per_round_and_warm_up_is_discarded():
    done = []
    turns = take_turns({name: lambda name=name: done.append(name) or 0.5 for name in "ab"}, rounds=3)
    assert sorted(done) == ["a"] * 5 + ["b"] * 5
    assert all(sorted(done[i : i + 2]) == ["a", "b"] for i in range(0, 10, 2))
    assert len(get_wall_times(turns, "a")) == 3
    assert {turn.cpu for turn in turns} == {0.5}


def rounds(**seconds: list[float]) -> list[Turn]:
    """Turns by name; the first of each is a warm-up."""
    return [Turn(name, i - 1, wall, wall) for name, found in seconds.items() for i, wall in enumerate(found)]


def test_ratios_are_taken_within_a_round_so_that_common_noise_cancels():
    turns = rounds(slow=[1.0, 2.0, 200.0, 4.0, 2.0], fast=[9.0, 1.0, 100.0, 2.0, 1.0])
    assert compute_speedup(turns, "fast", "slow") == 2.0
    turns = rounds(a=[1.0, 1.0, 4.0, 10.0], b=[1.0, 9.0, 1.0, 4.0])  # medians are 4 and 4, ratios 9, 0.25 and 0.4
    assert compute_speedup(turns, "a", "b") == 0.4


def test_ratios_of_processor_time_are_taken_within_a_round_too():
    seconds = {"a": [1, 4, 10], "b": [9, 1, 4]}
    turns = [Turn(name, i, 1.0, cpu) for name, found in seconds.items() for i, cpu in enumerate(found)]
    assert compute_cpu_ratio(turns, "a", "b") == 0.4


def test_spread_is_the_interquartile_range_over_the_median():
    assert compute_spread([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(2 / 3)
    assert compute_spread([7.0]) == 0.0


def test_compile_time_is_the_extra_time_of_the_first_slice():
    assert estimate_compile_time(rounds(a=[10.0, 1.0, 2.0, 3.0]), "a") == 8.0
    assert estimate_compile_time(rounds(a=[1.0, 1.0, 2.0, 3.0]), "a") == 0.0


def test_operations_are_six_for_each_multiply_add_of_the_forward_pass():
    layers = [(784, 256), (256, 256), (256, 256), (256, 2), (2, 256), (256, 256), (256, 256), (256, 784)]
    multiply_adds = sum(a * b for a, b in layers)
    assert Workload(MLP_NET, METHODS["imq"], 1).flops() == 6 * multiply_adds
    assert Workload(MLP_NET, METHODS["vae"], 1).flops() == 6 * (multiply_adds + 256 * 2)  # a second head


def test_conv_networks_are_those_of_the_paper():
    assert (conv(28, 64).shape, conv(28, 64).latent) == ((1, 28, 28), 8)
    assert (conv(32, 64).shape, conv(32, 64).latent) == ((3, 32, 32), 64)


def measured(turns: list[Turn], **others) -> Measured:
    given = {"workload": "w", "device": "cpu", "threads": 1, "keeps_memory": False}
    given |= {"samples": 1000, "flops": 1e6, "peak_flops": 1e10}
    return Measured(**{**given, "turns": turns, "needs": {}, "missing": {}, **others})


def test_row_contains_rate_processor_time_and_share_of_the_peak():
    turns = [Turn(OURS, 0, 0.5, 0.8), Turn(PYTHAE, 0, 1.0, 1.0), Turn(PEAK, 0, 0.2, 0.2)]
    row = measured(turns).row(OURS)
    assert row.samples_per_second == 2000.0
    assert row.times[PYTHAE] == 2.0
    assert row.cpu_times == pytest.approx(1.0 / 0.8)
    assert row.cpu_ms_per_step == pytest.approx(800 * BATCH / 1000)
    assert row.mfu == pytest.approx(1e6 * 2000 / (1e10 / 0.2))
    assert row.peak_bytes is None


def test_without_pythae_ratios_are_relative_to_the_eager_loop():
    turns = [Turn(OURS, 0, 0.5, 0.5), Turn("eager loop", 0, 1.0, 1.0)]
    assert measured(turns).base == "eager loop"
    assert measured([*turns, Turn(PYTHAE, 0, 1.0, 1.0)]).base == PYTHAE


def test_runs_per_hour_count_simultaneous_runs():
    turns = [Turn(OURS, 0, 2.0, 0.0), Turn(PYTHAE, 0, 3.0, 0.0)]
    found = SideBySide("w", jobs=4, threads=4, samples=4_000_000, turns=turns, missing="")
    assert found.runs_per_hour(OURS) == 4 * 1800
    assert found.runs_per_hour(PYTHAE) == 1200
    assert found.ratio() == 6.0
    assert replace(found, turns=turns[:1], missing="not installed").ratio() is None


def test_matrix_cost_is_slot_time_over_steps_and_metrics():
    matrix = Matrix(jobs=2, epochs=1, wall=11.0, steps=15.0, metrics=5.0, alone=22.0, alone_runs=2, start=1.0)
    assert (matrix.cost, matrix.gain) == (1.1, 2.0)


class WorkerHere:
    """A worker in this process, without a contestant."""

    def __init__(self, name: str, workload: Workload, threads: int, *, keeps_memory: bool):
        self.keeps_memory = keeps_memory

    def start(self) -> None: ...

    def wait(self) -> Slice:
        return Slice(0.25, 4, Memory(2**20, 0))

    def close(self) -> None: ...


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch):
    """The command with a tiny network, without processes."""
    monkeypatch.setattr(command, "MLP_NET", TINY)
    monkeypatch.setattr(worker, "Worker", WorkerHere)
    monkeypatch.setattr(contestants, "find_spec", lambda name: None)


def test_missing_pythae_is_reported_and_the_rest_is_measured(small: None, tmp_path: Path):
    out = tmp_path / "speed.json"
    words = ["--quick", "--only", "mlp", "--rounds", "2", "--threads", "1", "--out", str(out)]
    done = CliRunner().invoke(command.main, words, catch_exceptions=False)
    assert 'not installed: pip install -e ".[speed]"' in done.output
    kept = json.loads(out.read_text())
    assert set(kept) == {"schema", "command", "plan", "machine", "workloads", "side_by_side", "matrix"}
    assert set(kept["machine"]) == {"date", "cpu", "cores", "memory_bytes", "gpu", "python", "versions", "load"}
    assert torch.__version__.startswith(kept["machine"]["versions"]["torch"])
    assert [one["workload"] for one in kept["workloads"]] == [
        "VAE, tiny",
        "WAE-MMD, IMQ kernel (7 scales), tiny",
    ]
    for one in kept["workloads"]:
        names = {OURS, "eager loop", "optimised loop", COMPILED, BEST}
        assert {(turn["name"], turn["round"]) for turn in one["turns"]} == {
            (name, number) for name in (*names, PEAK) for number in (-2, -1, 0, 1)
        }
        assert set(one["rows"]) == names
        assert PYTHAE in one["missing"]
        assert one["rows"][OURS]["page_faults"] == 4 / 25


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_reported():
    done = CliRunner().invoke(command.main, ["--device", "cuda"])
    assert (done.exit_code, "torch finds no GPU here" in done.output) == (2, True)


@pytest.mark.slow
def test_memory_is_relative_to_a_process_without_a_contestant():
    wide = Workload(replace(TINY, shape=(1, 28, 28), architecture=MLP((4096,))), METHODS["vae"], 1)
    with start_workers({"": False, "eager loop": False}, wide, 1) as workers:
        empty, loop = run_slices([*workers.values()])
    need = Need(loop.memory, empty.memory, loop.page_faults)
    weights = 4 * 2 * 784 * 4096
    assert 4 * weights < need.over_torch() < 2**30  # weights, gradients, two moments
    assert empty.memory.resident > 2**26


@pytest.mark.slow
def test_dying_worker_is_reported():
    with start_workers({"nobody": False}, tiny(), 1) as workers, pytest.raises(RuntimeError, match="died"):
        run_slices([*workers.values()])


def test_ours_and_the_best_loop_keep_memory_and_the_others_as_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "Worker", WorkerHere)
    for asked in (False, True):
        keeping = {name: asked or name in KEEPING_MEMORY for name in contestants.CONTESTANTS}
        with start_workers(keeping, tiny(), 1) as workers:
            kept = {name for name, one in workers.items() if one.keeps_memory}
        assert kept == (set(contestants.CONTESTANTS) if asked else {OURS, BEST})

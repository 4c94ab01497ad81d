import math
import signal
from dataclasses import replace

import pytest
import torch

from helpers.step_factories import Killed, kill_runs_when
from vimae_bench.core.errors import DataError
from vimae_bench.core.spec import PluginSpec
from vimae_bench.engine.build import make_autoencoder
from vimae_bench.engine.provenance import Provenance
from vimae_bench.engine.step.compiled_step import CompiledStep
from vimae_bench.engine.step.graph import TracingError
from vimae_bench.engine.step.step import TrainingStep
from vimae_bench.engine.training import checkpoint
from vimae_bench.engine.training.loop import DEFAULT_NUMERICS, train_model
from vimae_bench.execution import Training, signals
from vimae_bench.execution.jobs import NumericsOptions
from vimae_bench.execution.signals import Interrupted
from vimae_bench.functional import squared_error
from vimae_bench.models import Deterministic, StandardNormal
from vimae_bench.plugin import BenchError, Loss, ModelSpec, Objective
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.atomic import read_json_lines
from vimae_bench.storage.run_folder import RunFolder

pytestmark = pytest.mark.medium

SPEC = ModelSpec((1, 8, 8), 3)
TRAINING = Training(epochs=5, batch=64)
IMAGES = torch.randint(0, 256, (300, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
MMD = {"use": "mmd"}
METHODS = [PluginSpec("ae"), PluginSpec("elbo"), PluginSpec("vimae", {"divergence": MMD})]


def trained(choice, folder, training=TRAINING, seed=0, numerics=DEFAULT_NUMERICS, **more):
    objective = make_plugin("objective", choice)
    model = make_autoencoder(
        SPEC,
        make_plugin("architecture", PluginSpec("mlp", {"hidden": [16]})),
        StandardNormal,
        objective,
        seed,
    )
    return train_model(model, objective, training, IMAGES, seed, RunFolder(folder), numerics, **more), model


def interpret(step, graph, *_):
    """Follows the graph node by node: what a compiled step does, without waiting for a compiler."""
    return CompiledStep(graph.module, graph, step)


def same(a, b):
    return all(torch.equal(x, b.state_dict()[name]) for name, x in a.state_dict().items())


@pytest.mark.parametrize("every", [0.0, 60.0], ids=["after each epoch", "after none"])
@pytest.mark.parametrize("choice", METHODS, ids=lambda c: c.name)
def test_a_training_cut_off_anywhere_ends_bit_for_bit_as_one_that_was_not(choice, every, tmp_path, monkeypatch):
    end, whole = trained(choice, tmp_path / "whole", checkpoint_seconds=every)
    assert (end.status, end.epochs, end.steps) == ("done", 5, 5 * 4)
    kill_runs_when(monkeypatch, lambda count, event, what: count in (4, 8))
    for _ in range(2):
        with pytest.raises(Killed):
            trained(choice, tmp_path / "cut", checkpoint_seconds=every)
    _, resumed = trained(choice, tmp_path / "cut", checkpoint_seconds=every)
    assert same(resumed, whole)
    lines = [[(e["epoch"], e["terms"]) for e in RunFolder(tmp_path / name).read_history()] for name in ("cut", "whole")]
    assert lines[0] == lines[1]
    assert [epoch for epoch, _ in lines[0]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("later", ["always", "auto"])
def test_a_training_goes_on_bit_for_bit_with_the_backend_it_began_with(later, tmp_path, monkeypatch, cache):
    def train_compiled(name, compiling="always"):
        numerics = NumericsOptions(compile=compiling)
        return trained(METHODS[2], tmp_path / name, numerics=numerics, checkpoint_seconds=0.0, compiler=interpret)

    end, whole = train_compiled("whole")
    with monkeypatch.context() as patch:
        kill_runs_when(patch, lambda count, event, what: what.get("epoch") == 3)
        with pytest.raises(Killed):
            train_compiled("cut")
    resumed_end, resumed = train_compiled("cut", later)
    assert end.step == resumed_end.step == "compiled", "a run as short as this would be eager of its own accord"
    assert same(resumed, whole)


def test_a_checkpoint_of_an_earlier_version_is_passed_over(tmp_path):
    _, whole = trained(METHODS[1], tmp_path / "whole")
    checkpoint.save_checkpoint(RunFolder(tmp_path / "old").checkpoints, 3, {"model": {}, "optimisers": []})
    end, retrained = trained(METHODS[1], tmp_path / "old")
    assert end.epochs == 5
    assert same(retrained, whole)


def test_what_there_is_to_say_of_a_step_is_among_the_events(tmp_path, cache):
    def refuse(*_):
        raise TracingError("it reads")

    end, _ = trained(METHODS[0], tmp_path, numerics=NumericsOptions(compile="always"), compiler=refuse)
    (began,) = (line for line, _ in read_json_lines(RunFolder(tmp_path).events) if line["event"] == "started")
    assert end.step == began["step"] == "eager"
    assert began["remark"].startswith("not compiled, since it reads; its steps stay eager")


@pytest.mark.parametrize(("every", "kept"), [(0.0, [3, 4]), (60.0, [])])
def test_a_checkpoint_is_written_when_its_time_has_come_and_never_after_the_last_epoch(every, kept, tmp_path):
    trained(METHODS[0], tmp_path, checkpoint_seconds=every)
    files = sorted(path.name for path in RunFolder(tmp_path).checkpoints.glob("*.pt"))
    assert [int(name.removeprefix("epoch-")[:5]) for name in files] == kept


def test_another_seed_gives_other_weights_and_the_same_seed_the_same(tmp_path):
    models = [trained(METHODS[1], tmp_path / name, seed=seed)[1] for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


def test_methods_with_one_seed_see_the_same_batches(tmp_path, monkeypatch):
    from vimae_bench.engine.step.step import TrainingStep

    seen: list[list[int]] = []
    gather = TrainingStep.gather_images
    monkeypatch.setattr(TrainingStep, "gather_images", lambda self, i: seen[-1].extend(i.tolist()) or gather(self, i))
    for choice in METHODS:
        seen.append([])
        trained(choice, tmp_path / choice.name, Training(epochs=2, batch=64))
    assert seen[0] == seen[1] == seen[2]
    first, second = seen[0][:256], seen[0][256:]
    assert len(set(first)) == len(set(second)) == 256, "each image once in an epoch"
    assert first != second


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged(tmp_path, monkeypatch):
    class Broken(Objective):
        def posterior(self):
            return Deterministic()

        def __call__(self, model, batch):
            sse = squared_error(batch.x, model.decode(model.encode(batch.x).rsample())).mean()
            return Loss(sse / torch.zeros(()), {"sse": sse})

    model = make_autoencoder(
        SPEC,
        make_plugin("architecture", PluginSpec("mlp", {"hidden": [16]})),
        StandardNormal,
        Broken(),
        0,
    )
    end = train_model(model, Broken(), TRAINING, IMAGES, 0, RunFolder(tmp_path))
    assert end.status == "diverged"
    assert "total" in end.reason
    assert "epoch 1" in end.reason
    assert not RunFolder(tmp_path).read_history()


def test_non_finite_weights_after_the_last_step_end_the_run_as_diverged(tmp_path):
    class Spoiling(Objective):
        def posterior(self):
            return Deterministic()

        def __call__(self, model, batch):
            sse = squared_error(batch.x, model.decode(model.encode(batch.x).rsample())).mean()
            return Loss(sse + (sse * 0).sqrt(), {})  # 0, with a slope that is not a number

    model = make_autoencoder(
        SPEC,
        make_plugin("architecture", PluginSpec("mlp", {"hidden": [16]})),
        StandardNormal,
        Spoiling(),
        0,
    )
    end = train_model(model, Spoiling(), Training(epochs=1, batch=300), IMAGES, 0, RunFolder(tmp_path))
    assert (end.status, end.steps) == ("diverged", 1)
    assert "not finite after the last step" in end.reason


def test_too_few_images_for_one_batch_are_an_error(tmp_path):
    with pytest.raises(BenchError, match="300 training images do not fill one batch of 400"):
        trained(METHODS[0], tmp_path, Training(epochs=1, batch=400))


def test_progress_runs_from_0_towards_1(tmp_path, monkeypatch):
    from vimae_bench.engine.step.step import TrainingStep

    seen = []
    call = TrainingStep.__call__
    monkeypatch.setattr(TrainingStep, "__call__", lambda self, i, p: seen.append(float(p)) or call(self, i, p))
    trained(METHODS[0], tmp_path)
    assert seen == pytest.approx([i / 20 for i in range(20)])


@pytest.mark.parametrize(
    "damage", [lambda b: b[:100], lambda b: b"", lambda b: b[:500] + bytes([b[500] ^ 1]) + b[501:]]
)
def test_a_damaged_checkpoint_is_set_aside(tmp_path, damage):
    checkpoint.save_checkpoint(tmp_path, 1, {"x": torch.arange(1000)})
    (path,) = tmp_path.glob("epoch-*.pt")
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoint.load_latest_checkpoint(tmp_path, torch.device("cpu")) is None
    assert list(tmp_path.glob("*.corrupt"))


def test_older_of_two_checkpoints_replaces_a_damaged_one(tmp_path):
    for epoch in (9, 10, 11):
        checkpoint.save_checkpoint(tmp_path, epoch, {"epoch": torch.tensor(epoch)})
    assert len(list(tmp_path.iterdir())) == 2
    epoch, state = checkpoint.load_latest_checkpoint(tmp_path, torch.device("cpu"))
    assert epoch == int(state["epoch"]) == 11
    newest = max(tmp_path.glob("epoch-*.pt"))
    newest.write_bytes(newest.read_bytes()[:-1])
    assert checkpoint.load_latest_checkpoint(tmp_path, torch.device("cpu"))[0] == 10


def test_a_checkpoint_that_holds_code_is_not_run_and_set_aside(tmp_path, monkeypatch):
    class Evil:
        def __reduce__(self):
            return (math.floor, (1.5,))

    checkpoint.save_checkpoint(tmp_path, 1, {"x": 1})
    checkpoint.save_checkpoint(tmp_path, 2, {"x": Evil()})
    with monkeypatch.context() as patch:
        patch.setattr(math, "floor", lambda _: pytest.fail("it was run"))
        assert checkpoint.load_latest_checkpoint(tmp_path, torch.device("cpu")) == (1, {"x": 1})
    assert [path.name[:11] for path in tmp_path.glob("*.corrupt")] == ["epoch-00002"]


@pytest.fixture
def asked_at(monkeypatch):
    """Ask the process to end during the step of a number, counted over all trainings; gives the steps' progress."""
    steps, original = [], TrainingStep.__call__

    def ask(number):
        def counted(form, index, progress):
            steps.append(float(progress))
            if len(steps) == number:
                signals.handle_in_worker(signal.SIGTERM)
            return original(form, index, progress)

        monkeypatch.setattr(TrainingStep, "__call__", counted)
        return steps

    return ask


def interrupted(choice, folder):
    with signals.defer():
        trained(choice, folder)


@pytest.mark.parametrize("at", [3, 4, 9], ids=["in the first epoch", "between two epochs", "in the third"])
@pytest.mark.parametrize("choice", METHODS, ids=lambda c: c.name)
def test_a_training_asked_to_end_does_so_at_the_next_step_and_goes_on_from_there(choice, at, tmp_path, asked_at):
    _, whole = trained(choice, tmp_path / "whole")
    steps = asked_at(at)
    with pytest.raises(Interrupted):
        interrupted(choice, tmp_path / "cut")
    assert len(steps) == at
    _, resumed = trained(choice, tmp_path / "cut")
    assert steps == pytest.approx([i / 20 for i in range(20)]), "no step is left out or made again"
    assert same(resumed, whole)
    lines = [[(e["epoch"], e["terms"]) for e in RunFolder(tmp_path / name).read_history()] for name in ("cut", "whole")]
    assert lines[0] == lines[1], "and the losses of the epoch count the steps from before"


def test_a_training_asked_to_end_in_its_last_step_is_over_first(tmp_path, asked_at):
    asked_at(20)
    with pytest.raises(Interrupted):
        interrupted(METHODS[0], tmp_path)
    assert [line["epoch"] for line in RunFolder(tmp_path).read_history()] == [1, 2, 3, 4, 5]


MADE = Provenance({"train_x": "a", "test_x": "b"}, {"lab": "1.0"}, {"lab": "5a"}, "2.1", "cpu of here")


def cut_off(tmp_path, monkeypatch, provenance=MADE, epoch=3, every=0.0):
    with monkeypatch.context() as patch:
        kill_runs_when(patch, lambda count, event, what: what.get("epoch") == epoch)
        with pytest.raises(Killed):
            trained(METHODS[0], tmp_path, provenance=provenance, checkpoint_seconds=every)


def list_starts(folder):
    return [line for line, _ in read_json_lines(RunFolder(folder).events) if line["event"] == "started"]


def test_a_checkpoint_of_other_data_is_refused_with_what_differs(tmp_path, monkeypatch):
    cut_off(tmp_path, monkeypatch)
    with pytest.raises(DataError, match=r"made from other data: test_x.npy has changed since; put back .* --results"):
        trained(METHODS[0], tmp_path, provenance=replace(MADE, data={"train_x": "a", "test_x": "c"}))


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"plugins": {"lab": "1.1"}}, "lab 1.1 after 1.0"), ({"sources": {"lab": "6b"}}, "another source of lab")],
    ids=["version", "source"],
)
def test_a_training_under_other_code_starts_over_and_says_so(changed, said, tmp_path, monkeypatch):
    cut_off(tmp_path, monkeypatch)
    end, _ = trained(METHODS[0], tmp_path, provenance=replace(MADE, **changed))
    start = list_starts(tmp_path)[-1]
    assert (start["resumed_from"], end.earlier) == (0, ())
    assert f"starts over, 2 epochs having been made by other code ({said})" in start["remark"]
    history = RunFolder(tmp_path).read_history()
    assert [line["epoch"] for line in history] == [1, 2, 3, 4, 5]
    assert min(line["time"] for line in history) >= start["time"], "no epoch of the old code is left"


@pytest.mark.parametrize("changed", [{"plugins": {"lab": "1.1"}}, {"data": {"train_x": "c"}}], ids=["code", "data"])
def test_epochs_without_a_checkpoint_do_not_mix_with_those_of_other_code_or_data(changed, tmp_path, monkeypatch):
    cut_off(tmp_path, monkeypatch, every=60.0)
    trained(METHODS[0], tmp_path, provenance=replace(MADE, **changed))
    start = list_starts(tmp_path)[-1]
    assert "3 epochs having been made by other code or from other data" in start["remark"]
    assert min(line["time"] for line in RunFolder(tmp_path).read_history()) >= start["time"]


def test_a_training_goes_on_under_another_torch_or_device_which_is_kept(tmp_path, monkeypatch):
    cut_off(tmp_path, monkeypatch)
    cut_off(tmp_path, monkeypatch, replace(MADE, torch="2.2"), epoch=4)
    end, _ = trained(METHODS[0], tmp_path, provenance=replace(MADE, torch="2.2", device="gpu"))
    starts = list_starts(tmp_path)
    assert [start["resumed_from"] for start in starts] == [0, 2, 3]
    assert starts[1]["remark"] == "its training goes on with torch 2.2 after 2.1"
    assert starts[2]["remark"] == "its training goes on with device gpu after cpu of here"
    assert end.earlier == [{"torch": "2.1", "device": "cpu of here"}, {"torch": "2.2", "device": "cpu of here"}]


def test_checkpoints_of_before_provenance_was_kept_are_gone_on_from(tmp_path, monkeypatch):
    cut_off(tmp_path, monkeypatch, provenance=None)
    trained(METHODS[0], tmp_path, provenance=MADE)
    assert [start["resumed_from"] for start in list_starts(tmp_path)] == [0, 2]

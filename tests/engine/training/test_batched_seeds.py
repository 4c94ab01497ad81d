"""Seeds trained as one: each has its folder, its record and its end, as if it had been trained alone."""

import errno
from dataclasses import replace

import pytest
import torch

from helpers.step_factories import Killed, kill_runs_when, make_images, make_method_step
from vimae_bench.core.spec import MatrixEntry, Run
from vimae_bench.engine.runner import run_jobs
from vimae_bench.engine.scheduler import batch_seeds, split_by_seed
from vimae_bench.engine.step.graph import TracingError
from vimae_bench.engine.training import checkpoint
from vimae_bench.engine.training.batched_seeds import SeedTraining, train_seeds_batched
from vimae_bench.engine.worker import execute_job
from vimae_bench.execution import ExitCode, JobEnded, JobStarted, PluginSpec, Tick, Training
from vimae_bench.execution.jobs import Job, NumericsOptions
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.atomic import read_json
from vimae_bench.storage.run_folder import RunFolder
from vimae_builtin.executors.inline import Inline

pytestmark = pytest.mark.medium

TRAINING = Training(epochs=4, batch=50)
BATCHED = NumericsOptions(batch_seeds=True)


def seeds(path, name="VAE", count=3):
    steps = [make_method_step(name, seed=seed) for seed in range(count)]
    return steps[0].objective, [SeedTraining(i, step.model, RunFolder(path / str(i))) for i, step in enumerate(steps)]


def trained(path, name="VAE", **more):
    objective, members = seeds(path, name)
    return train_seeds_batched(members, objective, TRAINING, make_images(), BATCHED, **more), members


def same(a, b):
    return all(torch.equal(x, b.state_dict()[name]) for name, x in a.state_dict().items())


def test_every_seed_has_its_epochs_and_its_end(tmp_path):
    ends, members = trained(tmp_path)
    assert [(end.status, end.epochs, end.steps, end.step) for end in ends] == [("done", 4, 80, "3 seeds batched")] * 3
    totals = [[line["terms"]["total"] for line in member.folder.read_history()] for member in members]
    assert all(len(line) == 4 and line[-1] < line[0] for line in totals)
    assert len({line[-1] for line in totals}) == 3
    assert not same(members[0].model, members[1].model)


def test_each_seed_sees_the_batches_it_sees_alone(tmp_path):
    from vimae_bench.engine.training.loop import train_model

    _, members = trained(tmp_path / "together", "AE")
    for member in members:
        alone = make_method_step("AE", seed=member.seed)
        folder = RunFolder(tmp_path / "alone" / str(member.seed))
        train_model(alone.model, alone.objective, TRAINING, make_images(), member.seed, folder)
        first, other = (f.read_history()[0]["terms"]["sse"] for f in (folder, member.folder))
        assert other == pytest.approx(first, rel=1e-3)


def test_a_training_cut_off_ends_bit_for_bit_as_one_that_was_not(tmp_path, monkeypatch):
    _, whole = trained(tmp_path / "whole", "VIMAE-n", checkpoint_seconds=0.0)
    kill_runs_when(monkeypatch, lambda count, event, what: count in (8, 16))
    for _ in range(2):
        with pytest.raises(Killed):
            trained(tmp_path / "cut", "VIMAE-n", checkpoint_seconds=0.0)
    ends, resumed = trained(tmp_path / "cut", "VIMAE-n", checkpoint_seconds=0.0)
    for one, other in zip(resumed, whole, strict=True):
        assert same(one.model, other.model)
        assert [line["epoch"] for line in one.folder.read_history()] == [1, 2, 3, 4]
    assert {end.epochs for end in ends} == {4}


def test_checkpoints_of_other_seeds_do_not_take_the_place_of_new_ones(tmp_path):
    trained(tmp_path, checkpoint_seconds=0.0)
    objective, members = seeds(tmp_path, count=2)
    train_seeds_batched(members, objective, TRAINING, make_images(), BATCHED, checkpoint_seconds=0.0)
    kept = [torch.load(path) for path in members[0].folder.checkpoints_of_seeds.glob("*.pt")]
    assert [state["seeds"] for state in kept] == [[0, 1]] * 2


def test_a_seed_that_diverges_harms_no_other(tmp_path):
    objective, members = seeds(tmp_path)
    with torch.no_grad():
        next(members[1].model.parameters()).fill_(float("nan"))
    ends = train_seeds_batched(members, objective, TRAINING, make_images(), BATCHED)
    assert [end.status for end in ends] == ["done", "diverged", "done"]
    assert (ends[1].epochs, ends[1].reason) == (1, "total, sse, kl not finite in epoch 1")
    assert not members[1].folder.read_history()
    assert len(members[2].folder.read_history()) == 4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from vimae_bench.data.prepare import ensure_prepared

    root = tmp_path_factory.mktemp("data")
    ensure_prepared(make_plugin("dataset", PluginSpec("digits")), root)
    return root


def jobs(path, data, count=3, numerics=BATCHED, objective="elbo"):
    def job(seed):
        parts = PluginSpec("digits"), PluginSpec("mlp", {"hidden": [16]}), PluginSpec(objective), PluginSpec("normal")
        run = Run(*parts, 2, Training(epochs=2), seed)
        return Job(
            "small",
            MatrixEntry("VAE", run, (PluginSpec("reconstruction"),)),
            path / "runs" / run.name,
            data,
            numerics=numerics,
        )

    return [job(seed) for seed in range(count)]


def record(job):
    return read_json(RunFolder(job.folder).record)


def test_jobs_that_differ_in_the_seed_alone_are_batched_on_request(tmp_path, data):
    three = jobs(tmp_path, data)
    other = replace(three[0], entry=replace(three[0].entry, run=replace(three[0].entry.run, latent=3)))
    first, second = batch_seeds([*three, other])
    assert [first, *first.batched_with] == [replace(three[0], batched_with=tuple(three[1:])), *three[1:]]
    assert second == other
    assert batch_seeds(jobs(tmp_path, data, numerics=NumericsOptions())) == jobs(
        tmp_path, data, numerics=NumericsOptions()
    )


def test_events_of_a_batched_job_are_split_by_seed(tmp_path, data):
    three = jobs(tmp_path, data)
    (group,) = batch_seeds(three)
    given = JobStarted(group), Tick(), JobEnded(group, 0)
    events = [one for event in given for one in split_by_seed(event, {})]
    assert [type(event) for event in events] == [*[JobStarted] * 3, Tick, *[JobEnded] * 3]
    assert [event.job.entry.run.seed for event in events if not isinstance(event, Tick)] == [0, 1, 2, 0, 1, 2]


def run_as_one(three, work):
    """The exit code that the runner reports of each seed, and the seeds that it gives as failed."""
    ends = {}

    def watch(jobs, events):
        for event in events:
            if isinstance(event, JobEnded):
                ends[event.job.entry.run.seed] = event.exit_code
            yield event

    failed = run_jobs(three, Inline(), [watch], work=work)
    return ends, [job.entry.run.seed for job in failed]


def test_failing_metric_of_one_seed_leaves_other_seeds_done(tmp_path, data):
    three = jobs(tmp_path / "small", data)
    odd = replace(three[1].entry, metrics=(PluginSpec("svm", {"labels": 10**6}),))
    three[1] = replace(three[1], entry=odd)
    assert run_as_one(three, execute_job) == ({0: 0, 1: 1, 2: 0}, [1])


def test_seeds_done_before_their_worker_was_killed_stay_done(tmp_path, data):
    three = jobs(tmp_path / "small", data)

    def die(job):
        execute_job(replace(job, batched_with=()))
        return -9

    assert run_as_one(three, die) == ({0: 0, 1: -9, 2: -9}, [1, 2])


def test_full_disk_outranks_other_exit_codes_of_seeds(tmp_path, data, monkeypatch):
    three = jobs(tmp_path / "small", data)
    (group,) = batch_seeds(three)
    three[2].folder.mkdir(parents=True)
    append_event = RunFolder.append_event

    def append_until_full(self, event, **fields):
        if self.path == three[0].folder and event == "measuring":
            raise OSError(errno.ENOSPC, "No space left on device")
        append_event(self, event, **fields)

    monkeypatch.setattr(RunFolder, "append_event", append_until_full)
    with RunFolder(three[2].folder).claim():
        assert execute_job(group) == ExitCode.NO_SPACE


def test_batched_job_writes_the_files_of_single_jobs(tmp_path, data):
    three = jobs(tmp_path, data)
    (group,) = batch_seeds(three)
    assert execute_job(group) == 0
    for job in three:
        folder = RunFolder(job.folder)
        assert record(job)["status"] == "done"
        assert record(job)["run"]["seed"] == job.entry.run.seed
        assert record(job)["made_by"]["step"] == "3 seeds batched"
        assert folder.metric_path(job.entry.metrics[0]).exists()
        assert (folder.pictures / "samples.png").exists()
        assert not folder.checkpoints_of_seeds.exists()


def test_seeds_that_are_trained_or_begun_are_left_as_they_are(tmp_path, data):
    four = jobs(tmp_path, data, count=4)
    assert execute_job(four[0]) == 0
    before = record(four[0])
    checkpoint.save_checkpoint(RunFolder(four[1].folder).checkpoints, 1, {"not": "whole"})
    for damaged in RunFolder(four[1].folder).checkpoints.iterdir():
        damaged.write_bytes(b"")
    (group,) = batch_seeds(four)
    assert execute_job(group) == 0
    assert record(four[0]) == before
    assert [record(job)["made_by"]["step"] for job in four] == ["eager", "eager", *["2 seeds batched"] * 2]


ITEM_READER = """
from helpers.step_factories import ItemReader
from vimae_bench.plugin import hookimpl

@hookimpl
def vimae_objectives():
    return {"item_reader": ItemReader}
"""


def test_an_objective_that_cannot_be_batched_is_trained_seed_by_seed(tmp_path, data, install):
    install("item_reader", ITEM_READER)
    three = jobs(tmp_path, data, objective="item_reader")
    (one,) = batch_seeds(three)
    assert execute_job(one) == 0
    assert {record(job)["made_by"]["step"] for job in three} == {"eager"}
    events = RunFolder(three[0].folder).events.read_text()
    assert "its seeds are trained one by one, since it looks at its data (.item(), or a branch on a tensor)" in events


def test_pretraining_goes_seed_by_seed(tmp_path):
    objective, members = seeds(tmp_path)
    with pytest.raises(TracingError, match="seed by seed"):
        train_seeds_batched(members, objective, replace(TRAINING, pretraining=3), make_images(), BATCHED)

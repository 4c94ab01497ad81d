"""Jobs that differ in the seed alone: trained together as one batched model, each into its own folder."""

import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack

import torch
from filelock import Timeout

from ..data.prepare import open_splits
from ..execution.jobs import Job
from ..storage.run_folder import RunFolder
from . import record
from .build import build_model, make_dataset, make_model_spec, make_objective
from .provenance import describe_training, read_data_digests, require_same_data
from .training.batched_seeds import SeedTraining, train_seeds_batched


def train_seed_group(jobs: Sequence[Job]) -> None:
    """Train those of the jobs that have not begun yet, and write their records; no other process is at them meanwhile.

    Raises whatever the objective raises; nothing is recorded then, and each seed can still be trained alone.
    """
    with ExitStack() as locks, torch.random.fork_rng(devices=[]):
        fresh = [job for job in jobs if _claim_if_fresh(job, locks)]
        if len(fresh) > 1:
            _train_together(fresh)


def _claim_if_fresh(job: Job, locks: ExitStack) -> bool:
    folder = RunFolder(job.folder)
    try:
        locks.enter_context(folder.claim())
    except Timeout:
        return False
    return record.read_ending(folder) is None and not folder.checkpoints.exists()


def _train_together(jobs: Sequence[Job]) -> None:
    began, run, device = time.perf_counter(), jobs[0].entry.run, torch.device(jobs[0].device)
    torch.set_num_threads(run.training.threads)
    dataset, objective = make_dataset(run), make_objective(run)
    splits = open_splits(dataset, jobs[0].data)
    spec = make_model_spec(run, splits.shape)
    seeds = [
        SeedTraining(o.entry.run.seed, build_model(o.entry.run, spec, objective, device), RunFolder(o.folder))
        for o in jobs
    ]
    for job, seed in zip(jobs, seeds, strict=True):
        seed.folder.write_spec(job.entry.run)
    images = torch.from_numpy(splits.train.x).to(device)
    digests = read_data_digests(run, jobs[0].data)
    provenance = describe_training(run, digests, device)
    results = train_seeds_batched(seeds, objective, run.training, images, jobs[0].numerics, provenance=provenance)
    spent = (time.perf_counter() - began) / len(seeds)
    require_same_data(digests, read_data_digests(run, jobs[0].data), f"the training in {jobs[0].folder}")
    for job, seed, result in zip(jobs, seeds, results, strict=True):
        seconds = {"steps": sum(line["seconds"] for line in seed.folder.read_history()), "training": spent}
        record.write_record(seed.folder, job, result, seed.model, digests, seconds)
    shutil.rmtree(seeds[0].folder.checkpoints_of_seeds, ignore_errors=True)

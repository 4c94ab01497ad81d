"""A benchmark file that searches settings, and fabricated runs of it."""

from dataclasses import asdict

import pytest

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.core.results import Measure
from vimae_bench.plugin.catalog import get_catalog
from vimae_bench.storage.atomic import write_json
from vimae_bench.storage.store import ResultsFolder
from vimae_bench.tuning.study import plan_study

TEXT = """\
#:schema ./schema.json
# Two of three are tuned.
name = "search"
seeds = [0, 1]
dataset = { use = "digits", validation = 300 }
architecture = { use = "mlp", hidden = [8] }
latent = 2
metrics = ["reconstruction", "rate", "aggregate_mmd"]
executor = "inline"
reporters = []

[training]
epochs = 1

[tuning]
trials = 4
measure = "sse"
seeds = [100, 101]
at_once = 2

[[method]]
label = "AE"
objective = "ae"
prior = "normal"

[[method]]
label = "VAE"
objective = "elbo" # its beta is chosen
prior = "normal"
search = { "objective.beta" = { low = 0.1, high = 10.0, log = true }, "training.batch" = { low = 20, high = 90 } }

[[method]]
label = "VIMAE"
objective = { use = "vimae", divergence = "mmd" }
prior = "normal"
search = { "objective.divergence.kernel" = ["imq", "rbf"], "prior" = ["normal", "logistic"] }

[[method]]
label = "VAE again"
repeats = "VAE"
"""
SSE = Measure("sse", "[0,1]^2", "lower")
RATE = Measure("rate", "nats", None, collapse_below=0.1)
MMD = Measure("mmd2", "", "lower", rewards_collapse=True)
MEASURES = {"reconstruction": SSE, "rate": RATE, "aggregate_mmd": MMD}


class Made:
    """Has runs made that reach what `value_of` says of them; None: the run diverges."""

    def __init__(self, store, value_of):
        self.store, self.value_of, self.rounds = store, value_of, []

    def __call__(self, entries):
        new = [entry for entry in entries if self.store.get_state(entry) == "new"]
        self.rounds.append(new)
        for entry in new:
            self.make(entry, self.value_of(entry))

    def make(self, entry, value):
        folder = self.store.run_folder(entry.run)
        folder.write_spec(entry.run)
        status = "diverged" if value is None else "done"
        write_json(folder.record, {"key": entry.run.key, "status": status, "reason": "", "run": entry.run.as_json()})
        for metric in entry.metrics if value is not None else ():
            measure = MEASURES[metric.name]
            estimates = {measure.name: {"value": 5.0 if measure is RATE else value, "n": 300}}
            write_json(
                folder.metric_path(metric),
                {"metric": metric.as_json(), "measures": [asdict(measure)], "estimates": estimates},
            )


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture
def file(tmp_path):
    """Writes the file with pairs (old, new) exchanged; gives it."""

    def written(*changes):
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / "search.toml").write_text(text)
        return tmp_path / "search.toml"

    return written


@pytest.fixture
def planned(file):
    """The benchmark and its study, of the file with changes."""

    def made(*changes):
        benchmark = read_benchmark(file(*changes))
        return benchmark, plan_study(benchmark, get_catalog())

    return made


@pytest.fixture
def made(tmp_path):
    return lambda value_of, folder="results": Made(ResultsFolder(tmp_path / folder), value_of)

"""A paper with claims, and runs to test them."""

import numpy as np

from vimae_bench.execution import PluginSpec
from vimae_bench.storage.atomic import read_json, write_json

HEAD = """
[source]
title = "A paper"

[methods.a]
name = "A"
labels = ["A"]
[methods.b]
name = "B"
labels = ["B"]
[methods.c]
name = "C"
labels = ["C"]

[[setup]]
id = "MNIST"
datasets = { mnist = "" }
latent = 2
[setup.published]
"training.epochs" = 80

[[setup]]
id = "digits"
datasets = { digits = "" }
"""

LESS = 'kind = "less"\na = ["a"]\nb = ["b"]'

TABLE = """
[[table]]
id = "1"
setup = "MNIST"
measure = "{condition}"
conditions = ["sse", "svm clean"]
half_width = 0.5
[table.values]
a = [20, 90]
b = [30, 90]
"""


def format_claim(*tests: str, setups: str = '["MNIST"]', measure: str = "sse") -> str:
    where = f'setups = {setups}\nmeasures = ["{measure}"]'
    return '[[claim]]\nid = "1"\ntext = "So it is."\n' + "".join(f"[[claim.test]]\n{test}\n{where}\n" for test in tests)


def add_runs(results, seeds: int = 10, measure: str = "sse", **means: float) -> np.ndarray:
    """Runs of each label whose means differ as given, by noise of 0.1 from seed to seed; their values by label."""
    generator = np.random.default_rng(0)
    common, noise = generator.normal(0, 5, seeds), generator.normal(0, 0.1, (len(means), seeds))
    values = np.array(list(means.values()))[:, None] + common + noise
    for label, row in zip(means, values, strict=True):
        for seed, value in enumerate(row):
            results.add(label, seed, **{measure: value})
    return values


def add_draws(results, seed: int, per_draw: np.ndarray, label: str = "A", **others: float) -> None:
    """A run whose `svm clean` is the mean of its values over each draw, with other measures."""
    folder = results.add(label, seed, **{"svm clean": float(np.mean(per_draw))}, **others)
    path = folder.metric_path(PluginSpec("svm"))
    found = read_json(path)
    found["estimates"]["svm clean"]["parts"] = list(map(float, per_draw))
    write_json(path, found)

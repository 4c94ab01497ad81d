"""Benchmark files for tests: one small benchmark, and changes to it."""

from copy import deepcopy

from helpers.toml import format_document

AE = {"label": "AE", "objective": "ae", "prior": "normal"}
VAE = {"label": "VAE", "objective": "elbo", "prior": "normal"}
SMALL = {
    "name": "small",
    "seeds": [0],
    "dataset": "digits",
    "architecture": {"use": "mlp", "hidden": [16]},
    "latent": 2,
    "metrics": ["reconstruction"],
    "executor": "inline",
    "reporters": [],
    "training": {"epochs": 1},
    "method": [AE],
}
"""One autoencoder on digits: trained and measured within a second."""


def make_benchmark(**changes: object) -> str:
    """The text of the small benchmark with some of its keys changed or added; None removes a key."""
    keys = deepcopy(SMALL) | changes
    return format_document({key: value for key, value in keys.items() if value is not None})

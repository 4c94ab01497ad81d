"""The harness names no plugin: which there are, and which is used by default, plugins say themselves."""

import ast
from pathlib import Path

import pytest

from vimae_bench.plugin.catalog import get_catalog

PACKAGE = Path(__file__).parents[2] / "vimae_bench"
MEANS_SOMETHING_ELSE = {
    ("data/prepare.py", "arrays"),  # a key of the description of prepared data
    ("metrics/generation.py", "moments"),  # a key of what is cached of real images
    ("notebook/method.py", "digits"),  # the documented defaults of `train`
    ("notebook/method.py", "mlp"),
    ("notebook/method.py", "rate"),
    ("notebook/method.py", "reconstruction"),
    ("notebook/training.py", "normal"),
    ("plugin/evaluation.py", "codes"),  # what is NaN
    ("plugin/evaluation.py", "samples"),  # the name of a random stream
    ("reports/image_grid_figure.py", "reconstructions"),  # a heading
    ("reports/latent_code_figure.py", "rate"),  # the family of a measure
    ("reports/page/image_grids.py", "reconstructions"),  # a heading
    ("reports/rate_distortion.py", "rate"),
    ("storage/metric_file.py", "rate"),
    ("tracking/server_links.py", "mlflow"),  # the command
    ("tracking/store.py", "mlflow"),  # the library
}
"""Where a string that is also the name of a plugin means something else."""


def list_strings(path):
    """The string constants of a module that are no docstrings, with their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            yield node.value, node.lineno


@pytest.mark.parametrize("room", sorted(path.name for path in PACKAGE.iterdir() if path.is_dir()))
def test_no_string_of_the_harness_is_the_name_of_a_plugin(room):
    catalog = get_catalog()
    names = {entry.name for entry in catalog.entries} | {*catalog.presets, *catalog.schedules}
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text!r}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for text, line in list_strings(path)
        if text in names and (str(path.relative_to(PACKAGE)), text) not in MEANS_SOMETHING_ELSE
    ]
    assert not found, "\n".join(found)

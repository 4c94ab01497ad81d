"""The notebook of the tutorial runs, and is committed with its output."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.medium

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "notebook.ipynb"


def code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def shown(cell) -> str:
    return json.dumps([output.get("data", output) for output in cell.outputs])


def tables(cell) -> list[str]:
    return [output.data["text/html"] for output in cell.outputs]


@pytest.fixture(scope="module")
def kept():
    return nbformat.read(TUTORIAL, as_version=4)


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook as it is when it is run now."""
    book = nbformat.read(TUTORIAL, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIMAE_BENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("OMP_NUM_THREADS", "1")
        NotebookClient(book, timeout=300, resources={"metadata": {"path": TUTORIAL.parent}}).execute()
    return book


def test_tutorial_notebook_runs_and_its_objective_works(executed):
    """Free bits keep the rate above that of the VAE, and reconstruct better."""
    (comparison,) = [shown(cell) for cell in code(executed) if 'compare("free bits", "VAE")' in cell.source]
    assert "better in Squared error" in comparison
    (pictures,) = [shown(cell) for cell in code(executed) if "samples" in cell.source]
    assert "image/png" in pictures


def test_saved_outputs_equal_the_current_ones(executed, kept):
    """What depends on stored records alone is the same everywhere."""
    assert [cell.source for cell in executed.cells] == [cell.source for cell in kept.cells]
    stored = [i for i, cell in enumerate(code(kept)) if cell.source.startswith(("import", "results.compare"))]
    assert len(stored) == 2
    for i in stored:
        assert tables(code(executed)[i]) == tables(code(kept)[i])


def test_saved_notebook_is_complete_and_small(kept):
    nbformat.validate(kept)
    assert TUTORIAL.stat().st_size < 500_000
    cells = code(kept)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(cell.outputs for cell in cells)
    assert not any(output.output_type in ("error", "stream") for cell in cells for output in cell.outputs)

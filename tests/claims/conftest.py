from collections.abc import Callable

import pytest

from helpers.papers import HEAD
from vimae_bench.claims.paper import read_paper
from vimae_bench.claims.verdict import evaluate_paper


@pytest.fixture
def evaluate(results, tmp_path) -> Callable:
    """Evaluates the first claim of a paper with the results; `evaluate.paper` evaluates the whole paper."""

    def evaluate_first_claim(text: str):
        return evaluate_text(text).claims[0]

    def evaluate_text(text: str, **chosen: str):
        (tmp_path / "paper.toml").write_text(HEAD + text)
        paper = read_paper(tmp_path / "paper.toml")
        return evaluate_paper(paper, results.store.load_results(results.entries), chosen)

    evaluate_first_claim.paper = evaluate_text
    return evaluate_first_claim

"""The formats of a verdict: what they show, and that no name breaks out of them."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console, RenderableType

from helpers.papers import add_draws
from vimae_bench.claims.paper import read_paper
from vimae_bench.claims.verdict import evaluate_paper
from vimae_bench.reports import verdict_json, verdict_markdown, verdict_terminal

NASTY = "a[/oops]b [red]|_x_|\x1b[31m <script>"

PAPER = f"""
[source]
title = "A paper"
reference = "arXiv 0000.00000"
note = "Without error bars."

[methods.a]
name = "A"
labels = ["A"]
[methods.b]
name = {json.dumps(NASTY)}
labels = ["B"]

[[setup]]
id = "MNIST"
datasets = {{ mnist = "" }}
[setup.published]
"training.epochs" = 100

[[setup]]
id = "digits"
datasets = {{ digits = "" }}

[[table]]
id = "7"
title = "errors"
setup = "MNIST"
measure = "{{condition}}"
unit = "[0,1]^2"
conditions = ["svm clean", "rate", "mmd2"]
half_width = 0.5
[table.values]
a = [20, 6, 0]
b = [50, 6, 0]

[[table]]
id = "8"
setup = "digits"
measure = "sse"
[table.values]
a = 11

[[claim]]
id = "1"
text = "A is below B."
where = "Table 7"
note = "With a note."
[[claim.test]]
kind = "less"
a = ["a"]
b = ["b"]
setups = ["MNIST", "digits"]
measures = ["sse"]

[[claim]]
id = "2"
text = "A is above B."
[[claim.test]]
kind = "greater"
a = ["a"]
b = ["b"]
setups = ["MNIST"]
measures = ["sse"]

[[claim]]
id = "3"
text = "A has the rate of B."
[[claim.test]]
kind = "ratio"
a = ["a"]
b = ["b"]
bounds = [0.999, 1.001]
setups = ["MNIST"]
measures = ["rate"]

[[claim]]
id = "4"
text = "A and B are elsewhere."
[[claim.test]]
kind = "equivalent"
a = ["a"]
b = ["b"]
margin = 3
setups = ["digits"]
measures = ["sse"]

[[claim]]
id = "5"
text = "It cannot be decided."
[[claim.test]]
kind = "untestable"
why = "it is not said"
a = ["a"]
setups = ["MNIST"]
measures = ["rate"]

[[readings]]
id = "error"
of = "error"
note = "It is not said which."
[[readings.option]]
measure = "sse"
[[readings.option]]
measure = "mmd2"

[[claim]]
id = "7"
text = "A is better."
[[claim.test]]
kind = "less"
a = ["a"]
b = ["b"]
setups = ["MNIST"]
measures = ["{{error}}"]

[[claim]]
id = "6"
text = "Logistic distributions have less entropy."
[[claim.test]]
kind = "computed"
formula = "logistic_entropy"
"""


@pytest.fixture
def made(results, tmp_path):
    generator = np.random.default_rng(0)
    for seed in range(6):
        for label, sse in (("A", 20.0), ("B", 30.0)):
            others = {"sse": sse + generator.normal(0, 0.1), "rate": 6 + generator.normal(0, 0.5)}
            add_draws(results, seed, sse + generator.normal(0, 0.1, 4), label, **others)
    (tmp_path / "paper.toml").write_text(PAPER)
    return evaluate_paper(read_paper(tmp_path / "paper.toml"), results.store.load_results(results.entries))


def printed(made, start: Path, width: int = 150, shown: RenderableType | None = None) -> str:
    """What the terminal shows of all of a verdict, or of a part."""
    console = Console(width=width, file=io.StringIO(), force_terminal=False, color_system=None)
    console.print(shown or verdict_terminal.render_verdict(made, start))
    return console.file.getvalue()


def test_terminal_shows_tables_claims_and_runs(made, tmp_path):
    text = printed(made, tmp_path)
    assert "Table 7: errors" in text
    assert re.search(r"(19|20)\.\d+ ± 0\.\d+ \(n = 6\)", text)
    assert re.search(r"one run: 19\.\d+ to 20\.\d+", text)
    assert re.search(r"│ compatible ", text)
    assert "no prediction" in text
    assert "not compatible" in text
    assert (
        "runs 1, mnist, mlp, d = 2, 80 epochs. They differ from what was published: epochs 80 (published: 100)" in text
    )
    assert "1  supported at 80 epochs: on part of its experiments" in text
    assert "2  contradicted at 80 epochs: 1 of 1 comparisons contradicts it" in text
    assert re.search(r"3  not decided at 80 epochs: 0 of 1 comparisons support it; (about|up to) [\d,]+ seeds", text)
    assert "7  not decided at 80 epochs: supported under sse; not measured under mmd2" in text
    assert "4  not measured: digits: no runs" in text
    assert re.search(r"rate: A \d\.\d+ ± ", text)
    assert "4 of these verdicts are on runs at 80 epochs, not on the published experiments" in text
    assert "4 claims are tested on runs. Each is falsely supported or contradicted" in text
    assert "up to 0.2 false verdicts" in text
    assert "Runs 1  mnist, mlp, d = 2, 80 epochs: fig1/runs" in text


def list_sections(text: str) -> list[str]:
    """The lines of a summary that begin neither a claim nor a note."""
    return [line.strip() for line in text.splitlines() if re.match(r"\d+ ", line)]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_summary_has_each_claim_once_under_its_verdict(made, width: int):
    text = printed(made, Path(), width, verdict_terminal.render_verdict_summary(made))
    if width >= 80:
        assert list_sections(text) == [
            "1 supported at 80 epochs",
            "1 supported",
            "1 contradicted at 80 epochs",
            "2 not decided at 80 epochs",
            "2 not testable with these results",
        ]
        assert max(map(len, text.splitlines())) <= width
        assert len(text.splitlines()) <= 17
    assert sorted(re.findall(r"^  (\d)", text, re.MULTILINE)) == ["1", "2", "3", "4", "6", "7"]
    assert "  4, 5\n" in re.sub(r" +\n", "\n", text)
    assert "  1  A is below B. *" in text, "on part of its experiments"
    assert "…" not in text


def test_one_claim_is_shown_alone_with_its_runs(made, tmp_path):
    (claim,) = [one for one in made.claims if one.claim.id == "2"]
    for width in (60, 80, 120, 200):
        text = printed(made, tmp_path, width, verdict_terminal.render_claims(made, [claim], tmp_path))
        assert max(map(len, text.splitlines())) <= width
        assert "…" not in text
        if width >= 80:
            assert "contradicted" in text.split("result")[1]
    assert re.findall(r"^(\d)  ", text, re.MULTILINE) == ["2"]
    assert "Runs 1  mnist, mlp, d = 2, 80 epochs: fig1/runs" in text
    assert "Table 7" not in text


def test_terminal_says_where_nothing_was_run(made, tmp_path):
    text = printed(made, tmp_path)
    assert "There are no runs of the experiments of Table 8." in text
    assert "Table 8:" not in text
    nothing = evaluate_paper(made.paper, [])
    text = printed(nothing, tmp_path, 80, verdict_terminal.render_verdict_summary(nothing))
    assert "No claim of this paper concerns these results." in text
    assert "Judged without runs: 6 supported." in text
    assert len(text.splitlines()) <= 5


def test_terminal_prints_names_as_text(made, tmp_path):
    text = printed(made, tmp_path)
    assert "a[/oops]b [red]|_x_|" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_terminal_output_fits_the_width(made, tmp_path, width: int):
    assert max(map(len, printed(made, tmp_path, width).splitlines())) <= width


def test_markdown_shows_published_and_measured_values(made, tmp_path):
    text = verdict_markdown.format_verdict(made, tmp_path)
    assert "# A paper (arXiv 0000.00000)" in text
    assert "### Table 7: errors" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| A | 20 <br>")]
    assert re.match(
        r"\| A \| 20 <br> (19|20)\.\d+ ± 0\.\d+ \(n = 6\) <br> one run: 19\.\d+ to 20\.\d+ <br> compatible "
        r"\| 6 <br> .* <br> no prediction \| 0 <br> not measured \|$",
        row,
    )
    assert "**not compatible**" in text
    assert "| A | 11 <br> not measured |" in text
    assert "- There are no runs of this experiment, so nothing is measured." in text
    assert "### 1: supported at 80 epochs" in text
    assert "| 1 | **supported at 80 epochs**, on part of its experiments | A is below B. |" in text
    assert "| 2 | **contradicted at 80 epochs** | A is above B. |" in text
    badge = "**not decided at 80 epochs**, supported under sse, 1 of 2 readings of the error"
    assert f"| 7 | {badge} | A is better. |" in text
    assert "- Runs 1 differ from what was published: epochs 80 (published: 100)." in text
    assert "- Not included: digits: no runs." in text
    assert "- Tested: sse, A below " in text
    assert "- Family: the 2 comparisons that the claim lists, run or not." in text
    assert "- Over seeds only: sse." in text
    assert "- In leaderboards, sse is Squared error." in text
    assert "- Under sse: supported." in text
    assert "- Under mmd2: not measured." in text
    assert "- Tested: \\[error\\], A below " in text
    assert "- It is not said which." in text
    assert "± is over seeds only, since records have no values over each draw" in text
    assert "- No A/A control is measured here." in text
    assert "- With a note." in text
    assert "0.999 to 1 times" in text
    assert "1.404576 nats per dimension" in text


def test_markdown_keeps_names_in_their_cells(made, tmp_path):
    tables = [line for line in verdict_markdown.format_verdict(made, tmp_path).splitlines() if line.startswith("|")]
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert counts == {3, 4, 5, 12}
    assert not any("<script>" in line or "\x1b" in line for line in tables)


def test_markdown_links_to_the_runs(made, tmp_path):
    start = tmp_path / "reports" / "deep"
    found = re.findall(r"\]\(<([^>]+)>\)", verdict_markdown.format_verdict(made, start))
    assert len(found) == 12
    assert all(path.startswith("../../fig1/runs/") for path in found)
    start.mkdir(parents=True)
    assert all((start / path / "record.json").exists() for path in found)


def test_json_contains_everything(made, tmp_path):
    found = json.loads(verdict_json.format_verdict(made, tmp_path))
    assert [claim["verdict"] for claim in found["claims"]] == [
        *("supported", "contradicted", "not decided", "not testable", "not testable", "not decided", "supported")
    ]
    assert found["claims"][0]["badge"] == "supported at 80 epochs"
    (reading,) = found["claims"][0]["readings"]
    (pair,) = reading["findings"][0]["pairs"]
    assert (pair["a"], pair["b"], pair["tested"], pair["draws"]) == ("a", "b", [None, 0.0], 0)
    assert pair["p"] < 0.001
    assert [one["verdict"] for one in found["claims"][5]["readings"]] == ["supported", "not testable"]
    assert len(pair["by_seed"]) == 6
    assert len(pair["runs"]) == 12
    (ratio,) = found["claims"][2]["readings"][0]["findings"][0]["pairs"]
    assert ratio["tested"] == pytest.approx([0.999, 1.001])
    assert found["claims"][2]["more_seeds_may_decide"]
    assert found["runs"][0]["scale"] == ["epochs 80 (published: 100)"]
    figure = found["tables"][0]["figures"][0]
    assert (figure["method"], figure["printed"], figure["n"], figure["match"]) == ("a", 20, 6, "compatible")
    assert (figure["draws"], found["tables"][0]["figures"][1]["match"]) == (4, "no prediction")
    assert figure["prediction"][0] < figure["mean"] < figure["prediction"][1]
    assert str(tmp_path) not in json.dumps(found)


def test_paper_without_runs_is_shown(results, tmp_path):
    (tmp_path / "paper.toml").write_text(PAPER)
    made = evaluate_paper(read_paper(tmp_path / "paper.toml"), [])
    assert "1  not measured: MNIST: no runs; digits: no runs" in printed(made, tmp_path)
    assert "5  not testable: it is not said" in printed(made, tmp_path)
    assert "Table 7" in verdict_markdown.format_verdict(made, tmp_path)
    assert json.loads(verdict_json.format_verdict(made, tmp_path))["runs"] == []

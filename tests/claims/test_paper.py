"""Reading the file of a paper."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from helpers.papers import LESS, TABLE, format_claim
from vimae_bench.claims.paper import (
    Claim,
    ClaimTest,
    Paper,
    PaperSetup,
    PaperSource,
    PaperTable,
    ProxyMeasure,
    ReadingOption,
    Readings,
    default_paper_path,
    read_paper,
)
from vimae_bench.core.errors import InvalidFileError


def test_the_default_paper_has_all_values_and_claims():
    paper = read_paper(default_paper_path())
    figures = {table.id: sum(len(table.get_values(method)) for method in table.values) for table in paper.table}
    assert figures == {"1": 5, "2": 15, "3": 25, "4": 25, "5, CelebA": 4, "5, CIFAR-10": 5}
    assert [claim.id for claim in paper.claim] == [f"C{n:02}" for n in range(1, 21)]
    mnist = next(table for table in paper.table if table.id == "3")
    assert mnist.get_values("beta_a") == (93, 66, 13, 85, 65)
    assert mnist.list_measures(paper.find_readings([mnist.measure]).option[1])[1] == "svm linear gauss_0.2"
    assert mnist.list_measures()[1] == "{svm} gauss_0.2"


def test_the_example_of_the_documentation_is_valid(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "paper.md").read_text()
    (example,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "paper.toml").write_text(example)
    paper = read_paper(tmp_path / "paper.toml")
    assert paper.find_claim_readings(paper.claim[0]).of == "classifier"
    for form in (Paper, PaperSource, PaperSetup, PaperTable, Claim, ClaimTest, Readings, ReadingOption, ProxyMeasure):
        assert [key.name for key in fields(form) if not re.search(rf"\b{key.name}\b", page)] == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('a = ["a"]', 'a = ["x"]', "no method is called 'x'"),
        ('kind = "less"', 'kind = "lesser"', "must be one of 'less', 'greater'"),
        ('b = ["b"]', "", "needs either 'b' or 'value'"),
        ('b = ["b"]', 'b = ["b"]\nvalue = 1.0', "needs either 'b' or 'value'"),
        ('setups = ["MNIST"]', 'setups = ["MNIS"]', "no setup is called 'MNIS'; did you mean 'MNIST'?"),
        ('measures = ["sse"]', "", "a test of the kind 'less' needs a value for 'measures'"),
        ('text = "So it is."', "", "needs a value for 'text'"),
        ('kind = "less"', 'kind = "less"\nmargins = 3', "there is no setting of this name; did you mean 'margin'?"),
        ('kind = "less"', 'kind = "equivalent"\nmargin = -1', "must be positive, not -1"),
        ('kind = "less"', 'kind = "ratio"\nbounds = [3, 1]', "must be a lower and a higher bound"),
        ('kind = "less"', 'kind = "order"\ngroups = [["a"]]', "needs at least two groups"),
        ('kind = "less"', 'kind = "computed"\nformula = "pi"', "no closed form is called 'pi'"),
        ('measures = ["sse"]', 'measures = ["{svm} clean"]', "no readings is called 'svm'"),
        ('measures = ["sse"]', 'measures = ["{svm clean"]', "must have braces in pairs"),
        ('kind = "less"', 'kind = "published"\ntable = "9"', "no table is called '9'"),
        ('kind = "less"', 'kind = "ratio"\nchange_from = "rate"\nbounds = [1, 3]', "has no ratio"),
    ],
)
def test_an_error_in_a_claim_is_reported(evaluate, old: str, new: str, message: str):
    text = format_claim(LESS)
    assert old in text
    with pytest.raises(InvalidFileError) as caught:
        evaluate(text.replace(old, new))
    assert message in str(caught.value)


def test_all_errors_in_a_file_are_reported_with_their_lines(evaluate):
    wrong = TABLE.replace("a = [20, 90]", "a = [20]").replace('setup = "MNIST"', 'setup = "MNIS"')
    wrong += format_claim(LESS) + format_claim(LESS.replace('"a"', '"x"'))
    with pytest.raises(InvalidFileError) as caught:
        evaluate(wrong)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert all(".toml:" in line for line in lines)
    for message in ("must have 2 values", "did you mean 'MNIST'", "is also the id of an earlier claim", "called 'x'"):
        assert sum(message in line for line in lines) == 1

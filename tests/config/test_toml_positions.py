"""Where a value stands in a file."""

import tomllib

import pytest

from vimae_bench.config.toml_positions import find_line

TEXT = '''\
name = "a # no comment"
seeds = [
  0, # "one
  1,
]
note = """
[[method]]
""\\""""""
plain = \'\'\'it's [\'\'\'

[training]
epochs = 3
[deep.er]
x.y = { z = [1, { w = 2 }] }

[[method]]
label = "A"
[method.objective]
use = "elbo"
[[method]]
label = "]"
[[method.inner]]
[[method.inner]]
k = 1
'''


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("name",), 1),
        (("seeds", 1), 2),
        (("note",), 6),
        (("plain",), 9),
        (("training",), 11),
        (("training", "epochs"), 12),
        (("training", "absent"), 11),
        (("deep",), 13),
        (("deep", "er", "x", "y", "z", 1, "w"), 14),
        (("method", 0, "label"), 17),
        (("method", 0, "objective"), 18),
        (("method", 0, "objective", "use"), 19),
        (("method", 1), 20),
        (("method", 1, "label"), 21),
        (("method", 1, "objective"), 20),
        (("method", 1, "inner", 1, "k"), 24),
        (("absent",), None),
        ((), None),
    ],
)
def test_a_value_is_on_the_line_where_its_statement_begins(where, line):
    tomllib.loads(TEXT)
    assert find_line(TEXT, where) == line


def test_a_single_value_counts_as_a_list_of_one():
    assert find_line('x = 1\ndataset = "a"\n[method]\nlabel = "b"', ("dataset", 0)) == 2
    assert find_line('x = 1\ndataset = "a"\n[method]\nlabel = "b"', ("method", 0, "label")) == 4

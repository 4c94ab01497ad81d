"""What is known to go wrong before anything is trained."""

import pytest

from vimae_bench.engine.preflight import check
from vimae_bench.errors import Problems
from vimae_bench.plan.benchmark import read

# The convolutional nets serve no image of 8 x 8 pixels.
TEXT = """
name = "small"
seeds = [0]
dataset = "digits"
architecture = ["mlp", "conv"]
latent = 2
LEAVE_OUT
[[method]]
label = "AE"
objective = "ae"
prior = "normal"
"""


@pytest.mark.parametrize("refused", [True, False])
def test_a_model_that_does_not_fit_is_refused_unless_it_is_left_out(tmp_path, refused):
    file = tmp_path / "small.toml"
    file.write_text(TEXT.replace("LEAVE_OUT", "" if refused else "leave_out = [{ architecture = 'conv' }]"))
    if refused:
        with pytest.raises(Problems, match=r"architecture\[1\]: for AE on digits: .*conv over digits"):
            check(read(file), tmp_path, print)
    else:
        check(read(file), tmp_path, print)

"""vimae-bench in notebooks and scripts: results as tables, frames and figures, and the training of single methods.

It uses the same code as the commands, and its objects display themselves in a notebook. `load`, `train` and `combine`
are names of `vimae_bench` itself.
"""

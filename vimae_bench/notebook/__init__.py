"""vimae-bench in notebooks and scripts: results as tables and figures, and one method trained where one stands.

It does what the commands do, by the same parts of the harness; what it gives shows itself in a notebook. Its functions
`load`, `train` and `run` are names of `vimae_bench` itself.
"""

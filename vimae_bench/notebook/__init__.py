"""vimae-bench in notebooks and scripts: results as tables and figures, and one method trained where one stands.

It does what the commands do, by the same parts of the harness, and what it gives shows itself in a notebook. `load`,
`train` and `beside` are names of `vimae_bench` itself.
"""

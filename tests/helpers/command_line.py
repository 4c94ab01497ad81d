"""Commands as a user gives them, in this process."""

from click.testing import CliRunner

from vimae_bench.cli import main


def call(*words: object, code: int = 0) -> str:
    """The output of a command that ends with this exit code."""
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output

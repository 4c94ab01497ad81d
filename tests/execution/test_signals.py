"""An interrupt is deferred until a block ends, and is not lost."""

import os
import signal

import pytest

from vimae_bench.execution import signals


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_held_until_the_end_of_the_block(sent):
    def handler(*_):
        raise KeyboardInterrupt

    def interrupted():
        with signals.block():
            os.kill(os.getpid(), sent)
            reached.append(sent)

    before, reached = signal.signal(sent, handler), []
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert reached == [sent], "the block was gone through first"
        assert signal.getsignal(sent) is handler, "and later signals are not held"
    finally:
        signal.signal(sent, before)

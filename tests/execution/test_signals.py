"""An interrupt is deferred until a block ends, and is not lost."""

import os
import signal
import subprocess
import sys

import pytest

from vimae_bench.execution import signals


@pytest.mark.parametrize("sent", signals.STOP_SIGNALS)
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


@pytest.mark.parametrize("sent", signals.STOP_SIGNALS)
def test_a_signal_that_is_sent_twice_is_one_and_a_later_one_is_the_second(sent, monkeypatch):
    monkeypatch.setattr(signals, "_state", signals._SignalState())
    clock = [0.0]
    monkeypatch.setattr(signals.time, "monotonic", lambda: clock[0])
    with signals.install_handlers(), pytest.raises(signals.Interrupted, match=sent.name):
        send_thrice(sent, clock)


def send_thrice(sent, clock):
    with signals.defer():
        try:
            signal.raise_signal(sent)
            signal.raise_signal(sent)
        except signals.Interrupted:
            pytest.fail("a signal that is sent twice counts as two")
        assert signals.pending() == sent
        clock[0] += 2 * signals.REPEAT_SECONDS
        with pytest.raises(signals.Interrupted):
            signal.raise_signal(sent)


def test_a_masked_signal_reaches_neither_this_thread_nor_what_it_starts_until_the_block_ends():
    code = "import signal; signal.raise_signal(signal.SIGTERM); print('lives')"
    reached = []

    def start_masked():
        with signals.mask():
            signal.raise_signal(signal.SIGHUP)
            reached.append(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)

    with signals.install_handlers(), pytest.raises(signals.Interrupted, match="SIGHUP"):
        start_masked()
    assert reached == ["lives\n"]


def test_hangups_stay_ignored_under_nohup(monkeypatch):
    monkeypatch.setattr(signals, "_state", signals._SignalState())
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.install_handlers():
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGTERM) == signals.handle_in_main
    finally:
        signal.signal(signal.SIGHUP, before)

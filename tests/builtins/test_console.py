import io
import time

import pytest
from rich.console import Console

from vimae_bench.execution import (
    Job,
    JobEnded,
    JobRequeued,
    JobStarted,
    MatrixEntry,
    Note,
    PluginSpec,
    Run,
    Tick,
    Training,
)
from vimae_bench.storage.atomic import write_json
from vimae_bench.storage.run_folder import RunFolder
from vimae_builtin.reporters.console import (
    ConsoleReporter,
    ProgressDisplay,
    format_duration,
    remove_unprintable,
    show_progress,
)


@pytest.fixture
def job(tmp_path):
    def make(label="VAE", seed=0, epochs=40):
        names = (PluginSpec(use) for use in ("digits", "mlp", "elbo", "normal"))
        run = Run(*names, 2, Training(epochs=epochs), seed)
        return Job("toy", MatrixEntry(label, run, ()), tmp_path / run.name, tmp_path)

    return make


def train(job, first, last, total=100.0):
    for epoch in range(first, last + 1):
        RunFolder(job.folder).append_event(
            "epoch", epoch=epoch, time=1.0, seconds=2.0, terms={"total": total, "kl": None}
        )


def end(job, status="done", reason=""):
    write_json(RunFolder(job.folder).record, {"status": status, "reason": reason})


def terminal(width=100):
    return Console(file=io.StringIO(), force_terminal=True, width=width, _environ={"TERM": "xterm"})


def frame(display):
    """The rows of one frame, as a user sees them."""
    console = Console(file=io.StringIO(), width=100)
    console.print(display.progress)
    return console.file.getvalue().rstrip().split("\n")


def test_there_is_a_bar_for_the_matrix_and_one_for_each_run_in_progress(job):
    jobs = [job(seed=0), job("VIMAE-n", seed=1), job(seed=2)]
    display = ProgressDisplay(jobs, terminal())
    for begun in jobs[:2]:
        display.show_event(JobStarted(begun))
    train(jobs[0], 1, 12, total=31.25)
    display.show_event(Tick())
    matrix, first, second = frame(display)
    assert matrix.split()[0] == "toy"
    assert "0/3" in matrix
    assert "VAE digits mlp s0" in first
    assert "12/40" in first
    assert "loss 31.25" in first
    assert "0:56" in first  # 28 epochs of 2 s
    assert "VIMAE-n digits mlp s1" in second
    assert "0/40" in second


def test_only_what_was_written_since_is_read_again(job):
    run = job()
    display = ProgressDisplay([run], terminal())
    display.show_event(JobStarted(run))
    train(run, 1, 40)
    display.show_event(Tick())
    RunFolder(run.folder).events.write_text("x" * RunFolder(run.folder).events.stat().st_size)
    display.show_event(Tick())
    assert "40/40" in frame(display)[1]


def test_while_measuring_the_metric_is_named(job):
    run = job()
    display = ProgressDisplay([run], terminal())
    display.show_event(JobStarted(run))
    train(run, 1, 40)
    RunFolder(run.folder).append_event("measuring", metric="svm", time=1.0)
    display.show_event(Tick())
    matrix, row = frame(display)
    assert "0:" not in matrix  # nobody knows how long measuring takes
    assert "measuring svm" in row
    assert "loss" not in row


def test_a_run_that_ended_well_leaves_its_row_and_no_line(job):
    runs = [job(seed=0), job(seed=1)]
    console = terminal()
    display = ProgressDisplay(runs, console)
    display.show_event(JobStarted(runs[0]))
    end(runs[0])
    display.show_event(JobEnded(runs[0], 0))
    assert len(frame(display)) == 1
    assert "1/2" in frame(display)[0]
    assert console.file.getvalue() == ""


def test_a_run_left_to_others_has_no_row_until_they_have_finished_it(job):
    console, run = Console(file=io.StringIO(), width=100), job()
    display = ProgressDisplay([run, job(seed=1)], console)
    display.show_event(JobStarted(run))
    display.show_event(JobRequeued(run))
    assert display.rows == {}
    assert (display.ended, console.file.getvalue()) == (0, "")
    end(run)
    display.show_event(JobEnded(run, 0, "done by another process"))
    assert console.file.getvalue() == "1/2 VAE digits mlp s0: done by another process\n"


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("diverged", 0, "VAE digits mlp s0: diverged: total not finite in epoch 3"),
        ("failed", 1, "VAE digits mlp s0: failed: total not finite in epoch 3"),
        (None, -9, "VAE digits mlp s0: was stopped by SIGKILL (was the machine out of memory?)"),
    ],
)
def test_a_run_that_ended_badly_is_reported_at_once_with_the_reason(job, status, code, expected):
    console, run = terminal(), job()
    display = ProgressDisplay([run], console)
    display.show_event(JobStarted(run))
    if status:
        end(run, status, "total not finite in epoch 3")
    display.show_event(JobEnded(run, code))
    assert expected in console.file.getvalue()


def test_a_failed_metric_is_reported_though_the_run_is_done(job):
    console, run = terminal(), job()
    display = ProgressDisplay([run], console)
    display.show_event(JobStarted(run))
    RunFolder(run.folder).append_event("metric failed", reason="metric 'svm': no labels", time=1.0)
    end(run)
    RunFolder(run.folder).log.write_text("Traceback ...")
    display.show_event(JobEnded(run, 1))
    assert f"metric 'svm': no labels; see {RunFolder(run.folder).log}" in console.file.getvalue()


def test_a_damaged_record_is_reported_and_ends_nothing(job):
    console, run = terminal(), job()
    display = ProgressDisplay([run], console)
    display.show_event(JobStarted(run))
    train(run, 1, 1)
    RunFolder(run.folder).record.write_text('{"sta')
    display.show_event(JobEnded(run, 0))
    assert "record.json" in console.file.getvalue()


def test_a_resumed_run_starts_where_it_was_and_forgets_what_went_wrong_then(job):
    console, run = terminal(), job()
    train(run, 1, 10)
    RunFolder(run.folder).append_event("metric failed", reason="an old trouble", time=1.0)
    display = ProgressDisplay([run, job(seed=1)], console)
    display.show_event(JobStarted(run))
    assert "10/40" in frame(display)[1]
    assert "0:" not in frame(display)[0]  # ten epochs in no time are no pace
    RunFolder(run.folder).append_event("started", time=1.0, resumed_from=8)
    display.show_event(Tick())
    assert "8/40" in frame(display)[1]
    end(run)
    display.show_event(JobEnded(run, 0))
    assert console.file.getvalue() == ""


def test_elsewhere_each_run_that_has_ended_is_one_line(job):
    runs = [job("VAE", seed=0, epochs=3), job("β_H-VAE", seed=1, epochs=3)]
    console = Console(file=io.StringIO(), width=20)
    stream = show_progress(
        runs,
        iter([JobStarted(r) for r in runs] + [Tick()] + [JobEnded(r, 0) for r in runs]),
        console,
    )
    for _ in range(3):
        next(stream)
    assert console.file.getvalue() == ""
    for run in runs:
        train(run, 1, 3, total=7.5)
    end(runs[0])
    end(runs[1], "diverged", "kl not finite in epoch 3")
    list(stream)
    assert console.file.getvalue().splitlines() == [
        "1/2 VAE digits mlp s0: done, 3 epochs, loss 7.5, 0:00",
        "2/2 β_H-VAE digits mlp s1: diverged: kl not finite in epoch 3",
    ]


NASTY = "a[/oops]b \x1b[31m[red]c\x07\r\nd\u202e {task}"


@pytest.mark.parametrize("make", [terminal, lambda: Console(file=io.StringIO(), width=100)])
def test_labels_and_reasons_are_shown_and_not_obeyed(job, make):
    console, run = make(), job(NASTY)
    display = ProgressDisplay([run], console)
    display.show_event(JobStarted(run))
    assert "a[/oops]b [31m[red]cd {task} digits" in frame(display)[1]
    end(run, "failed", NASTY)
    display.show_event(JobEnded(run, 1))
    expected = console.file.getvalue()
    assert "failed: a[/oops]b [31m[red]cd {task}" in expected
    assert not any(obeyed in expected for obeyed in ("\x07", "\r", "\u202e", "\x1b[31m[red]"))


@pytest.mark.parametrize("make", [terminal, lambda: Console(file=io.StringIO(), width=100)])
def test_a_note_is_a_line_of_its_own(job, make):
    console, run = make(), job()
    list(show_progress([run], iter([Note("2 runs at a time: [red]2 cores\a")]), console))
    assert "2 runs at a time: [red]2 cores\n" in console.file.getvalue()


def test_every_event_is_passed_on_and_the_cursor_comes_back(job):
    console, run = terminal(), job()
    events = [JobStarted(run), Tick(), JobEnded(run, 0)]
    assert list(show_progress([run], iter(events), console)) == events
    shown = console.file.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_an_interrupted_stream_gives_the_cursor_back(job):
    console, run = terminal(), job()
    stream = show_progress([run], iter([JobStarted(run), Tick()]), console)
    next(stream)
    stream.close()
    shown = console.file.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_nothing_is_shown_when_there_is_nothing_to_do():
    console = terminal()
    assert list(show_progress([], iter([]), console)) == []
    assert console.file.getvalue() == ""


def test_the_bars_go_to_the_error_stream(job, capsys):
    run = job()
    list(ConsoleReporter()([run], iter([JobStarted(run), JobEnded(run, 0)])))
    expected = capsys.readouterr()
    assert expected.out == ""
    assert "1/1 VAE digits mlp s0: done" in expected.err


def test_a_tick_costs_less_than_drawing_the_rows(job):
    runs, console = [job(seed=s) for s in range(16)], terminal()
    display = ProgressDisplay(runs, console)
    for run in runs:
        train(run, 1, 20)
        display.show_event(JobStarted(run))
    ticking = min(measure_cpu(lambda: display.show_event(Tick())) for _ in range(20))
    drawing = min(measure_cpu(lambda: console.print(display.progress)) for _ in range(20))
    assert ticking < drawing


def measure_cpu(work):
    began = time.process_time()
    work()
    return time.process_time() - began


def test_durations_are_formatted_as_on_a_clock():
    assert [format_duration(s) for s in (0, 41.6, 725, 10800)] == ["0:00", "0:42", "12:05", "3:00:00"]


def test_letters_of_any_script_are_printable():
    assert remove_unprintable("β_H-VAE 画") == "β_H-VAE 画"


def test_a_remark_on_training_is_printed_once_for_each_method(job):
    runs = [job(seed=0), job(seed=1), job("VIMAE-n", seed=0)]
    console = Console(file=io.StringIO(), width=200)
    display = ProgressDisplay(runs, console)
    for run in runs:
        display.show_event(JobStarted(run))
        RunFolder(run.folder).append_event("preparing", time=0.0)
        RunFolder(run.folder).append_event(
            "started", time=0.0, resumed_from=0, step="eager", remark="not compiled, since it reads"
        )
        display.show_event(Tick())
        display.show_event(JobEnded(run, 0))
    expected = [line for line in console.file.getvalue().split("\n") if "not compiled" in line]
    assert expected == ["VAE: not compiled, since it reads", "VIMAE-n: not compiled, since it reads"]


def test_while_a_step_is_compiled_the_run_is_preparing(job):
    run = job()
    display = ProgressDisplay([run], terminal())
    display.show_event(JobStarted(run))
    RunFolder(run.folder).append_event("preparing", time=0.0)
    display.show_event(Tick())
    assert "preparing" in frame(display)[1]
    RunFolder(run.folder).append_event("started", time=0.0, resumed_from=0, step="compiled", remark="")
    display.show_event(Tick())
    assert "preparing" not in frame(display)[1]

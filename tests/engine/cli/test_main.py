"""The frame around every command: usage, failures, interrupts, progress."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from engine.cli import Command, run
from engine.cli.command import UsageError
from engine.cli.terminal import Terminal
from engine.tasks import Cancelled, Failure


def test_no_command_is_wrong_usage(capsys):
    assert run([]) == 2
    assert run(["sing"]) == 2
    assert "usage" in capsys.readouterr().err


def test_help_is_no_failure(capsys):
    for arguments in (["info", "--help"], ["master", "--help"], ["doctor", "--help"], ["--help"]):
        assert run(arguments) == 0
        text = capsys.readouterr().out
        assert text.startswith("usage: audiobench")
    names = ("info", "master", "master-eval", "models", "train", "dataset", "doctor")
    assert "130 cancelled" in text and all(name in text for name in names)
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("audiobench 0.")


@pytest.fixture
def fail_with(command):
    """Make a command that raises."""

    def make(error: BaseException) -> Command:
        def task(terminal: Terminal) -> int:
            raise error

        return command(task)

    return make


def test_a_failure_is_one_line_without_a_traceback(capsys, fail_with):
    failure = Failure("It\nbroke.", "It was old.", "Buy a new one.")
    assert run(["try"], extra=[fail_with(failure)]) == 1
    captured = capsys.readouterr()
    assert captured.err == "audiobench: It broke. It was old. Buy a new one.\n"
    assert captured.out == ""


def test_a_failure_in_json_is_json(capsys, fail_with):
    failure = Failure("It broke.", "It was old.", "Buy a new one.")
    assert run(["try", "--json"], extra=[fail_with(failure)]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "error": {"what": "It broke.", "why": "It was old.", "remedy": "Buy a new one."}
    }


def test_an_unexpected_error_is_one_line_and_a_traceback_only_in_debug(capsys, fail_with):
    extra = [fail_with(ZeroDivisionError("by nothing"))]
    assert run(["try"], extra=extra) == 1
    plain = capsys.readouterr().err
    assert "ZeroDivisionError: by nothing" in plain and plain.count("\n") == 1
    assert run(["try", "--debug"], extra=extra) == 1
    assert "Traceback" in capsys.readouterr().err


def test_wrong_usage_found_late_is_told_like_any(capsys, fail_with):
    assert run(["try"], extra=[fail_with(UsageError("a and b exclude each other"))]) == 2
    error = capsys.readouterr().err
    assert error.startswith("usage: audiobench try") and "a and b exclude each other" in error


@pytest.mark.parametrize("error", [Cancelled(), KeyboardInterrupt()])
def test_a_cancel_is_130(error, capsys, fail_with):
    assert run(["try"], extra=[fail_with(error)]) == 130
    assert "cancelled" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_heard_at_the_next_checkpoint(number, capsys, command):
    cleaned = []

    def task(terminal: Terminal) -> int:
        with terminal.context("Working") as context:
            try:
                os.kill(os.getpid(), number)
                for _ in range(1000):
                    time.sleep(0.001)
                    context.checkpoint()
            finally:
                cleaned.append(True)
        return 0

    before = signal.getsignal(signal.SIGINT)
    assert run(["try"], extra=[command(task)]) == 130
    assert cleaned == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_does_not_wait_for_a_checkpoint(command):
    def task(terminal: Terminal) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
        return 0

    began = time.monotonic()
    assert run(["try"], extra=[command(task)]) == 130
    assert time.monotonic() - began < 3


def test_there_is_no_progress_where_nobody_looks(capsys, command):
    def task(terminal: Terminal) -> int:
        with terminal.context("Working") as context:
            for number in range(10):
                context.report(number, 10)
        terminal.say("done")
        return 0

    assert run(["try"], extra=[command(task)]) == 0
    assert capsys.readouterr() == ("done\n", "")


def test_help_and_a_measurement_wait_for_no_heavy_package():
    heavy = ("torch", "numba", "scipy.signal", "av", "jinja2")
    code = (
        "import sys; from engine.cli import run; run(['--help']); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

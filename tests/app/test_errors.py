from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from PySide6.QtCore import QtMsgType, qWarning

from app.errors import LOG_BYTES, LOG_COUNT, CrashHandler, Message, message
from engine.tasks import Failure


@pytest.fixture
def told():
    return []


@pytest.fixture
def handler(tmp_path, told):
    with CrashHandler(tmp_path / "logs", told.append).installed() as handler:
        yield handler


def raise_in_hook(error: BaseException) -> None:
    """What the interpreter does with an exception nobody caught."""
    try:
        raise error
    except BaseException as caught:
        sys.excepthook(type(caught), caught, caught.__traceback__)


def test_a_failure_becomes_a_message():
    failure = Failure("The file is empty.", "It has no audio.", "Choose another.")
    assert message(failure) == Message("The file is empty", "It has no audio.", "Choose another.")


def test_an_uncaught_error_is_logged_with_its_traceback_and_told(handler, told):
    raise_in_hook(ZeroDivisionError("by nothing"))
    assert len(told) == 1
    assert "ZeroDivisionError: by nothing" in told[0].why
    assert str(handler.log_path) in told[0].remedy
    log = handler.log_path.read_text()
    assert "raise_in_hook" in log and "ZeroDivisionError: by nothing" in log


def test_the_same_error_is_told_once_and_logged_always(handler, told):
    for _ in range(5):
        raise_in_hook(ValueError("again"))
    assert len(told) == 1
    assert handler.log_path.read_text().count("ValueError: again") == 5


def test_an_error_in_a_thread_is_caught(handler, told):
    thread = threading.Thread(target=lambda: [][1], name="worker 7")
    thread.start()
    thread.join()
    assert len(told) == 1 and "IndexError" in told[0].why
    assert "worker 7" in handler.log_path.read_text()


def test_a_failure_nobody_caught_keeps_its_own_words(handler, told):
    failure = Failure("The disk is full.", "", "Free some space.")
    raise_in_hook(failure)
    assert told == [failure]


def test_an_error_while_telling_does_not_recur(tmp_path, capsys):
    calls = []

    def tell(failure: Failure) -> None:
        calls.append(failure)
        raise_in_hook(RuntimeError("inside"))
        raise RuntimeError("the dialog broke")

    with CrashHandler(tmp_path, tell).installed():
        raise_in_hook(ValueError("outside"))
        raise_in_hook(KeyError("later"))
    assert len(calls) == 2


def test_qt_warnings_go_to_the_log(handler, told):
    qWarning("QPainter::begin: odd")
    assert "Qt: QPainter::begin: odd" in handler.log_path.read_text()
    assert told == []


def test_a_qt_message_while_handling_does_not_recur(tmp_path):
    with CrashHandler(tmp_path, lambda failure: qWarning("told")).installed() as handler:
        raise_in_hook(ValueError("outside"))
        handler._on_qt_message(QtMsgType.QtWarningMsg, _Context(), "after")
    log = handler.log_path.read_text()
    assert "Qt: told" not in log and "Qt: after" in log


class _Context:
    file = "widget.cpp"
    line = 3


def test_a_crash_of_native_code_leaves_its_stack(tmp_path):
    code = f"""
import ctypes
from pathlib import Path
from app.errors import CrashHandler
def deep_inside():
    ctypes.string_at(0)
with CrashHandler(Path({str(tmp_path)!r}), print).installed():
    deep_inside()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode < 0
    log = (tmp_path / "native-crash.log").read_text()
    assert "Segmentation fault" in log and "deep_inside" in log


def test_the_log_rotates(handler):
    for number in range(40):
        raise_in_hook(ValueError(f"{number} " + "x" * 60_000))
    files = sorted(handler.log_path.parent.glob("crash.log*"))
    assert [path.name for path in files] == [
        "crash.log",
        *(f"crash.log.{number}" for number in range(1, LOG_COUNT)),
    ]
    assert all(path.stat().st_size <= LOG_BYTES for path in files)


def test_ctrl_c_is_no_crash(handler, told, capsys):
    raise_in_hook(KeyboardInterrupt())
    assert told == []


def test_an_unwritable_folder_does_not_stop_the_start(tmp_path, told):
    (tmp_path / "logs").write_text("in the way")
    with CrashHandler(tmp_path / "logs", told.append).installed():
        raise_in_hook(ValueError("still told"))
    assert len(told) == 1


def test_afterwards_everything_is_as_before(tmp_path, told):
    before = sys.excepthook, threading.excepthook
    with CrashHandler(tmp_path, told.append).installed():
        assert sys.excepthook != before[0]
    assert (sys.excepthook, threading.excepthook) == before

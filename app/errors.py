"""Errors as messages: Failure -> what a dialog shows; anything else -> crash log and one notice."""

from __future__ import annotations

import faulthandler
import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import IO

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from engine.failures import as_failure
from engine.tasks import Failure

LOG_NAME = "crash.log"
NATIVE_LOG_NAME = "native-crash.log"
LOG_BYTES = 512 * 1024
LOG_COUNT = 3

_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class Message:
    """What a dialog or toast shows: title, text, and what to do about it."""

    title: str
    text: str = ""
    remedy: str = ""


def message(failure: Failure) -> Message:
    """A failure as a message; the title has no full stop, as titles have none."""
    return Message(failure.what.removesuffix("."), failure.why, failure.remedy)


class CrashHandler:
    """Catches what nobody caught: in the main thread, in other threads, and in Qt.

    Everything goes to a rotating crash log with its traceback; when native code crashes, the stacks
    go to a log of their own. The user is told once per kind of
    error (its type and place), so that an error in a paint event does not open a hundred dialogs.

    Parameters
    ----------
    folder
        Where ``crash.log`` lies; made when first needed.
    tell
        Shows a failure to the user. It is called in the thread the error was raised in; hand over
        something that posts to the window's thread.
    """

    def __init__(self, folder: Path, tell: Callable[[Failure], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._told: set[tuple[str, str, int]] = set()
        self._busy = threading.local()
        self._logger = logging.getLogger("audiobench.crash")

    @property
    def log_path(self) -> Path:
        """The crash log."""
        return self._folder / LOG_NAME

    @contextmanager
    def installed(self) -> Iterator[CrashHandler]:
        """Catch while the block runs; afterwards everything is as it was before."""
        handler = self._open_log()
        native = self._watch_native()
        hooks = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        previous = qInstallMessageHandler(self._on_qt_message)
        try:
            yield self
        finally:
            sys.excepthook, threading.excepthook = hooks
            qInstallMessageHandler(previous)
            self._logger.removeHandler(handler)
            handler.close()
            if native is not None:
                faulthandler.disable()
                native.close()

    def handle(self, error: BaseException, where: str = "") -> None:
        """Log an error with its traceback and tell the user if this one was not told yet."""
        if getattr(self._busy, "now", False):
            return  # telling failed itself
        self._busy.now = True
        try:
            self._logger.error("%s", where or "unexpected error", exc_info=error)
            if self._is_new(error):
                self._tell(self._failure(error))
        except Exception:
            # Neither the log nor the window works; the terminal is what is left.
            traceback.print_exc(file=sys.__stderr__)
        finally:
            self._busy.now = False

    def _failure(self, error: BaseException) -> Failure:
        failure = as_failure(error)
        if failure is error:
            return failure
        return Failure(failure.what, failure.why, f"The details are in {self.log_path}.")

    def _is_new(self, error: BaseException) -> bool:
        frames = traceback.extract_tb(error.__traceback__)
        place = (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)
        kind = (type(error).__name__, *place)
        if kind in self._told:
            return False
        self._told.add(kind)
        return True

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            self.handle(error)

    def _on_thread_exception(self, arguments: threading.ExceptHookArgs) -> None:
        name = arguments.thread.name if arguments.thread else "a thread"
        if arguments.exc_value is not None:
            self.handle(arguments.exc_value, f"unexpected error in {name}")

    def _on_qt_message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        if getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            where = f" ({context.file}:{context.line})" if context.file else ""
            self._logger.log(_QT_LEVELS.get(kind, logging.WARNING), "Qt: %s%s", text, where)
        finally:
            self._busy.now = False

    def _watch_native(self) -> IO[str] | None:
        """Have every thread's stack written when native code crashes; nobody could tell then."""
        if faulthandler.is_enabled():
            return None  # whoever runs us watches already
        path = self._folder / NATIVE_LOG_NAME
        try:
            small = path.exists() and path.stat().st_size < LOG_BYTES
            file = path.open("a" if small else "w", encoding="utf-8")
        except OSError:
            return None
        faulthandler.enable(file)
        return file

    def _open_log(self) -> logging.Handler:
        handler: logging.Handler
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handler = RotatingFileHandler(
                self.log_path, maxBytes=LOG_BYTES, backupCount=LOG_COUNT - 1, encoding="utf-8"
            )
        except OSError:
            # A read-only home must not keep the window from opening.
            handler = logging.StreamHandler(sys.__stderr__)
        handler.setLevel(logging.WARNING)
        handler.setFormatter(
            logging.Formatter(
                f"%(asctime)s %(levelname)s %(threadName)s %(message)s "
                f"[python {platform.python_version()}, {platform.platform()}]"
            )
        )
        self._logger.addHandler(handler)
        return handler

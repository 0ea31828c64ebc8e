"""Interrupts: Ctrl+C and a polite kill, heard in the event loop."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PySide6.QtCore import QSocketNotifier

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupts(heard: Callable[[int], None]) -> Iterator[None]:
    """Call ``heard(signal number)`` in the window's thread while the block runs.

    Python runs its own handlers only between two of its instructions, and an idle event loop runs
    none; so the signal is written into a socket that Qt watches.
    """
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)
    notifier = QSocketNotifier(ours.fileno(), QSocketNotifier.Type.Read)

    def read() -> None:
        for number in ours.recv(64):
            if number in SIGNALS:
                heard(number)

    notifier.activated.connect(read)
    before = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        notifier.setEnabled(False)
        ours.close()
        theirs.close()

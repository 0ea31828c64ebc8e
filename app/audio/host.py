"""The playback process: keeps an output open and the sources mapped while the mixer plays.

It is a process of its own because a callback in the window's interpreter loses audio whenever
something there holds the interpreter lock. Started as ``python -m app.audio.host BLOCK``; ends
when its standard input is closed, which also happens when the window dies.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import threading
import time
import traceback
from pathlib import Path

from app.audio.layout import Block
from app.audio.outlet import Outlet
from app.audio.rack import Rack

ROUND_S = 0.004
METERS_S = 0.03
# How long the callback's thread may wait for the interpreter while another one has it.
SWITCH_S = 0.001
NICENESS = -11
REALTIME_PRIORITY = 5


class Host:
    """The main loop; the sound itself is made in the device's thread.

    Parameters
    ----------
    block
        The block shared with the player.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self._quit = threading.Event()
        self._outlet = Outlet(block, self._report)
        self._rack = Rack(block, self._report)
        self._meters_at = 0.0

    def run(self) -> None:
        """Serve until the player goes away."""
        block = self._block
        block.state["pid"][0] = os.getpid()
        threading.Thread(target=self._watch_parent, daemon=True).start()
        # A collection would hold up the callback; there are no cycles worth one.
        gc.freeze()
        gc.disable()
        sys.setswitchinterval(SWITCH_S)
        parent = os.getppid()
        while not self._quit.wait(ROUND_S) and os.getppid() == parent:
            block.state["heartbeat"][0] += 1
            self._outlet.follow()
            if self._outlet.mixer:
                self._rack.follow(self._outlet.mixer)
            self._outlet.publish()
            self._publish_meters()
        self._outlet.close()
        block.remove()

    def _watch_parent(self) -> None:
        # The other end of standard input is held by the player alone: it ends with it.
        while os.read(0, 1):
            continue
        self._quit.set()

    def _publish_meters(self) -> None:
        now = time.monotonic()
        if now >= self._meters_at:
            self._meters_at = now + METERS_S
            meters = self._rack.meters()
            if meters is not None:
                self._block.mail["meters"].write_json(meters)

    def _report(self, what: str, why: str, remedy: str) -> None:
        self._block.mail["trouble"].write_json({"what": what, "why": why, "remedy": remedy})


def _raise_priority() -> None:
    """Run before other programs where the system allows it (Windows: see the watchdog).

    Threads that are made later inherit it, the device's among them.
    """
    with contextlib.suppress(OSError):
        if sys.platform == "linux":
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REALTIME_PRIORITY))
            return
    with contextlib.suppress(OSError):
        if sys.platform != "win32":
            os.nice(NICENESS)


def main(path: str) -> None:
    """Run the playback process on the block of that path until the player ends."""
    block = Block(Path(path))
    _raise_priority()
    try:
        Host(block).run()
    except Exception as error:
        # Last words: the player shows them and starts another host.
        block.mail["trouble"].write_json(
            {
                "what": "The playback process failed.",
                "why": "".join(traceback.format_exception(error))[-4000:],
                "remedy": "It is started again by itself; report this if it comes back.",
            }
        )
        raise


if __name__ == "__main__":
    main(sys.argv[1])

"""The memory that the player and the playback process share.

Both map one file. Every field has exactly one writer, so nothing is ever locked: numbers of eight
bytes are stored at once, pairs carry a sequence counter that is odd while they change, and texts
lie in mailboxes with a checksum. A new host finds in the block all it needs to go on where an
old one died.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import fcntl
except ImportError:  # Windows, where the block is no file
    fcntl = None  # type: ignore[assignment]

SLOTS = 9
"""How many aligned renderings can be switched between."""

TAP_FRAMES = 1 << 18
"""Length of the meters' ring buffers: 5.5 s at 48 kHz."""

TAP_CHANNELS = 2
CLOCK_READS = 100

# The player writes these; frames are those of the bank.
CONTROL = np.dtype(
    [
        ("rate", "i8"),  # the bank's rate in Hz; 0 while there is nothing to play
        ("play_sequence", "u8"),  # counts play and pause commands
        ("playing", "i8"),
        ("seek_sequence", "u8"),
        ("seek_frame", "i8"),
        ("slot", "i8"),
        ("speed", "f8"),
        ("loop_sequence", "u8"),  # odd while start and end are being written
        ("loop_start", "i8"),
        ("loop_end", "i8"),  # no loop where end <= start
        ("rescan_sequence", "u8"),  # counts requests to open the device anew
        ("gain_db", "f8", (SLOTS,)),
        ("available", "i8", (SLOTS,)),  # frames that are already in each file, at its own rate
    ],
    align=True,
)

# The host writes these.
STATE = np.dtype(
    [
        ("pid", "i8"),
        ("heartbeat", "u8"),  # counts rounds of the host's main loop
        ("callbacks", "u8"),  # counts blocks played
        ("clock_sequence", "u8"),  # odd while the next three are being written
        ("position", "f8"),  # bank frame that is mixed next
        ("position_time", "f8"),  # time.monotonic() when it was written
        ("origin", "f8"),  # bank frame where the sound began; -1 once it went around a loop
        ("seek_done", "u8"),  # the last seek_sequence that was carried out
        ("ended_sequence", "u8"),  # the play_sequence that ran to the end of the audio
        ("waiting", "i8"),  # 1 while a growing source has not reached the playhead
        ("slot", "i8"),
        ("slips", "u8"),
        ("load", "f8"),  # share of the block's time that the callback took
        ("latency_s", "f8"),
        ("stream_rate", "i8"),  # 0 while no stream is open
        ("asked_rate", "i8"),  # the bank's rate for which that stream was opened
        ("clock_only", "i8"),  # 1 while no device could be opened
        ("busy", "i8"),  # 1 during what may take seconds: opening a device, loading an insert
        ("tap_frames", "u8"),  # frames written to the ring buffers in total
    ],
    align=True,
)

MAILBOXES = {
    "sources": 65536,  # player: what is in the slots
    "output": 1024,  # player: which device, which latency
    "insert": 16384,  # player: the insert's parameters, opaque
    "device": 1024,  # host: the device that is open
    "devices": 65536,  # host: every output device
    "trouble": 8192,  # host: the last thing that went wrong
    "meters": 4096,  # host: what the insert measures
}

_PREFIX, _SUFFIX = "audiobench-", ".play"
_YOUNG_S = 60.0
_HEADER = np.dtype([("sequence", "u8"), ("size", "u8"), ("checksum", "u8")])


class Mailbox:
    """One message from one writer to one reader, replaced whole.

    A checksum, rather than the order of stores, tells a reader that it caught half a message:
    this holds on every processor.
    """

    def __init__(self, memory: NDArray[np.uint8]) -> None:
        self._header = memory[: _HEADER.itemsize].view(_HEADER)
        self._body = memory[_HEADER.itemsize :]

    @property
    def sequence(self) -> int:
        """Number of the last message; 0 before the first."""
        return int(self._header["sequence"][0])

    def write(self, message: bytes) -> None:
        """Replace the message.

        Raises
        ------
        ValueError
            If it is longer than the mailbox.
        """
        if len(message) > len(self._body):
            raise ValueError(f"a message of {len(message)} bytes exceeds {len(self._body)}")
        self._body[: len(message)] = np.frombuffer(message, np.uint8)
        self._header["size"] = len(message)
        self._header["checksum"] = zlib.crc32(message)
        self._header["sequence"] += 1

    def read(self) -> bytes | None:
        """Return the message, or None when there is none or it is being replaced just now."""
        if not self.sequence:
            return None
        message = self._body[: int(self._header["size"][0])].tobytes()
        return message if zlib.crc32(message) == int(self._header["checksum"][0]) else None

    def write_json(self, value: Any) -> None:
        """Replace the message by a JSON text."""
        self.write(json.dumps(value).encode())

    def read_json(self) -> Any:
        """Parse the message; None as for :meth:`read`."""
        message = self.read()
        return None if message is None else json.loads(message)


def _lock(handle: int) -> bool:
    """Mark an open file as used until it is closed; False when another process uses it."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(folder: Path) -> None:
    """Remove blocks whose window and host were both killed."""
    for path in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDWR)
            try:
                # A young one may be between its making and its lock.
                if time.time() - os.fstat(handle).st_mtime > _YOUNG_S and _lock(handle):
                    path.unlink()
            finally:
                os.close(handle)


def _sections() -> dict[str, tuple[int, int]]:
    """Offset and size of each part of the file, on cache-line boundaries."""
    ring_bytes = TAP_FRAMES * TAP_CHANNELS * 4
    sizes = {"control": CONTROL.itemsize, "state": STATE.itemsize}
    sizes |= {name: _HEADER.itemsize + size for name, size in MAILBOXES.items()}
    sizes |= {"before": ring_bytes, "after": ring_bytes}
    offset, sections = 0, {}
    for name, size in sizes.items():
        sections[name] = (offset, size)
        offset += -(-size // 64) * 64
    sections["end"] = (offset, 0)
    return sections


class Block:
    """The shared block: numbers, mailboxes and the meters' ring buffers.

    ``control`` and ``state`` give one array of one element per field, so that reading a number
    costs a single index.

    Parameters
    ----------
    path
        What :meth:`create` chose.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        sections = _sections()
        if sys.platform == "win32":
            # The name of memory that vanishes with its last user; no file is involved.
            self._memory = mmap.mmap(-1, sections["end"][0], tagname=path.name)
        else:
            with path.open("r+b") as file:
                self._memory = mmap.mmap(file.fileno(), sections["end"][0])
        whole = np.frombuffer(self._memory, np.uint8)
        parts = {name: whole[at : at + size] for name, (at, size) in sections.items()}
        self.control = self._fields(parts["control"].view(CONTROL))
        self.state = self._fields(parts["state"].view(STATE))
        self.mail = {name: Mailbox(parts[name]) for name in MAILBOXES}
        shape = (TAP_FRAMES, TAP_CHANNELS)
        self.before: NDArray[np.float32] = parts["before"].view(np.float32).reshape(shape)
        self.after: NDArray[np.float32] = parts["after"].view(np.float32).reshape(shape)

    @staticmethod
    def _fields(record: NDArray[Any]) -> dict[str, NDArray[Any]]:
        fields = {}
        for name in record.dtype.names or ():
            field = record[name]
            fields[name] = field[0] if field.ndim > 1 else field
        return fields

    @classmethod
    def create(cls) -> Block:
        """Make a new block of zeros, in memory where the system has a place for that."""
        memory = Path("/dev/shm")
        folder = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
        _sweep(folder)
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder)
        _lock(handle)
        os.truncate(handle, _sections()["end"][0])
        block = cls(Path(name))
        block._handle = handle
        if sys.platform == "win32":
            block.remove()
        block.control["speed"][0] = 1.0
        return block

    def remove(self) -> None:
        """Delete the file; whoever has it mapped keeps the memory."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self.path.unlink(missing_ok=True)

    def write_loop(self, start_frame: int, end_frame: int) -> None:
        """Set both ends of the loop as one; ``end_frame <= start_frame`` means none."""
        self.control["loop_sequence"][0] += 1
        self.control["loop_start"][0] = start_frame
        self.control["loop_end"][0] = end_frame
        self.control["loop_sequence"][0] += 1

    def read_loop(self) -> tuple[int, int] | None:
        """Both ends of the loop, or None while they are being written."""
        before = int(self.control["loop_sequence"][0])
        loop = int(self.control["loop_start"][0]), int(self.control["loop_end"][0])
        after = int(self.control["loop_sequence"][0])
        return loop if before == after and before % 2 == 0 else None

    def write_clock(self, position: float, now: float, origin: float) -> None:
        """Say as one which frame is mixed next, when, and where the sound began."""
        sequence = int(self.state["clock_sequence"][0]) | 1
        self.state["clock_sequence"][0] = sequence
        self.state["position"][0] = position
        self.state["position_time"][0] = now
        self.state["origin"][0] = origin
        self.state["clock_sequence"][0] = sequence + 1

    def read_clock(self) -> tuple[float, float, float]:
        """Position, its time and the origin, from one moment."""
        # A host that was killed while it wrote leaves the counter odd: do not wait for ever.
        for _ in range(CLOCK_READS):
            sequence = int(self.state["clock_sequence"][0])
            names = ("position", "position_time", "origin")
            position, moment, origin = (float(self.state[name][0]) for name in names)
            if sequence % 2 == 0 and sequence == int(self.state["clock_sequence"][0]):
                break
        return position, moment, origin

    def write_taps(self, before: NDArray[np.float32], after: NDArray[np.float32]) -> None:
        """Append ``[frames, 2]`` blocks of equal length to both ring buffers."""
        written = int(self.state["tap_frames"][0])
        frames = len(after)
        start = written % TAP_FRAMES
        split = min(frames, TAP_FRAMES - start)
        for ring, block in ((self.before, before), (self.after, after)):
            ring[start : start + split] = block[:split]
            ring[: frames - split] = block[split:]
        self.state["tap_frames"][0] = written + frames

"""A slot: one of the aligned renderings that can be switched between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.audio.layout import SLOTS

if TYPE_CHECKING:
    from engine.audio.store import StoredAudio


@dataclass(frozen=True, slots=True)
class Slot:
    """One of up to nine aligned renderings.

    Parameters
    ----------
    label
        What the user calls it.
    stored
        The audio.
    gain_db
        Level correction, for comparing at equal loudness.
    insert
        Whether it is heard through the live processor.
    growing
        Whether more frames will come under the same path (always so while the audio is not
        complete): the playhead then waits at the end of what is there. Hand in the longer audio
        with ``Player.set_slots`` as it grows.
    """

    label: str
    stored: StoredAudio
    gain_db: float = 0.0
    insert: bool = False
    growing: bool = False


def source_list(
    slots: Sequence[Slot],
    stream_rate: int,
    at_rate: Callable[[StoredAudio], StoredAudio | None],
    insert: str,
) -> tuple[dict[str, Any], list[int]]:
    """What the playback process shall map.

    Parameters
    ----------
    slots
        At most nine.
    stream_rate
        Rate of the stream in Hz.
    at_rate
        Gives audio at that rate, or None while there is none.
    insert
        Factory of the live processor.

    Returns
    -------
    message, available
        The message for the mailbox ``sources``, and how many frames of each slot are there.
    """
    entries: list[dict[str, Any] | None] = [None] * SLOTS
    available, lengths = [0] * SLOTS, []
    for index, slot in enumerate(slots):
        stored = at_rate(slot.stored)
        if stored is None:
            continue
        lengths.append(stored.frames)
        available[index] = stored.frames if stored.complete else stored.available_frames
        entries[index] = {
            "path": str(stored.path),
            "channels": stored.channels,
            "growing": slot.growing or not stored.complete,
            "insert": insert if slot.insert else None,
        }
    frames = max(lengths, default=None)
    return {"rate": stream_rate, "frames": frames, "slots": entries}, available

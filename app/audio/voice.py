"""A slot as the mixer plays it: a source, perhaps through an insert."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.audio.route import Leg, Motion, route
from app.audio.sources import Source, to_stereo

PREROLL_FRAMES = 8192
"""What an insert hears before the point it starts from, so that its filters have settled."""


class Insert(Protocol):
    """A processor loaded into the playback process."""

    @property
    def latency_frames(self) -> int:
        """Frames by which the output lags behind the input."""

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Process ``[frames, channels]``; the result has the same shape."""

    def configure(self, message: bytes) -> None:
        """Take new parameters; called between blocks."""

    def reset(self) -> None:
        """Forget everything heard so far."""

    def meters(self) -> dict[str, Any]:
        """What a display may show, JSON-able."""


@dataclass(slots=True, eq=False)
class Voice:
    """What one slot plays and where its insert's read head is.

    The insert reads ahead by its own latency, so that what comes out lies at the same frame as
    in all other slots. Whenever the head is not where it should be (after a seek, a new loop, a
    pause, another speed) the insert is reset and fed anew.

    Parameters
    ----------
    source
        The audio.
    insert
        What it is played through, if anything.
    recipe
        Name of the insert's factory and the rate it was made for.
    """

    source: Source
    insert: Insert | None = None
    recipe: tuple[str | None, int] = (None, 0)
    message: bytes | None = None
    error: Exception | None = None
    _head: float | None = field(default=None, init=False)

    @property
    def lookahead_frames(self) -> int:
        """Frames that are read before they are heard."""
        return self.insert.latency_frames if self.insert and not self.error else 0

    def play(
        self, position: float, count: int, legs: list[Leg], motion: Motion
    ) -> NDArray[np.float32]:
        """Render ``count`` frames from ``position``, as ``[count, 2]``."""
        if self.insert and not self.error:
            try:
                return to_stereo(self._through(self.insert, position, count, motion))
            except Exception as error:
                # Whatever a foreign processor raises, the music goes on; the host reports it.
                self.error = error
        return to_stereo(self.source.follow(legs, motion.speed))

    def _through(
        self, insert: Insert, position: float, count: int, motion: Motion
    ) -> NDArray[np.float32]:
        if self.message is not None:
            message, self.message = self.message, None
            insert.configure(message)
        latency = insert.latency_frames
        legs, due = route(position, latency, motion)
        if self._head is None or abs(self._head - due) > 0.01:
            insert.reset()
            start = max(0.0, position - PREROLL_FRAMES) if motion.speed == 1.0 else position
            lead = [Leg(start, round(position - start))] if start < position else []
            insert.process(self.source.follow(lead + legs, motion.speed))
            self._head = due
        legs, self._head = route(self._head, count, motion)
        block = np.ascontiguousarray(self.source.follow(legs, motion.speed))
        result = insert.process(block)
        if result.shape != block.shape:
            raise ValueError(f"the insert gave {result.shape} for {block.shape}")
        if not np.isfinite(result).all():
            raise ValueError("the insert gave numbers that are not finite")
        return result

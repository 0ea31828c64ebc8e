"""What was played last, for meters and analysers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.audio.layout import TAP_CHANNELS, TAP_FRAMES, Block

_MARGIN_FRAMES = 1 << 14


class Taps:
    """Reads the ring buffers the playback process fills.

    While nothing plays they go on with silence, so that meters fall to rest.
    """

    def __init__(self, block: Block) -> None:
        self._block = block

    @property
    def written_frames(self) -> int:
        """Frames played since the player began; meters that must miss nothing count with it."""
        return int(self._block.state["tap_frames"][0])

    def recent(self, frames: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the last ``frames`` frames, zeros before the beginning.

        Parameters
        ----------
        frames
            How many, up to 245 760 (5 s at 48 kHz); more are cut to that.

        Returns
        -------
        before, after
            What the first slot (the original) holds there, and what was heard; float32
            ``[2, frames]`` copies.
        """
        frames = min(frames, TAP_FRAMES - _MARGIN_FRAMES)
        end = self.written_frames
        at = np.arange(end - frames, end) % TAP_FRAMES
        before, after = self._block.before[at].T.copy(), self._block.after[at].T.copy()
        if end < frames:
            before[:, : frames - end] = 0.0
            after[:, : frames - end] = 0.0
        assert before.shape == (TAP_CHANNELS, frames)
        return before, after

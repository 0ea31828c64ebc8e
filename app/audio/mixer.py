"""The mixing of a block: transport, crossfades, gains. No device, no thread, no clock."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.audio.layout import SLOTS, Block
from app.audio.route import Leg, Motion, route
from app.audio.sources import to_stereo
from app.audio.voice import Voice

FADE_S = 0.005
REFILL_S = 0.25
"""A growing source that ran dry goes on when it has this much more."""

Voices = Sequence[Voice | None]


def _one_hot(slot: int) -> NDArray[np.float32]:
    levels = np.zeros(SLOTS, np.float32)
    if 0 <= slot < SLOTS:
        levels[slot] = 1.0
    return levels


class Mixer:
    """Plays what the control block asks for, one block of frames at a time.

    Every break in the sound (pause, seek, another source in the slot) is a linear crossfade of
    5 ms: the next frames of the old sound are rendered as a *tail* that fades out over whatever
    comes. The playhead itself therefore jumps exactly. From a standstill at frame 0 there is no
    fade in, so that a file is played bit for bit from its first frame; the seam of a loop is a
    plain splice.

    Parameters
    ----------
    block
        The shared block; position and transport go on from what it says.
    rate
        Rate of the stream in Hz.
    bank_rate
        Rate that the block's frames are counted in; differs where a device does not take it.
    """

    def __init__(self, block: Block, rate: int, bank_rate: int) -> None:
        self.rate = rate
        self.scale = rate / bank_rate
        self.fade_frames = max(1, round(FADE_S * rate))
        self.voices: Voices = (None,) * SLOTS
        self.length: int | None = None
        self.warmed_sequence: int | None = None
        self._block = block
        self._coming: tuple[Voices, int | None] | None = None
        self._position = self._scaled(block.read_clock()[0])
        self._origin = self._position
        self._motion = Motion()
        self._running = False
        self._waiting = False
        self._play_sequence = 0
        self._slot = int(block.control["slot"][0])
        self._levels = self._from = self._to = _one_hot(self._slot)
        self._faded = self._attack = self.fade_frames
        self._gain_from, self._gain_to = self._wanted_gains(), self._wanted_gains()
        self._gain_walked = np.full(SLOTS, self.fade_frames)
        self._tail = np.zeros((0, 2), np.float32)

    def set_voices(self, voices: Voices, length: int | None) -> None:
        """Play these from the next block on.

        ``length`` is the bank's length in frames of the stream; with None the playhead holds.
        """
        self._coming = (tuple(voices), length)

    @property
    def adopted(self) -> bool:
        """Whether the voices given last are the ones being played."""
        return self._coming is None

    @property
    def position(self) -> float:
        """The frame of the stream's rate that is mixed next."""
        return self._position

    def render(self, out: NDArray[np.float32]) -> None:
        """Fill ``out`` ``[frames, channels]``: both, their mean, or both and silence."""
        frames = len(out)
        self._obey()
        dry = np.zeros((frames, 2), np.float32)
        wet = np.zeros((frames, 2), np.float32)
        if self._running and self.length is not None and not self._must_wait(frames):
            self._advance(dry, wet, self.length)
        if len(self._tail):
            count = min(frames, len(self._tail))
            wet[:count] += self._tail[:count]
            self._tail = self._tail[count:]
        if out.shape[1] == 1:
            out[:, 0] = wet.mean(axis=1)
        else:
            out[:, :2] = wet
            out[:, 2:] = 0.0
        self._block.write_taps(dry, wet)
        self._block.state["callbacks"][0] += 1
        self._publish()

    # -- commands ------------------------------------------------------------------------------

    def _obey(self) -> None:
        """Carry out what the control block asks for since the last block.

        A new break waits until the crossfade of the last one is over, 5 ms at most.
        """
        if not len(self._tail):
            self._obey_transport()
        slot = int(self._block.control["slot"][0])
        if slot != self._slot:
            self._select(slot)

    def _obey_transport(self) -> None:
        control, state = self._block.control, self._block.state
        seek = int(control["seek_sequence"][0])
        sought = seek != int(state["seek_done"][0])
        seeking = sought and self._is_warm(seek)
        loop = self._block.read_loop()
        if loop is None:
            loop = self._motion.loop
        else:
            end = round(loop[1] * self.scale)
            loop = (
                round(loop[0] * self.scale),
                end if self.length is None else min(end, self.length),
            )
            loop = loop if loop[1] > loop[0] else None
        motion = Motion(float(control["speed"][0]) or 1.0, loop)
        play_sequence = int(control["play_sequence"][0])
        playing = bool(control["playing"][0]) and play_sequence != int(state["ended_sequence"][0])
        coming, self._coming = self._coming, None
        replaced = coming is not None and self._is_replaced(coming[0])
        turns = motion.speed != self._motion.speed
        if self._running and (seeking or turns or replaced or not playing):
            self._release()
        if coming is not None:
            self.voices, self.length = coming
        if seeking:
            self._position = self._origin = self._scaled(float(control["seek_frame"][0]))
            # The new position must be there before the seek counts as done.
            self._publish()
            state["seek_done"][0] = seek
        if turns and motion.speed == 1.0:
            self._position = float(round(self._position))
        self._motion = motion
        if playing and not self._running:
            if sought and not seeking:
                return  # what was asked for is the place sought, not the one before
            self._start()
        self._running = playing
        self._play_sequence = play_sequence

    def _is_warm(self, seek: int) -> bool:
        return self.warmed_sequence is None or self.warmed_sequence == seek

    def _is_replaced(self, voices: Voices) -> bool:
        return any(
            old is not new and (self._from[slot] or self._to[slot])
            for slot, (old, new) in enumerate(zip(self.voices, voices, strict=True))
        )

    def _start(self) -> None:
        """Begin from a standstill: levels and gains are simply there."""
        self._levels = self._from = self._to = _one_hot(self._slot)
        self._faded = self.fade_frames
        self._gain_from, self._gain_to = self._wanted_gains(), self._wanted_gains()
        self._gain_walked[:] = self.fade_frames
        self._attack = self.fade_frames if self._position == 0 else 0
        self._origin = self._position

    def _select(self, slot: int) -> None:
        self._slot = slot
        self._to = _one_hot(slot)
        self._from = self._levels
        self._faded = 0
        if not self._running:
            self._levels = self._from = self._to
            self._faded = self.fade_frames

    def _release(self) -> None:
        """Let what is sounding fade out over what comes next, which fades in."""
        frames = self.fade_frames
        legs, _ = route(self._position, frames, self._motion)
        tail = self._mix(self._position, legs, frames)[1] * self._attack_ramp(1)
        tail *= 1.0 - np.arange(frames, dtype=np.float32)[:, None] / np.float32(frames)
        tail[: len(self._tail)] += self._tail
        self._tail = tail
        self._attack = 0

    # -- sound ---------------------------------------------------------------------------------

    def _advance(self, dry: NDArray[np.float32], wet: NDArray[np.float32], length: int) -> None:
        """Play on, up to the end of the audio."""
        frames = len(wet)
        legs, position = route(self._position, frames, self._motion, length)
        count = sum(leg.count for leg in legs)
        if count:
            dry[:count], wet[:count] = self._mix(self._position, legs, count)
            if self._attack < self.fade_frames:
                wet[:count] *= self._attack_ramp(count)
                self._attack = min(self.fade_frames, self._attack + count)
        if len(legs) > 1:
            self._origin = -1.0
        self._position = position
        forwards = self._motion.speed > 0
        if count < frames or (position >= length if forwards else position < 0):
            self._position = min(max(position, 0.0), float(length))
            self._running = False
            self._block.state["ended_sequence"][0] = self._play_sequence

    def _attack_ramp(self, count: int) -> NDArray[np.float32]:
        at = self._attack + np.arange(count, dtype=np.float32)
        ramp: NDArray[np.float32] = np.minimum(at / np.float32(self.fade_frames), np.float32(1.0))
        return ramp[:, None]

    def _mix(
        self, position: float, legs: list[Leg], count: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What the first slot holds here, to compare with, and what is heard; ``[count, 2]``."""
        dry = self._original(legs, count)
        wet = np.zeros((count, 2), np.float32)
        at = self._faded + np.arange(count, dtype=np.float32)
        fade = np.minimum(at / np.float32(self.fade_frames), np.float32(1.0))[:, None]
        fading = self._faded < self.fade_frames
        targets = self._wanted_gains()
        for slot, voice in enumerate(self.voices):
            first, last = self._from[slot], self._to[slot]
            if voice is None or not (last or (fading and first)):
                self._gain_to[slot] = targets[slot]
                self._gain_walked[slot] = self.fade_frames
                continue
            heard = voice.play(position, count, legs, self._motion)
            gain = self._gain_ramp(slot, targets[slot], count)
            if fading and first != last:
                level = first * (1 - fade) + last * fade
                heard = heard * level
            wet += heard * gain
        self._faded = min(self.fade_frames, self._faded + count)
        t = np.float32(self._faded / self.fade_frames)
        self._levels = self._from * (1 - t) + self._to * t
        return dry, wet

    def _original(self, legs: list[Leg], count: int) -> NDArray[np.float32]:
        voice = self.voices[0]
        if voice is None:
            return np.zeros((count, 2), np.float32)
        return to_stereo(voice.source.follow(legs, self._motion.speed))

    def _wanted_gains(self) -> NDArray[np.float32]:
        gains: NDArray[np.float32] = np.power(10.0, self._block.control["gain_db"] / 20.0).astype(
            np.float32
        )
        return gains

    def _gain_ramp(self, slot: int, target: np.float32, count: int) -> NDArray[np.float32]:
        """Move a gain to a new value within one fade, from wherever it is."""
        length = self.fade_frames
        first, last, walked = self._gain_from[slot], self._gain_to[slot], self._gain_walked[slot]
        if target != last:
            first += (last - first) * np.float32(walked / length)
            last, walked = target, 0
            self._gain_from[slot], self._gain_to[slot] = first, last
        self._gain_walked[slot] = min(length, walked + count)
        if walked >= length:
            return np.full((1, 1), last)
        share = np.minimum(walked + np.arange(count, dtype=np.float32), length) / length
        ramp: NDArray[np.float32] = (first + (last - first) * share).astype(np.float32)
        return ramp[:, None]

    def _must_wait(self, frames: int) -> bool:
        """Whether the audible source has not grown far enough; silence begins with a fade."""
        voice = self.voices[self._slot] if 0 <= self._slot < SLOTS else None
        if voice is None or not voice.source.growing or self._motion.speed < 0:
            self._waiting = False
            return False
        reach = frames * max(1, round(self._motion.speed))
        needed = self._position + reach + self.fade_frames + voice.lookahead_frames + 4
        if self._waiting:
            needed += REFILL_S * self.rate
        waits = voice.source.available < needed
        if waits and not self._waiting:
            self._release()
        self._waiting = waits
        return waits

    def _publish(self) -> None:
        state = self._block.state
        origin = self._origin / self.scale if self._origin >= 0 else -1.0
        self._block.write_clock(self._position / self.scale, time.monotonic(), origin)
        state["slot"][0] = self._slot
        state["waiting"][0] = self._waiting and self._running

    def _scaled(self, frame: float) -> float:
        """The stream's frame for a frame of the bank."""
        return frame if self.scale == 1.0 else float(round(frame * self.scale))

"""What reaches the sound device, recorded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.audio.player import Player

RATE = 48000
Signal = NDArray[np.float32]


def noise(seconds: float, seed: int = 0, lead_s: float = 0.5) -> Signal:
    """Stereo noise after some silence, for the sink to wake in."""
    rng = np.random.default_rng(seed)
    signal = rng.uniform(-0.5, 0.5, (round(seconds * RATE), 2)).astype(np.float32)
    signal[: round(lead_s * RATE)] = 0.0
    return signal


def find(recording: Signal, signal: Signal) -> int:
    """Frame of the recording where the signal's frame 0 lies."""
    first = int(np.flatnonzero(signal[:, 0])[0])
    return int(np.flatnonzero(recording[:, 0])[0]) - first


def test_a_file_is_played_bit_for_bit(sound_server, player: Player, load, wait_for) -> None:
    signal = noise(1.5)
    load(signal)
    recorder = sound_server.record()
    player.play()
    wait_for(lambda: not player.playing)
    recording = recorder.stop()
    start = find(recording, signal)
    played = recording[start : start + len(signal)]
    np.testing.assert_array_equal(played, signal)
    assert player.position_frame == len(signal)

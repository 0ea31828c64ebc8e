"""Synthesise the demo track: ``python -m resources.demo.synthesise [OUT.flac]``.

Forty-two seconds in A minor at 92 beats a minute. The mix is good on purpose and then spoilt on
purpose: boxy (+5 dB at 260 Hz), dull (-8 dB above 3 kHz), narrow, and at about -27 LUFS.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from resources.demo import instruments

RATE = 44100
BEATS_PER_MINUTE = 92.0
BARS = 16
SEED = 2026

CHORDS = ((57, 60, 64, 67), (53, 57, 60, 64), (48, 55, 60, 64), (55, 59, 62, 67))
MELODY = ((76, 1.5), (74, 0.5), (72, 1.0), (71, 1.0), (69, 2.0), (67, 1.0), (69, 1.0), (72, 1.5),
          (74, 0.5), (76, 2.0), (79, 1.0), (76, 1.0), (74, 2.0))  # fmt: skip

Stereo = NDArray[np.float64]


class Mix:
    """A stereo buffer that notes are placed on."""

    def __init__(self, frames: int) -> None:
        self.samples: Stereo = np.zeros((2, frames))

    def add(self, note: NDArray[np.float64], start_s: float, gain: float, pan: float) -> None:
        """Place a note; ``pan`` runs from -1 (left) to 1 (right), equal power."""
        start = int(start_s * RATE)
        stop = min(start + len(note), self.samples.shape[1])
        angle = (pan + 1.0) * np.pi / 4.0
        for channel, weight in enumerate((np.cos(angle), np.sin(angle))):
            self.samples[channel, start:stop] += gain * weight * note[: stop - start]


def compose() -> Stereo:
    """The good mix, before it is spoilt; shape ``[2, frames]``."""
    beat_s = 60.0 / BEATS_PER_MINUTE
    bar_s = 4 * beat_s
    mix = Mix(int((BARS * bar_s + 1.5) * RATE))
    rng = np.random.default_rng(SEED)
    kick = instruments.kick(RATE)
    for bar in range(BARS):
        start_s = bar * bar_s
        chord = CHORDS[bar % len(CHORDS)]
        for index, note in enumerate(chord):
            for detune_cents, pan in ((-6.0, -0.8), (6.0, 0.8)):
                sound = instruments.pad(note, bar_s * 1.1, RATE, detune_cents)
                mix.add(sound, start_s, 0.045, pan * (0.5 + 0.15 * index))
        for step, beats in enumerate((0.0, 1.5, 2.0, 3.5)):
            note = chord[0] - 24 + (12 if step == 3 else 0)
            mix.add(instruments.bass(note, beat_s * 1.2, RATE), start_s + beats * beat_s, 0.34, 0.0)
        if bar >= 2:
            for step in range(8):
                note = chord[(step * 3) % 4] + 12 * (1 + step % 2)
                pan = 0.7 if step % 2 else -0.7
                when_s = start_s + step * beat_s / 2
                mix.add(instruments.pluck(note, beat_s, RATE), when_s, 0.16, pan)
        if 4 <= bar < 15:
            for beat in range(4):
                when_s = start_s + beat * beat_s
                if beat % 2 == 0:
                    mix.add(kick, when_s, 0.75, 0.0)
                else:
                    mix.add(instruments.snare(RATE, rng), when_s, 0.32, 0.08)
                for half in range(2):
                    decay_s = 0.06 if half else 0.025
                    hat = instruments.hat(RATE, rng, decay_s)
                    mix.add(hat, when_s + half * beat_s / 2, 0.12, 0.35)
    when_s = 8 * bar_s
    for note, beats in MELODY * 2:
        if when_s < 14 * bar_s:
            mix.add(instruments.lead(note, beats * beat_s, RATE), when_s, 0.13, -0.15)
        when_s += beats * beat_s
    return mix.samples


def spoil(samples: Stereo) -> Stereo:
    """Make the mix boxy, dull, narrow and quiet, with a filter drawn in the spectrum."""
    frames = samples.shape[1]
    hz = np.fft.rfftfreq(frames, 1.0 / RATE)
    octaves_from_box = np.log2(np.maximum(hz, 1.0) / 260.0)
    gain_db = 5.0 * np.exp(-0.5 * (octaves_from_box / 0.8) ** 2)
    gain_db -= 8.0 / (1.0 + (3000.0 / np.maximum(hz, 1.0)) ** 2)
    dull = np.fft.irfft(np.fft.rfft(samples) * 10 ** (gain_db / 20.0), frames)
    mid, side = (dull[0] + dull[1]) / 2, (dull[0] - dull[1]) / 2
    narrow = np.stack([mid + 0.55 * side, mid - 0.55 * side])
    time_s = np.arange(frames) / RATE
    fade = np.minimum(time_s / 0.01, 1.0) * np.minimum(time_s[::-1] / 1.2, 1.0)
    return np.asarray(narrow * fade * (0.22 / np.abs(narrow).max()))


def demo_track() -> Stereo:
    """The demo as it ships; float64, shape ``[2, frames]`` at ``RATE``."""
    return spoil(compose())


def write_demo(path: Path) -> Path:
    """Write the demo as 24-bit FLAC, by way of a temporary name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    soundfile.write(temporary, demo_track().T, RATE, format="FLAC", subtype="PCM_24")
    temporary.replace(path)
    return path


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo.flac")
    print(f"wrote {write_demo(target)}")

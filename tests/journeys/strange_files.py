"""Files nobody likes to be given, made afresh for every test."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 44100


def noise(seconds: float, channels: int = 2, rate: int = RATE) -> NDArray[np.float32]:
    """Quiet noise ``[frames, channels]`` that falls towards high frequencies."""
    rng = np.random.default_rng(11)
    frames = max(round(seconds * rate), 1)
    spectrum = np.fft.rfft(rng.standard_normal((frames, channels)), axis=0)
    hz = np.fft.rfftfreq(frames, 1 / rate)
    dull = np.fft.irfft(spectrum / (1.0 + hz / 300.0)[:, None], frames, axis=0)
    return (0.1 * dull / max(float(np.abs(dull).max()), 1e-9)).astype(np.float32)


def pcm(path: Path, seconds: float = 2.0, channels: int = 2, rate: int = RATE) -> Path:
    """A proper 16-bit WAV."""
    soundfile.write(path, noise(seconds, channels, rate), rate, subtype="PCM_16")
    return path


def truncated(path: Path) -> Path:
    """A WAV of which the second half is missing."""
    data = pcm(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def empty(path: Path) -> Path:
    """No byte at all."""
    path.touch()
    return path


def text(path: Path) -> Path:
    """Words that call themselves audio."""
    path.write_text("Dear sound engineer, the file is attached.")
    return path


def no_rate(path: Path) -> Path:
    """A WAV whose header says 0 Hz."""
    data = bytearray(pcm(path).read_bytes())
    where = data.find(b"fmt ") + 12
    data[where : where + 4] = struct.pack("<I", 0)
    path.write_bytes(bytes(data))
    return path


def hundred_channels(path: Path) -> Path:
    """A proper WAV with more channels than anybody can hear."""
    return pcm(path, 0.05, 100)


def huge_header(path: Path) -> Path:
    """A WAV that promises three gigabytes and holds two seconds."""
    data = bytearray(pcm(path).read_bytes())
    where = data.find(b"data") + 4
    data[where : where + 4] = struct.pack("<I", 3_000_000_000)
    path.write_bytes(bytes(data))
    return path


def one_sample(path: Path) -> Path:
    """A single stereo frame."""
    soundfile.write(path, np.array([[0.5, -0.5]]), RATE, subtype="PCM_16")
    return path


def with_nan(path: Path) -> Path:
    """Music in which a plug-in has gone wrong: NaN and infinity in the midst."""
    samples = noise(2.0)
    samples[1000:1010] = np.nan
    samples[5000] = np.inf
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def silence(path: Path) -> Path:
    """Two seconds of digital silence."""
    soundfile.write(path, np.zeros((2 * RATE, 2)), RATE, subtype="PCM_16")
    return path


def flac_called_wav(path: Path) -> Path:
    """A FLAC file under the name of a WAV."""
    soundfile.write(path, noise(2.0), RATE, format="FLAC", subtype="PCM_16")
    return path


Maker = Callable[[Path], Path]

REFUSED: dict[str, tuple[Maker, str]] = {
    "empty": (empty, "empty"),
    "text": (text, "not in any audio format"),
    "no rate": (no_rate, "could not be read"),
    "hundred channels": (hundred_channels, "100 channels"),
}
"""What cannot be opened, and words that say why."""

DAMAGED: dict[str, tuple[Maker, str]] = {
    "truncated": (truncated, "ends early"),
    "huge header": (huge_header, "ends early"),
    "not numbers": (with_nan, "no numbers"),
}
"""What opens with a warning, and words of it."""

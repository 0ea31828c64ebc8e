"""Signals with known samples, and files made of them, for the tests of reading and writing."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

Noise = Callable[..., NDArray[np.float32]]
Encode = Callable[..., Path]
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def _noise(frames: int, channels: int = 2, seed: int = 0) -> NDArray[np.float32]:
    """Lowpass noise, different in every channel: survives codecs and has one clear alignment."""
    rng = np.random.default_rng(seed)
    white = rng.standard_normal((channels, frames + 8))
    smooth = sum(white[:, k : k + frames] for k in range(8)) / 8
    return (0.15 * smooth / max(np.sqrt(np.mean(smooth**2)), 1e-9)).clip(-0.9, 0.9).astype("f4")


def _encode_by_av(
    path: Path, samples: NDArray[np.float32], rate: int, codec: str, bit_rate: int = 192_000
) -> Path:
    """Encode as any program on FFmpeg would, apart from the project's own writer."""
    layout = LAYOUTS[samples.shape[0]]
    stored = av.Codec(codec, "w").audio_formats[0].name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.codec_context.layout = layout
        stream.codec_context.format = stored
        stream.codec_context.bit_rate = bit_rate
        stream.codec_context.time_base = Fraction(1, rate)
        container.start_encoding()
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stored, layout, rate)
        for start in range(0, samples.shape[1], size):
            chunk = np.ascontiguousarray(samples[:, start : start + size].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(chunk, format="flt", layout=layout)
            frame.sample_rate = rate
            frame.pts, frame.time_base = start, Fraction(1, rate)
            for ready in resampler.resample(frame):
                container.mux(stream.encode(ready))
        for ready in resampler.resample(None):
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def noise() -> Noise:
    return _noise


@pytest.fixture(scope="session")
def encode_by_av() -> Encode:
    return _encode_by_av


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One short valid file of every kind, by name."""
    folder = tmp_path_factory.mktemp("small")
    samples = _noise(6000)
    files = {}
    for name, subtype in (("a.wav", "PCM_16"), ("b.wav", "FLOAT"), ("c.flac", "PCM_24")):
        files[name] = folder / name
        soundfile.write(files[name], samples.T, 44100, subtype=subtype)
    for name in ("d.aiff", "e.ogg", "f.mp3"):
        files[name] = folder / name
        soundfile.write(files[name], samples.T, 44100)
    files["g.m4a"] = _encode_by_av(folder / "g.m4a", samples, 44100, "aac")
    files["h.opus"] = _encode_by_av(folder / "h.opus", samples, 48000, "libopus")
    files["i.mkv"] = _encode_by_av(folder / "i.mkv", samples, 48000, "ac3")
    files["j.m4a"] = _encode_by_av(folder / "j.m4a", samples, 44100, "alac")
    return files

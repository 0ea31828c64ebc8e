"""What the whole chain promises: the bars that no single stage can keep alone."""

from __future__ import annotations

import hashlib
import math
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.audio.clip import Clip
from engine.audio.reader import read_clip
from engine.audio.writer import ExportFormat, write_audio
from engine.mastering.chain import render, render_blocks
from engine.mastering.parameters import (
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Multiband,
    Saturator,
)
from engine.tasks import Failure

RATE = 44100
RATES = [8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000]
BANDS = (
    Band(BandKind.LOW_SHELF, 90.0, 4.0),
    Band(BandKind.BELL, 800.0, -3.0, 1.4),
    Band(BandKind.BELL, 3000.0, 5.0, 0.9, gate=0.7),
    Band(BandKind.HIGH_SHELF, 9000.0, 3.0),
)
MOST_EQ_DB = 5.5  # of these bands: 3 dB of the shelf and what the bell reaches up to
PLAIN = ChainParameters(
    bands=BANDS,
    compressor=Compressor(-25.0, 2.0),
    saturator=Saturator(4.0),
    limiter=Limiter(4.0),
)
WHOLE = replace(
    PLAIN,
    multiband=Multiband(low=Compressor(-30.0, 2.0), high=Compressor(-40.0, 0.8)),
    imager=Imager(1.2, 100.0),
)


def song(rate: int = RATE, seconds: float = 3.0, channels: int = 2) -> np.ndarray:
    """Notes and bursts that decay, the channels alike but for a quarter."""
    rng = np.random.default_rng(5)
    time_s = np.arange(round(seconds * rate)) / rate
    out = np.zeros((channels, time_s.size))
    for start in np.arange(0.0, seconds, 0.21):
        since = np.maximum(time_s - start, 0.0)
        shape = np.exp(-9.0 * since) * (time_s >= start)
        note = np.sin(2.0 * np.pi * 60.0 * 2.0 ** rng.uniform(0.0, 5.5) * since)
        bursts = rng.standard_normal((channels + 1, time_s.size))
        out += shape * (note + 0.3 * bursts[:1] + 0.1 * bursts[1:])
    return 0.35 * out / np.abs(out).max()


def level_db(audio: np.ndarray) -> float:
    return float(10.0 * np.log10(np.mean(audio**2)))


def mid_and_side(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 0.5 * (audio[0] + audio[1]), 0.5 * (audio[0] - audio[1])


@pytest.mark.parametrize("parameters", [PLAIN, WHOLE], ids=["plain", "whole"])
def test_mono_in_is_mono_out_to_the_bit(parameters: ChainParameters) -> None:
    one = song(channels=1)
    two = render(Clip(np.repeat(one, 2, axis=0), RATE), parameters).samples
    assert np.array_equal(two[0], two[1])
    alone = render(Clip(one, RATE), replace(parameters, imager=Imager())).samples
    assert np.array_equal(two[:1], alone)


def test_the_noise_in_the_side_rises_by_no_more_than_the_equalizer_and_6_db() -> None:
    """A mono song, stored in 16 bits with a dither of its own in each channel."""
    mono = np.repeat(song(channels=1), 2, axis=0)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 2, mono.shape[1])).sum(0) / 32768.0
    stored = np.round((mono + noise) * 32768.0) / 32768.0
    before = mid_and_side(stored)[1]
    after = mid_and_side(render(Clip(stored, RATE), PLAIN).samples)[1]
    window = np.hanning(before.size)
    frequencies_hz = np.fft.rfftfreq(before.size, 1.0 / RATE)
    powers = [np.abs(np.fft.rfft(side * window)) ** 2 for side in (before, after)]
    for low_hz, high_hz in ((50.0, 500.0), (500.0, 2000.0), (2000.0, 6000.0), (6000.0, 20000.0)):
        part = (frequencies_hz >= low_hz) & (frequencies_hz < high_hz)
        rise_db = 10.0 * math.log10(powers[1][part].sum() / powers[0][part].sum())
        assert rise_db <= MOST_EQ_DB + 6.0


def test_the_width_moves_by_less_than_a_decibel_unless_asked() -> None:
    audio = song()

    def width_db(samples: np.ndarray) -> float:
        mid, side = mid_and_side(samples)
        return level_db(side) - level_db(mid)

    flat = replace(PLAIN, bands=())
    moved_db = width_db(render(Clip(audio, RATE), flat).samples) - width_db(audio)
    assert abs(moved_db) <= 1.0
    asked = replace(flat, imager=Imager(2.0))
    assert width_db(render(Clip(audio, RATE), asked).samples) - width_db(audio) > 4.0


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_silence_stays_silence(rate: int, channels: int) -> None:
    expanding = replace(WHOLE, compressor=Compressor(-60.0, 0.25, makeup_db=24.0))
    silence = Clip(np.zeros((channels, rate)), rate)
    assert not render(silence, expanding).samples.any()


@pytest.mark.parametrize("ratio", [0.25, 0.5, 4.0])
def test_noise_at_minus_120_dbfs_is_raised_by_no_dynamics(ratio: float) -> None:
    """What lies far under the threshold is neither expanded nor lifted."""
    squeeze = Compressor(-60.0, ratio)
    parameters = replace(
        WHOLE,
        bands=(),
        compressor=squeeze,
        multiband=Multiband(low=squeeze, mid=squeeze, high=squeeze),
        limiter=Limiter(0.0),
        imager=Imager(),
    )
    noise = 1e-6 * np.random.default_rng(0).standard_normal((2, RATE))
    out = render(Clip(noise, RATE), parameters).samples
    assert level_db(out) == pytest.approx(level_db(noise), abs=0.01)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_and_its_place_told(bad: float) -> None:
    audio = song()
    audio[1, RATE] = bad
    with pytest.raises(Failure, match=r"1\.000 s"):
        render(Clip(audio, RATE), WHOLE)


@pytest.mark.parametrize("seconds", [0.0, 1.0 / RATE, 0.05, 1.0])
def test_a_blink_is_rendered_as_any_length(seconds: float) -> None:
    audio = song(seconds=3.0)[:, : round(seconds * RATE)]
    out = render(Clip(audio, RATE), WHOLE).samples
    assert out.shape == audio.shape
    assert np.isfinite(out).all()


def test_memory_does_not_grow_with_the_length() -> None:
    """So two hours need what two minutes need; the blocks are the only thing that lives."""
    block = song(8000, 2.0).astype(np.float32)

    def most(blocks: int) -> int:
        def stream() -> Iterator[np.ndarray]:
            for _ in range(blocks):
                yield block

        tracemalloc.start()
        frames = sum(part.shape[1] for part in render_blocks(stream(), 8000, 2, WHOLE))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert frames == blocks * block.shape[1]
        return peak

    most(2)
    assert most(60) < 1.1 * most(6)


@pytest.mark.parametrize("rate", RATES)
def test_the_rendering_has_no_latency_and_keeps_length_and_rate(rate: int) -> None:
    audio = song(rate, 1.0)
    out = render(Clip(audio, rate), PLAIN)
    assert (out.rate, out.samples.shape) == (rate, audio.shape)
    size = 4 * audio.shape[1]
    spectrum = np.fft.rfft(out.samples[0], size) * np.conj(np.fft.rfft(audio[0], size))
    assert int(np.argmax(np.fft.irfft(spectrum))) == 0


def test_the_same_bits_come_out_twice_in_blocks_and_from_json() -> None:
    clip = Clip(song().astype(np.float32), RATE)
    expected = hashlib.sha256(render(clip, WHOLE).samples.tobytes()).hexdigest()
    again = ChainParameters.from_json(WHOLE.to_json())
    for parameters, size in ((WHOLE, 16384), (again, 16384), (again, 1000), (again, 77)):
        cuts = (clip.samples[:, at : at + size] for at in range(0, clip.frames, size))
        parts = list(render_blocks(cuts, RATE, 2, parameters))
        joined = np.ascontiguousarray(np.concatenate(parts, axis=1))
        assert hashlib.sha256(joined.tobytes()).hexdigest() == expected


def test_a_tone_at_minus_90_dbfs_has_no_harmonics_above_the_dithers_floor(tmp_path: Path) -> None:
    """16 bits with triangular dither: every harmonic is as deep in the noise as its neighbours."""
    rate, cycles, frames = 48000, 1000, 48000
    tone = 10.0 ** (-90.0 / 20.0) * np.sin(2.0 * np.pi * cycles / frames * np.arange(20 * frames))
    path = tmp_path / "tone.wav"
    write_audio(path, [tone[None]], rate, 1, ExportFormat("wav", 16))
    seconds = soundfile.read(path)[0].reshape(20, frames)
    power = (np.abs(np.fft.rfft(seconds)) ** 2).mean(0)
    assert 10.0 * math.log10(power[cycles] * 2.0 / frames**2 * 2.0) == pytest.approx(-90.0, abs=0.5)
    for harmonic in range(2, 24):
        at = harmonic * cycles
        floor = np.concatenate([power[at - 60 : at - 5], power[at + 6 : at + 61]])
        # A mean of 20 spectra of noise wanders by 1 dB; 6 standard deviations are 3.7 dB.
        assert 10.0 * math.log10(power[at] / floor.mean()) < 3.7
    plain = np.round(tone * 32768.0).reshape(20, frames)
    undithered = (np.abs(np.fft.rfft(plain)) ** 2).mean(0)
    assert undithered[3 * cycles] > 1000.0 * np.median(undithered)


def test_an_export_in_32_bits_is_the_rendering_to_the_bit(tmp_path: Path) -> None:
    rendered = render(Clip(song().astype(np.float32), RATE), WHOLE).samples
    path = tmp_path / "master.wav"
    write_audio(path, [rendered], RATE, 2, ExportFormat("wav", 32))
    assert np.array_equal(soundfile.read(path, dtype="float32")[0].T, rendered)
    assert np.array_equal(read_clip(path).samples, rendered)

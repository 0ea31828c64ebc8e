"""Intake: decoding, peaks and loudness in one reading, and from the cache the next time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from engine.audio import intake as intake_module
from engine.audio.intake import Intake, IntakeSpec, summarise, take_in
from engine.audio.store import StoredAudio
from engine.cache import Cache
from engine.tasks import Cancelled, Context, Failure, Progress

RATE = 44100


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", 10**9)


@pytest.fixture
def samples() -> np.ndarray:
    """Five seconds of stereo noise that swells, ``[channels, frames]``."""
    rng = np.random.default_rng(3)
    frames = 5 * RATE
    return (rng.standard_normal((2, frames)) * np.linspace(0.01, 0.2, frames)).clip(-0.99, 0.99)


@pytest.fixture
def song(tmp_path: Path, samples: np.ndarray) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, samples.T, RATE, subtype="FLOAT")
    return path


def test_loudness_is_what_an_independent_meter_reads(
    cache: Cache, song: Path, samples: np.ndarray
) -> None:
    intake = take_in(IntakeSpec(song, cache), Context())
    assert intake.loudness is not None
    expected = pyloudnorm.Meter(RATE).integrated_loudness(samples.T)
    assert intake.loudness.integrated_lufs == pytest.approx(expected, abs=0.1)
    sample_peak = 20 * np.log10(np.abs(samples.astype(np.float32)).max())
    assert intake.loudness.sample_peak_dbfs == pytest.approx(sample_peak, abs=1e-3)


def test_peaks_are_the_extremes_of_the_samples(
    cache: Cache, song: Path, samples: np.ndarray
) -> None:
    intake = take_in(IntakeSpec(song, cache), Context())
    frames, columns = 3 * 65536, 3  # whole blocks of the pyramid, which keeps half precision
    low, high, _rms = intake.peaks.columns(0, frames, columns)
    parts = samples[:, :frames].reshape(2, columns, -1)
    np.testing.assert_allclose(low, parts.min(axis=2), rtol=1e-3)
    np.testing.assert_allclose(high, parts.max(axis=2), rtol=1e-3)


def test_a_view_is_given_peaks_while_the_file_is_read(cache: Cache, song: Path) -> None:
    seen: list[Intake] = []

    def watch(progress: Progress) -> None:
        if progress.partial is not None:
            seen.append(progress.partial)

    take_in(IntakeSpec(song, cache), Context(watch, interval_s=0.0))
    assert seen
    assert not seen[0].stored.complete
    assert seen[0].loudness is None
    available = [intake.stored.available_frames for intake in seen]
    assert available == sorted(available)


def test_the_second_time_nothing_is_measured(
    cache: Cache, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take_in(IntakeSpec(song, cache), Context())

    def measured_again(stored: StoredAudio) -> None:
        raise AssertionError(f"{stored.path.name} was read again")

    monkeypatch.setattr(intake_module, "_Follower", measured_again)
    second = take_in(IntakeSpec(song, cache), Context())
    assert second.loudness == first.loudness
    for expected, found in zip(
        first.peaks.columns(0, 5 * RATE, 64), second.peaks.columns(0, 5 * RATE, 64), strict=True
    ):
        np.testing.assert_array_equal(expected, found)


def test_a_damaged_cache_entry_is_measured_anew(cache: Cache, song: Path) -> None:
    first = take_in(IntakeSpec(song, cache), Context())
    entry = cache.path(intake_module._loudness_key(first.stored), ".json")
    for damage in ("", "[]", '{"integrated_lufs": "loud"}', "{}"):
        entry.write_text(damage)
        assert summarise(first.stored, cache, Context()).loudness == first.loudness


def test_silence_has_no_loudness_and_keeps_that_in_the_cache(cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros((RATE, 2)), RATE)
    for _ in range(2):
        loudness = take_in(IntakeSpec(path, cache), Context()).loudness
        assert loudness is not None
        assert loudness.integrated_lufs == -np.inf


def test_what_is_wrong_with_a_file_is_said_each_time_it_is_opened(
    cache: Cache, tmp_path: Path
) -> None:
    samples = np.full((RATE, 2), 0.1, dtype=np.float32)
    samples[100:103, 0] = np.nan
    path = tmp_path / "broken.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    for _ in range(2):
        context = Context()
        take_in(IntakeSpec(path, cache), context)
        assert len(context.warnings) == 1
        assert "3 samples" in context.warnings[0]


def test_a_cancelled_intake_leaves_nothing_behind(cache: Cache, song: Path) -> None:
    context = Context()
    context.on_progress = lambda _progress: context.cancel_event.set()
    with pytest.raises(Cancelled):
        take_in(IntakeSpec(song, cache), context)
    assert cache.size_bytes == 0


def test_what_is_no_audio_fails_by_name(cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "letter.wav"
    path.write_text("dear reader")
    with pytest.raises(Failure, match=r"letter\.wav"):
        take_in(IntakeSpec(path, cache), Context())

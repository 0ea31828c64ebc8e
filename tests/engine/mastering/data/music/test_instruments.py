"""Instruments of the composer: pitch, decay, spectrum, no clicks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.mastering.data.music.drums import make_kit, render_drums
from engine.mastering.data.music.note import Note, frequency_hz
from engine.mastering.data.music.struck import STRUCK, render_struck
from engine.mastering.data.music.sustained import SUSTAINED
from engine.mastering.data.music.timbre import Timbre, render_tones
from engine.mastering.data.music.voices import render_voice, singer

RATE = 44100
Samples = NDArray[np.float32]


def spectrum(samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    windowed = samples * np.hanning(len(samples))
    size = 4 * len(samples)
    return np.fft.rfftfreq(size, 1.0 / RATE), np.abs(np.fft.rfft(windowed, size))


def centroid_hz(samples: Samples) -> float:
    hz, size = spectrum(samples)
    return float(np.sum(hz * size**2) / np.sum(size**2))


def strongest_near(samples: Samples, expected_hz: float) -> float:
    hz, size = spectrum(samples)
    near = np.abs(np.log2(np.maximum(hz, 1.0) / expected_hz)) < 1.0 / 12.0
    return float(hz[near][np.argmax(size[near])])


def cents(one_hz: float, other_hz: float) -> float:
    return float(1200.0 * np.log2(one_hz / other_hz))


def saw(n: NDArray[np.float64], hz: NDArray[np.float64], brightness: float) -> NDArray[np.float64]:
    return np.asarray(1.0 / n)


def test_a_above_middle_c_is_440_hz() -> None:
    assert frequency_hz(69.0) == pytest.approx(440.0)
    assert frequency_hz(57.0) == pytest.approx(220.0)


@pytest.mark.parametrize("name", ["steel guitar", "nylon guitar", "upright bass", "harp"])
@pytest.mark.parametrize("pitch", [40, 57, 64])
def test_plucked_strings_are_in_tune(name: str, pitch: int) -> None:
    instrument = STRUCK[name](np.random.default_rng(1))
    note = Note(0.0, 1.5, float(pitch), 0.7)
    track = render_struck(instrument, [note], 1, 2 * RATE, RATE, 5)
    sounding_hz = strongest_near(track[0], frequency_hz(pitch))
    assert abs(cents(sounding_hz, frequency_hz(pitch))) < 8.0


@pytest.mark.parametrize("name", ["trumpet", "cello", "organ", "sub bass", "clarinet"])
def test_sustained_instruments_are_in_tune(name: str) -> None:
    timbre = SUSTAINED[name](np.random.default_rng(2))
    track = render_tones(timbre, [Note(0.0, 2.0, 57.0, 0.7)], 1, 2 * RATE, RATE, 5)
    assert abs(cents(strongest_near(track[0], 220.0), 220.0)) < 20.0


def test_a_bright_high_note_holds_nothing_but_its_harmonics() -> None:
    steady = Timbre(saw, jitter_cents=0.0, brightness_wander=0.0, shimmer=0.0, attack_s=0.05)
    track = render_tones(steady, [Note(0.0, 2.0, 93.0, 0.7)], 1, 2 * RATE, RATE, 5)
    hz, size = spectrum(track[0, RATE // 4 : RATE // 4 + RATE])
    base_hz = frequency_hz(93.0)
    off = np.abs(hz - base_hz * np.round(hz / base_hz)) > 30.0
    assert 20.0 * np.log10(size[off].max() / size.max()) < -60.0


def test_brass_gets_brighter_as_it_gets_louder() -> None:
    timbre = SUSTAINED["trumpet"](np.random.default_rng(3))
    soft, loud = (
        render_tones(timbre, [Note(0.0, 1.0, 60.0, velocity)], 1, RATE, RATE, 5)[0]
        for velocity in (0.2, 1.0)
    )
    assert centroid_hz(loud) > 1.2 * centroid_hz(soft)


@pytest.mark.parametrize("name", ["piano", "steel guitar", "vibraphone"])
def test_struck_instruments_die_away_and_louder_ones_are_brighter(name: str) -> None:
    instrument = STRUCK[name](np.random.default_rng(4))
    soft, loud = (
        render_struck(instrument, [Note(0.0, 2.0, 52.0, velocity)], 1, 2 * RATE, RATE, 5)[0]
        for velocity in (0.1, 0.95)
    )
    early, late = (np.std(loud[int(s * RATE) : int((s + 0.3) * RATE)]) for s in (0.05, 1.2))
    assert late < 0.6 * early
    assert centroid_hz(loud[: RATE // 2]) > centroid_hz(soft[: RATE // 2])


@pytest.mark.parametrize("name", sorted(STRUCK))
def test_a_struck_note_ends_without_a_click(name: str) -> None:
    instrument = STRUCK[name](np.random.default_rng(6))
    track = render_struck(instrument, [Note(0.0, 0.4, 50.0, 0.8)], 1, 2 * RATE, RATE, 5)[0]
    release_at = int(0.4 * RATE)
    steps = np.abs(np.diff(track))
    assert steps[release_at:].max() <= steps[:release_at].max()
    assert np.all(track[release_at + int(0.5 * RATE) :] == 0.0)


@pytest.mark.parametrize("name", sorted(SUSTAINED))
def test_a_sustained_note_starts_and_ends_in_silence(name: str) -> None:
    timbre = SUSTAINED[name](np.random.default_rng(7))
    note = Note(0.1, 0.5, 55.0, 0.8)
    track = render_tones(timbre, [note], 1, 4 * RATE, RATE, 5)[0]
    assert np.all(np.isfinite(track))
    first, last = np.flatnonzero(track)[[0, -1]]
    assert first >= int(0.1 * RATE)
    assert np.abs(track[[first, last]]).max() < 0.02 * np.abs(track).max()


def test_a_voice_sings_its_pitch_and_has_sibilants() -> None:
    voice = singer(np.random.default_rng(8))
    notes = [Note(0.5 + 0.5 * k, 0.4, 57.0, 0.7) for k in range(8)]
    track = render_voice(voice, notes, 1, 5 * RATE, RATE, 9)[0]
    assert abs(cents(strongest_near(track, 220.0), 220.0)) < 40.0
    hz, size = spectrum(track)
    assert np.sum(size[hz > 5000.0] ** 2) > 1e-5 * np.sum(size**2)


def test_a_kick_is_low_and_a_hat_is_high() -> None:
    kit = make_kit("acoustic", {"kick", "snare", "hat"}, RATE, np.random.default_rng(1))
    kick, snare, hat = (centroid_hz(kit[name][0]) for name in ("kick", "snare", "hat"))
    assert kick < 400.0 < snare < hat
    assert hat > 5000.0


def test_only_the_drums_that_play_are_made() -> None:
    kit = make_kit("808", {"kick", "clap"}, RATE, np.random.default_rng(1))
    assert set(kit) == {"kick", "clap"}
    assert all(np.abs(shot).max() == pytest.approx(1.0, abs=1e-3) for shot in kit["kick"])


def test_drums_are_placed_to_the_frame_and_panned() -> None:
    kit = make_kit("electronic", {"hat"}, RATE, np.random.default_rng(2))
    notes = [Note(0.5, 0.1, 60.0, 1.0, "hat")]
    track = render_drums(kit, notes, 2, RATE, RATE, 3, width=1.0)
    assert np.all(track[:, : RATE // 2] == 0.0)
    assert np.any(track[:, RATE // 2 : RATE // 2 + 100] != 0.0)
    left, right = np.std(track, axis=1)
    assert max(left, right) > 1.5 * min(left, right)

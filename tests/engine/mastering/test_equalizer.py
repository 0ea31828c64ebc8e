"""The streaming equalizer against SciPy's sections, and its behaviour while it moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from engine.mastering.biquad import sections
from engine.mastering.equalizer import EqualizerProcessor
from engine.mastering.parameters import Band, BandKind
from engine.mastering.smoothing import RAMP_S

RATE = 44100

active_bands = st.builds(
    Band,
    kind=st.sampled_from(BandKind),
    frequency_hz=st.floats(20.0, 20000.0),
    gain_db=st.floats(-12.0, 12.0).filter(lambda gain: gain != 0.0),
    q=st.floats(0.1, 18.0),
    gate=st.floats(0.01, 1.0),
)


def noise(frames: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return 0.25 * np.random.default_rng(seed).standard_normal((channels, frames))


def sine(frames: int, hz: float) -> np.ndarray:
    return 0.5 * np.sin(2.0 * np.pi * hz / RATE * np.arange(frames))[None]


def difference_db(a: np.ndarray, b: np.ndarray) -> float:
    return float(20.0 * np.log10(np.abs(a - b).max() / np.abs(b).max() + 1e-30))


@given(st.lists(active_bands, min_size=1, max_size=10), st.sampled_from([8000, 44100, 192000]))
@settings(max_examples=40, deadline=None)
def test_a_resting_equalizer_nulls_with_scipys_sections(bands: list[Band], rate: int) -> None:
    audio = noise(4000)
    reference = signal.sosfilt(sections(bands, rate), audio, axis=1)
    assert difference_db(EqualizerProcessor(rate, 2, bands).process(audio), reference) < -180.0


def test_the_null_against_scipy_holds_at_the_bottom_of_the_spectrum() -> None:
    bands = [Band(BandKind.BELL, 20.0, 12.0, 8.0), Band(BandKind.HIGH_PASS, 20.0, q=0.7)]
    audio = noise(192000)
    reference = signal.sosfilt(sections(bands, 192000), audio, axis=1)
    assert difference_db(EqualizerProcessor(192000, 2, bands).process(audio), reference) < -140.0


@given(st.sampled_from(BandKind), st.floats(20.0, 20000.0), st.floats(0.1, 18.0))
@settings(max_examples=30, deadline=None)
def test_inactive_bands_leave_every_bit(kind: BandKind, hz: float, q: float) -> None:
    audio = noise(500).astype(np.float32)
    bands = [Band(kind, hz, 9.0, q, gate=0.0), Band(kind, hz, 9.0, q, enabled=False)]
    bands += [Band(BandKind.BELL, hz, 0.0, q)]
    out = EqualizerProcessor(RATE, 2, bands).process(audio.astype(np.float64))
    assert np.array_equal(out.astype(np.float32), audio)


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_every_channel_is_filtered_alike_and_alone(channels: int) -> None:
    bands = [Band(gain_db=6.0), Band(BandKind.LOW_SHELF, 100.0, -4.0)]
    audio = noise(700, channels)
    out = EqualizerProcessor(RATE, channels, bands).process(audio)
    for row, expected in zip(audio, out, strict=True):
        alone = EqualizerProcessor(RATE, 1, bands).process(row[None])
        assert np.array_equal(alone[0], expected)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Band(gain_db=-6.0), Band(frequency_hz=3000.0, gain_db=6.0, q=3.0)),
        (Band(gain_db=6.0), Band(gain_db=6.0, enabled=False)),
        (Band(gain_db=6.0, gate=0.0), Band(gain_db=6.0)),
        (Band(gain_db=6.0), Band(BandKind.HIGH_SHELF, 4000.0, 5.0)),
        (Band(BandKind.LOW_PASS, 900.0), Band(BandKind.HIGH_PASS, 300.0)),
        (Band(BandKind.HIGH_PASS, 300.0), Band(BandKind.BELL, 300.0, 0.0)),
    ],
)
def test_after_moving_it_is_exactly_the_new_filter(before: Band, after: Band) -> None:
    moved = EqualizerProcessor(RATE, 2, [before])
    moved.process(noise(1000, seed=1))
    moved.set_parameters([after])
    moved.process(noise(round(3 * RAMP_S * RATE), seed=2))
    moved.process(np.zeros((2, RATE)))  # what is still ringing dies away
    audio = noise(4000, seed=3)
    still = EqualizerProcessor(RATE, 2, [after]).process(audio)
    assert difference_db(moved.process(audio), still) < -200.0


def test_a_band_that_was_faded_out_is_transparent_to_the_bit() -> None:
    equalizer = EqualizerProcessor(RATE, 2, [Band(gain_db=9.0)])
    equalizer.process(noise(1000))
    equalizer.set_parameters([Band(gain_db=0.0)])
    equalizer.process(noise(round(2 * RAMP_S * RATE)))
    audio = noise(1000, seed=5)
    assert np.array_equal(equalizer.process(audio), audio)


@pytest.mark.parametrize(
    "after",
    [
        Band(frequency_hz=200.0, gain_db=12.0, q=1.0, enabled=False),
        Band(frequency_hz=200.0, gain_db=-12.0, q=1.0),
        Band(frequency_hz=220.0, gain_db=12.0, q=1.0),
        Band(BandKind.HIGH_PASS, 200.0, q=1.0),
    ],
)
def test_moving_a_band_makes_no_click(after: Band) -> None:
    """Above 5 kHz a 200 Hz tone leaves nothing; a click does: at once it is 30 dB louder."""
    before = Band(frequency_hz=200.0, gain_db=12.0, q=1.0)
    audio, change = sine(RATE, 200.0), RATE // 2 + 55  # a quarter period past a zero crossing
    equalizer = EqualizerProcessor(RATE, 1, [before])
    head = equalizer.process(audio[:, :change])
    equalizer.set_parameters([after])
    moved = np.concatenate([head, equalizer.process(audio[:, change:])], axis=1)
    target = EqualizerProcessor(RATE, 1, [after]).process(audio)
    jumped = np.concatenate([head, target[:, change:]], axis=1)
    high = signal.butter(4, 5000.0, "high", fs=RATE, output="sos")
    moved_click, jumped_click = (
        np.abs(signal.sosfilt(high, each[0])[4000:]).max() for each in (moved, jumped)
    )
    assert moved_click < 10.0 ** (-60.0 / 20.0) * np.abs(head).max()
    assert moved_click < 10.0 ** (-30.0 / 20.0) * jumped_click


@given(st.lists(st.tuples(active_bands, st.integers(1, 400)), min_size=5, max_size=30))
@settings(max_examples=20, deadline=None)
def test_wild_moves_never_blow_up(moves: list[tuple[Band, int]]) -> None:
    equalizer = EqualizerProcessor(RATE, 2, [Band(gain_db=1.0)])
    for index, (band, frames) in enumerate(moves):
        equalizer.set_parameters([band])
        out = equalizer.process(np.clip(noise(frames, seed=index), -1.0, 1.0))
        # The steady peak gain of any one band is 12 dB or its Q of 18.
        assert np.abs(out).max() < 100.0


def test_a_second_move_begins_without_a_step() -> None:
    """The moves begin in the middle of a tick; a tone through a steep slope shows any jump."""
    equalizer = EqualizerProcessor(RATE, 1, [Band(gain_db=6.0)])
    audio = sine(RATE, 400.0)
    out, start = [], 0
    for index in range(20):
        stop = start + 1777 + index
        equalizer.set_parameters([Band(gain_db=6.0 if index % 2 else -6.0)])
        out.append(equalizer.process(audio[:, start:stop])[0])
        start = stop
    high = signal.butter(4, 5000.0, "high", fs=RATE, output="sos")
    moved = signal.sosfilt(high, np.concatenate(out))[1500:]
    assert np.abs(moved).max() < 10.0 ** (-60.0 / 20.0)


def test_a_new_target_while_moving_is_reached_too() -> None:
    goal = Band(frequency_hz=5000.0, gain_db=4.0, q=2.0)
    equalizer = EqualizerProcessor(RATE, 1, [Band(gain_db=6.0)])
    for gain_db in np.linspace(-12.0, 12.0, 30):
        equalizer.set_parameters([replace(goal, gain_db=float(gain_db))])
        equalizer.process(noise(100, 1))
    equalizer.set_parameters([goal])
    equalizer.process(np.zeros((1, RATE)))
    audio = noise(2000, 1, seed=9)
    still = EqualizerProcessor(RATE, 1, [goal]).process(audio)
    assert difference_db(equalizer.process(audio), still) < -200.0


def test_reset_jumps_to_what_was_asked_for() -> None:
    equalizer = EqualizerProcessor(RATE, 2, [Band(BandKind.BELL, gain_db=6.0)])
    equalizer.process(noise(333))
    equalizer.set_parameters([Band(BandKind.HIGH_PASS, 100.0)])
    equalizer.process(noise(40))
    equalizer.reset()
    fresh = EqualizerProcessor(RATE, 2, [Band(BandKind.HIGH_PASS, 100.0)])
    assert np.array_equal(equalizer.process(noise(500)), fresh.process(noise(500)))

"""The three-band compressor: transparent until it works, and then band by band."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.chain import render
from engine.mastering.compressor import CompressorProcessor, reduction_db
from engine.mastering.multiband import MultibandProcessor
from engine.mastering.parameters import ChainParameters, Compressor, Limiter, Multiband

RATE = 48000
WORKING = Multiband(
    low=Compressor(-30.0, 4.0), mid=Compressor(-30.0, 0.7), high=Compressor(-40.0, 2.0)
)


def in_time(audio: np.ndarray, parameters: Multiband) -> np.ndarray:
    """Processed without the delay."""
    processor = MultibandProcessor(RATE, len(audio), parameters)
    late = processor.latency_frames
    return processor.process(np.pad(audio, ((0, 0), (0, late))))[:, late:]


def tone(hz: float, level_db: float, frames: int = RATE) -> np.ndarray:
    return 10.0 ** (level_db / 20.0) * np.sin(2.0 * np.pi * hz / RATE * np.arange(frames))[None]


def level_db(audio: np.ndarray) -> float:
    """Peak level of a sine, from its RMS."""
    return float(10.0 * np.log10(2.0 * np.mean(audio**2)))


@pytest.mark.parametrize(
    "parameters",
    [Multiband(), replace(WORKING, enabled=False), Multiband(low=Compressor(-60.0, enabled=False))],
)
def test_while_no_band_works_every_bit_passes(parameters: Multiband) -> None:
    audio = 0.5 * np.random.default_rng(0).standard_normal((2, 5000))
    assert np.array_equal(in_time(audio, parameters), audio)


@pytest.mark.parametrize(
    ("band", "hz"), [("low", 40.0), ("mid", 700.0), ("high", 9000.0)], ids=["low", "mid", "high"]
)
def test_a_band_is_compressed_by_its_own_compressor_only(band: str, hz: float) -> None:
    settings = Compressor(-30.0, 4.0, attack_ms=5.0, release_ms=2000.0)
    for name in ("low", "mid", "high"):
        out = in_time(tone(hz, -10.0), Multiband(**{name: settings}))[:, RATE // 2 :]
        # What leaks through the slopes of the other bands stays uncompressed: half a decibel.
        expected = -10.0 - (float(reduction_db(-10.0, settings)) if name == band else 0.0)
        assert level_db(out) == pytest.approx(expected, abs=0.6 if name == band else 0.05)


def test_three_bands_that_do_nothing_leave_the_magnitude_as_it_is() -> None:
    """Ratio 1 with a threshold never reached: only the crossovers' phase is left."""
    audio = np.zeros((1, RATE))
    audio[0, 1000] = 0.5
    out = in_time(audio, Multiband(mid=Compressor(0.0, 4.0, knee_db=0.0)))
    change = np.abs(np.fft.rfft(out[0])) / 0.5
    assert np.abs(20.0 * np.log10(change)).max() < 1e-6
    assert not np.array_equal(out, audio)


def test_expanding_each_band_undoes_compressing_it() -> None:
    """The bands of a sum overlap, so it is the level of each that comes back, not the wave."""
    rng = np.random.default_rng(0)
    swell = 10.0 ** (0.4 * np.sin(2.0 * np.pi * np.arange(4 * RATE) / RATE / 1.5))
    audio = 0.05 * rng.standard_normal((2, 4 * RATE)) * swell
    bands = [Compressor(threshold_db, 2.0) for threshold_db in (-40.0, -30.0, -30.0)]
    squeezed = in_time(audio, Multiband(150.0, 2500.0, *bands))
    opened = in_time(
        squeezed, Multiband(150.0, 2500.0, *(replace(band, ratio=0.5) for band in bands))
    )

    def contour_db(samples: np.ndarray) -> np.ndarray:
        return 10.0 * np.log10((samples**2).mean(0).reshape(-1, RATE // 4).mean(1))

    before, after = (contour_db(each) - contour_db(audio) for each in (squeezed, opened))
    assert np.std(before) > 1.0
    assert np.std(after) < 0.1 * np.std(before)


@pytest.mark.parametrize("hz", [45.0, 150.0, 1000.0])
def test_switching_it_on_and_off_makes_no_click_and_ends_exactly(hz: float) -> None:
    sine = tone(hz, -6.0, 3 * RATE)
    processor = MultibandProcessor(RATE, 1, Multiband())
    parts = [processor.process(sine[:, :RATE])]
    processor.set_parameters(replace(WORKING, mid=Compressor(), high=Compressor(-20.0, 2.0)))
    parts.append(processor.process(sine[:, RATE : 2 * RATE]))
    processor.set_parameters(Multiband())
    parts.append(processor.process(sine[:, 2 * RATE :]))
    out, late = np.concatenate(parts, axis=1)[0], processor.latency_frames
    steepest = 0.5012 * 2.0 * np.pi * hz / RATE
    # The fade turns the phase by up to half a turn in 20 ms, which adds to the slope.
    assert np.abs(np.diff(out)).max() < steepest + 2.0 * 0.5012 / (0.02 * RATE)
    assert np.array_equal(out[-RATE // 2 :], sine[0, -RATE // 2 - late : -late])


def test_the_wait_before_the_fade_does_not_depend_on_the_blocks() -> None:
    audio = 0.3 * np.random.default_rng(0).standard_normal((2, 9000))
    results = []
    for size in (9000, 1, 700):
        processor = MultibandProcessor(RATE, 2, Multiband())
        parts = [processor.process(audio[:, :1234])]
        processor.set_parameters(WORKING)
        parts += [
            processor.process(audio[:, at : min(at + size, 9000)]) for at in range(1234, 9000, size)
        ]
        results.append(np.concatenate(parts, axis=1))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_its_latency_is_that_of_one_compressor() -> None:
    one = CompressorProcessor(RATE, 1, Compressor())
    assert MultibandProcessor(RATE, 1, WORKING).latency_frames == one.latency_frames


def test_the_meters_tell_the_bands_apart() -> None:
    processor = MultibandProcessor(RATE, 1, WORKING)
    processor.process(tone(40.0, -6.0) + tone(700.0, -10.0))
    low, middle, high = processor.gain_reductions_db
    assert low > 10.0
    assert middle < -5.0
    assert abs(high) < 1.0
    assert MultibandProcessor(RATE, 1, Multiband()).gain_reductions_db == (0.0, 0.0, 0.0)


def test_the_record_from_json_renders_the_same_bits() -> None:
    parameters = ChainParameters(multiband=WORKING, limiter=Limiter(enabled=False))
    again = ChainParameters.from_json(parameters.to_json())
    clip = Clip(0.2 * np.random.default_rng(0).standard_normal((2, 9000)), RATE)
    assert again == parameters
    assert np.array_equal(render(clip, parameters).samples, render(clip, again).samples)
    assert not np.array_equal(render(clip, parameters).samples, clip.samples)

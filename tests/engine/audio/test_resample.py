from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio.clip import Clip
from engine.audio.resample import StreamResampler, resample, resampled_frames

RATES = [8000, 11025, 22050, 44100, 48000, 88200, 96000, 192000]


@pytest.mark.parametrize("rate_in", RATES)
@pytest.mark.parametrize("rate_out", RATES)
def test_a_sine_stays_the_same_sine_in_the_same_place(rate_in, rate_out) -> None:
    """1 kHz at both rates, compared with the closed form; 90 dB away from the edges."""
    frames = rate_in // 4
    clip = Clip(np.sin(2 * np.pi * 1000 * np.arange(frames) / rate_in)[None], rate_in)
    converted = resample(clip, rate_out)
    expected = np.sin(2 * np.pi * 1000 * np.arange(converted.frames) / rate_out)
    middle = slice(converted.frames // 4, -converted.frames // 4)
    assert np.abs(converted.samples[0] - expected)[middle].max() < 10 ** (-90 / 20)
    assert converted.rate == rate_out


def test_what_the_new_rate_cannot_hold_is_removed() -> None:
    clip = Clip(np.sin(2 * np.pi * 15_000 * np.arange(48_000) / 48_000)[None], 48_000)
    low = resample(clip, 22_050).samples[0, 2000:-2000]
    assert np.abs(low).max() < 10 ** (-100 / 20)


@given(
    st.integers(1, 3000),
    st.sampled_from(RATES),
    st.sampled_from(RATES),
)
@settings(max_examples=60, deadline=None)
def test_the_length_is_the_rounded_ratio(frames, rate_in, rate_out) -> None:
    exact = frames * rate_out / rate_in
    due = resampled_frames(frames, rate_in, rate_out)
    assert abs(due - exact) <= 0.5
    clip = Clip(np.ones((2, frames), np.float32), rate_in)
    assert resample(clip, rate_out).samples.shape == (2, due)


@given(
    st.lists(st.integers(0, 700), min_size=1, max_size=12),
    st.sampled_from([(44100, 48000), (48000, 44100), (96000, 44100), (8000, 48000)]),
    st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=40, deadline=None)
def test_blocks_of_any_size_give_what_one_block_gives(sizes, rates, dtype) -> None:
    samples = np.random.default_rng(sum(sizes)).normal(0, 0.1, (3, sum(sizes))).astype(dtype)
    whole = StreamResampler(*rates, 3, dtype).process(samples, last=True)
    stream = StreamResampler(*rates, 3, dtype)
    parts, start = [], 0
    for number, size in enumerate(sizes):
        block = samples[:, start : start + size]
        parts.append(stream.process(block, last=number == len(sizes) - 1))
        start += size
    joined = np.concatenate(parts, axis=1)
    assert joined.shape == whole.shape == (3, resampled_frames(sum(sizes), *rates))
    assert joined.dtype == dtype
    np.testing.assert_allclose(joined, whole, atol=1e-6)


def test_an_equal_rate_returns_the_clip_itself() -> None:
    clip = Clip(np.ones((1, 10), np.float32), 44_100)
    assert resample(clip, 44_100) is clip
    stream = StreamResampler(44_100, 44_100, 1)
    np.testing.assert_array_equal(stream.process(clip.samples, last=True), clip.samples)


def test_silence_stays_silence() -> None:
    assert not resample(Clip(np.zeros((2, 5000), np.float32), 44_100), 48_000).samples.any()

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.canvas.axes import (
    LevelScale,
    TimeUnit,
    count_text,
    frequency_ticks,
    level_ticks,
    step_125,
    time_text,
    time_ticks,
)
from app.canvas.pitch import FrequencyScale


@pytest.mark.parametrize(
    ("seconds", "decimals", "text"),
    [
        (0.0, 3, "00:00.000"),
        (83.4567, 3, "01:23.457"),
        (59.9999, 3, "01:00.000"),
        (3661.5, 1, "1:01:01.5"),
        (125.0, 0, "02:05"),
        (-1.5, 1, "-00:01.5"),
    ],
)
def test_time_reads_as_a_clock(seconds, decimals, text):
    assert time_text(seconds, decimals) == text


def test_counts_are_grouped_by_thousands():
    assert count_text(1234567) == "1\u202f234\u202f567"


@given(st.floats(1e-6, 1e6))
def test_a_step_is_the_next_of_one_two_five(least):
    step = step_125(least)
    assert least * (1 - 1e-9) <= step <= least * 2.5 * (1 + 1e-9)
    mantissa = step / 10.0 ** np.floor(np.log10(step) + 1e-9)
    assert np.isclose(mantissa, [1.0, 2.0, 5.0], rtol=1e-6).any()


@given(
    start=st.floats(0, 1e7),
    span=st.floats(20, 2e8),
    width=st.integers(200, 4000),
    unit=st.sampled_from(list(TimeUnit)),
)
def test_time_labels_have_room(start, span, width, unit):
    ticks = time_ticks(start, start + span, 48_000, width, unit)
    places = [(tick.value - start) / span * width for tick in ticks if tick.label]
    assert all(-1e-6 <= place <= width + 1e-6 for place in places)
    assert all(b - a >= 95.9 for a, b in itertools.pairwise(places))
    labels = [tick.label for tick in ticks if tick.label]
    assert len(set(labels)) == len(labels)


def test_a_ten_second_window_is_labelled_every_second():
    ticks = time_ticks(0, 480_000, 48_000, 1000)
    labels = [tick.label for tick in ticks if tick.label]
    assert labels[:3] == ["00:00", "00:01", "00:02"]


def test_sample_labels_are_whole_samples():
    ticks = time_ticks(100.0, 120.0, 48_000, 4000, TimeUnit.SAMPLES)
    assert [tick.label for tick in ticks if tick.label][:2] == ["100", "101"]


def test_an_empty_window_has_no_ticks():
    assert time_ticks(0, 0, 48_000, 100) == []


@pytest.mark.parametrize("scale", list(FrequencyScale))
def test_frequency_labels_do_not_touch(scale):
    ticks = frequency_ticks(scale, 24_000.0, 300.0)
    places = sorted(scale.position(tick.value, 24_000.0) * 300.0 for tick in ticks)
    assert len(places) >= 4
    assert all(b - a >= 18.0 for a, b in itertools.pairwise(places))


def test_frequency_labels_above_a_kilohertz_are_short():
    assert "1k" in {tick.label for tick in frequency_ticks(FrequencyScale.LOG, 24_000.0, 300.0)}


def test_linear_height_is_the_amplitude():
    heights = LevelScale.LINEAR.height(np.array([-2.0, -0.5, 0.0, 0.25, 1.0]))
    assert heights == pytest.approx([-1.0, -0.5, 0.0, 0.25, 1.0])


def test_decibel_height_is_even_in_decibels_and_keeps_the_sign():
    amplitudes = 10.0 ** (np.array([0.0, -15.0, -30.0, -60.0, -90.0]) / 20.0)
    heights = LevelScale.DB.height(amplitudes)
    assert heights == pytest.approx([1.0, 0.75, 0.5, 0.0, 0.0], abs=1e-4)
    assert LevelScale.DB.height(-amplitudes[:3]) == pytest.approx([-1.0, -0.75, -0.5], abs=1e-4)


def test_level_ticks_stand_where_their_label_says():
    for tick in level_ticks(LevelScale.DB, 200.0):
        assert 20.0 * np.log10(tick.value) == pytest.approx(float(tick.label))


def test_a_taller_lane_ends_at_a_quieter_level():
    ticks = level_ticks(LevelScale.LINEAR, 200.0, gain=10.0 ** (20.0 / 20.0))
    assert ticks[0].label == "-24"
    assert all(tick.value * 10.0 <= 1.0 for tick in ticks)

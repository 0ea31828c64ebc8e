import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.canvas.pitch import FrequencyScale, frequency_text, note_of, note_text


@pytest.mark.parametrize(
    ("frequency_hz", "name"),
    [(440.0, "A4"), (261.6256, "C4"), (27.5, "A0"), (4186.009, "C8"), (466.1638, "A♯4")],
)
def test_equal_tempered_notes_have_no_cents(frequency_hz, name):
    note = note_of(frequency_hz)
    assert note is not None
    assert note[0] == name
    assert note[1] == pytest.approx(0.0, abs=0.01)


def test_a_quarter_tone_is_fifty_cents():
    name, cents = note_of(440.0 * 2 ** (0.49 / 12)) or ("", 0.0)
    assert (name, round(cents)) == ("A4", 49)


@given(st.floats(10.0, 20_000.0))
def test_note_and_cents_give_the_frequency_back(frequency_hz):
    name, cents = note_of(frequency_hz) or ("", 0.0)
    assert name
    assert -50.0 <= cents <= 50.0
    upper, _ = note_of(frequency_hz * 2.0) or ("", 0.0)
    assert int(upper.lstrip("ABCDEFG♯")) == int(name.lstrip("ABCDEFG♯")) + 1


def test_zero_hertz_is_no_note():
    assert note_of(0.0) is None
    assert note_text(0.0) == ""


@given(scale=st.sampled_from(list(FrequencyScale)), height=st.floats(0.0, 1.0))
def test_position_and_frequency_are_inverse(scale, height):
    frequency_hz = float(scale.frequency_hz(height, 24_000.0))
    assert scale.position(frequency_hz, 24_000.0) == pytest.approx(height, abs=1e-9)


def test_a_thousand_hertz_is_a_thousand_mel():
    # 2595 log10(1 + 1000/700) = 999.99; the axis is that over the mel of its top.
    top_mel = 3_563.0  # 2595 log10(1 + 15827.6/700)
    top_hz = 700.0 * (10.0 ** (top_mel / 2595.0) - 1.0)
    assert FrequencyScale.MEL.position(1000.0, top_hz) * top_mel == pytest.approx(999.99, abs=0.01)


def test_decades_are_even_on_the_log_axis():
    places = [FrequencyScale.LOG.position(hz, 20_000.0) for hz in (20.0, 200.0, 2000.0, 20_000.0)]
    assert places == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])


@pytest.mark.parametrize(
    ("frequency_hz", "text"), [(50.25, "50.2 Hz"), (440.4, "440 Hz"), (12_500.0, "12.50 kHz")]
)
def test_frequencies_read_short(frequency_hz, text):
    assert frequency_text(frequency_hz) == text

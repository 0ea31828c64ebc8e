"""Equalizer sections and their response against closed forms and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from engine.mastering.biquad import digital_frequency_hz, response, response_db, sections
from engine.mastering.parameters import Band, BandKind

GAIN_KINDS = [BandKind.BELL, BandKind.LOW_SHELF, BandKind.HIGH_SHELF]

bands = st.builds(
    Band,
    kind=st.sampled_from(BandKind),
    frequency_hz=st.floats(20.0, 20000.0),
    gain_db=st.floats(-12.0, 12.0),
    q=st.floats(0.1, 18.0),
    gate=st.floats(0.0, 1.0),
    enabled=st.booleans(),
)


@pytest.mark.parametrize("kind", BandKind)
def test_b1_and_a1_are_the_cookbooks(kind: BandKind) -> None:
    rate, frequency_hz, q = 48000, 1000.0, 2.0
    row = sections([Band(kind, frequency_hz, 6.0, q)], rate)[0]
    w0 = 2.0 * math.pi * frequency_hz / rate
    alpha = math.sin(w0) / (2.0 * q)
    a = 10.0 ** (6.0 / 40.0)
    if kind is BandKind.BELL:
        expected = [-2.0 * math.cos(w0) / (1.0 + alpha / a)] * 2
    elif kind is BandKind.LOW_PASS:
        expected = [(1.0 - math.cos(w0)) / (1.0 + alpha), -2.0 * math.cos(w0) / (1.0 + alpha)]
    elif kind is BandKind.HIGH_PASS:
        expected = [-(1.0 + math.cos(w0)) / (1.0 + alpha), -2.0 * math.cos(w0) / (1.0 + alpha)]
    else:
        side = 1.0 if kind is BandKind.LOW_SHELF else -1.0
        a0 = (a + 1) + side * (a - 1) * math.cos(w0) + 2 * math.sqrt(a) * alpha
        b1 = side * 2 * a * ((a - 1) - side * (a + 1) * math.cos(w0))
        a1 = -side * 2 * ((a - 1) + side * (a + 1) * math.cos(w0))
        expected = [b1 / a0, a1 / a0]
    np.testing.assert_allclose([row[1], row[4]], expected, rtol=1e-12)


@given(st.lists(bands, max_size=10), st.sampled_from([8000, 44100, 192000]))
@settings(max_examples=60, deadline=None)
def test_the_response_is_that_of_the_sections(chosen: list[Band], rate: int) -> None:
    frequencies = np.geomspace(200.0, 0.499 * rate, 50)
    active = [band for band in chosen if band.active]
    assert sections(chosen, rate).shape == (len(active), 6)
    if active:
        _, reference = signal.freqz_sos(sections(chosen, rate), worN=frequencies, fs=rate)
        np.testing.assert_allclose(
            response(chosen, frequencies, rate), reference, rtol=1e-5, atol=1e-9
        )


@pytest.mark.parametrize("rate", [44100, 192000])
def test_the_response_is_exact_where_b_and_a_cancel(rate: int) -> None:
    band = Band(BandKind.BELL, 20.0, 9.0, 4.0)
    np.testing.assert_allclose(response_db([band], [20.0], rate), [9.0], atol=1e-12)
    np.testing.assert_allclose(response_db([band], [0.0], rate), [0.0], atol=1e-12)


@given(st.floats(20.0, 20000.0), st.floats(-12.0, 12.0), st.floats(0.1, 18.0))
@settings(max_examples=50, deadline=None)
def test_bands_reach_their_gain_where_the_cookbook_says(hz: float, gain: float, q: float) -> None:
    rate = 48000
    assert response_db([Band(BandKind.BELL, hz, gain, q)], hz, rate) == pytest.approx(gain)
    low, high = Band(BandKind.LOW_SHELF, hz, gain, q), Band(BandKind.HIGH_SHELF, hz, gain, q)
    np.testing.assert_allclose(response_db([low], [0.0, hz], rate), [gain, gain / 2], atol=1e-9)
    np.testing.assert_allclose(
        response_db([high], [0.0, hz, rate / 2], rate), [0.0, gain / 2, gain], atol=1e-9
    )
    pass_db = 20.0 * math.log10(q)
    for kind in (BandKind.LOW_PASS, BandKind.HIGH_PASS):
        assert response_db([Band(kind, hz, q=q)], hz, rate) == pytest.approx(pass_db, abs=1e-9)


@given(st.sampled_from(GAIN_KINDS), st.floats(-12.0, 12.0), st.floats(0.0, 1.0))
@settings(max_examples=50, deadline=None)
def test_a_gate_scales_the_gain_in_decibels(kind: BandKind, gain: float, gate: float) -> None:
    frequencies = np.geomspace(20.0, 20000.0, 40)
    gated = response_db([Band(kind, 1000.0, gain, gate=gate)], frequencies, 48000)
    plain = response_db([Band(kind, 1000.0, gain * gate)], frequencies, 48000)
    np.testing.assert_allclose(gated, plain, atol=1e-10)


@pytest.mark.parametrize("kind", [BandKind.LOW_PASS, BandKind.HIGH_PASS])
def test_a_pass_filters_gate_blends_over_the_same_poles(kind: BandKind) -> None:
    full = sections([Band(kind, 500.0, q=1.3)], 44100)[0]
    half = sections([Band(kind, 500.0, q=1.3, gate=0.3)], 44100)[0]
    np.testing.assert_allclose(half[3:], full[3:], rtol=1e-14)
    np.testing.assert_allclose(half[:3], 0.7 * full[3:] + 0.3 * full[:3], atol=1e-15)


@given(bands.filter(lambda band: band.kind.has_gain))
@settings(max_examples=50, deadline=None)
def test_a_band_and_its_opposite_cancel(band: Band) -> None:
    opposite = Band(band.kind, band.frequency_hz, -band.gain_db, band.q, band.gate, band.enabled)
    frequencies = np.geomspace(20.0, 20000.0, 40)
    np.testing.assert_allclose(response([band, opposite], frequencies, 44100), 1.0, atol=1e-9)


@pytest.mark.parametrize("band", [Band(gain_db=6.0, gate=0.0), Band(gain_db=6.0, enabled=False)])
def test_an_inactive_band_has_no_section_and_no_response(band: Band) -> None:
    assert sections([band], 48000).shape == (0, 6)
    assert response_db([band], 1000.0, 48000) == 0.0


@pytest.mark.parametrize("kind", BandKind)
def test_bands_above_nyquist_stay_stable(kind: BandKind) -> None:
    assert digital_frequency_hz(13000.0, 8000) == pytest.approx(3920.0)
    row = sections([Band(kind, 13000.0, 12.0, 0.7)], 8000)[0]
    assert np.abs(np.roots(row[3:])).max() < 1.0
    assert np.isfinite(response_db([Band(kind, 13000.0, 12.0)], [4000.0, 9000.0], 8000)).all()

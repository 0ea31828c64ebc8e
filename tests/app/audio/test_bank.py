"""Conversion to the stream's rate."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import soxr

from app.audio.bank import Bank, Conversion, convert
from app.audio.slot import Slot, source_list
from engine.audio.store import StoreWriter
from engine.cache import Cache
from engine.lanes import Lanes
from engine.tasks import Cancelled, Context


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "cache", 1 << 30)


@pytest.fixture
def stored(cache, noise):
    with StoreWriter(cache, "source", 44100, 2) as writer:
        writer.append(noise(100_000).T)
        return writer.finish()


def test_it_is_what_the_resampler_makes_of_the_whole(cache, stored) -> None:
    converted = convert(Conversion(stored, 48000, cache), Context())
    expected = soxr.resample(np.array(stored.map()), 44100, 48000, quality="VHQ")
    assert converted.rate == 48000
    assert converted.frames == round(100_000 * 48000 / 44100)
    frames = min(converted.frames, len(expected))
    np.testing.assert_allclose(converted.map()[:frames], expected[:frames], atol=1e-6)


def test_it_is_made_once(cache, stored) -> None:
    first = convert(Conversion(stored, 48000, cache), Context())
    reports = []
    again = convert(Conversion(stored, 48000, cache), Context(on_progress=reports.append))
    assert again == first
    assert not reports


def test_a_cancelled_conversion_leaves_nothing(cache, stored) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        convert(Conversion(stored, 96000, cache), Context(cancel_event=cancelled))
    assert convert(Conversion(stored, 96000, cache), Context()).complete


def test_what_fits_is_played_as_it_is_and_the_rest_when_it_is_ready(
    qtbot, cache, stored, noise
) -> None:
    lanes = Lanes()
    bank = Bank(lanes, cache)
    try:
        assert bank.at_rate(stored, 44100) is stored
        with qtbot.waitSignal(bank.ready, timeout=5000):
            assert bank.at_rate(stored, 48000) is None
        qtbot.waitUntil(lambda: bank.at_rate(stored, 48000).complete)
        assert len(lanes.jobs) == 1
    finally:
        lanes.shutdown()


def test_the_host_is_told_of_files_at_its_own_rate(stored) -> None:
    slots = [Slot("here", stored), Slot("live", stored, insert=True)]
    message, available = source_list(
        slots, 44100, lambda audio: audio if audio.rate == 44100 else None, "module:create"
    )
    assert available == [100_000, 100_000] + [0] * 7
    assert message["frames"] == 100_000
    assert [entry and entry["insert"] for entry in message["slots"][:3]] == [
        None,
        "module:create",
        None,
    ]
    nothing, _ = source_list(slots, 48000, lambda audio: None, "module:create")
    assert nothing["frames"] is None
    assert nothing["slots"] == [None] * 9

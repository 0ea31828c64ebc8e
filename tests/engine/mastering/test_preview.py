"""The chain as the playback process uses it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from engine.mastering.chain import Chain
from engine.mastering.parameters import (
    MAX_BANDS,
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Multiband,
    Residual,
    Saturator,
)
from engine.mastering.preview import create
from engine.tasks import Failure

RATE = 48000
BUSY = ChainParameters(
    compressor=Compressor(-25.0, 3.0, lookahead_ms=2.0),
    multiband=Multiband(low=Compressor(-40.0, 2.0), high=Compressor(-40.0, 0.7)),
    saturator=Saturator(6.0),
    imager=Imager(1.2, 100.0),
    limiter=Limiter(9.0),
)
for _index in range(MAX_BANDS):
    BUSY = BUSY.with_band(_index, gain_db=3.0, q=1.0)


def payload(parameters: ChainParameters, **more: object) -> bytes:
    return json.dumps({**parameters.to_dict(), **more}).encode()


def noise(frames: int, channels: int = 2) -> np.ndarray:
    return (0.2 * np.random.default_rng(0).standard_normal((frames, channels))).astype(np.float32)


def test_it_plays_what_the_chain_renders() -> None:
    insert, audio = create(RATE, 2), noise(5000)
    insert.configure(payload(BUSY))
    insert.reset()
    out = np.concatenate([insert.process(audio[a : a + 512]) for a in range(0, 5000, 512)])
    expected = Chain(RATE, 2, BUSY).process(audio.T).T.astype(np.float32)
    assert np.array_equal(out, expected)
    assert (out.dtype, out.flags.c_contiguous) == (np.float32, True)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_before_it_is_configured_it_only_delays(channels: int) -> None:
    insert, audio = create(RATE, channels), 0.2 * noise(4000, channels)
    out = insert.process(audio)
    assert np.array_equal(out[insert.latency_frames :], audio[: -insert.latency_frames])


def test_editing_while_it_plays_makes_no_click_and_arrives() -> None:
    insert = create(RATE, 2)
    tone = np.sin(2.0 * np.pi * 200.0 / RATE * np.arange(RATE))
    audio = (0.1 * np.stack([tone, tone], axis=1)).astype(np.float32)
    out = []
    for index, start in enumerate(range(0, RATE, 512)):
        gain_db = 6.0 if index // 20 % 2 else -6.0
        insert.configure(payload(ChainParameters().with_band(2, gain_db=gain_db)))
        out.append(insert.process(audio[start : start + 512]))
    # The steepest slope a 200 Hz tone can have at the louder setting; a click is steeper.
    assert np.abs(np.diff(np.concatenate(out), axis=0)).max() < 0.2 * 2 * np.pi * 200 / RATE * 1.5


@pytest.mark.parametrize(
    ("band", "inside_hz", "outside_hz"),
    [
        (Band(BandKind.BELL, 1000.0, 3.0, 2.0), 1000.0, 8000.0),
        (Band(BandKind.LOW_SHELF, 200.0, 3.0), 40.0, 4000.0),
        (Band(BandKind.HIGH_SHELF, 5000.0, 3.0), 15000.0, 200.0),
        (Band(BandKind.HIGH_PASS, 100.0), 100.0, 3000.0),
    ],
)
def test_solo_lets_only_the_bands_range_through(
    band: Band, inside_hz: float, outside_hz: float
) -> None:
    parameters = ChainParameters((Band(), band))
    levels = []
    for hz in (inside_hz, outside_hz):
        insert = create(RATE, 1)
        insert.configure(payload(parameters, solo=1))
        tone = 0.1 * np.sin(2.0 * np.pi * hz / RATE * np.arange(RATE))
        out = insert.process(tone[:, None].astype(np.float32))[RATE // 2 :]
        levels.append(float(np.abs(out).max()))
    assert levels[0] > 0.06
    assert levels[1] < 0.25 * levels[0]


def test_leaving_solo_gives_the_whole_sound_back() -> None:
    insert, plain, audio = create(RATE, 2), create(RATE, 2), noise(8000)
    for each in (insert, plain):
        each.configure(payload(BUSY))
        each.reset()
    insert.configure(payload(BUSY, solo=3))
    insert.process(audio)
    plain.process(audio)
    insert.configure(payload(BUSY))
    assert np.array_equal(insert.process(audio)[2000:], plain.process(audio)[2000:])


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"[]",
        b"3",
        b"\xff",
        b"{}",
        payload(ChainParameters(), solo=10),
        payload(ChainParameters(), solo=-1),
        payload(ChainParameters(), solo="x"),
        payload(ChainParameters(), listen="compressor"),
        payload(ChainParameters(), listen={"stage": "dither"}),
        payload(ChainParameters(), listen={"stage": ["all"]}),
        payload(ChainParameters()).replace(b'"limiter"', b'"lim"'),
        payload(ChainParameters()).replace(b'"gate": 1.0', b'"gate": NaN'),
    ],
)
def test_a_bad_message_is_refused_and_changes_nothing(message: bytes) -> None:
    insert, reference, audio = create(RATE, 2), create(RATE, 2), noise(2000)
    for each in (insert, reference):
        each.configure(payload(BUSY))
    with pytest.raises(Failure):
        insert.configure(message)
    assert np.array_equal(insert.process(audio), reference.process(audio))


def test_values_that_are_no_numbers_become_silence_and_are_counted() -> None:
    insert, audio = create(RATE, 2), noise(1000)
    audio[10, 0] = np.nan
    assert np.isfinite(insert.process(audio)).all()
    assert insert.meters()["replaced_samples"] == 1.0


def test_meters_hold_the_largest_reduction_until_they_are_read() -> None:
    insert = create(RATE, 2)
    insert.configure(payload(BUSY))
    insert.process(noise(8192))
    for _ in range(40):
        insert.process(np.zeros((4096, 2), dtype=np.float32))
    first, second = insert.meters(), insert.meters()
    assert first["compressor_reduction_db"] > 1.0
    assert first["limiter_reduction_db"] > 1.0
    assert first["multiband_low_reduction_db"] > 1.0
    assert first["multiband_high_reduction_db"] < -1.0
    assert first["multiband_mid_reduction_db"] == 0.0
    assert second["compressor_reduction_db"] == second["limiter_reduction_db"] == 0.0


def test_a_residual_is_left_out_and_the_meters_say_so() -> None:
    insert, plain, audio = create(RATE, 2), create(RATE, 2), noise(3000)
    insert.configure(payload(replace(BUSY, residual=Residual("abc123", 1.0))))
    plain.configure(payload(BUSY))
    assert np.array_equal(insert.process(audio), plain.process(audio))
    assert (insert.meters()["residual_left_out"], plain.meters()["residual_left_out"]) == (
        True,
        False,
    )


def test_a_callback_of_512_frames_is_on_time_from_the_first() -> None:
    insert, audio = create(RATE, 2), noise(512)
    insert.configure(payload(BUSY))
    times_s = []
    for _ in range(50):
        start = time.thread_time()
        insert.process(audio)
        times_s.append(time.thread_time() - start)
    assert times_s[0] < 0.010
    assert sorted(times_s)[25] < 0.002


def test_it_loads_without_torch() -> None:
    code = "import sys, engine.mastering.preview; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"

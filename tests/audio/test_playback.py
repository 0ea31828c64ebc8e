"""What reaches the sound device, recorded bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.audio.player import Player

RATE = 48000
FADE = RATE * 5 // 1000
UP = (np.arange(FADE) / FADE)[:, None]
Signal = NDArray[np.float32]


def noise(seconds: float, seed: int = 0, lead_s: float = 0.5) -> Signal:
    """Stereo noise after some silence, in which the sink wakes."""
    rng = np.random.default_rng(seed)
    signal = rng.uniform(-0.5, 0.5, (round(seconds * RATE), 2)).astype(np.float32)
    signal[: round(lead_s * RATE)] = 0.0
    return signal


def from_the_start(recording: Signal, signal: Signal) -> Signal:
    """The recording from where frame 0 of the signal lies in it."""
    first = int(np.flatnonzero(signal[:, 0])[0])
    return recording[int(np.flatnonzero(recording[:, 0])[0]) - first :]


def first_difference(one: Signal, other: Signal) -> int:
    """Index of the first frame that differs."""
    frames = min(len(one), len(other))
    return int(np.flatnonzero((one[:frames] != other[:frames]).any(axis=1))[0])


def test_a_file_is_played_bit_for_bit(sound_server, player: Player, load, wait_for) -> None:
    signal = noise(1.5)
    load(signal)
    recorder = sound_server.record()
    player.play()
    wait_for(lambda: not player.playing)
    played = from_the_start(recorder.stop(), signal)
    np.testing.assert_array_equal(played[: len(signal)], signal)
    assert player.position_frame == len(signal)
    assert player.slips == 0


def test_a_switch_keeps_its_place_to_the_frame(
    sound_server, player: Player, load, let_pass
) -> None:
    first, second = noise(4, 1), noise(4, 2)
    load(first, second)
    recorder = sound_server.record()
    player.play()
    let_pass(1.0)
    player.select(1)
    let_pass(0.5)
    player.select_last()
    let_pass(0.3)
    player.pause()
    played = from_the_start(recorder.stop(), first)
    # The first faded frame is all first, the next one holds 1/240 of the second.
    begin = first_difference(played, first) - 1
    back = begin + FADE + first_difference(played[begin + FADE :], second[begin + FADE :]) - 1
    there = first[begin:] * 1.0
    there[FADE:] = second[begin + FADE :]
    there[:FADE] = first[begin : begin + FADE] * (1 - UP) + second[begin : begin + FADE] * UP
    np.testing.assert_allclose(played[begin:back], there[: back - begin], atol=1e-6)
    np.testing.assert_array_equal(played[back + FADE :][:4800], first[back + FADE :][:4800])
    assert 0.3 * RATE < back - begin < 0.8 * RATE


def test_a_loop_has_no_gap_in_many_rounds(sound_server, player: Player, load, let_pass) -> None:
    signal = noise(2)
    load(signal)
    start, end = 30_011, 30_011 + 4_801
    player.set_loop((start, end))
    recorder = sound_server.record()
    player.play()
    let_pass(1.9)
    player.pause()
    played = from_the_start(recorder.stop(), signal)
    way = np.concatenate([np.arange(end), np.tile(np.arange(start, end), 9)])
    np.testing.assert_array_equal(played[: len(way)], signal[way])


def test_a_seek_lands_on_its_frame(sound_server, player: Player, load, let_pass) -> None:
    signal = noise(4)
    load(signal)
    recorder = sound_server.record()
    player.play()
    let_pass(0.8)
    player.seek(100_003)
    let_pass(0.5)
    player.pause()
    played = from_the_start(recorder.stop(), signal)
    begin = first_difference(played, signal) - 1
    np.testing.assert_array_equal(
        played[begin + FADE : begin + 9600], signal[100_003 + FADE : 100_003 + 9600]
    )


def test_pause_and_play_go_on_at_the_same_frame(
    sound_server, player: Player, load, let_pass
) -> None:
    signal = noise(4)
    load(signal)
    recorder = sound_server.record()
    player.play()
    let_pass(0.8)
    player.pause()
    let_pass(0.3)
    where = player.position_frame
    player.play()
    let_pass(0.5)
    player.pause()
    let_pass(0.2)
    played = from_the_start(recorder.stop(), signal)
    np.testing.assert_array_equal(played[:where], signal[:where])
    np.testing.assert_allclose(
        played[where : where + FADE], signal[where : where + FADE] * (1 - UP), atol=1e-6
    )
    rest = played[where + FADE :]
    silent = int(np.flatnonzero(rest[:, 0])[0]) - 1
    assert silent > 0.2 * RATE
    np.testing.assert_array_equal(
        rest[silent + FADE : silent + 9600], signal[where + FADE : where + 9600]
    )


def test_the_meters_see_what_is_recorded(sound_server, player: Player, load, wait_for) -> None:
    signal = noise(1.2)
    load(signal)
    player.set_gain_db(0, -6.0)
    recorder = sound_server.record()
    written = player.taps.written_frames
    player.play()
    wait_for(lambda: not player.playing)
    before, after = player.taps.recent(player.taps.written_frames - written)
    played = from_the_start(recorder.stop(), signal)[: len(signal)]
    np.testing.assert_array_equal(from_the_start(after.T, signal)[: len(signal)], played)
    np.testing.assert_array_equal(from_the_start(before.T, signal)[: len(signal)], signal)
    np.testing.assert_allclose(played, signal * 10 ** (-6 / 20), atol=1e-6)


def test_another_rate_is_converted_into_place(
    sound_server, player: Player, keep, wait_for, tmp_path, qapp
) -> None:
    import soxr

    from app.audio.bank import Bank
    from app.audio.player import Slot
    from engine.cache import Cache
    from engine.lanes import Lanes

    lanes = Lanes()
    bank = Bank(lanes, Cache(tmp_path / "cache", 1 << 30))
    other = Player(bank=bank, output=player.output)
    try:
        here, there = noise(1.5, 1), noise(1.5 * 44100 / 48000, 2, 0.5 * 44100 / 48000)
        converted = soxr.resample(there, 44100, 48000, quality="VHQ")
        other.set_slots([Slot("here", keep(here)), Slot("there", keep(there, 44100))])
        assert other.frames == len(here)
        wait_for(lambda: other.has_sound and all(job.state.ended for job in lanes.jobs))
        other.select(1)
        recorder = sound_server.record()
        other.play()
        wait_for(lambda: not other.playing)
        played = recorder.stop()
        lag = int(np.abs(np.correlate(played[:96000, 0], converted[24000:34000, 0])).argmax())
        np.testing.assert_allclose(played[lag - 24000 :][: len(converted)], converted, atol=1e-6)
    finally:
        other.shutdown()
        lanes.shutdown()


def test_audio_is_heard_while_it_is_still_being_made(
    sound_server, player: Player, tmp_path, wait_for, let_pass
) -> None:
    from app.audio.player import Slot
    from engine.audio.store import StoreWriter
    from engine.cache import Cache

    signal = noise(2.5)
    with StoreWriter(Cache(tmp_path / "cache", 1 << 30), "stream", RATE, 2) as writer:
        writer.append(signal[: RATE * 3 // 2].T)
        player.set_slots([Slot("stream", writer.partial)])
        wait_for(lambda: player.has_sound)
        recorder = sound_server.record()
        player.play()
        wait_for(lambda: player.waiting)
        held = player.position_frame
        let_pass(0.3)
        assert player.playing
        assert player.position_frame == held < RATE * 3 // 2
        writer.append(signal[RATE * 3 // 2 :].T)
        player.set_slots([Slot("stream", writer.partial)])
        wait_for(lambda: not player.waiting)
        player.set_slots([Slot("stream", writer.finish())])
    wait_for(lambda: not player.playing)
    played = from_the_start(recorder.stop(), signal)
    np.testing.assert_array_equal(played[:held], signal[:held])
    assert player.position_frame == len(signal)
    end = int(np.flatnonzero(played[:, 0])[-1]) + 1
    rest = len(signal) - held - FADE
    np.testing.assert_array_equal(played[end - rest : end], signal[-rest:])


def test_a_file_that_is_cut_while_it_plays_only_falls_silent(
    sound_server, player: Player, keep, wait_for, let_pass
) -> None:
    from app.audio.player import Slot

    stored = keep(noise(2.5))
    player.set_slots([Slot("cut", stored)])
    wait_for(lambda: player.has_sound)
    player.play()
    let_pass(0.5)
    with stored.path.open("r+b") as file:
        file.truncate(RATE * 8)
    wait_for(lambda: not player.playing, 8)
    assert player.position_frame == player.frames


INSERT = """
import numpy as np

class Lag:
    latency_frames = 1234

    def __init__(self, rate, channels):
        self.gain = np.float32(1)
        self.held = np.zeros((self.latency_frames, channels), np.float32)

    def process(self, block):
        joined = np.concatenate([self.held, block])
        self.held = joined[-self.latency_frames:]
        return joined[: len(block)] * self.gain

    def configure(self, message):
        self.gain = np.float32(message.decode())

    def reset(self):
        self.held = np.zeros_like(self.held)

    def meters(self):
        return {"gain": float(self.gain)}

def create(rate, channels):
    return Lag(rate, channels)

def fail(rate, channels):
    raise RuntimeError("out of order")
"""


@pytest.fixture
def insert_module(tmp_path, monkeypatch) -> str:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "lagging_insert.py").write_text(INSERT)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return "lagging_insert"


@pytest.mark.parametrize("insert_name", ["create"])
def test_an_insert_nulls_with_the_dry_slot(
    insert_module, insert_name, sound_server, player, load, wait_for, let_pass
) -> None:
    player._insert = f"{insert_module}:{insert_name}"
    signal = noise(3)
    load(signal, signal, insert=1)
    recorder = sound_server.record()
    player.play()
    let_pass(0.8)
    player.select(1)
    wait_for(lambda: player.insert_meters().get("gain") == 1.0)
    let_pass(0.5)
    played = from_the_start(recorder.stop(), signal)
    np.testing.assert_allclose(played[:57600], signal[:57600], atol=1e-6)
    player.set_insert_parameters(b"0.5")
    wait_for(lambda: player.insert_meters().get("gain") == 0.5)


def test_a_broken_insert_is_told_and_the_audio_goes_on(
    insert_module, sound_server, player, load, wait_for
) -> None:
    troubles = []
    player.trouble.connect(troubles.append)
    player._insert = f"{insert_module}:fail"
    signal = noise(1.2)
    load(signal, insert=0)
    recorder = sound_server.record()
    player.play()
    wait_for(lambda: not player.playing)
    played = from_the_start(recorder.stop(), signal)
    np.testing.assert_array_equal(played[: len(signal)], signal)
    assert "out of order" in troubles[0].why

"""Transport, crossfades and gains, to the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FADE = 240  # 5 ms at 48 kHz
UP = (np.arange(FADE) / FADE)[:, None]


def test_play_from_the_beginning_is_bit_for_bit(deck, noise) -> None:
    signal = noise(5000)
    deck.load(signal)
    deck.play()
    heard = deck.render(6000, 333)
    np.testing.assert_array_equal(heard[:5000], signal)
    assert not heard[5000:].any()
    assert deck.ended
    assert deck.position == 5000


def test_nothing_is_heard_before_play(deck, noise) -> None:
    deck.load(noise(5000))
    assert not deck.render(1000).any()
    assert deck.position == 0


def test_play_from_elsewhere_fades_in(deck, noise) -> None:
    signal = noise(5000)
    deck.load(signal)
    deck.seek(1000)
    deck.play()
    heard = deck.render(1000)
    np.testing.assert_allclose(heard[:FADE], signal[1000 : 1000 + FADE] * UP, atol=1e-6)
    np.testing.assert_array_equal(heard[FADE:], signal[1000 + FADE : 2000])


def test_pause_fades_out_and_the_playhead_stays(deck, noise) -> None:
    signal = noise(5000)
    deck.load(signal)
    deck.play()
    deck.render(1024)
    deck.play(False)
    heard = deck.render(512)
    expected = signal[1024 : 1024 + FADE] * (1 - UP)
    np.testing.assert_allclose(heard[:FADE], expected, atol=1e-6)
    assert not heard[FADE:].any()
    assert deck.position == 1024


def test_a_seek_is_a_linear_crossfade_to_the_exact_frame(deck, noise) -> None:
    signal = noise(9000)
    deck.load(signal)
    deck.play()
    deck.render(1024)
    deck.seek(6000)
    heard = deck.render(512, 100)
    expected = signal[6000:6512].copy()
    expected[:FADE] = signal[1024 : 1024 + FADE] * (1 - UP) + signal[6000 : 6000 + FADE] * UP
    np.testing.assert_allclose(heard, expected, atol=1e-6)
    assert deck.position == 6512


@pytest.mark.parametrize("block_frames", [1, 64, 239, 240, 241, 1000])
def test_a_switch_is_a_linear_crossfade_at_the_same_frame(deck, noise, block_frames) -> None:
    first, second = noise(5000, 1), noise(5000, 2)
    deck.load(first, second)
    deck.play()
    deck.render(1000, 250)
    deck.select(1)
    heard = deck.render(1000, block_frames)
    expected = second[1000:2000].copy()
    expected[:FADE] = first[1000 : 1000 + FADE] * (1 - UP) + second[1000 : 1000 + FADE] * UP
    np.testing.assert_allclose(heard, expected, atol=1e-6)
    np.testing.assert_array_equal(heard[FADE:], second[1000 + FADE : 2000])


def test_switching_between_equal_sounds_cannot_be_heard(deck, noise) -> None:
    signal = noise(9000)
    deck.load(signal, signal, signal)
    deck.play()
    heard = []
    for slot in (1, 2, 0, 1, 0, 2, 1):
        deck.select(slot)
        heard.append(deck.render(100))
    np.testing.assert_allclose(np.concatenate(heard), signal[:700], atol=1e-6)


def test_a_source_replaced_by_the_same_audio_cannot_be_heard(deck, noise) -> None:
    signal = noise(9000)
    deck.load(signal)
    deck.play()
    before = deck.render(500)
    deck.load(signal)
    heard = np.concatenate([before, deck.render(1000)])
    np.testing.assert_allclose(heard, signal[:1500], atol=1e-6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_sequence_of_commands_clicks(deck, data) -> None:
    """A constant signal only ever moves as fast as two fades do together."""
    deck.load(np.full((4000, 2), 0.5, np.float32), np.full((4000, 2), 0.5, np.float32))
    deck.seek(1)
    deck.play(False)
    deck.render(512)
    out = [np.zeros((1, 2), np.float32)]
    for _ in range(data.draw(st.integers(1, 12))):
        match data.draw(st.sampled_from(["play", "pause", "seek", "select", "speed"])):
            case "play":
                deck.play()
            case "pause":
                deck.play(False)
            case "seek":
                deck.seek(data.draw(st.integers(1, 1000)))
            case "select":
                deck.select(data.draw(st.integers(0, 1)))
            case "speed":
                deck.set_speed(data.draw(st.sampled_from([1.0, 2.0])))
        if deck.position > 1500:
            deck.seek(1)
        out.append(deck.render(data.draw(st.integers(1, 400)), 64))
    steps = np.abs(np.diff(np.concatenate(out), axis=0))
    assert steps.max() <= 2.01 * 0.5 / FADE
    assert np.abs(np.concatenate(out)).max() <= 0.5 + 1e-5


def test_a_loop_is_spliced_without_a_gap(deck, noise) -> None:
    signal = noise(5000)
    deck.load(signal)
    deck.block.write_loop(1000, 1777)
    deck.play()
    heard = deck.render(6000, 512)
    way = np.concatenate([np.arange(1777), np.tile(np.arange(1000, 1777), 10)])[:6000]
    np.testing.assert_array_equal(heard, signal[way])


def test_a_loop_may_change_while_it_plays(deck, noise) -> None:
    signal = noise(5000)
    deck.load(signal)
    deck.block.write_loop(1000, 2000)
    deck.play()
    deck.render(1500)
    deck.block.write_loop(1200, 1600)
    heard = deck.render(1000)
    way = np.concatenate([np.arange(1500, 1600), np.tile(np.arange(1200, 1600), 3)])[:1000]
    np.testing.assert_array_equal(heard, signal[way])
    deck.block.write_loop(0, 0)
    deck.render(5000)
    assert deck.ended


def test_a_playhead_behind_the_loop_plays_on(deck, noise) -> None:
    signal = noise(5000)
    deck.load(signal)
    deck.block.write_loop(1000, 2000)
    deck.seek(3000)
    deck.play()
    deck.render(3000)
    assert deck.ended


def test_backwards_plays_every_frame_in_reverse(deck, noise) -> None:
    signal = noise(5000)
    deck.load(signal)
    deck.set_speed(-1.0)
    deck.seek(3000)
    deck.play()
    heard = deck.render(4000, 300)
    expected = signal[3000::-1]
    np.testing.assert_allclose(heard[FADE : len(expected)], expected[FADE:], atol=1e-6)
    assert not heard[len(expected) :].any()
    assert deck.ended
    assert deck.position == 0


def test_a_slow_sine_is_the_sine_at_other_speeds(deck) -> None:
    frames = np.arange(48000)
    sine = np.sin(2 * np.pi * 100 * frames / 48000).astype(np.float32)
    deck.load(np.stack([sine, sine], axis=1))
    for speed in (0.5, 1.7, 4.0):
        deck.set_speed(speed)
        deck.seek(0)
        deck.play()
        heard = deck.render(4000)
        expected = np.sin(2 * np.pi * 100 * speed * np.arange(4000) / 48000)
        np.testing.assert_allclose(heard[FADE:, 0], expected[FADE:], atol=1e-4)


def test_gain_moves_in_one_fade(deck) -> None:
    deck.load(np.full((5000, 2), 0.5, np.float32))
    deck.play()
    deck.render(1000)
    deck.block.control["gain_db"][0] = -6.0
    heard = deck.render(1000, 100)[:, 0]
    goal = 0.5 * 10 ** (-6 / 20)
    np.testing.assert_allclose(heard[:FADE], 0.5 + (goal - 0.5) * UP[:, 0], atol=1e-6)
    np.testing.assert_allclose(heard[FADE:], goal, atol=1e-6)


def test_each_slot_has_its_own_gain_from_the_start(deck) -> None:
    deck.load(np.full((5000, 2), 0.5, np.float32), np.full((5000, 2), 0.5, np.float32))
    deck.block.control["gain_db"][1] = -20.0
    deck.play()
    np.testing.assert_allclose(deck.render(1000), 0.5, atol=1e-7)
    deck.select(1)
    np.testing.assert_allclose(deck.render(1000)[FADE:], 0.05, atol=1e-7)


def test_a_growing_source_is_waited_for_and_nothing_is_lost(deck, noise) -> None:
    signal = noise(40000)
    source = deck.source(signal, growing=True, available=4000)
    from app.audio.voice import Voice

    deck.mixer.set_voices([Voice(source)] + [None] * 8, 40000)
    deck.play()
    deck.render(8192)
    assert deck.block.state["waiting"][0]
    held = deck.position
    assert 0 < held < 4000
    deck.render(4096)
    assert deck.position == held
    source.extend(40000)
    source.growing = False
    heard = deck.render(8192)
    assert deck.position == held + 8192
    np.testing.assert_array_equal(heard[FADE:], signal[int(held) + FADE : int(held) + 8192])


def test_the_bank_is_as_long_as_its_longest_slot(deck, noise) -> None:
    deck.load(noise(3000), noise(1000))
    deck.select(1)
    deck.play()
    heard = deck.render(2048)
    assert not heard[1000:].any()
    assert deck.position == 2048


def test_a_mono_device_hears_the_mean(deck, noise) -> None:
    signal = noise(1000)
    deck.load(signal)
    deck.play()
    np.testing.assert_allclose(deck.render(1000, channels=1)[:, 0], signal.mean(axis=1), atol=1e-7)


def test_more_channels_of_the_device_stay_silent(deck, noise) -> None:
    signal = noise(1000)
    deck.load(signal)
    deck.play()
    heard = deck.render(1000, channels=6)
    np.testing.assert_array_equal(heard[:, :2], signal)
    assert not heard[:, 2:].any()


def test_a_new_mixer_goes_on_where_the_old_one_was(deck, noise) -> None:
    from app.audio.mixer import Mixer

    signal = noise(9000)
    deck.load(signal)
    deck.play()
    deck.render(2048)
    deck.mixer = Mixer(deck.block, 48000, 48000)
    deck.load(signal)
    heard = deck.render(1024)
    np.testing.assert_array_equal(heard[FADE:], signal[2048 + FADE : 3072])


def test_without_sources_the_playhead_holds(deck) -> None:
    deck.seek(500)
    deck.play()
    assert not deck.render(2000).any()
    assert deck.position == 500
    assert not deck.ended


def test_frames_are_those_of_the_bank_when_the_stream_has_another_rate(deck, noise) -> None:
    from app.audio.mixer import Mixer

    deck.mixer = Mixer(deck.block, 96000, 48000)
    signal = noise(9000)
    deck.load(signal)
    deck.seek(1000)
    deck.play()
    heard = deck.render(1000)
    np.testing.assert_array_equal(heard[480:], signal[2480:3000])
    assert deck.position == 1500


def test_meters_get_what_was_dry_and_what_was_heard(deck, noise) -> None:
    signal = noise(3000)
    deck.load(signal)
    deck.block.control["gain_db"][0] = -6.0
    deck.play()
    heard = deck.render(2000)
    np.testing.assert_array_equal(deck.block.after[:2000], heard)
    np.testing.assert_array_equal(deck.block.before[:2000], signal[:2000])
    deck.play(False)
    deck.render(1000)
    assert not deck.block.after[2000 + FADE : 3000].any()


def test_a_loop_beyond_the_end_wraps_at_the_end(deck, noise) -> None:
    signal = noise(3000)
    deck.load(signal)
    deck.render(1)
    deck.block.write_loop(1000, 10_000)
    deck.play()
    way = np.concatenate([np.arange(3000), np.tile(np.arange(1000, 3000), 3)])[:6000]
    np.testing.assert_array_equal(deck.render(6000), signal[way])


def test_the_taps_compare_what_is_heard_with_the_first_slot(deck, noise) -> None:
    original, master = noise(4000), noise(4000)
    deck.load(original, master)
    deck.block.control["gain_db"][1] = -6.0
    deck.select(1)
    deck.play()
    heard = deck.render(3000)
    np.testing.assert_array_equal(deck.block.before[1000:3000], original[1000:3000])
    np.testing.assert_array_equal(deck.block.after[1000:3000], heard[1000:3000])
    np.testing.assert_allclose(heard[1000:3000], master[1000:3000] * 10**-0.3, atol=1e-6)


@pytest.mark.parametrize("speed", [1.0, -1.0])
def test_play_waits_for_a_seek_whose_audio_is_still_read(deck, noise, speed: float) -> None:
    signal = noise(9000)
    deck.load(signal)
    deck.mixer.warmed_sequence = 0
    deck.seek(4000)
    deck.set_speed(speed)
    deck.play()
    assert not deck.render(1024).any()
    assert not deck.ended
    deck.mixer.warmed_sequence = 1
    heard = deck.render(1024)
    expected = signal[4000:5024] if speed > 0 else signal[4000 : 4000 - 1024 : -1]
    np.testing.assert_allclose(heard[FADE:], expected[FADE:], atol=1e-6)

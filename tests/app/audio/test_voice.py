"""Inserts: aligned with what is dry, reset where the sound jumps, never silencing anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

FADE = 240


class Delay:
    """A processor that does nothing but lag, like a limiter that looks ahead."""

    def __init__(self, latency_frames: int, gain: float = 1.0) -> None:
        self.latency_frames = latency_frames
        self.gain = np.float32(gain)
        self.messages: list[bytes] = []
        self.heard = 0
        self.reset()

    def process(self, block: np.ndarray) -> np.ndarray:
        self.heard += len(block)
        joined = np.concatenate([self._held, block])
        self._held = joined[len(joined) - self.latency_frames :]
        return joined[: len(block)] * self.gain

    def configure(self, message: bytes) -> None:
        self.messages.append(message)
        self.gain = np.float32(message.decode())

    def reset(self) -> None:
        self._held = np.zeros((self.latency_frames, 2), np.float32)

    def meters(self) -> dict[str, Any]:
        return {}


class Faulty(Delay):
    def process(self, block: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("no")


class Infinite(Delay):
    def process(self, block: np.ndarray) -> np.ndarray:
        return np.full_like(block, np.nan)


@pytest.mark.parametrize("latency_frames", [0, 1, 100, 3000])
@pytest.mark.parametrize("block_frames", [64, 1000])
def test_a_delay_nulls_with_the_dry_sound(deck, noise, latency_frames, block_frames) -> None:
    signal = noise(20000)
    deck.load(signal, insert=Delay(latency_frames))
    deck.play()
    first = deck.render(3000, block_frames)
    deck.seek(10000)
    after_seek = deck.render(3000, block_frames)
    np.testing.assert_array_equal(first, signal[:3000])
    np.testing.assert_array_equal(after_seek[FADE:], signal[10000 + FADE : 13000])


def test_a_loop_is_as_gapless_through_an_insert(deck, noise) -> None:
    signal = noise(9000)
    deck.load(signal, insert=Delay(777))
    deck.block.write_loop(1000, 2500)
    deck.play()
    heard = deck.render(9000)
    way = np.concatenate([np.arange(2500), np.tile(np.arange(1000, 2500), 6)])[:9000]
    np.testing.assert_array_equal(heard, signal[way])


def test_the_end_is_not_lost_in_the_delay(deck, noise) -> None:
    signal = noise(5000)
    deck.load(signal, insert=Delay(777))
    deck.play()
    np.testing.assert_array_equal(deck.render(5000), signal)


def test_switching_between_dry_and_a_mere_delay_cannot_be_heard(deck, noise) -> None:
    signal = noise(9000)
    deck.load(signal, signal, insert=Delay(500))
    deck.play()
    heard = []
    for slot in (1, 0, 1, 0):
        deck.select(slot)
        heard.append(deck.render(1024))
    np.testing.assert_allclose(np.concatenate(heard), signal[: 4 * 1024], atol=1e-6)


def test_an_insert_only_works_while_it_is_heard(deck, noise) -> None:
    signal = noise(20000)
    insert = Delay(500)
    deck.load(signal, signal, insert=insert)
    deck.play()
    deck.render(5000)
    assert insert.heard == 0
    deck.select(1)
    deck.render(1024)
    deck.select(0)
    deck.render(512)
    heard = insert.heard
    deck.render(5000)
    assert insert.heard == heard


def test_parameters_are_taken_between_blocks(deck, noise) -> None:
    signal = noise(9000)
    insert = Delay(0)
    deck.load(signal, insert=insert)
    deck.play()
    deck.render(1000)
    voice = deck.voices[0]
    voice.message = b"0.25"
    voice.message = b"0.5"
    heard = deck.render(1000)
    assert insert.messages == [b"0.5"]
    np.testing.assert_array_equal(heard, signal[1000:2000] * np.float32(0.5))


@pytest.mark.parametrize("kind", [Faulty, Infinite])
def test_a_failing_insert_is_bypassed_and_remembered(deck, noise, kind) -> None:
    signal = noise(9000)
    deck.load(signal, insert=kind(100))
    deck.play()
    np.testing.assert_array_equal(deck.render(2000), signal[:2000])
    assert deck.voices[0].error is not None

"""The shared block."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from app.audio.layout import TAP_FRAMES, Block
from app.audio.taps import Taps


def test_a_message_arrives_in_another_mapping(block) -> None:
    other = Block(block.path)
    assert other.mail["insert"].read() is None
    block.mail["insert"].write(b"first")
    block.mail["insert"].write(bytes(range(256)) * 64)
    assert other.mail["insert"].read() == bytes(range(256)) * 64
    assert other.mail["insert"].sequence == 2


def test_half_a_message_is_no_message(block) -> None:
    block.mail["insert"].write(b"a" * 1000)
    other = Block(block.path)
    other.mail["insert"]._body[500:600] = ord("b")
    assert block.mail["insert"].read() is None


def test_a_message_that_is_too_long_is_refused(block) -> None:
    with pytest.raises(ValueError, match="exceeds 16384"):
        block.mail["insert"].write(bytes(16385))


def test_a_loop_that_is_being_written_is_not_read(block) -> None:
    block.write_loop(10, 20)
    assert block.read_loop() == (10, 20)
    block.control["loop_sequence"][0] += 1
    assert block.read_loop() is None


def test_the_clock_is_read_even_if_its_writer_died_meanwhile(block) -> None:
    block.write_clock(5.0, 1.0, 0.0)
    block.state["clock_sequence"][0] += 1
    assert block.read_clock() == (5.0, 1.0, 0.0)
    block.write_clock(6.0, 2.0, 0.0)
    assert block.read_clock() == (6.0, 2.0, 0.0)
    assert block.state["clock_sequence"][0] % 2 == 0


def test_nothing_is_left_behind(block) -> None:
    path: Path = block.path
    assert path.exists()
    block.remove()
    block.remove()
    assert not path.exists()


def test_what_killed_processes_left_is_swept_away(block) -> None:
    left = block.path.with_name("audiobench-left-behind.play")
    left.write_bytes(b"")
    os.utime(left, (0, 0))
    os.utime(block.path, (0, 0))
    other = Block.create()
    assert not left.exists()
    assert block.path.exists()
    other.remove()


def test_taps_give_the_last_frames_across_the_seam(block) -> None:
    taps = Taps(block)
    written = np.zeros((0, 2), np.float32)
    rng = np.random.default_rng(1)
    for _ in range(5):
        part = rng.standard_normal((TAP_FRAMES // 3, 2)).astype(np.float32)
        block.write_taps(part, 2 * part)
        written = np.concatenate([written, part])
    before, after = taps.recent(100_000)
    np.testing.assert_array_equal(before, written[-100_000:].T)
    np.testing.assert_array_equal(after, 2 * written[-100_000:].T)
    assert taps.written_frames == len(written)


def test_taps_are_silent_before_anything_was_played(block) -> None:
    taps = Taps(block)
    block.write_taps(np.ones((10, 2), np.float32), np.ones((10, 2), np.float32))
    before, _ = taps.recent(100)
    assert before.shape == (2, 100)
    assert not before[:, :90].any()
    assert (before[:, 90:] == 1).all()

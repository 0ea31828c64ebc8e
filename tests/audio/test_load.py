"""Nothing the window's process does can be heard."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from app.audio.player import Player

RATE = 48000


def hold_the_interpreter() -> None:
    sum(number * number for number in range(100_000))


def multiply_matrices() -> None:
    a = np.random.default_rng(0).standard_normal((400, 400))
    for _ in range(5):
        a = a @ a / np.abs(a).max()


def train() -> None:
    import torch

    torch.set_num_threads(2)
    a = torch.randn(300, 300, requires_grad=True)
    (a @ a).square().mean().backward()


@pytest.mark.parametrize("work", [hold_the_interpreter, multiply_matrices, train])
def test_no_slips_while_the_window_works(
    work, sound_server, player: Player, load, let_pass
) -> None:
    rng = np.random.default_rng(0)
    signal = rng.uniform(-0.5, 0.5, (RATE * 3, 2)).astype(np.float32)
    signal[: RATE // 2] = 0.0
    load(signal)
    work()
    recorder = sound_server.record()
    player.play()
    end = time.monotonic() + 2.3

    def keep_working() -> None:
        while time.monotonic() < end:
            work()

    threads = [threading.Thread(target=keep_working) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    player.pause()
    recording = recorder.stop()
    start = int(np.flatnonzero(recording[:, 0])[0])
    frames = int(1.5 * RATE)
    np.testing.assert_array_equal(
        recording[start : start + frames], signal[RATE // 2 : RATE // 2 + frames]
    )
    assert player.slips == 0

"""From a click to the sound, without what the device adds."""

from __future__ import annotations

import statistics
import time

import numpy as np

from app.audio.player import Player

RATE = 48000
BUDGET_S = 0.05


def test_click_to_sound_is_within_the_budget(
    sound_server, player: Player, load, wait_for, let_pass, record_property
) -> None:
    load(np.full((RATE * 4, 2), 0.25, np.float32))
    recorder = sound_server.record()
    delays_s = []
    for _ in range(5):
        player.seek(1000)
        let_pass(0.3)
        seen = recorder.frames
        clicked = time.perf_counter()
        player.play()

        def sounds(seen: int = seen) -> bool:
            return bool(np.fromfile(recorder.path, np.float32, offset=seen * 8).any())

        wait_for(sounds)
        delays_s.append(time.perf_counter() - clicked - player.latency_s)
        player.pause()
    record_property("click_to_sound_ms", 1000 * statistics.median(delays_s))
    assert statistics.median(delays_s) < BUDGET_S


def test_the_window_never_waits_for_playback(player: Player, load, let_pass) -> None:
    load(np.zeros((RATE * 4, 2), np.float32))
    costs_s = []
    for step in range(40):
        began = time.perf_counter()
        player.seek(step * 1000)
        player.toggle()
        player.select(step % 2)
        player.set_loop((step, 20_000))
        player.set_slots(player.slots)
        player.taps.recent(RATE)
        costs_s.append(time.perf_counter() - began)
        let_pass(0.01)
    assert statistics.median(costs_s) < 0.005


def test_the_playhead_moves_evenly(player: Player, load, let_pass) -> None:
    load(np.zeros((RATE * 4, 2), np.float32))
    player.play()
    let_pass(0.5)
    news: list[tuple[float, float]] = []
    player.position_changed.connect(lambda frame: news.append((time.monotonic(), frame / RATE)))
    let_pass(1.5)
    times, positions = np.array(news).T
    errors = (positions - positions[0]) - (times - times[0])
    assert len(news) > 40
    assert (np.diff(positions) >= -0.001).all()
    assert np.std(errors) < 0.005

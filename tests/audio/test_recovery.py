"""Playback survives: a killed or hanging process, pulled devices, no device, a dead window."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from app.audio.devices import CLOCK, Output
from app.audio.player import Player, Slot

RATE = 48000
FADE_AND_MORE = 300


@pytest.fixture
def ramp():
    """A signal whose samples tell their frame: exact in float32 up to 2**24."""
    frames = np.arange(RATE * 12, dtype=np.float32) * 2.0**-24
    return np.stack([frames, frames], axis=1)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def host_pid(player: Player) -> int:
    pid = player._watchdog.pid
    assert pid
    return pid


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_hanging_process_is_replaced_at_the_same_place(
    how, sound_server, player: Player, load, wait_for, let_pass, ramp
) -> None:
    load(ramp, ramp)
    player.select(1)
    player.play()
    let_pass(1.0)
    recorder = sound_server.record()
    let_pass(0.3)
    first, died_at = host_pid(player), time.monotonic()
    where = player._block.read_clock()[0]
    os.kill(first, how)
    wait_for(lambda: player.position_frame > where + 4800)
    took = time.monotonic() - died_at
    assert host_pid(player) != first
    assert not alive(first)
    assert player.playing
    assert player.current_slot == 1
    let_pass(0.3)
    heard = np.round(recorder.stop()[:, 0].astype(np.float64) * 2**24)
    steps = np.diff(heard[heard > 0])
    # After the gap the fade in hides 240 frames; nothing was skipped or repeated but the buffer.
    resumed = np.flatnonzero(np.abs(steps) > 1.5)
    assert len(resumed)
    assert took < (1.2 if how == signal.SIGKILL else 2.5)
    after = heard[np.flatnonzero(heard)][resumed[-1] + FADE_AND_MORE :]
    np.testing.assert_array_equal(np.diff(after), 1)


def test_a_pulled_device_leaves_a_clock_and_comes_back(
    sound_server, player: Player, load, wait_for, let_pass, ramp
) -> None:
    devices, troubles = [], []
    player.device_changed.connect(devices.append)
    player.trouble.connect(troubles.append)
    load(ramp)
    device = player.device
    player.play()
    let_pass(0.5)
    sound_server.unplug()
    try:
        wait_for(lambda: player.device == CLOCK)
        where = player.position_frame
        wait_for(lambda: player.position_frame > where + 0.2 * RATE)
        assert player.playing
    finally:
        sound_server.plug()
    wait_for(lambda: player.device == device)
    where = player.position_frame
    wait_for(lambda: player.position_frame > where + 0.2 * RATE)
    recorder = sound_server.record()
    let_pass(0.3)
    heard = np.round(recorder.stop()[:, 0].astype(np.float64) * 2**24)
    assert (np.diff(heard[heard > 0]) == 1).mean() > 0.99
    assert devices[-2:] == [CLOCK, device]
    assert "stopped" in troubles[0].what


def test_without_a_device_the_transport_works(sound_server, qapp, keep, wait_for, ramp) -> None:
    player = Player(output=Output(device=CLOCK))
    try:
        player.set_slots([Slot("a", keep(ramp[:RATE]))])
        wait_for(lambda: player.device == CLOCK)
        assert not player.has_sound
        began = time.monotonic()
        player.play()
        wait_for(lambda: not player.playing)
        assert 0.9 < time.monotonic() - began < 1.4
        _, after = player.taps.recent(RATE * 2)
        heard = after[0][after[0] > 0]
        np.testing.assert_array_equal(heard, ramp[1:RATE, 0])
    finally:
        player.shutdown()


def test_another_output_can_be_chosen_while_playing(player: Player, load, wait_for, ramp) -> None:
    load(ramp)
    assert player.devices()
    player.play()
    name = next(device.name for device in player.devices() if device.name.startswith("pulse"))

    def change_to(output: Output) -> None:
        player.set_output(output)
        wait_for(lambda: player.device == output.device)
        where = player.position_frame
        wait_for(lambda: player.position_frame > where + 4800)

    for output in (Output(CLOCK), Output(name, "low"), Output(name, 0.1)):
        change_to(output)
    assert player.latency_s == pytest.approx(0.1, abs=0.03)


def test_nothing_stays_behind(sound_server, qapp, keep, wait_for, ramp) -> None:
    player = Player()
    pid, path = host_pid(player), player._block.path
    player.set_slots([Slot("a", keep(ramp))])
    wait_for(lambda: player.has_sound)
    player.play()
    player.shutdown()
    assert not alive(pid)
    assert not path.exists()


WINDOW = """
import sys, time
from PySide6.QtCore import QCoreApplication
from app.audio.player import Player
application = QCoreApplication([])
player = Player()
print(player._watchdog.pid, player._block.path, flush=True)
application.exec()
"""


def test_the_process_ends_when_the_window_dies(sound_server, wait_for) -> None:
    window = subprocess.Popen([sys.executable, "-c", WINDOW], stdout=subprocess.PIPE, text=True)
    assert window.stdout
    pid, path = window.stdout.readline().split()
    wait_for(lambda: Path(path).exists())
    time.sleep(0.5)
    window.kill()
    window.wait()
    window.stdout.close()
    wait_for(lambda: not alive(int(pid)), 3)
    assert not Path(path).exists()


def test_a_process_that_cannot_start_is_told(sound_server, qapp, wait_for, monkeypatch) -> None:
    monkeypatch.setattr("app.audio.watchdog.host_command", lambda block: ["false"])
    player = Player()
    troubles = []
    player.trouble.connect(troubles.append)
    try:
        wait_for(lambda: troubles)
        assert "does not start" in troubles[0].what
    finally:
        player.shutdown()

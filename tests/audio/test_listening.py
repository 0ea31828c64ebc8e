"""The whole window, playing: what its keys and edits do to the sound that reaches the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app import bootstrap
from app.audio.devices import CLOCK, Output
from app.bootstrap import Workbench
from app.widgets.toast import Toast
from engine.audio.clip import Clip
from engine.locations import Locations
from engine.mastering.chain import render
from engine.mastering.parameters import ChainParameters, Compressor, Limiter

RATE = 48000
FADE = RATE * 5 // 1000
LATENCY_S = 0.2
IN_THE_DEVICE_MS = 500  # what is mixed is heard a latency later
Signal = NDArray[np.float32]
CHAIN = replace(
    ChainParameters()
    .with_band(2, frequency_hz=200.0, gain_db=4.0, q=1.0, gate=1.0)
    .with_band(7, frequency_hz=6000.0, gain_db=-5.0, q=0.7, gate=1.0),
    compressor=Compressor(threshold_db=-24.0, ratio=2.0, attack_ms=10.0, release_ms=100.0),
    limiter=Limiter(gain_db=3.0, ceiling_dbtp=-3.0),
)


def noise(seconds: float, seed: int = 0) -> Signal:
    """Stereo noise after half a second of silence, in which the sink wakes."""
    signal = np.random.default_rng(seed).uniform(-0.3, 0.3, (round(seconds * RATE), 2))
    signal[: RATE // 2] = 0.0
    return signal.astype(np.float32)


def from_the_start(recording: Signal, signal: Signal) -> Signal:
    """The recording from where frame 0 of the signal lies in it."""
    first = int(np.flatnonzero(signal[:, 0])[0])
    return recording[int(np.flatnonzero(recording[:, 0])[0]) - first :]


@pytest.fixture
def workbench(sound_server, qtbot: QtBot, tmp_path: Path) -> Iterator[Workbench]:
    """The real window on the null sink, with a latency that a busy test machine keeps."""
    places = Locations(tmp_path / "config", tmp_path / "cache", tmp_path / "data")
    bench = bootstrap.build(places, Output(latency=LATENCY_S))
    bench.window.show()
    bench.window.activateWindow()
    qtbot.waitUntil(bench.window.isActiveWindow)
    yield bench
    print(f"slips {bench.services.player.slips}, load {bench.services.player.load:.3f}")
    bench.services.session.open(bench.services.session.state)
    bench.window.close()
    bench.close()


@pytest.fixture
def opened(workbench: Workbench, qtbot: QtBot, tmp_path: Path) -> Callable[[Signal], Path]:
    """Open a signal as a 32-bit float file and wait until it is read and measured."""

    def open_it(signal: Signal) -> Path:
        path = tmp_path / "song.wav"
        soundfile.write(path, signal, RATE, subtype="FLOAT")
        workbench.open([path])
        services = workbench.services

        def measured() -> bool:
            loaded = services.library.audio(services.session.state.current_id)
            return loaded is not None and loaded.loudness is not None

        qtbot.waitUntil(measured, timeout=20_000)
        qtbot.waitUntil(lambda: services.player.has_sound, timeout=10_000)
        return path

    return open_it


def set_chain(workbench: Workbench, chain: ChainParameters) -> None:
    """Edit the numbers of the current clip as the panel does."""
    session = workbench.services.session
    assert session.state.current_id is not None
    state = session.state.with_mastering(session.state.current_id, parameters=chain)
    session.edit("Change", state, merge="test")


def test_a_file_is_heard_bit_for_bit_by_pressing_space(
    workbench: Workbench, qtbot: QtBot, sound_server, opened: Callable[[Signal], Path]
) -> None:
    signal = noise(2.0)
    opened(signal)
    recorder = sound_server.record()
    player = workbench.services.player
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: player.playing, timeout=2_000)
    qtbot.waitUntil(lambda: not player.playing, timeout=10_000)
    qtbot.wait(IN_THE_DEVICE_MS)
    played = from_the_start(recorder.stop(), signal)
    np.testing.assert_array_equal(played[: len(signal)], signal)
    assert player.slips == 0


def test_the_live_numbers_are_heard_as_they_would_be_rendered(
    workbench: Workbench, qtbot: QtBot, sound_server, opened: Callable[[Signal], Path]
) -> None:
    signal = noise(5.0)
    opened(signal)
    set_chain(workbench, CHAIN)
    services = workbench.services
    qtbot.waitUntil(lambda: len(services.player.slots) == 2, timeout=5_000)
    qtbot.keyClick(workbench.window, Qt.Key.Key_M)  # loudness matching off
    qtbot.keyClick(workbench.window, Qt.Key.Key_2)
    qtbot.wait(300)
    recorder = sound_server.record()
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: services.player.position_frame > 4 * RATE, timeout=10_000)
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)
    heard = recorder.stop()
    rendered = render(Clip(signal.T.copy(), RATE), CHAIN).samples.T
    assert np.abs(rendered - signal).max() > 0.05, "the chain does something"
    steady = slice(2 * RATE, 2 * RATE + RATE)
    wanted = rendered[steady]
    at = place(heard[:, 0], wanted[:, 0])
    residue = heard[at : at + RATE] - wanted
    assert np.sqrt((residue**2).mean()) < 1e-4 * np.sqrt((wanted**2).mean()), "80 dB down"
    # Sample-aligned with the original, too: the latency of the chain is made up for.
    silent = int(np.flatnonzero(np.abs(heard[:, 0]) > 1e-6)[0])
    assert abs((at - silent) - (2 * RATE - RATE // 2)) < FADE


def place(heard: Signal, wanted: Signal) -> int:
    """Where one signal begins in another one, by correlation."""
    frames = len(heard) + len(wanted)
    product = np.fft.irfft(np.fft.rfft(heard, frames) * np.conj(np.fft.rfft(wanted, frames)))
    return int(np.argmax(product[: len(heard)]))


def test_switching_while_playing_fades_at_the_same_frame_without_a_gap(
    workbench: Workbench, qtbot: QtBot, sound_server, opened: Callable[[Signal], Path]
) -> None:
    signal = noise(9.0)
    opened(signal)
    set_chain(workbench, CHAIN)
    services, window = workbench.services, workbench.window
    services.commands.run("master.render")
    qtbot.waitUntil(lambda: len(services.player.slots) == 3, timeout=60_000)
    qtbot.keyClick(window, Qt.Key.Key_M)
    loaded = services.library.audio(services.session.state.current_id)
    assert loaded is not None and loaded.rendering is not None
    master = loaded.rendering.clip(0, loaded.rendering.frames).samples.T
    qtbot.keyClick(window, Qt.Key.Key_1)
    slips = services.player.slips
    recorder = sound_server.record()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    for key in (Qt.Key.Key_3, Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_Tab):
        qtbot.wait(1200)
        qtbot.keyClick(window, key)
    qtbot.wait(800)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    played = from_the_start(recorder.stop(), signal)[: 5 * RATE]
    frames = len(played)
    original, other = signal[:frames], master[:frames]
    assert services.player.slips == slips
    # Every frame is a mixture of the two at that very frame: the share is what is heard of the
    # master. The live chain counts as the master, as it holds the same numbers.
    apart = (np.abs(original - other) > 0.02).all(axis=1)
    share = ((played - original)[apart] / (other - original)[apart]).mean(axis=1)
    assert share.min() > -0.01 and share.max() < 1.2
    settled = (np.abs(share) < 0.01) | (np.abs(share - 1.0) < 0.01)
    fading = np.flatnonzero(apart)[~settled]
    groups = np.split(fading, np.flatnonzero(np.diff(fading) > 0.5 * RATE) + 1)
    assert len(groups) == 4
    there, back, live, away = (int(np.ptp(group)) for group in groups)
    assert max(there, back, away) <= FADE
    # The compressor of the live chain starts afresh when it is switched to.
    assert live < 0.15 * RATE


def test_turning_a_band_is_heard_at_once_and_without_clicks(
    workbench: Workbench, qtbot: QtBot, sound_server, opened: Callable[[Signal], Path]
) -> None:
    hz, level = 200.0, 0.2
    time_s = np.arange(8 * RATE) / RATE
    tone = level * np.sin(2 * np.pi * hz * time_s) * np.clip((time_s - 0.5) * 20, 0, 1)
    opened(np.stack([tone, tone], axis=1).astype(np.float32))
    band = replace(ChainParameters(), limiter=Limiter(enabled=False))
    band = band.with_band(2, frequency_hz=hz, gain_db=0.0, q=1.0, gate=1.0)
    set_chain(workbench, band)
    services, window = workbench.services, workbench.window
    qtbot.waitUntil(lambda: len(services.player.slots) == 2, timeout=5_000)
    qtbot.keyClick(window, Qt.Key.Key_M)
    qtbot.keyClick(window, Qt.Key.Key_2)
    recorder = sound_server.record()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.wait(1500)
    for gain_db in np.linspace(0.0, 6.0, 25)[1:]:
        set_chain(workbench, band.with_band(2, gain_db=float(gain_db)))
        qtbot.wait(30)
    qtbot.wait(800)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    heard = recorder.stop()[:, 0].astype(np.float64)
    first = int(np.flatnonzero(np.abs(heard) > 1e-3)[0])
    last = int(np.flatnonzero(np.abs(heard) > 1e-3)[-1])
    heard = heard[first + RATE // 5 : last - RATE // 5]
    assert np.abs(heard[: RATE // 5]).max() == pytest.approx(level, rel=0.01)
    louder = level * 10 ** (6.0 / 20.0)
    assert np.abs(heard[-RATE // 5 :]).max() == pytest.approx(louder, rel=0.02)
    bend = np.abs(np.diff(heard, 2)).max()
    assert bend < 1.3 * louder * (2 * np.pi * hz / RATE) ** 2


def test_importing_while_playing_disturbs_nothing(
    workbench: Workbench, qtbot: QtBot, sound_server, opened: Callable[[Signal], Path],
    tmp_path: Path,
) -> None:  # fmt: skip
    signal = noise(5.0)
    opened(signal)
    services = workbench.services
    others = []
    for number in range(4):
        others.append(tmp_path / f"other{number}.flac")
        soundfile.write(others[-1], noise(20.0, number), 44100)
    recorder = sound_server.record()
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)
    qtbot.wait(1000)
    playing = services.session.state.current_id
    workbench.open(others)
    qtbot.waitUntil(lambda: len(services.session.state.clips) == 5, timeout=10_000)
    assert services.session.state.current_id == playing
    qtbot.waitUntil(lambda: not services.player.playing, timeout=15_000)
    qtbot.wait(IN_THE_DEVICE_MS)
    played = from_the_start(recorder.stop(), signal)
    np.testing.assert_array_equal(played[: len(signal)], signal)


def test_a_loop_set_by_keys_repeats_without_a_gap(
    workbench: Workbench, qtbot: QtBot, sound_server, opened: Callable[[Signal], Path]
) -> None:
    signal = noise(4.0)
    opened(signal)
    services, window = workbench.services, workbench.window
    for frame, key in ((40_000, Qt.Key.Key_BracketLeft), (52_001, Qt.Key.Key_BracketRight)):
        services.player.seek(frame)
        qtbot.wait(200)
        qtbot.keyClick(window, key)
    qtbot.keyClick(window, Qt.Key.Key_L)
    loop = services.session.state.loop
    assert loop == (40_000, 52_001)
    qtbot.keyClick(window, Qt.Key.Key_Home)
    recorder = sound_server.record()
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.wait(2200)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    qtbot.wait(IN_THE_DEVICE_MS)
    played = from_the_start(recorder.stop(), signal)
    way = np.concatenate([np.arange(loop[1]), np.tile(np.arange(*loop), 3)])
    np.testing.assert_array_equal(played[: len(way)], signal[way])


def test_a_pulled_device_is_told_and_the_music_comes_back(
    workbench: Workbench, qtbot: QtBot, sound_server, opened: Callable[[Signal], Path]
) -> None:
    signal = noise(30.0)
    opened(signal)
    player = workbench.services.player
    device = player.device
    toast = workbench.window.findChild(Toast)
    assert toast is not None
    qtbot.keyClick(workbench.window, Qt.Key.Key_Space)
    qtbot.wait(500)
    sound_server.unplug()
    try:
        qtbot.waitUntil(lambda: player.device == CLOCK, timeout=10_000)
        qtbot.waitUntil(toast.isVisible, timeout=5_000)
        assert "stopped" in toast.text
        assert player.playing, "the playhead moves on, so that nobody loses the place"
    finally:
        sound_server.plug()
    qtbot.waitUntil(lambda: player.device == device, timeout=15_000)
    recorder = sound_server.record()
    qtbot.wait(500)
    heard = recorder.stop()
    assert np.abs(heard).max() > 0.25
    assert player.playing

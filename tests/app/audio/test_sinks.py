"""Which device is chosen, at which rate; and the clock that stands in for one."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from app.audio.sinks import ClockSink, choose_output, list_outputs


class PortAudioError(Exception):
    pass


def sound_system(takes: dict[str, set[int]], default: int = 0):
    """A PortAudio with one device per name that takes those rates; ``mic`` has no outputs."""

    def check(index, channels, dtype, samplerate) -> None:
        if samplerate not in list(takes.values())[index]:
            raise PortAudioError("Invalid sample rate")

    devices = [
        {
            "name": name,
            "index": index,
            "hostapi": 0,
            "max_output_channels": 0 if name == "mic" else 2,
            "default_samplerate": 44100.0,
            "default_low_output_latency": 0.01,
        }
        for index, name in enumerate(takes)
    ]
    return SimpleNamespace(
        PortAudioError=PortAudioError,
        default=SimpleNamespace(device=(0, default)),
        query_hostapis=lambda: ({"name": "Test", "default_output_device": default},),
        query_devices=lambda: devices,
        check_output_settings=check,
    )


def test_devices_with_outputs_are_listed_the_default_one_first() -> None:
    system = sound_system({"mic": {48000}, "speaker": {48000}, "phones": {48000}}, default=2)
    assert [device.name for device in list_outputs(system)] == ["phones, Test", "speaker, Test"]


@pytest.mark.parametrize(
    ("takes", "name", "expected"),
    [
        ({"a": {48000}, "b": {48000}}, "b, Test", ("b, Test", 48000)),
        ({"a": {48000}, "b": {48000}}, None, ("a, Test", 48000)),
        ({"a": {48000}, "b": {48000}}, "gone, Test", ("a, Test", 48000)),
        ({"a": {48000}, "b": {44100}}, "b, Test", ("b, Test", 44100)),
        ({"a": {48000}, "b": set()}, "b, Test", ("a, Test", 48000)),
    ],
)
def test_the_wished_device_comes_first_and_its_rate_follows(takes, name, expected) -> None:
    choice = choose_output(sound_system(takes), name, 48000)
    assert choice
    assert (choice[0].name, choice[1]) == expected


def test_nothing_is_chosen_where_nothing_opens() -> None:
    assert choose_output(sound_system({"a": set(), "b": set()}), "b, Test", 48000) is None


def test_the_clock_asks_for_as_many_frames_as_time_passes() -> None:
    frames: list[int] = []
    enough = threading.Event()

    def render(out: np.ndarray) -> None:
        frames.append(len(out))
        if sum(frames) >= 24000:
            enough.set()

    began = time.monotonic()
    sink = ClockSink(48000, render)
    assert enough.wait(5)
    took_s = time.monotonic() - began
    sink.close()
    count = len(frames)
    assert 0.4 < took_s < 1.0
    time.sleep(0.05)
    assert len(frames) == count

"""The status line names the job that runs longest and the device, and is quiet otherwise."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QLabel, QToolButton
from pytestqt.qtbot import QtBot

from app.audio.devices import CLOCK
from app.commands import Command, Commands
from app.widgets import status as status_module
from app.widgets.status import StatusLine
from engine.lanes import Lane, Lanes
from engine.tasks import Context
from tests.app.fakes import FakePlayer


class DevicePlayer(FakePlayer):
    device = ""


def wait_for_release(release: threading.Event, context: Context) -> None:
    while not release.wait(0.005):
        context.checkpoint()


@pytest.fixture
def lanes(qapp: object) -> Iterator[Lanes]:
    lanes = Lanes()
    yield lanes
    lanes.shutdown()


def test_the_running_job_is_shown_while_it_runs_and_leads_to_the_jobs(
    qtbot: QtBot, lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "SHOWN_AFTER_S", 0.01)
    shown: list[bool] = []
    commands = Commands()
    commands.add([Command("jobs.show", "Show", lambda: shown.append(True))])
    line = StatusLine(lanes, DevicePlayer(), commands)  # type: ignore[arg-type]
    qtbot.addWidget(line)
    line.show()
    button = line.findChild(QToolButton)
    assert button is not None
    assert not button.isVisible()
    release = threading.Event()
    lanes.submit("Master song", wait_for_release, release, lane=Lane.HEAVY)
    lanes.submit("Master other", wait_for_release, release, lane=Lane.HEAVY)
    qtbot.waitUntil(button.isVisible, timeout=3000)
    assert button.text() == "Master song  and 1 more"
    button.click()
    assert shown == [True]
    release.set()
    qtbot.waitUntil(lambda: not button.isVisible(), timeout=3000)


@pytest.mark.parametrize(
    ("device", "text"),
    [
        (CLOCK, "No audio device: playback is silent"),
        ("Studio", "Output: Studio"),
        ("", "Opening the audio device…"),
    ],
)
def test_the_device_is_named(qtbot: QtBot, lanes: Lanes, device: str, text: str) -> None:
    player = DevicePlayer()
    line = StatusLine(lanes, player, Commands())  # type: ignore[arg-type]
    qtbot.addWidget(line)
    player.device = device
    player.device_changed.emit(device)
    assert text in [label.text() for label in line.findChildren(QLabel)]

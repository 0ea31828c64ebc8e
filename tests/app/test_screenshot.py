"""``audiobench screenshot`` writes the real window, or says why it could not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from app import screenshot
from app.document import store
from app.document.state import ClipEntry, SessionState
from engine.cli import run
from tests.app.conftest import RATE, WriteSong


@pytest.fixture(autouse=True)
def home(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIOBENCH_HOME", str(tmp_path / "home"))
    # the test has its application already; the command makes its own
    from PySide6.QtWidgets import QApplication

    monkeypatch.setattr(
        "app.bootstrap.make_application", lambda _arguments: QApplication.instance()
    )


def take(*arguments: object) -> int:
    texts = ["screenshot", *(str(argument) for argument in arguments)]
    return run(texts, extra=(screenshot.COMMAND,))


def test_a_session_is_pictured_at_the_size_that_was_asked_for(
    tmp_path: Path, write_song: WriteSong, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_song()
    session = tmp_path / "work.abench"
    clip = ClipEntry("one", path.name, path, "unknown", RATE, 2, 0)
    store.save(SessionState().with_clips(clip), session)
    out = tmp_path / "pictures" / "out.png"
    options = ("--session", session, "--layout", "Analyse", "--panel", "jobs")
    assert take(out, *options, "--size", "1100x700", "--theme", "light", "--json") == 0
    image = QImage(str(out))
    assert (image.width(), image.height()) == (1100, 700)
    assert json.loads(capsys.readouterr().out)["width"] == 1100
    assert image.pixelColor(3, 3).lightness() > 150


@pytest.mark.parametrize(
    "wrong",
    [("--size", "big"), ("--size", "0x100"), ("--layout", "None"), ("--theme", "pink"),
     ("--panel", "kitchen")],
)  # fmt: skip
def test_a_wrong_option_is_a_matter_of_usage(
    tmp_path: Path, wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(tmp_path / "out.png", *wrong) == 2
    assert not (tmp_path / "out.png").exists()
    assert wrong[1] in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(tmp_path / "out.png", tmp_path / "gone.wav") == 1
    assert "gone.wav" in capsys.readouterr().err
    assert not (tmp_path / "out.png").exists()

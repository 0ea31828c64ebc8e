"""The export dialog: what can be chosen, what is refused, and what comes out."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from app.document.state import ClipEntry, MasteringEntry
from app.export_request import ExportRequest, ExportWhat
from app.widgets.export_dialog import ExportDialog
from engine.audio.export_format import CONTAINERS, ExportFormat
from engine.mastering.parameters import ChainParameters


@pytest.fixture
def clip(tmp_path: Path) -> ClipEntry:
    path = tmp_path / "song.wav"
    path.write_bytes(b"audio")
    return ClipEntry("id", "song.wav", path, "hash", 44100, 2, 441000)


def dialog(qtbot: QtBot, clip: ClipEntry, has_master: bool = True) -> ExportDialog:
    result = ExportDialog(clip, has_master)
    qtbot.addWidget(result)
    return result


def choose(box: QComboBox, data: object) -> None:
    box.setCurrentIndex(box.findData(data))


def possible(box: QComboBox) -> list[object]:
    model = box.model()
    assert isinstance(model, QStandardItemModel)
    return [box.itemData(i) for i in range(box.count()) if model.item(i).isEnabled()]


def test_the_master_as_24_bit_wav_beside_the_source_is_proposed(
    qtbot: QtBot, clip: ClipEntry
) -> None:
    request = dialog(qtbot, clip).request()
    assert request == ExportRequest(
        ExportWhat.MASTER,
        clip.path.with_name("song - master.wav"),
        ExportFormat("wav", 24, None, True, None),
        report_html=True,
    )


def test_every_combination_that_can_be_chosen_can_be_written(qtbot: QtBot, clip: ClipEntry) -> None:
    shown = dialog(qtbot, clip)
    seen = 0
    for name in CONTAINERS:
        choose(shown.container, name)
        for bits, rate in itertools.product(possible(shown.bit_depth), possible(shown.rate)):
            choose(shown.bit_depth, bits)
            choose(shown.rate, rate)
            assert shown.go.isEnabled(), shown.note.text()
            shown.request().format.check(clip.rate, clip.channels)
            seen += 1
    assert seen > 30


def test_choosing_a_format_moves_the_ending_and_what_it_cannot_hold(
    qtbot: QtBot, clip: ClipEntry
) -> None:
    shown = dialog(qtbot, clip)
    choose(shown.bit_depth, 32)
    choose(shown.rate, 96000)
    choose(shown.container, "flac")
    assert shown.path.text().endswith("song - master.flac")
    assert shown.bit_depth.currentData() != 32
    choose(shown.container, "opus")
    assert shown.rate.currentData() is None
    assert shown.request().format.rate_for(clip.rate) == 48000
    assert "resampled to 48 kHz" in shown.note.text()


def test_dither_is_for_whole_numbers_only(qtbot: QtBot, clip: ClipEntry) -> None:
    shown = dialog(qtbot, clip)
    assert shown.dither.isEnabled()
    choose(shown.bit_depth, 32)
    assert not shown.dither.isEnabled() and shown.dither.toolTip()
    assert not shown.request().format.dither
    choose(shown.container, "mp3")
    assert not shown.dither.isEnabled() and not shown.bit_depth.isEnabled()
    choose(shown.bit_rate, 192000)
    assert shown.request().format.bit_rate == 192000


def test_without_a_rendering_the_live_numbers_are_proposed(qtbot: QtBot, clip: ClipEntry) -> None:
    edited = replace(clip, mastering=MasteringEntry(parameters=ChainParameters()))
    shown = dialog(qtbot, edited, has_master=False)
    assert shown.request().what is ExportWhat.LIVE
    assert ExportWhat.MASTER not in possible(shown.sound)


def test_a_file_that_is_there_is_announced_and_replaced_only_by_name(
    qtbot: QtBot, clip: ClipEntry
) -> None:
    clip.path.with_name("song - master.wav").touch()
    shown = dialog(qtbot, clip)
    assert "song - master.wav" in shown.note.text()
    assert shown.go.text() == "Replace"
    shown.path.setText(str(clip.path.with_name("other.wav")))
    assert shown.go.text() == "Export"


def test_a_report_that_is_there_is_announced_too(qtbot: QtBot, clip: ClipEntry) -> None:
    clip.path.with_name("song - master.html").touch()
    shown = dialog(qtbot, clip)
    assert "song - master.html" in shown.note.text()
    shown.report_html.setChecked(False)
    assert not shown.note.text()


def test_the_source_is_never_overwritten(qtbot: QtBot, clip: ClipEntry) -> None:
    shown = dialog(qtbot, clip)
    shown.path.setText(str(clip.path))
    assert not shown.go.isEnabled()
    assert "track itself" in shown.note.text()


@pytest.mark.parametrize("name", ["", "missing/song.wav", "."])
def test_places_that_cannot_be_written_are_refused_with_a_reason(
    qtbot: QtBot, clip: ClipEntry, name: str
) -> None:
    shown = dialog(qtbot, clip)
    shown.path.setText(str(clip.path.parent / name) if name else "")
    assert not shown.go.isEnabled()
    assert shown.note.text()


def test_more_channels_than_the_format_holds_are_refused(qtbot: QtBot, clip: ClipEntry) -> None:
    shown = dialog(qtbot, replace(clip, channels=6))
    choose(shown.container, "mp3")
    assert not shown.go.isEnabled()
    assert "6 channels" in shown.note.text()


def test_the_proposed_name_follows_until_the_user_has_one(qtbot: QtBot, clip: ClipEntry) -> None:
    shown = dialog(qtbot, clip)
    choose(shown.sound, ExportWhat.ORIGINAL)
    assert shown.path.text().endswith("song - original.wav")
    shown.path.setText(str(clip.path.with_name("mine.wav")))
    choose(shown.sound, ExportWhat.MASTER)
    assert shown.path.text().endswith("mine.wav")

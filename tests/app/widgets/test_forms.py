"""Number controls: what is shown, typed, stepped and dragged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from app.widgets.drop_zone import DropZone
from app.widgets.forms import NumberControl, NumberField, NumberSlider
from app.widgets.numbers import format_hz, format_level, format_value, parse_value
from engine.mastering.ranges import PARAM_RANGES

PERCENT = {"band.gate", "saturator.mix", "imager.width"}


@pytest.mark.parametrize("name", PARAM_RANGES)
@given(position=st.floats(0.0, 1.0))
def test_what_is_written_reads_back_as_nearly_the_same_number(name: str, position: float) -> None:
    limits, percent = PARAM_RANGES[name], name in PERCENT
    value = limits.clamp(limits.physical(position))
    read = parse_value(format_value(limits, value, percent=percent), percent=percent)
    assert read == pytest.approx(value, rel=0.006, abs=0.051)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.2k", 1200.0),
        ("1,5 kHz", 1500.0),
        ("-3 dB", -3.0),
        ("−3.5 dB", -3.5),
        ("+2", 2.0),
        (".5", 0.5),
        ("440Hz", 440.0),
    ],
)
def test_people_type_numbers_in_many_ways(text: str, value: float) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize("text", ["", "loud", "dB 3", "-"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        parse_value(text)


def test_frequencies_and_levels_are_written_as_engineers_say_them() -> None:
    assert format_hz(63.0) == "63.0 Hz"
    assert format_hz(440.0) == "440 Hz"
    assert format_hz(1250.0) == "1.25 kHz"
    assert format_hz(12500.0) == "12.5 kHz"
    assert format_level(-14.04) == "−14.0"
    assert format_level(float("-inf")) == "−∞"
    assert format_level(float("nan")) == "–"


def field(qtbot: QtBot, name: str) -> NumberField:
    widget = NumberField(PARAM_RANGES[name], name)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def test_the_programs_own_changes_are_no_edits(qtbot: QtBot) -> None:
    control = NumberControl(PARAM_RANGES["compressor.attack_ms"], "Attack", 20.0)
    qtbot.addWidget(control)
    said: list[float] = []
    control.edited.connect(said.append)
    control.show_value(35.0)
    assert control.value == 35.0
    assert not said


def test_typing_and_enter_is_one_edit(qtbot: QtBot) -> None:
    widget = field(qtbot, "band.frequency_hz")
    said: list[float] = []
    widget.edited.connect(said.append)
    widget.setFocus()
    widget.selectAll()
    QTest.keyClicks(widget, "1.2k")
    assert not said
    QTest.keyClick(widget, Qt.Key.Key_Return)
    assert said == [1200.0]


def test_typed_values_are_kept_in_the_range(qtbot: QtBot) -> None:
    widget = field(qtbot, "band.gain_db")
    widget.selectAll()
    QTest.keyClicks(widget, "40")
    QTest.keyClick(widget, Qt.Key.Key_Return)
    assert widget.value() == 12.0


def test_nonsense_leaves_the_value_as_it_was(qtbot: QtBot) -> None:
    widget = field(qtbot, "band.gain_db")
    widget.show_value(3.0)
    widget.selectAll()
    QTest.keyClicks(widget, "loud")
    QTest.keyClick(widget, Qt.Key.Key_Return)
    assert widget.value() == 3.0


def test_enter_without_typing_changes_nothing(qtbot: QtBot) -> None:
    widget = field(qtbot, "band.frequency_hz")
    widget.show_value(1234.5)
    said: list[float] = []
    widget.edited.connect(said.append)
    QTest.keyClick(widget, Qt.Key.Key_Return)
    assert not said
    assert widget.value() == 1234.5


def test_a_step_on_a_logarithmic_range_is_a_semitone(qtbot: QtBot) -> None:
    widget = field(qtbot, "band.frequency_hz")
    widget.show_value(440.0)
    QTest.keyClick(widget, Qt.Key.Key_Up)
    assert widget.value() == pytest.approx(440.0 * 2 ** (1 / 12), rel=1e-4)
    QTest.keyClick(widget, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert widget.value() == pytest.approx(440.0 * 2 ** (0.9 / 12), rel=1e-4)


def test_the_wheel_turns_only_what_has_the_focus(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    widget = NumberField(PARAM_RANGES["band.gain_db"], "Gain", parent=window)
    other = NumberField(PARAM_RANGES["band.gain_db"], "Other", parent=window)
    window.show()
    window.activateWindow()
    other.setFocus()
    qtbot.waitUntil(other.hasFocus)

    def turn() -> None:
        at = QPointF(5, 5)
        event = QWheelEvent(
            at,
            widget.mapToGlobal(at),
            QPoint(),
            QPoint(0, 120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)

    turn()
    assert widget.value() == 0.0
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    turn()
    assert widget.value() == 0.5


def test_slider_and_field_say_the_same(qtbot: QtBot) -> None:
    limits = PARAM_RANGES["compressor.release_ms"]
    control = NumberControl(limits, "Release", 200.0)
    qtbot.addWidget(control)
    said: list[float] = []
    control.edited.connect(said.append)
    control.slider.setValue(500)
    assert said == [pytest.approx(limits.physical(0.5))]
    assert control.field.value() == pytest.approx(said[0], rel=1e-4)


@pytest.mark.parametrize("name", PARAM_RANGES)
def test_a_sliders_ends_are_the_ends_of_the_range(qtbot: QtBot, name: str) -> None:
    limits = PARAM_RANGES[name]
    slider = NumberSlider(limits, name, limits.low)
    qtbot.addWidget(slider)
    said: list[float] = []
    slider.edited.connect(said.append)
    slider.setValue(slider.maximum())
    slider.setValue(slider.minimum())
    assert said == [pytest.approx(limits.high), pytest.approx(limits.low)]
    assert all(limits.clamp(value) == value for value in said)


def test_double_click_on_a_slider_returns_to_the_default(qtbot: QtBot) -> None:
    slider = NumberSlider(PARAM_RANGES["imager.width"], "Width", 1.0)
    qtbot.addWidget(slider)
    slider.show_value(1.7)
    with qtbot.waitSignal(slider.edited) as edited:
        qtbot.mouseDClick(slider, Qt.MouseButton.LeftButton)
    assert edited.args == [1.0]


def drop(zone: DropZone, paths: list[Path]) -> tuple[bool, QDropEvent]:
    """Drag files over a zone and let go; whether it wanted them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    no, copy = Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    left = Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, left, no)
    enter.ignore()
    zone.dragEnterEvent(enter)
    event = QDropEvent(QPointF(5, 5), copy, data, left, no)
    zone.dropEvent(event)
    return enter.isAccepted(), event


def test_dropped_files_are_offered_and_folders_are_not(qtbot: QtBot, tmp_path: Path) -> None:
    zone = DropZone("Drop here")
    qtbot.addWidget(zone)
    song = tmp_path / "song.wav"
    song.touch()
    said: list[list[Path]] = []
    zone.added.connect(said.append)
    assert drop(zone, [song, tmp_path])[0]
    assert said == [[song]]
    assert not drop(zone, [tmp_path])[0]
    assert len(said) == 1


def test_each_track_in_the_zone_can_be_removed(qtbot: QtBot) -> None:
    zone = DropZone("Drop here")
    qtbot.addWidget(zone)
    zone.show_paths(["/music/a.wav", "/music/b.wav"])
    buttons = {each.accessibleName(): each for each in zone.findChildren(QToolButton)}
    with qtbot.waitSignal(zone.removed) as removed:
        buttons["Remove reference b.wav"].click()
    assert removed.args == ["/music/b.wav"]
    assert zone.accessibleDescription() == "a.wav, b.wav"


def test_many_tracks_are_counted(qtbot: QtBot) -> None:
    zone = DropZone("Drop here")
    qtbot.addWidget(zone)
    zone.show_paths([f"/music/{index}.wav" for index in range(5)])
    texts = [label.text() for label in zone.findChildren(QWidget) if hasattr(label, "text")]
    assert "+ 4 more" in texts
    zone.show_paths([])
    assert zone.hint.text() == "Drop here"


@pytest.mark.parametrize(
    ("text", "ratio"),
    [("1:2", 0.5), ("2:1", 2.0), ("1 : 4.00", 0.25), ("3", 3.0), ("1:1,5", 1 / 1.5)],
)
def test_ratios_are_read_both_ways(text: str, ratio: float) -> None:
    assert parse_value(text) == pytest.approx(ratio)


def test_a_ratio_to_nothing_is_no_number() -> None:
    with pytest.raises(ValueError, match="divides by zero"):
        parse_value("1:0")

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.canvas.axes import GUTTER_PX
from app.canvas.overlays import Marks
from app.canvas.overview import Overview
from app.canvas.timeline import TimeAxis
from app.canvas.wave import WaveSource
from app.theme import Theme
from tests.app.fakes import FakePeaks

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
TOTAL = 100_000


@pytest.fixture
def overview(qtbot):
    axis = TimeAxis()
    axis.set_audio(TOTAL, 48_000)
    overview = Overview(axis, Marks(), Theme("dark"))
    qtbot.addWidget(overview)
    overview.resize(GUTTER_PX + 1000, 48)
    overview.show()
    axis.show(20_000, 40_000)
    return overview


def at(x: float) -> QPoint:
    return QPoint(round(GUTTER_PX + x), 24)


def drag(overview, start, stop):
    QTest.mousePress(overview, LEFT, NONE, at(start))
    QTest.mouseMove(overview, at(stop))
    QTest.mouseRelease(overview, LEFT, NONE, at(stop))


def window(overview):
    return pytest.approx((overview.axis.start_frame, overview.axis.stop_frame), abs=1.0)


def test_dragging_the_frame_scrolls(overview):
    drag(overview, 300, 500)
    assert window(overview) == (40_000, 60_000)


def test_dragging_an_edge_resizes(overview):
    drag(overview, 400, 700)
    assert window(overview) == (20_000, 70_000)
    drag(overview, 200, 100)
    assert window(overview) == (10_000, 70_000)


def test_an_edge_cannot_be_dragged_past_the_other(overview):
    drag(overview, 400, 100)
    assert overview.axis.span_frames >= 16.0
    assert overview.axis.start_frame == pytest.approx(20_000, abs=20)


def test_a_click_elsewhere_brings_the_frame_there(overview):
    QTest.mouseClick(overview, LEFT, NONE, at(800))
    assert window(overview) == (70_000, 90_000)


def test_a_double_click_shows_everything(overview):
    QTest.mouseDClick(overview, LEFT, NONE, at(300))
    assert overview.axis.shows_all


def test_keys_scroll_and_zoom(overview):
    QTest.keyClick(overview, Qt.Key.Key_Right)
    assert window(overview) == (22_000, 42_000)
    QTest.keyClick(overview, Qt.Key.Key_Down)
    assert overview.axis.span_frames == pytest.approx(25_000)


def test_the_strip_shows_where_the_sound_is(overview):
    samples = np.zeros((2, TOTAL), np.float32)
    samples[0, 60_000:80_000] = np.tile([0.9, -0.9], 10_000)
    overview.axis.show_all()
    overview.marks.set_playhead(0.0)
    overview.set_source(WaveSource(FakePeaks(samples), lambda a, b: samples[:, a:b], 2))
    image = overview.grab().toImage()
    loud = image.pixelColor(GUTTER_PX + 700, 8)
    quiet = image.pixelColor(GUTTER_PX + 300, 8)
    assert loud != quiet
    assert quiet.name() == overview.tokens.field

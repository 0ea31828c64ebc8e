import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from app.canvas.overlays import GRAB_PX, Handle, Marks, paint_spans
from app.canvas.timeline import TimeAxis
from app.theme import DARK


@pytest.fixture
def axis():
    axis = TimeAxis()
    axis.set_audio(1000, 48_000)
    return axis


@pytest.fixture
def marks():
    return Marks()


def heard(signal):
    got = []
    signal.connect(got.append)
    return got


def test_an_edge_is_hit_within_reach_only(axis, marks):
    marks.set_spans((200, 400), None)
    assert marks.hit(axis, 200 + GRAB_PX, 1000.0) is Handle.SELECTION_START
    assert marks.hit(axis, 402, 1000.0) is Handle.SELECTION_STOP
    assert marks.hit(axis, 300, 1000.0) is None


def test_the_nearer_edge_wins(axis, marks):
    marks.set_spans((200, 400), (404, 600))
    assert marks.hit(axis, 401, 1000.0) is Handle.SELECTION_STOP
    assert marks.hit(axis, 403, 1000.0) is Handle.LOOP_START


def test_moving_an_edge_asks_and_does_not_do(axis, marks):
    marks.set_spans((200, 400), None)
    asked = heard(marks.selection_edited)
    marks.move(Handle.SELECTION_STOP, 500.4, 1000)
    assert asked == [(200, 500)]
    assert marks.selection == (200, 400)


def test_an_edge_dragged_past_the_other_takes_hold_of_that(axis, marks):
    marks.set_spans(None, (200, 400))
    asked = heard(marks.loop_edited)
    assert marks.move(Handle.LOOP_START, 450.0, 1000) is Handle.LOOP_STOP
    assert asked == [(400, 450)]


def test_an_edge_stays_inside_the_audio(marks):
    marks.set_spans((200, 400), None)
    asked = heard(marks.selection_edited)
    marks.move(Handle.SELECTION_START, -50.0, 1000)
    marks.move(Handle.SELECTION_STOP, 5000.0, 1000)
    assert asked == [(0, 400), (200, 1000)]


def test_an_empty_span_is_none(marks):
    asked = heard(marks.selection_edited)
    marks.request(False, (300, 300))
    assert asked == [None]


def test_a_span_is_put_in_order(marks):
    asked = heard(marks.loop_edited)
    marks.request(True, (700, 300))
    assert asked == [(300, 700)]


def test_a_playhead_that_stands_still_says_nothing(marks, qtbot):
    marks.set_playhead(5.0)
    with qtbot.assertNotEmitted(marks.playhead_moved):
        marks.set_playhead(5.0)


@pytest.mark.parametrize(("loop", "handles"), [((200, 800), 2), ((0, 800), 1), ((0, 1000), 0)])
def test_handles_are_drawn_inside_the_picture_only(axis, marks, qapp, loop, handles):
    axis.show(100, 900)
    marks.set_spans(None, loop)
    image = QImage(900, 50, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    with QPainter(image) as painter:
        paint_spans(painter, marks, axis, QRectF(50, 0, 800, 50), DARK)
    green = QColor(DARK.loop).rgb()
    solid = [x for x in range(900) if image.pixel(x, 3) == green]
    assert all(50 <= x < 850 for x in solid)
    assert len(solid) // 4 == handles

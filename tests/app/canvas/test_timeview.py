import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QWheelEvent
from PySide6.QtTest import QTest

from app.canvas.axes import GUTTER_PX
from app.canvas.overlays import Marks
from app.canvas.timeline import TimeAxis
from app.canvas.timeview import TimeView
from app.theme import Theme

LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
SHIFT, NONE = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier
WIDTH = 1000


class Picture(TimeView):
    """Counts how often its content is drawn."""

    drawn = 0

    def paint_content(self, painter: QPainter, plot: QRectF) -> None:
        self.drawn += 1
        painter.fillRect(plot, QColor("#202020"))


class Document:
    """Does what the marks ask for, as an editor would."""

    def __init__(self, marks: Marks) -> None:
        self.seeks: list[int] = []
        self.ends = 0
        self.marks = marks
        marks.seek_requested.connect(self.seeks.append)
        marks.selection_edited.connect(lambda span: marks.set_spans(span, marks.loop))
        marks.loop_edited.connect(lambda span: marks.set_spans(marks.selection, span))
        marks.edit_ended.connect(self.end)

    def end(self) -> None:
        self.ends += 1


@pytest.fixture
def view(qtbot):
    axis, marks = TimeAxis(), Marks()
    axis.set_audio(100_000, 48_000)
    view = Picture(axis, marks, Theme("dark"))
    view.document = Document(marks)
    qtbot.addWidget(view)
    view.resize(GUTTER_PX + WIDTH, 200)
    view.show()
    qtbot.waitExposed(view)
    return view


def at(x: float) -> QPoint:
    return QPoint(round(GUTTER_PX + x), 100)


def drag(view, start, stop, button=LEFT):
    QTest.mousePress(view, button, NONE, at(start))
    for x in (start + (stop - start) / 2, stop):
        QTest.mouseMove(view, at(x))
        # The offscreen platform delivers moves without buttons; the view keeps what was pressed.
    QTest.mouseRelease(view, button, NONE, at(stop))


def wheel(view, x, delta, modifiers=NONE, sideways=False):
    angle = QPoint(delta, 0) if sideways else QPoint(0, delta)
    position = QPointF(at(x))
    event = QWheelEvent(
        position,
        view.mapToGlobal(position),
        QPoint(),
        angle,
        LEFT.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    view.wheelEvent(event)


def test_a_click_seeks(view):
    QTest.mouseClick(view, LEFT, NONE, at(250))
    assert view.document.seeks == [25_000]
    assert view.marks.selection is None


def test_a_drag_selects_in_one_edit(view):
    drag(view, 200, 400)
    assert view.marks.selection == (20_000, 40_000)
    assert view.document.seeks == []
    assert view.document.ends == 1


def test_a_drag_to_the_left_selects_too(view):
    drag(view, 400, 200)
    assert view.marks.selection == (20_000, 40_000)


def test_an_edge_is_dragged_alone(view):
    view.marks.set_spans((20_000, 40_000), None)
    drag(view, 400, 600)
    assert view.marks.selection == (20_000, 60_000)


def test_a_loop_edge_is_dragged(view):
    view.marks.set_spans(None, (20_000, 40_000))
    drag(view, 200, 100)
    assert view.marks.loop == (10_000, 40_000)
    assert view.marks.selection is None


def test_shift_click_moves_the_nearer_edge(view):
    view.marks.set_spans((20_000, 40_000), None)
    QTest.mouseClick(view, LEFT, SHIFT, at(700))
    assert view.marks.selection == (20_000, 70_000)
    assert view.document.seeks == []


def test_a_double_click_selects_all_then_nothing(view):
    QTest.mouseDClick(view, LEFT, NONE, at(300))
    assert view.marks.selection == (0, 100_000)
    QTest.mouseDClick(view, LEFT, NONE, at(300))
    assert view.marks.selection is None


def test_the_wheel_zooms_at_the_cursor_by_a_quarter(view):
    wheel(view, 300, 120)
    assert view.axis.span_frames == pytest.approx(80_000)
    assert view.frame_at(GUTTER_PX + 300) == pytest.approx(30_000)


def test_a_sideways_swipe_and_shift_wheel_pan(view):
    view.axis.show(40_000, 60_000)
    wheel(view, 300, -120, sideways=True)
    assert (view.axis.start_frame, view.axis.stop_frame) == (42_000, 62_000)
    wheel(view, 300, 120, SHIFT)
    assert view.axis.start_frame == pytest.approx(40_000)


def test_the_middle_button_pans(view):
    view.axis.show(40_000, 60_000)
    drag(view, 500, 600, MIDDLE)
    assert view.axis.start_frame == pytest.approx(38_000)
    assert view.marks.selection is None


def test_arrows_move_the_playhead(view):
    view.marks.set_playhead(50_000.0)
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.document.seeks == [51_000]


def test_shift_arrows_move_the_end_of_the_selection_as_one_edit(view):
    view.marks.set_spans((20_000, 40_000), None)
    QTest.keyClick(view, Qt.Key.Key_Right, SHIFT)
    assert view.marks.selection == (20_000, 41_000)
    assert view.document.ends == 1
    QTest.keyClick(view, Qt.Key.Key_Left, SHIFT | Qt.KeyboardModifier.ControlModifier)
    assert view.marks.selection == (19_000, 41_000)


def test_alt_arrows_move_the_loop(view):
    view.marks.set_spans(None, (20_000, 40_000))
    QTest.keyClick(view, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert view.marks.loop == (20_000, 39_000)


def test_shift_arrow_without_a_selection_begins_one_at_the_playhead(view):
    view.marks.set_playhead(50_000.0)
    QTest.keyClick(view, Qt.Key.Key_Right, SHIFT)
    assert view.marks.selection == (50_000, 51_000)


def test_up_zooms_around_the_playhead(view):
    view.marks.set_playhead(30_000.0)
    QTest.keyClick(view, Qt.Key.Key_Up)
    assert view.axis.span_frames == pytest.approx(80_000)
    assert view.axis.x_of(30_000.0, WIDTH) == pytest.approx(300.0)


def test_nothing_happens_without_audio(view):
    view.axis.set_audio(0, 48_000)
    QTest.mouseClick(view, LEFT, NONE, at(250))
    drag(view, 100, 300)
    wheel(view, 300, 120)
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert view.document.seeks == []
    assert view.marks.selection is None


def test_a_moving_playhead_does_not_draw_the_content_again(view, qtbot):
    view.grab()
    drawn = view.drawn
    for frame in range(0, 50_000, 1000):
        view.marks.set_playhead(float(frame))
        view.repaint()
    assert view.drawn == drawn


def test_the_playhead_is_where_it_should_be(view):
    color = QColor(view.tokens.playhead)
    view.marks.set_playhead(50_000.0)
    image = view.grab().toImage()
    ratio = image.devicePixelRatio()
    assert image.pixelColor(round((GUTTER_PX + 500) * ratio), 100) == color
    assert image.pixelColor(round((GUTTER_PX + 490) * ratio), 100) != color


def test_a_new_theme_draws_the_content_again(qtbot):
    theme = Theme("dark")
    view = Picture(TimeAxis(), Marks(), theme)
    qtbot.addWidget(view)
    view.grab()
    drawn = view.drawn
    theme.choose("light")
    view.grab()
    assert view.drawn == drawn + 1
    assert view.tokens.name == "light"


def test_an_error_while_drawing_leaves_the_process_alive(qtbot):
    class Broken(TimeView):
        def paint_content(self, painter: QPainter, plot: QRectF) -> None:
            raise ValueError("no picture")

    axis = TimeAxis()
    view = Broken(axis, Marks(), Theme("dark"))
    qtbot.addWidget(view)
    for _ in range(3):
        with pytest.raises(ValueError, match="no picture"):
            view.grab()

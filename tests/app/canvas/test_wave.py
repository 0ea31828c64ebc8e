import numpy as np
import pytest
from PySide6.QtGui import QColor

from app.canvas.axes import GUTTER_PX, LevelScale
from app.canvas.overlays import Marks
from app.canvas.timeline import TimeAxis
from app.canvas.wave import WaveSource, WaveView
from app.canvas.waveraster import color_table
from app.theme import DARK, Theme
from tests.app.fakes import FakePeaks

RATE, TOTAL, WIDTH, HEIGHT = 48_000, 48_000, 1000, 203


def source_of(samples):
    samples = np.atleast_2d(np.asarray(samples, np.float32))
    return WaveSource(FakePeaks(samples), lambda a, b: samples[:, a:b], samples.shape[0])


@pytest.fixture
def view(qtbot):
    axis = TimeAxis()
    axis.set_audio(TOTAL, RATE)
    view = WaveView(axis, Marks(), Theme("dark"))
    qtbot.addWidget(view)
    view.resize(GUTTER_PX + WIDTH, HEIGHT)
    view.marks.set_playhead(-1.0)
    return view


def color(view, x, y):
    image = view.grab().toImage()
    ratio = image.devicePixelRatio()
    return image.pixelColor(round((GUTTER_PX + x) * ratio), round(y * ratio)).rgba()


def test_the_wave_is_drawn_where_it_is_loud(view):
    samples = np.zeros(TOTAL, np.float32)
    samples[TOTAL // 2 :] = np.tile([0.5, -0.5], TOTAL // 4)
    view.set_sources(source_of(samples), None, TOTAL)
    drawn = color_table(DARK)[1:4]
    assert color(view, 750, 80) in drawn
    assert color(view, 250, 80) not in drawn
    assert color(view, 750, 20) not in drawn


def test_every_channel_has_its_lane(view):
    samples = np.zeros((2, TOTAL), np.float32)
    samples[1] = np.tile([0.9, -0.9], TOTAL // 2)
    view.set_sources(source_of(samples), None, TOTAL)
    drawn = color_table(DARK)[1:4]
    assert color(view, 500, 25) not in drawn
    assert color(view, 500, 125) in drawn


def test_decibels_raise_what_is_quiet(view):
    samples = np.tile(np.float32([0.05, -0.05]), TOTAL // 2)
    view.set_sources(source_of(samples), None, TOTAL)
    drawn = color_table(DARK)[1:4]
    assert color(view, 500, 60) not in drawn
    view.set_scale(LevelScale.DB)
    assert color(view, 500, 60) in drawn


def test_the_result_is_outlined_around_the_original(view):
    quiet = np.tile(np.float32([0.2, -0.2]), TOTAL // 2)
    view.set_sources(source_of(quiet), source_of(3 * quiet), TOTAL)
    image = view.grab().toImage()
    column = {image.pixelColor(GUTTER_PX + 500, y).rgba() for y in range(HEIGHT)}
    assert QColor(DARK.after).rgba() in column
    assert QColor(DARK.wave).rgba() in column or QColor(DARK.wave_rms).rgba() in column


def test_clipped_columns_are_marked(view):
    samples = np.zeros(TOTAL, np.float32)
    samples[TOTAL // 2] = 1.0
    view.set_sources(source_of(samples), None, TOTAL)
    image = view.grab().toImage()
    top = [image.pixelColor(GUTTER_PX + x, 1) for x in range(WIDTH)]
    marked = [x for x, each in enumerate(top) if each == QColor(DARK.error)]
    assert marked
    assert all(abs(x - WIDTH / 2) <= 2 for x in marked)


def test_single_samples_are_joined_by_a_line(view):
    samples = np.zeros(TOTAL, np.float32)
    samples[1010] = 0.9
    view.set_sources(source_of(samples), None, TOTAL)
    view.axis.show(1000, 1020)
    image = view.grab().toImage()
    wave = QColor(DARK.wave)

    def drawn(x, y):
        found = image.pixelColor(GUTTER_PX + x, y)
        return abs(found.hue() - wave.hue()) < 12 and found.saturation() > 90

    # Sample 1010 stands in the middle; a line leads to it from zero at 1009, 50 px before.
    assert any(drawn(x, y) for x in range(498, 503) for y in range(8, 14))
    assert any(drawn(475, y) for y in range(50, 62))
    assert not any(drawn(475, y) for y in range(5, 30))


def test_what_is_not_decoded_is_hatched(view):
    view.set_sources(source_of(np.zeros(TOTAL)), None, TOTAL // 2)
    image = view.grab().toImage()
    left = {image.pixelColor(GUTTER_PX + x, 20).rgba() for x in range(100, 140)}
    right = {image.pixelColor(GUTTER_PX + x, 20).rgba() for x in range(700, 740)}
    assert len(left) == 1
    assert len(right) > 1


def test_no_audio_is_an_empty_lane(view):
    view.axis.set_audio(0, RATE)
    view.set_sources(None)
    image = view.grab().toImage()
    assert image.pixelColor(GUTTER_PX + 500, 100) == QColor(DARK.field)


def test_fitting_the_height_makes_a_quiet_wave_fill_its_lane(view):
    quiet = np.tile(np.float32([0.01, -0.01]), TOTAL // 2)
    view.set_sources(source_of(quiet), None, TOTAL)
    drawn = color_table(DARK)[1:4]
    assert color(view, 500, 5) not in drawn
    view.fit_gain()
    assert view.gain == pytest.approx(100.0)
    assert color(view, 500, 5) in drawn


def test_a_taller_wave_does_not_look_clipped(view):
    quiet = np.tile(np.float32([0.1, -0.1]), TOTAL // 2)
    view.set_sources(source_of(quiet), None, TOTAL)
    view.set_gain(50.0)
    image = view.grab().toImage()
    top = {image.pixelColor(GUTTER_PX + x, 1).rgba() for x in range(0, 900, 7)}
    assert QColor(DARK.error).rgba() not in top


def test_silence_has_nothing_to_fit(view):
    view.set_sources(source_of(np.zeros(TOTAL)), None, TOTAL)
    view.fit_gain()
    assert view.gain == 1.0

import itertools
import threading

import numpy as np
import pytest
from PySide6.QtCore import QThread

from app.canvas.axes import GUTTER_PX
from app.canvas.colormaps import ColorMap
from app.canvas.overlays import Marks
from app.canvas.pitch import FrequencyScale
from app.canvas.spectrogram import SpectrogramView
from app.canvas.tiles import TileLoader
from app.canvas.tilesource import open_tiles
from app.canvas.timeline import TimeAxis
from app.theme import Theme
from engine.audio.spectrogram import SpectrogramSettings
from engine.audio.store import StoreWriter
from engine.cache import Cache
from engine.lanes import Lanes

RATE, TOTAL, WIDTH, HEIGHT = 48_000, 480_000, 800, 300
TONE_HZ, TONE_DB = 3000.0, -6.0


@pytest.fixture
def lanes(qapp):
    lanes = Lanes()
    yield lanes
    assert lanes.shutdown()


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path, 1 << 30)


def store(cache, samples, key="test0000"):
    with StoreWriter(cache, key, RATE, samples.shape[0]) as writer:
        writer.append(samples.astype(np.float32))
        return writer.finish()


@pytest.fixture
def stored(cache):
    time_s = np.arange(TOTAL) / RATE
    tone = 10 ** (TONE_DB / 20) * np.sin(2 * np.pi * TONE_HZ * time_s)
    tone[TOTAL // 2 :] = 0.0
    return store(cache, np.stack([tone, tone]))


@pytest.fixture
def view(qtbot, lanes, stored, cache):
    axis = TimeAxis()
    axis.set_audio(TOTAL, RATE)
    loader = TileLoader(lambda task, request: lanes.submit("tiles", task, request))
    view = SpectrogramView(axis, Marks(), Theme("dark"), loader)
    qtbot.addWidget(view)
    view.loader = loader
    view.resize(GUTTER_PX + WIDTH, HEIGHT)
    view.marks.set_playhead(-1.0)
    view.set_colors(ColorMap.GREY, -100.0, 0.0)
    view.set_source(open_tiles(stored, SpectrogramSettings(), cache))
    view.show()
    return view


def settle(view, qtbot):
    view.grab()
    qtbot.waitUntil(lambda: not view.loader.busy, timeout=10_000)
    return view.grab().toImage()


@pytest.mark.parametrize("scale", list(FrequencyScale))
def test_a_tone_is_the_brightest_row_at_its_frequency(view, qtbot, scale):
    view.set_scale(scale)
    image = settle(view, qtbot)
    column = [image.pixelColor(GUTTER_PX + WIDTH // 4, y).red() for y in range(HEIGHT)]
    peak = np.flatnonzero(np.array(column) == max(column)).mean()
    expected = (1.0 - scale.position(TONE_HZ, RATE / 2)) * HEIGHT
    assert peak == pytest.approx(expected, abs=4.0)


def test_silence_is_dark(view, qtbot):
    image = settle(view, qtbot)
    column = [image.pixelColor(GUTTER_PX + 3 * WIDTH // 4, y).red() for y in range(3, HEIGHT - 3)]
    assert set(column) == {0}


def test_the_value_under_the_cursor_is_the_level_of_the_tone(view, qtbot):
    settle(view, qtbot)
    assert view.level_at(TOTAL / 4, TONE_HZ) == pytest.approx(TONE_DB, abs=0.6)
    assert view.level_at(TOTAL / 4, 12_000.0) < -90.0


def test_a_place_that_is_not_computed_yet_has_no_value(view):
    assert view.level_at(TOTAL / 4, TONE_HZ) is None


def test_the_end_of_the_tone_is_drawn_at_its_time(view, qtbot):
    view.axis.show(TOTAL / 2 - 24_000, TOTAL / 2 + 24_000)
    image = settle(view, qtbot)
    row = round((1.0 - FrequencyScale.LOG.position(TONE_HZ, RATE / 2)) * HEIGHT)
    view_row = [image.pixelColor(GUTTER_PX + x, row).red() for x in range(WIDTH)]
    # Half level is where half of the window (2048 frames, 34 px) still holds the tone.
    edge = np.flatnonzero(np.array(view_row) > 200)[-1]
    assert edge == pytest.approx(WIDTH / 2, abs=20)


def test_a_close_look_blends_between_columns(view, qtbot):
    view.axis.show(TOTAL / 2 - 2000, TOTAL / 2 + 2000)
    image = settle(view, qtbot)
    row = round((1.0 - FrequencyScale.LOG.position(TONE_HZ, RATE / 2)) * HEIGHT)
    shades = [image.pixelColor(GUTTER_PX + x, row).red() for x in range(3, WIDTH - 3)]
    assert max(abs(a - b) for a, b in itertools.pairwise(shades)) < 12
    assert max(shades) - min(shades) > 60


def test_transforms_are_never_computed_in_the_window_s_thread(view, qtbot, monkeypatch):
    from engine.audio import spectrogram

    threads = []
    real = spectrogram.power

    def spy(frames, window):
        threads.append(threading.get_ident())
        return real(frames, window)

    monkeypatch.setattr(spectrogram, "power", spy)
    for start in (0, 100_000, 300_000):
        view.axis.show(start, start + 50_000)
        settle(view, qtbot)
    assert threads
    assert threading.get_ident() not in threads
    assert QThread.currentThread() is view.thread()


def test_changing_colours_computes_nothing(view, qtbot):
    settle(view, qtbot)
    view.set_colors(ColorMap.VIRIDIS, -80.0, -20.0)
    view.grab()
    assert not view.loader.busy


def test_a_growing_file_fills_in(qtbot, lanes, cache):
    rng = np.random.default_rng(1)
    writer = StoreWriter(cache, "grow0000", RATE, 1, expected_frames=TOTAL)
    with writer:
        writer.append(0.3 * rng.standard_normal((1, TOTAL // 2)))
        axis = TimeAxis()
        axis.set_audio(TOTAL, RATE)
        loader = TileLoader(lambda task, request: lanes.submit("tiles", task, request))
        view = SpectrogramView(axis, Marks(), Theme("dark"), loader)
        qtbot.addWidget(view)
        view.loader = loader
        view.resize(GUTTER_PX + WIDTH, HEIGHT)
        view.set_colors(ColorMap.GREY, -100.0, 0.0)
        source = open_tiles(writer.partial, SpectrogramSettings(), cache)
        view.set_source(source)
        view.show()
        half = settle(view, qtbot)
        writer.append(0.3 * rng.standard_normal((1, TOTAL // 2)))
        source.grow(writer.finish())
    view.refresh()
    whole = settle(view, qtbot)
    x, y = GUTTER_PX + 3 * WIDTH // 4, HEIGHT // 2
    assert half.pixelColor(x, y).red() < 10
    assert whole.pixelColor(x, y).red() > 60

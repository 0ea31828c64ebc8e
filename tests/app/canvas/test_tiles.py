from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import QObject, Signal

from app.canvas.pitch import FrequencyScale
from app.canvas.rowmap import RowMap
from app.canvas.strip import StripReader, keys_for, level_for
from app.canvas.tiles import TileLoader
from app.canvas.tilesource import TileKey
from engine.lanes import JobState
from engine.tasks import Cancelled, Context, Failure

BINS, WIDTH, COLUMNS = 129, 8, 40


def column_codes(level: int, columns: np.ndarray) -> np.ndarray:
    """What column ``c`` of a level holds: the largest finest column it stands for, plus 1."""
    return np.minimum((columns + 1) << level, COLUMNS).astype(np.uint8)


class FakeSource:
    """Every bin of a column holds the number of its last finest column."""

    tile_columns, bins, hop, rate, levels = WIDTH, BINS, 100, 48_000, 4
    available_frames = 100 * COLUMNS

    def __init__(self):
        self.level_db = np.arange(256.0)
        self.looked: list[TileKey] = []
        self.complete = True

    def columns(self, level):
        return -(-COLUMNS // (1 << level))

    def column_at(self, frame, level):
        return frame / self.hop / (1 << level)

    def covers(self, key):
        return self.complete

    def _data(self, key):
        first = key.index * WIDTH
        columns = np.arange(first, min(first + WIDTH, self.columns(key.level)))
        return np.repeat(column_codes(key.level, columns)[None], BINS, axis=0)

    def look(self, key):
        self.looked.append(key)
        return SimpleNamespace(data=self._data(key), exact=key.level == 0)

    def exact(self, key, context):
        context.checkpoint()
        return self._data(key)


class HeldJob(QObject):
    """A job that runs when the test says so."""

    progressed = Signal(object)
    ended = Signal()

    def __init__(self, task, request):
        super().__init__()
        self.task, self.request = task, request
        self.context = Context()
        self.failure = None
        self.state = JobState.QUEUED

    def cancel(self):
        self.context.cancel_event.set()

    def run(self):
        try:
            self.task(self.request, self.context)
            self.state = JobState.DONE
        except Cancelled:
            self.state = JobState.CANCELLED
        except Failure as failure:
            self.failure, self.state = failure, JobState.FAILED
        self.ended.emit()


@pytest.fixture
def jobs():
    return []


@pytest.fixture
def loader(jobs):
    def submit(task, request):
        jobs.append(HeldJob(task, request))
        return jobs[-1]

    loader = TileLoader(submit)
    loader.set_source(FakeSource())
    return loader


def test_a_wanted_tile_arrives(loader, jobs, qtbot):
    key = TileKey(0, 1)
    loader.want([key])
    assert loader.get(key) is None
    with qtbot.waitSignal(loader.arrived):
        jobs[0].run()
    tile = loader.get(key)
    assert tile is not None
    assert tile.exact
    assert not loader.busy


def test_what_is_there_is_not_asked_for_again(loader, jobs):
    loader.want([TileKey(0, 1)])
    jobs[0].run()
    loader.want([TileKey(0, 1)])
    assert len(jobs) == 1


def test_a_coarse_tile_comes_as_a_preview_and_then_exactly(loader, jobs):
    loader.want([TileKey(2, 0)])
    jobs[0].run()
    tile = loader.get(TileKey(2, 0))
    assert tile is not None
    assert tile.exact
    assert loader.source.looked == [TileKey(2, 0)]


def test_a_file_that_still_decodes_is_not_asked_for_in_a_circle(loader, jobs):
    loader.source.complete = False
    loader.want([TileKey(2, 0)])
    jobs[0].run()
    assert len(jobs) == 1
    assert not loader.get(TileKey(2, 0)).exact
    loader.source.available_frames *= 2
    loader.want([TileKey(2, 0)])
    assert len(jobs) == 2


def test_one_job_runs_at_a_time(loader, jobs):
    loader.want([TileKey(0, 1)])
    loader.want([TileKey(0, 1), TileKey(0, 2)])
    assert len(jobs) == 1
    jobs[0].run()
    assert [job.request.keys for job in jobs] == [(TileKey(0, 1),), (TileKey(0, 2),)]


def test_moving_on_cancels_what_nobody_wants(loader, jobs):
    loader.want([TileKey(0, 1)])
    loader.want([TileKey(0, 4)])
    assert jobs[0].context.cancel_event.is_set()
    jobs[0].run()
    jobs[1].run()
    assert loader.get(TileKey(0, 1)) is None
    assert loader.get(TileKey(0, 4)) is not None


def test_tiles_of_another_source_are_not_mixed_in(loader, jobs):
    loader.want([TileKey(0, 1)])
    loader.set_source(FakeSource())
    jobs[0].run()
    assert loader.get(TileKey(0, 1)) is None


def test_a_failure_is_told_once_and_not_retried(loader, jobs, qtbot):
    def broken(key):
        raise Failure("The file is gone.")

    loader.source.look = broken
    loader.want([TileKey(0, 1)])
    with qtbot.waitSignal(loader.failed) as told:
        jobs[0].run()
    assert told.args[0].what == "The file is gone."
    assert len(jobs) == 1


def test_a_job_the_user_cancels_stays_cancelled(loader, jobs):
    loader.want([TileKey(0, 1)])
    jobs[0].cancel()
    jobs[0].run()
    assert len(jobs) == 1
    assert not loader.busy


# -- reading pictures out of tiles


@pytest.fixture
def reader(loader):
    reader = StripReader(loader)
    reader.set_rows(RowMap(BINS, 24_000.0, FrequencyScale.LINEAR, 20))
    return reader


def load(loader, jobs, *keys):
    loader.want(keys)
    while loader.busy:
        jobs[-1].run()


def test_columns_are_joined_across_tiles(loader, jobs, reader):
    load(loader, jobs, TileKey(0, 0), TileKey(0, 1))
    picture, there = reader.read(loader.source, 0, 5, 12)
    assert there.all()
    assert picture[3].tolist() == [6, 7, 8, 9, 10, 11, 12]


def test_before_the_first_and_after_the_last_column_there_is_nothing(loader, jobs, reader):
    load(loader, jobs, TileKey(0, 0), TileKey(0, 4))
    _, there = reader.read(loader.source, 0, -2, 3)
    assert there.tolist() == [False, False, True, True, True]
    _, there = reader.read(loader.source, 0, 38, 43)
    assert there.tolist() == [True, True, False, False, False]


def test_a_missing_tile_is_made_from_finer_ones(loader, jobs, reader):
    load(loader, jobs, TileKey(0, 0), TileKey(0, 1))
    picture, there = reader.read(loader.source, 1, 0, 8)
    assert there.all()
    assert picture[0].tolist() == column_codes(1, np.arange(8)).tolist()


def test_a_missing_tile_is_stretched_from_a_coarser_one(loader, jobs, reader):
    load(loader, jobs, TileKey(2, 0))
    picture, there = reader.read(loader.source, 0, 8, 16)
    assert there.all()
    assert picture[0].tolist() == [12, 12, 12, 12, 16, 16, 16, 16]


def test_where_nothing_is_known_it_says_so(loader, reader):
    picture, there = reader.read(loader.source, 0, 8, 16)
    assert not there.any()
    assert picture.shape == (20, 8)


def test_an_exact_tile_replaces_the_preview_it_was_drawn_from(loader, jobs, reader):
    loader.source.complete = False
    loader.source._data = lambda key: np.full((BINS, WIDTH), 9, np.uint8)
    load(loader, jobs, TileKey(2, 0))
    assert reader.read(loader.source, 2, 0, 1)[0][0, 0] == 9
    loader.source.complete = True
    loader.source._data = lambda key: np.full((BINS, WIDTH), 50, np.uint8)
    load(loader, jobs, TileKey(2, 0))
    assert reader.read(loader.source, 2, 0, 1)[0][0, 0] == 50


@pytest.mark.parametrize(
    ("frames_per_px", "level"), [(1, 0), (100, 0), (118, 0), (130, 1), (1e6, 3)]
)
def test_the_level_has_about_a_column_per_pixel(frames_per_px, level):
    assert level_for(FakeSource(), frames_per_px) == level


def test_the_middle_of_the_window_comes_first():
    keys = keys_for(FakeSource(), 0, 0.0, 4000.0)
    assert keys[0] == TileKey(0, 2)
    assert {key.index for key in keys} == {0, 1, 2, 3, 4}


def test_no_tile_outside_the_file_is_wanted():
    assert {key.index for key in keys_for(FakeSource(), 0, -5000.0, 50_000.0)} == {0, 1, 2, 3, 4}

"""A run folder is read bit by bit: everything once, and only what is new after that."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

from app.training_news import RunReader
from engine.training.metrics import MetricsWriter
from engine.training.run_folder import RunFolder, RunStatus


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def write(folder: RunFolder, start: int, stop: int, steps_per_s: float = 4.0) -> None:
    writer = MetricsWriter(folder.metrics_path)
    for step in range(start, stop):
        writer.append(step, step / steps_per_s, "train", {"total": 1.0 / step, "rate": 0.1})


def test_only_what_came_is_given(folder: RunFolder) -> None:
    reader = RunReader(folder)
    assert reader.read().curves == {}
    write(folder, 1, 5)
    first = reader.read().curves
    assert list(first) == [("train", "total"), ("train", "rate")]
    np.testing.assert_array_equal(first["train", "total"][0], [1, 2, 3, 4])
    assert reader.read().curves == {}
    write(folder, 5, 7)
    np.testing.assert_array_equal(reader.read().curves["train", "total"][0], [5, 6])


def test_a_resumed_run_is_read_anew(folder: RunFolder) -> None:
    reader = RunReader(folder)
    write(folder, 1, 9)
    reader.read()
    MetricsWriter(folder.metrics_path).keep_until(3, 3)
    news = reader.read()
    assert news.restarted
    np.testing.assert_array_equal(news.curves["train", "total"][0], [1, 2, 3])


def test_the_speed_is_that_of_the_last_steps(folder: RunFolder) -> None:
    reader = RunReader(folder)
    assert math.isnan(reader.read().steps_per_s)
    write(folder, 1, 50, steps_per_s=4.0)
    assert reader.read().steps_per_s == pytest.approx(4.0, rel=0.01)


def test_figures_previews_and_card_are_told_when_they_change(folder: RunFolder) -> None:
    reader = RunReader(folder)
    news = reader.read()
    assert (news.figures, news.samples, news.card) == ({}, (), "")
    folder.write_figure("usage", {"style": "bar"})
    path = folder.sample_path(3, "song", "before")
    path.parent.mkdir(parents=True)
    path.touch()
    folder.sample_path(3, "song", "after").touch()
    folder.bundle.mkdir()
    (folder.bundle / "card.md").write_text("# Card")
    news = reader.read()
    assert news.figures == {"usage": {"style": "bar"}}
    assert news.samples is not None and [each.step for each in news.samples] == [3]
    assert news.card == "# Card"
    news = reader.read()
    assert (news.figures, news.samples, news.card) == (None, None, None)


def test_the_status_is_told_each_time(folder: RunFolder) -> None:
    reader = RunReader(folder)
    assert reader.read().status is None
    status = RunStatus("running", 3, 9, process=os.getpid())
    folder.write_status(status)
    read = reader.read().status
    assert read is not None and (read.state, read.step, read.steps) == ("running", 3, 9)

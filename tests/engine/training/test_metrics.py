"""Curves: written by one process, followed by another."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.metrics import Metrics, MetricsReader, MetricsWriter


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.csv"


def test_a_reader_gives_what_has_come_since_the_last_time(path):
    reader = MetricsReader(path)
    assert reader.read() == ()
    writer = MetricsWriter(path)
    writer.append(1, 0.5, "train", {"total": 3.0, "odd, name": 1.0})
    assert [(row.step, row.name) for row in reader.read()] == [(1, "total"), (1, "odd, name")]
    assert reader.read() == ()
    writer.append(2, 0.6, "validation", {"score": 2.0})
    assert [row.value for row in reader.read()] == [2.0]
    assert not reader.restarted


def test_a_half_written_last_line_is_left_for_the_next_time(path):
    writer = MetricsWriter(path)
    writer.append(1, 0.5, "train", {"total": 3.0})
    reader = MetricsReader(path)
    with path.open("ab") as file:
        file.write(b"2,0.6,train,tot")
        file.flush()
        assert [row.step for row in reader.read()] == [1]
        file.write(b"al,1.25\n3,0.7,tr")
        file.flush()
        assert [(row.step, row.value) for row in reader.read()] == [(2, 1.25)]


def test_lines_that_are_none_are_left_out(path):
    writer = MetricsWriter(path)
    with path.open("ab") as file:
        file.write(b"\x00\x00\x00\n1,2\nx,y,z,a,b\n\xff\xfe\n")
    writer.append(4, 1.0, "train", {"total": 1.0})
    assert [row.step for row in MetricsReader(path).read()] == [4]


def test_a_resumed_training_drops_what_came_after_its_checkpoint(path):
    writer = MetricsWriter(path)
    for step in range(1, 6):
        writer.append(step, step, "train", {"total": float(step)})
        writer.append(step, step, "validation", {"score": float(step)})
    reader = MetricsReader(path)
    reader.read()
    with path.open("ab") as file:
        file.write(b"6,6.0,tra")
    MetricsWriter(path).keep_until(3, 2)
    rows = reader.read()
    assert reader.restarted
    assert [row.step for row in rows if row.split == "train"] == [1, 2, 3]
    assert [row.step for row in rows if row.split == "validation"] == [1, 2]
    writer.append(4, 4.0, "train", {"total": 9.0})
    assert [row.value for row in reader.read()] == [9.0]
    assert not reader.restarted


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_values_come_back_bit_for_bit(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("m") / "metrics.csv"
    MetricsWriter(path).append(1, 0.0, "train", {"total": value})
    (row,) = MetricsReader(path).read()
    assert row.value == value or (math.isnan(value) and math.isnan(row.value))


def test_curves_are_arrays_of_one_name(path):
    writer = MetricsWriter(path)
    writer.append(1, 0.0, "train", {"total": 3.0, "tone": 1.0})
    writer.append(1, 0.0, "validation", {"total": 7.0})
    writer.append(2, 0.0, "train", {"total": 2.0})
    metrics = Metrics(MetricsReader(path).read())
    assert metrics.names("train") == ("total", "tone")
    steps, values = metrics.curve("train", "total")
    assert (steps == [1, 2]).all()
    assert (values == np.array([3.0, 2.0])).all()
    assert metrics.last("train", "total") == 2.0
    assert math.isnan(metrics.last("train", "absent"))

"""The page and the tables say what was measured."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.data.dataset_report import (
    harm_rows,
    length,
    measure_rows,
    number,
    split_rows,
    to_html,
    write_report,
)
from engine.mastering.data.songs import ProceduralSongs
from engine.mastering.data.statistics import DatasetStatistics, StatisticsSettings, describe
from engine.tasks import Failure

RATE = 22050


def noise(seed: int, duration_s: float, rate: int) -> Clip:
    rng = np.random.default_rng(seed)
    return Clip(0.1 * rng.normal(size=(2, round(duration_s * rate))).astype(np.float32), rate)


@pytest.fixture(scope="module")
def found() -> DatasetStatistics:
    songs = ProceduralSongs(range(3), 4.0, compose=noise)
    return describe(songs, StatisticsSettings(seconds=4.0, rate=RATE, draws=10))


class Page(HTMLParser):
    """Notes what the page asks of others, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "line", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "path"):
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_no_other_file(found: DatasetStatistics) -> None:
    text = to_html(found, "Songs & more <b>")
    page = Page()
    page.feed(text)
    assert page.open == [] and page.links == []
    assert "url(" not in text and "@import" not in text
    assert "Songs &amp; more &lt;b&gt;" in text
    assert "prefers-color-scheme: dark" in text


def test_the_curves_are_drawn_within_the_frame(found: DatasetStatistics) -> None:
    paths = re.findall(r'<path class="curve \w+" d="M([^"]+)"', to_html(found, "x"))
    assert len(paths) == 5  # mean and twice its deviation; two tiers
    for path in paths:
        points = np.array([pair.split() for pair in path.split(" L")], dtype=float)
        assert len(points) > 20
        assert np.isfinite(points).all()
        assert (np.diff(points[:, 0]) > 0.0).all()


def test_failures_and_silence_are_shown(found: DatasetStatistics) -> None:
    silent = replace(found.songs[0], lufs=-math.inf)
    changed = replace(found, failures=("lost.wav is gone.",), songs=(silent,))
    text = to_html(changed, "x")
    assert "lost.wav is gone." in text
    assert len(re.findall(r"<svg", text)) == 1  # no mean spectrum of silence


def test_the_tables_hold_the_measured_numbers(found: DatasetStatistics) -> None:
    loudness = found.measures()["loudness"][1]
    assert loudness is not None
    rows = {row[0]: row for row in measure_rows(found)}
    assert rows["Loudness"][1:3] == ("LUFS", number(loudness.mean))
    assert sum(int(row[1]) for row in split_rows(found)[1:]) == 3
    harms = harm_rows(found)
    assert len(harms) == 13
    assert {len(row) for row in harms} == {7}
    assert harms[1][:3] == ("EQ", "mild", number(found.harms[0].eq_error_db.mean))


def test_reports_are_written_as_their_suffix_says(found: DatasetStatistics, tmp_path: Path) -> None:
    write_report(found, tmp_path / "a.json", "x")
    assert json.loads((tmp_path / "a.json").read_text())["count"] == 3
    write_report(found, tmp_path / "a.html", "x")
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    with pytest.raises(Failure, match=r"\.txt"):
        write_report(found, tmp_path / "a.txt", "x")
    with pytest.raises(Failure, match="could not be written"):
        write_report(found, tmp_path / "nowhere" / "a.json", "x")


def test_numbers_and_lengths_read_well() -> None:
    assert [number(value) for value in (1.0, -0.001, -2.5, None, math.nan)] == [
        "1.00",
        "0.00",
        "−2.50",
        "–",
        "–",
    ]
    assert number(0.5, signed=True) == "+0.50"
    assert [length(value) for value in (12.54, 200.0, 7500.0)] == [
        "12.5 s",
        "3 min 20 s",
        "2 h 05 min",
    ]

"""How the window answers with three minutes and with an hour, at rest and while a fit runs."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from engine.audio.reader import open_reader
from tests.perf.conftest import Stage
from tests.perf.table import Table

MEGABYTE = 1e6


@pytest.mark.perf
def test_an_hour_is_seen_at_once_and_read_as_fast_as_it_decodes(stage: Stage, hour: Path) -> None:
    begun = time.perf_counter()
    with open_reader(hour) as reader:
        frames = sum(block.shape[1] for block in reader.blocks())
    decoding = time.perf_counter() - begun
    assert frames == reader.info.frames
    opened = stage.play("opening", str(hour))
    again = stage.play("opening", str(hour))
    table = Table("60 minutes of stereo FLAC, opened")
    table.add("first picture", opened["picture"], "s", 1.0)
    table.add("plain decoding of all of it", decoding, "s")
    table.add("overview and loudness complete", opened["overview"], "s")
    table.add("the same, as a multiple of plain decoding", opened["overview"] / decoding, "x")
    table.add("opened again (cached): overview complete", again["overview"], "s", 1.0)
    own = opened["after"]["RssAnon"] - opened["before"]["RssAnon"]
    table.add("memory it adds, own", own / MEGABYTE, "MB")
    table.add("memory, own, whole process", opened["after"]["RssAnon"] / MEGABYTE, "MB")
    table.add("memory, mapped files", opened["after"]["RssFile"] / MEGABYTE, "MB")
    table.add_frames("gap of the window while it decodes", opened["gaps"])
    table.show()


@pytest.mark.perf
@pytest.mark.parametrize("scene", ["using", "mastering"])
@pytest.mark.parametrize("length", ["track", "hour"])
def test_every_interaction_is_a_frame(
    stage: Stage, scene: str, length: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(length)
    measured = stage.play(scene, str(path))
    while_what = "while a clip is mastered" if scene == "mastering" else "at rest"
    table = Table(f"From input to picture, {path.stem}, {while_what}")
    for name in ("zoom", "scroll", "drag a selection", "move the playhead"):
        table.add_frames(name, measured[name])
    table.show()


@pytest.mark.perf
def test_mastering_stops_when_told(stage: Stage, track: Path) -> None:
    measured = stage.play("cancelling", str(track))
    delays, stages = measured["delays"], measured["stages"]
    assert len(delays) >= 5
    slowest = stages[delays.index(max(delays))]
    table = Table(f"Cancel the mastering of 3 minutes, at {len(delays)} moments")
    table.add("median", statistics.median(delays), "s", 0.2)
    table.add(f"slowest (in {slowest or 'the beginning'})", max(delays), "s", 0.2)
    table.show()

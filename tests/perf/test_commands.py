"""How fast the command line is, as a whole process, and how soon a click is heard."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.perf.conftest import Stage
from tests.perf.table import Table

LENGTH_S = 180.0
PROGRAM = (sys.executable, "-m", "app")


@pytest.mark.perf
def test_mastering_a_track_is_faster_than_hearing_it(
    stage: Stage, track: Path, tmp_path: Path
) -> None:
    out = tmp_path / "master.wav"
    done = stage.run(*PROGRAM, "master", str(track), str(out), "--lufs", "-14")
    assert out.stat().st_size > 1_000_000
    table = Table("audiobench master, 3 minutes of stereo, the whole process")
    table.add("time", done.seconds, "s", LENGTH_S)
    table.add("speed", LENGTH_S / done.seconds, "x real time")
    table.add("peak memory", done.peak_rss / 1e6, "MB")
    table.show()


@pytest.mark.perf
@pytest.mark.parametrize("length", ["track", "hour"])
def test_info_is_no_slower_than_ffmpeg(
    stage: Stage, length: str, request: pytest.FixtureRequest
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    path: Path = request.getfixturevalue(length)
    ours = stage.run(*PROGRAM, "info", str(path))
    quiet = ("-hide_banner", "-loglevel", "error", "-nostdin")
    meter = ("-af", "ebur128=peak=true", "-f", "null", "-")
    theirs = stage.run("ffmpeg", *quiet, "-i", str(path), *meter)
    table = Table(f"audiobench info, {path.stem}, the whole process")
    table.add("audiobench info", ours.seconds, "s")
    table.add("ffmpeg -af ebur128=peak=true", theirs.seconds, "s")
    table.add("audiobench / ffmpeg", ours.seconds / theirs.seconds, "x", 1.0)
    table.add("peak memory", ours.peak_rss / 1e6, "MB")
    table.show()


@pytest.mark.perf
def test_a_click_is_heard_at_once(stage: Stage, tmp_path: Path) -> None:
    """The test of real playback measures it, on a sound server of its own."""
    record = tmp_path / "record.xml"
    words = ("-m", "pytest", "-q", "tests/audio/test_latency.py", "-k", "click")
    stage.run(sys.executable, *words, f"--junitxml={record}", QT_QPA_PLATFORM="offscreen")
    suite = ElementTree.parse(record).getroot()
    values = {item.get("name"): item.get("value") for item in suite.iter("property")}
    if "click_to_sound_ms" not in values:
        pytest.skip("real playback does not run on this machine")
    table = Table("Click to sound, without the device's latency")
    table.add("median of 5", float(values["click_to_sound_ms"] or "nan"), "ms", 50.0)
    table.show()

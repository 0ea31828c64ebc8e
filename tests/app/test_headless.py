"""The demonstration without a display does the main job and leaves its three files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyloudnorm
import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program where there is no display."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"AUDIOBENCH_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_the_demo_is_mastered_reported_and_pictured(tmp_path: Path) -> None:
    result = run(tmp_path, "--demo")
    assert result.returncode == 0, result.stderr
    out = tmp_path / "out"
    names = {"demo - mastered.wav", "demo - report.html", "audiobench.png"}
    assert {path.name for path in out.iterdir()} == names
    assert all(str(out / name) in result.stdout for name in names)
    assert "This plugin does not support" not in result.stdout + result.stderr
    samples, rate = soundfile.read(out / "demo - mastered.wav")
    assert pyloudnorm.Meter(rate).integrated_loudness(samples) == pytest.approx(-14.0, abs=0.3)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_without_a_display_the_window_says_what_there_is_instead(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.returncode == 1
    assert "no display" in result.stderr
    assert "--demo" in result.stderr

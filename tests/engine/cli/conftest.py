"""Songs, parameters and a home of their own for the commands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.cli import Command
from engine.mastering.model_choice import ModelChoice
from engine.mastering.parameters import ChainParameters

ROOT = Path(__file__).resolve().parents[3]
RATE = 44100


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """A place of their own for cache and settings."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("AUDIOBENCH_HOME", str(folder))
    return folder


@pytest.fixture
def song(tmp_path):
    """Write a few seconds of stereo noise with a tilt and a beat; gives its maker."""

    def make(name: str = "song.wav", seconds: float = 3.0, level: float = 0.2) -> Path:
        rng = np.random.default_rng(7)
        frames = int(seconds * RATE)
        noise = np.cumsum(rng.standard_normal((frames, 2)), axis=0)
        noise -= np.linspace(0, 1, frames)[:, None] * noise[-1]
        noise = np.diff(noise, axis=0, prepend=0) + 0.02 * noise / np.abs(noise).max()
        beat = 0.5 + 0.5 * np.sin(2 * np.pi * 2 * np.arange(frames) / RATE)[:, None]
        audio = level * noise * beat / np.abs(noise * beat).max()
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, audio, RATE, subtype="PCM_24")
        return path

    return make


@pytest.fixture
def parameters(tmp_path):
    """A file of parameters, so that nothing need be fitted."""
    path = tmp_path / "p.json"
    path.write_text(ChainParameters().with_band(5, gain_db=3.0).to_json())
    return str(path)


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    """Commands find no model, so that what they do does not depend on what is installed."""
    chosen = []

    def choose(name, locations):
        chosen.append(name)
        return ModelChoice(None)

    monkeypatch.setattr("engine.cli.master.choose_model", choose)
    return chosen


@pytest.fixture
def command():
    """Make a command that runs ``task(terminal)``."""
    return lambda task: Command(
        "try", "for tests", lambda parser: None, lambda arguments, terminal: task(terminal)
    )


@pytest.fixture
def process() -> Callable[..., subprocess.Popen[str]]:
    """Start the program itself."""
    return lambda *arguments, **options: subprocess.Popen(
        [sys.executable, "-m", "app", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )

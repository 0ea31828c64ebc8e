"""The budgets of mastering three minutes of stereo, in one table: chain, encoder, fit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.fit import FitSettings, fit
from engine.mastering.models.assembly import MasteringNet, ModelSettings
from engine.mastering.models.predictor import ModelPredictor
from engine.mastering.parameters import ChainParameters, Compressor
from engine.mastering.targets import from_preset
from tests.perf.table import Table
from tests.perf.test_dsp import RATE, RENDER, fastest

SECONDS = 180


@pytest.fixture(scope="module")
def song() -> Clip:
    """Noise that swells: what it sounds like costs nothing, how long it is does."""
    frames = SECONDS * RATE
    noise = 0.2 * np.random.default_rng(0).standard_normal((2, frames), dtype=np.float32)
    noise[1] += noise[0]
    swell = 0.1 + 0.4 * np.abs(np.sin(np.arange(frames) / 30_000.0))
    return Clip(noise * swell.astype(np.float32), RATE)


@pytest.mark.perf
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_three_minutes_are_mastered_within_their_budgets(song: Clip) -> None:
    table = Table("Mastering: 3 minutes of stereo at 44.1 kHz")
    code = RENDER.format(frames=song.frames, multiband=False)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout)
    table.add("equalizer to limiter", seconds, "s", 3.0)
    table.add("peak memory of that process", peak / 2**20, "MiB", 600.0)

    predictor = ModelPredictor("perf", "1D", "0", MasteringNet(ModelSettings()).eval())
    part = song.part(0, 30 * RATE)
    predictor.predict(part)  # what is loaded and compiled once is not the encoder's time
    table.add("prediction for 30 s", 1e3 * fastest(lambda: predictor.predict(part)), "ms", 150.0)

    start = replace(ChainParameters(), compressor=Compressor(-24.0, 1.3))
    start = start.with_band(2, gain_db=2.0).with_band(7, gain_db=-2.0)
    target = replace(from_preset("balanced"), unlike_db=None, max_spread_lu=3.0)
    settings = FitSettings(refine_steps=100)
    refine = fastest(lambda: fit(song, target, settings, start=start), 1)
    table.add("fit of 100 steps from a prediction", refine, "s", 10.0)
    table.show()

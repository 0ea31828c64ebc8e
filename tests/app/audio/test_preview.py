"""The live chain in the mixer is the offline renderer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.chain import render
from engine.mastering.parameters import ChainParameters, Compressor, Imager, Limiter, Saturator
from engine.mastering.preview import create

PARAMETERS = ChainParameters(
    compressor=Compressor(ratio=2.0),
    saturator=Saturator(drive_db=6.0),
    imager=Imager(width=1.5, mono_below_hz=100.0),
    limiter=Limiter(gain_db=6.0),
).with_band(0, gain_db=3.0)


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_heard_live_is_what_is_rendered(deck, noise, channels) -> None:
    signal = noise(48000, channels=channels)
    insert = create(48000, channels)
    insert.configure(json.dumps(PARAMETERS.to_dict()).encode())
    deck.load(signal, insert=insert)
    deck.play()
    heard = deck.render(48000, 480)
    rendered = render(Clip(signal.T.astype(np.float64), 48000), PARAMETERS).samples.T
    expected = np.repeat(rendered, 2, axis=1) if channels == 1 else rendered
    assert np.abs(heard - expected).max() < 1e-5
    assert np.abs(heard - np.resize(signal, heard.shape)).max() > 0.01

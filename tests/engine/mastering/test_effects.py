"""What each stage did is measured on the audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.audio.loudness import Loudness, measure
from engine.audio.store import StoredAudio, StoreWriter
from engine.cache import Cache
from engine.mastering.effects import StageEffect, effects_of
from engine.mastering.parameters import (
    Band,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Residual,
    Saturator,
)

RATE = 44100
FRAMES = 4 * RATE


def stored(folder: Path, samples: np.ndarray) -> StoredAudio:
    with StoreWriter(Cache(folder, 1 << 28), "effects", RATE, len(samples)) as writer:
        writer.append(samples)
        return writer.finish()


@pytest.fixture
def noise(tmp_path: Path) -> StoredAudio:
    rng = np.random.default_rng(2)
    return stored(tmp_path, 0.1 * rng.standard_normal((2, FRAMES)))


def effects(source: StoredAudio, chain: ChainParameters, **extra: object) -> dict[str, StageEffect]:
    loudness = measure(source.clip())
    found = effects_of(source, chain, loudness, loudness, 1.5, **extra)
    return {effect.stage: effect for effect in found}


def value(effect: StageEffect, name: str) -> float:
    return next(item.value for item in effect.measures if item.name == name)


def test_a_chain_that_does_nothing_did_nothing(noise: StoredAudio) -> None:
    found = effects(noise, ChainParameters())
    for stage in ("tone", "residual", "dynamics", "saturation", "width"):
        assert not found[stage].active and found[stage].measures == ()
        assert found[stage].text == "no change"


def test_tone_names_the_band_that_does_most(noise: StoredAudio) -> None:
    bands = (Band(frequency_hz=300.0, gain_db=2.0), Band(frequency_hz=2000.0, gain_db=-5.0))
    tone = effects(noise, ChainParameters(bands=bands))["tone"]
    assert value(tone, "largest band (2000 Hz)") == -5.0
    assert value(tone, "bands") == 2.0
    assert 0.5 < value(tone, "curve RMS") < 3.0


def test_width_is_the_change_of_side_over_mid(noise: StoredAudio) -> None:
    found = effects(noise, ChainParameters(imager=Imager(width=0.5)))
    assert value(found["width"], "side over mid") == pytest.approx(-6.02, abs=0.01)


def test_a_steady_tone_is_turned_down_by_what_the_ratio_says(tmp_path: Path) -> None:
    square = 0.5 * (-1.0) ** (np.arange(FRAMES) // 50)
    source = stored(tmp_path, square[None])
    # Level -6.02 dB, 13.98 dB over the threshold: 2:1 takes half of it off.
    chain = ChainParameters(compressor=Compressor(-20.0, 2.0, 1.0, 50.0, knee_db=0.0))
    found = effects(source, chain)["dynamics"]
    assert value(found, "most off") == pytest.approx(6.99, abs=0.1)
    assert value(found, "mean gain") == pytest.approx(-6.99, abs=0.2)
    assert value(found, "most on") == 0.0


def test_expansion_is_told_as_gain(noise: StoredAudio) -> None:
    chain = ChainParameters(compressor=Compressor(-30.0, 0.7))
    found = effects(noise, chain)["dynamics"]
    assert value(found, "most on") > 1.0 and value(found, "mean gain") > 0.5


def test_saturation_tells_how_much_is_not_the_signal(noise: StoredAudio) -> None:
    soft = effects(noise, ChainParameters(saturator=Saturator(drive_db=6.0)))["saturation"]
    hard = effects(noise, ChainParameters(saturator=Saturator(drive_db=18.0)))["saturation"]
    assert value(soft, "distortion") < value(hard, "distortion") < 0.0
    share = 100.0 * 10.0 ** (value(hard, "distortion") / 20.0)
    assert value(hard, "share") == pytest.approx(share)


class Tenth:
    """A residual that adds a tenth of the signal."""

    latency_frames = 0

    def process(self, block: np.ndarray) -> np.ndarray:
        return 1.1 * block

    def reset(self) -> None:
        return None


def test_the_residual_is_told_as_a_level_against_the_signal(noise: StoredAudio) -> None:
    chain = ChainParameters(residual=Residual(model="0123", amount=1.0))
    found = effects(noise, chain, residual=Tenth())["residual"]
    assert value(found, "level below the signal") == pytest.approx(-20.0, abs=0.01)


def test_limiter_and_loudness_are_of_the_whole(noise: StoredAudio) -> None:
    def loudness(lufs: float, range_lu: float) -> Loudness:
        return Loudness(lufs, range_lu, lufs, lufs, -1.0, -1.0)

    chain = ChainParameters(limiter=Limiter(gain_db=4.0), compressor=Compressor(-30.0, 2.0))
    found = effects_of(noise, chain, loudness(-18.0, 9.0), loudness(-14.0, 7.5), 3.0)
    by_stage = {effect.stage: effect for effect in found}
    assert value(by_stage["limiter"], "most off") == 3.0
    assert value(by_stage["loudness"], "change") == 4.0
    assert value(by_stage["dynamics"], "loudness range") == -1.5
    assert "loudness range -1.5 LU" in by_stage["dynamics"].text


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("frames", [1, 100, 30000])
def test_blinks_and_silence_have_no_measures_but_no_failure(
    tmp_path: Path, channels: int, frames: int
) -> None:
    chain = ChainParameters(
        compressor=Compressor(-20.0, 2.0), saturator=Saturator(6.0), imager=Imager(0.5)
    )
    found = effects(stored(tmp_path, np.zeros((channels, frames))), chain)
    assert not any(found[stage].active for stage in ("dynamics", "saturation", "width"))


def test_excerpts_stand_for_the_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    clip = Clip(0.1 * rng.standard_normal((2, 60 * RATE)).astype(np.float32), RATE)
    source = stored(tmp_path, clip.samples)
    found = effects(source, ChainParameters(imager=Imager(width=2.0)))
    assert value(found["width"], "side over mid") == pytest.approx(6.02, abs=0.01)

"""Targets: presets that can be trusted, references that know how much they can be."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.audio.clip import Clip
from engine.mastering.analysis import Analysis, analyse, band_centres_hz
from engine.mastering.targets import (
    Target,
    from_preset,
    from_references,
    presets,
    same_recording,
    width_db,
    with_delivery,
)
from engine.tasks import Failure

torch.set_num_threads(1)

RATE = 22050


def song(seed: int, seconds: float = 12.0, side: float = 0.3) -> Clip:
    """Dull noise in phrases of different loudness."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    noise = rng.standard_normal((2, frames))
    noise[:, 1:] += 0.9 * noise[:, :-1]
    phrases = np.repeat(10.0 ** (rng.uniform(-12.0, 0.0, 24) / 20.0), frames // 24 + 1)[:frames]
    middle, other = noise[0] * phrases, noise[1] * phrases * side
    stereo = np.stack([middle + other, middle - other])
    return Clip((0.3 * stereo / np.abs(stereo).max()).astype(np.float32), RATE)


@pytest.fixture(scope="module")
def first() -> Analysis:
    return analyse(song(1))


def test_every_preset_says_where_its_numbers_come_from() -> None:
    for info in presets():
        target = from_preset(info.name)
        assert info.title and info.description
        assert any(year in info.source for year in ("1977", "1994", "2013"))
        assert len(target.balance_db) == band_centres_hz().size
        assert -24.0 <= target.lufs <= -6.0
        assert target.max_curve_db <= 6.0


def test_the_average_record_falls_five_decibels_per_octave() -> None:
    octaves = np.log2(band_centres_hz())
    middle = (band_centres_hz() >= 125.0) & (band_centres_hz() <= 4000.0)
    balance_db = np.array(from_preset("balanced").balance_db)
    slope = np.polyfit(octaves[middle], balance_db[middle], 1)[0]
    assert slope == pytest.approx(-5.0, abs=0.3)


def test_warm_is_warmer_and_bright_is_brighter_than_balanced() -> None:
    tilt = {}
    for name in ("warm", "balanced", "bright"):
        balance_db = np.array(from_preset(name).balance_db)
        hz = band_centres_hz()
        tilt[name] = balance_db[hz > 5000.0].mean() - balance_db[hz < 200.0].mean()
    assert tilt["warm"] < tilt["balanced"] - 2.0 < tilt["bright"] - 4.0


def test_an_unknown_preset_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(Failure, match="balanced"):
        from_preset("no such thing")


def test_a_target_survives_being_saved(first: Analysis) -> None:
    for target in (from_preset("podcast"), from_references(first, [analyse(song(2))])):
        assert Target.from_json(target.to_json()) == target


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x"}', "null", "1"])
def test_a_file_that_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        Target.from_json(text)


def test_a_processed_copy_is_recognised_and_trusted_more(first: Analysis) -> None:
    original = song(1)
    copy = analyse(Clip(np.tanh(2.0 * original.samples), RATE))
    assert same_recording(first, copy)
    assert not same_recording(first, analyse(song(2)))
    own, other = (from_references(first, [each]) for each in (copy, analyse(song(2))))
    assert max(own.detail_tolerance_db) < 0.6 * min(other.detail_tolerance_db)


def test_several_references_are_weighted(first: Analysis) -> None:
    second, third = analyse(song(2)), analyse(song(3, side=0.9))
    both = from_references(first, [second, third], weights=[1.0, 0.0])
    assert both.balance_db == from_references(first, [second]).balance_db


def test_silent_references_are_refused(first: Analysis) -> None:
    silence = analyse(Clip(np.zeros((2, RATE)), RATE))
    with pytest.raises(Failure, match="silent"):
        from_references(first, [silence])


def test_width_of_a_known_mix_is_measured() -> None:
    measured = width_db(analyse(song(4, side=0.5)))
    hz = band_centres_hz()
    assert np.median(measured[(hz > 100.0) & (hz < 8000.0)]) == pytest.approx(-6.0, abs=1.0)


def test_delivery_can_be_chosen_and_otherwise_stays() -> None:
    target = from_preset("loud_modern")
    assert with_delivery(target, None, None) == target
    chosen = with_delivery(target, -16.0, -2.0)
    assert (chosen.lufs, chosen.ceiling_dbtp) == (-16.0, -2.0)

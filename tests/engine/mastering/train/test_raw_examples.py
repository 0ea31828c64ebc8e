"""Examples as audio: what was done to it is what the truth asks to undo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import sosfilt

from engine.audio.clip import Clip
from engine.mastering.biquad import response_db, sections
from engine.mastering.data.degradation import Kind, Tier, draw, error_grid_hz
from engine.mastering.models.features import BANDS, NORMAL_LUFS, SUBFRAMES, centres_hz, extract
from engine.mastering.train.examples import Batch, ExampleSettings, Wish
from engine.mastering.train.pool import RATE
from engine.mastering.train.raw_examples import (
    FILTER_FRAMES,
    draw_raw_batch,
    filtered,
    minimum_phase,
)
from engine.mastering.train.tones import Tone

AUDIO_FRAMES = RATE // 2
PLAIN = ExampleSettings(frames=20, colour_db=0.0, colour_reference_db=0.0)
HERTZ = np.arange(FILTER_FRAMES // 2 + 1) * (RATE / FILTER_FRAMES)


def drawn(pool, bank, settings=PLAIN, count=8, seed=0, wish=None) -> Batch:
    rng = np.random.default_rng(seed)
    return draw_raw_batch(pool, bank, settings, count, AUDIO_FRAMES, rng, wish)


def powers_db(audio: np.ndarray) -> np.ndarray:
    return extract(Clip(audio, RATE)).mel_db[0].mean(axis=1)


def test_shapes_are_those_of_the_other_examples(pool, bank) -> None:
    batch, points = drawn(pool, bank), len(error_grid_hz())
    for part in (batch.heard, batch.reference):
        assert part.audio.shape == (8, 1, 2, AUDIO_FRAMES)
        assert part.windows is None
        assert part.level.shape == part.present.shape == (8,)
    assert batch.truth.curve_db.shape == batch.truth.weights.shape == (8, points)
    assert batch.truth.contour.shape == batch.truth.clean_contour.shape == (8, 20)
    assert batch.truth.envelope.shape == (8, 20 * SUBFRAMES)
    assert batch.truth.compressor.shape == (8, 4)


def test_the_same_seed_gives_the_same_batch_and_another_one_another(pool, bank) -> None:
    one, same, other = (drawn(pool, bank, seed=seed).heard.audio for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_recording_has_its_level_and_a_reference_the_normal_one(pool, bank) -> None:
    batch = drawn(pool, bank, wish=Wish(reference=True))
    for part in (batch.heard, batch.reference):
        for audio, level in zip(part.audio[:, 0].numpy(), part.level.tolist(), strict=True):
            lufs = extract(Clip(audio, RATE)).lufs
            assert lufs == pytest.approx(NORMAL_LUFS + level, abs=0.1)
    assert batch.heard.level.std() > 1.0


def test_a_missing_reference_is_silent_and_said_to_be_missing(pool, bank) -> None:
    reference = drawn(pool, bank, wish=Wish(reference=False)).reference
    assert not reference.audio.any()
    assert not reference.present.any()


def test_the_equalizer_on_the_audio_is_the_one_to_take_away(pool, bank) -> None:
    """Recording less reference, the song's other half: minus the correction, but for the song."""
    for seed in range(4):
        wish = Wish(Tier.STRONG, Kind.EQ, True, False)
        batch = drawn(pool, bank, count=1, seed=seed, wish=wish)
        heard, reference = (part.audio[0, 0].numpy() for part in (batch.heard, batch.reference))
        added = powers_db(heard) - powers_db(reference)
        asked = np.interp(centres_hz(), error_grid_hz(), batch.truth.curve_db[0].numpy())
        inside = (centres_hz() > 100.0) & (centres_hz() < 12000.0)
        left = (added + asked)[inside]
        assert np.std(left) < 0.5 * np.std(asked[inside])


def test_what_compressed_is_known_and_what_did_not_is_a_ratio_of_one(pool, bank) -> None:
    truth = drawn(pool, bank, count=24, wish=Wish(spoilt=True)).truth
    pressed = ~torch.isnan(truth.compressor[:, 0])
    assert 0 < pressed.sum() < 24
    assert (truth.compressor[pressed, 1] < 0.0).all()  # it was compressed, so it is to be expanded
    changed = (truth.contour - truth.clean_contour).abs().amax(1)
    assert (changed[pressed] > 0.0).all()
    clean = drawn(pool, bank, wish=Wish(spoilt=False)).truth
    assert torch.equal(clean.contour, clean.clean_contour)
    assert not clean.compressor[:, 1].any()
    assert not clean.side_db.nan_to_num().any()


def test_a_song_without_an_excerpt_is_never_drawn(pool, bank) -> None:
    silent = replace(pool[0], excerpt=np.zeros((2, 0), np.int16))
    batch = drawn((silent, pool[1]), bank, count=12)
    assert torch.isfinite(batch.heard.audio).all()
    assert (batch.heard.audio.abs().amax((1, 2, 3)) > 1e-3).all()


def test_a_filter_of_minimum_phase_is_the_cascade_of_bells() -> None:
    """Bells are of minimum phase, so gain alone gives their very impulse response."""
    bands = draw(np.random.default_rng(3), Kind.EQ, Tier.MILD).bands
    impulse = minimum_phase(response_db(bands, HERTZ, RATE))
    click = np.zeros(FILTER_FRAMES)
    click[0] = 1.0
    exact = sosfilt(sections(bands, RATE), click)
    assert np.abs(impulse - exact).max() < 1e-3 * np.abs(exact).max()


def test_a_flat_tone_leaves_the_samples_alone(bank) -> None:
    samples = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    assert np.array_equal(filtered(samples, bank.nothing, np.zeros(BANDS)), samples)


def test_a_gain_everywhere_is_a_gain() -> None:
    samples = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    tone = Tone(np.full(BANDS, 6.0), np.full(len(error_grid_hz()), 6.0))
    louder = filtered(samples, tone, np.full(BANDS, -2.0))
    assert louder == pytest.approx(samples * 10.0 ** (4.0 / 20.0), rel=1e-5, abs=1e-6)

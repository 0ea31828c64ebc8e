"""What a stage changes, heard alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.mastering.chain import Chain
from engine.mastering.difference import CHOICES
from engine.mastering.parameters import (
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Multiband,
    Saturator,
)
from engine.mastering.preview import create

RATE = 48000
BUSY = ChainParameters(
    compressor=Compressor(-25.0, 3.0, lookahead_ms=2.0),
    multiband=Multiband(low=Compressor(-40.0, 2.0), high=Compressor(-40.0, 0.7)),
    saturator=Saturator(6.0),
    imager=Imager(1.2, 100.0),
    limiter=Limiter(9.0),
).with_band(4, gain_db=4.0)
BYPASSED = {
    "equalizer": BUSY.with_band(4, enabled=False),
    **{
        name: replace(BUSY, **{name: replace(getattr(BUSY, name), enabled=False)})
        for name in ("compressor", "multiband", "saturator", "imager", "limiter")
    },
    "all": ChainParameters(limiter=Limiter(9.0)),
}
assert tuple(BYPASSED) == CHOICES
every_choice = pytest.mark.parametrize("choice", CHOICES)


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return (0.2 * np.random.default_rng(seed).standard_normal((frames, 2))).astype(np.float32)


def insert_with(parameters: ChainParameters, **more: Any) -> Any:
    insert = create(RATE, 2)
    insert.configure(json.dumps({**parameters.to_dict(), **more}).encode())
    insert.reset()
    return insert


@every_choice
def test_the_difference_of_a_bypassed_stage_is_digital_silence(choice: str) -> None:
    insert = insert_with(BYPASSED[choice], listen={"stage": choice})
    assert not insert.process(noise(20000)).any()


@every_choice
def test_the_difference_is_what_the_stage_adds_in_time_with_the_output(choice: str) -> None:
    """Of a chain in which only this stage works: its output less the delayed input."""
    drive = replace(BYPASSED["limiter"].limiter, gain_db=0.0)
    names = CHOICES[:-2] if choice == "all" else (choice,)
    alone = ChainParameters(limiter=drive)
    for name in names:
        field = "bands" if name == "equalizer" else name
        alone = replace(alone, **{field: getattr(BUSY, field)})
    if choice == "limiter":
        alone = replace(alone, limiter=Limiter(0.0, -20.0))
    audio = noise(20000)
    chain = Chain(RATE, 2, alone)
    late = np.pad(audio.astype(np.float64), ((chain.latency_frames, 0), (0, 0)))[:20000]
    expected = chain.process(audio.T).T - late
    heard = insert_with(alone, listen={"stage": choice}).process(audio)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(heard, expected, atol=1e-7)


def test_the_differences_of_stages_that_only_add_up_to_the_whole() -> None:
    """Without gains between them: equalizer to imager telescope to "all"."""
    audio = noise(9000)
    parts = [
        insert_with(BUSY, listen={"stage": stage}).process(audio).astype(np.float64)
        for stage in CHOICES
    ]
    np.testing.assert_allclose(sum(parts[:5]), parts[6], atol=1e-6)


@every_choice
def test_the_cut_into_blocks_changes_no_bit(choice: str) -> None:
    audio, results = noise(6000), []
    for size in (6000, 1, 500):
        insert = insert_with(BUSY)
        out = [insert.process(audio[:1000])]
        insert.configure(json.dumps({**BUSY.to_dict(), "listen": {"stage": choice}}).encode())
        stop = 2000 if size == 1 else 6000
        out += [insert.process(audio[at : at + size]) for at in range(1000, stop, size)]
        results.append(np.concatenate(out))
    assert np.array_equal(results[0][:2000], results[1])
    assert np.array_equal(results[0], results[2][:6000])


def test_choosing_and_leaving_is_gradual_and_ends_in_the_whole_sound() -> None:
    sine = 0.1 * np.sin(2.0 * np.pi * 200.0 / RATE * np.arange(RATE))
    audio = np.stack([sine, sine], axis=1).astype(np.float32)
    insert, plain, out = insert_with(BUSY), insert_with(BUSY), []
    expected = plain.process(audio)
    for index, start in enumerate(range(0, RATE, 6000)):
        listen = {"stage": CHOICES[index % len(CHOICES)]} if index % 2 else None
        insert.configure(json.dumps({**BUSY.to_dict(), "listen": listen}).encode())
        out.append(insert.process(audio[start : start + 6000]))
    heard = np.concatenate(out)
    slope = np.abs(np.diff(expected, axis=0)).max()
    assert np.abs(np.diff(heard, axis=0)).max() < 2.0 * slope
    assert np.array_equal(heard[12000 + 960 : 18000], expected[12000 + 960 : 18000])


def test_solo_works_on_the_difference() -> None:
    audio = noise(24000)
    whole = insert_with(BUSY, listen={"stage": "all"}).process(audio)
    solo = insert_with(BUSY, listen={"stage": "all"}, solo=0).process(audio)
    assert 0.0 < np.abs(solo).max() < np.abs(whole).max()
    silent = insert_with(BYPASSED["imager"], listen={"stage": "imager"}, solo=0)
    assert not silent.process(audio).any()

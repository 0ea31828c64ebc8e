"""A mixer without a device: blocks are rendered by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.audio.layout import SLOTS, Block
from app.audio.mixer import Mixer
from app.audio.sources import Source
from app.audio.voice import Insert, Voice

Signal = NDArray[np.float32]


@dataclass
class Deck:
    """A mixer, its control block and what it is told."""

    folder: Path
    block: Block
    rate: int = 48000
    mixer: Mixer = field(init=False)
    sources: list[Source] = field(default_factory=list)
    voices: list[Voice | None] = field(default_factory=lambda: [None] * SLOTS)

    def __post_init__(self) -> None:
        self.block.control["rate"][0] = self.rate
        self.mixer = Mixer(self.block, self.rate, self.rate)

    def source(self, signal: Signal, growing: bool = False, available: int | None = None) -> Source:
        path = self.folder / f"{len(list(self.folder.iterdir()))}.f32"
        signal.astype(np.float32).tofile(path)
        source = Source(path, signal.shape[1], growing)
        source.extend(len(signal) if available is None else available)
        self.sources.append(source)
        return source

    def load(self, *signals: Signal, insert: Insert | None = None) -> None:
        """Fill the slots; an insert goes into the last one."""
        for slot, signal in enumerate(signals):
            self.voices[slot] = Voice(self.source(signal))
        if insert:
            voice = self.voices[len(signals) - 1]
            assert voice
            voice.insert = insert
        self.mixer.set_voices(self.voices, max(len(signal) for signal in signals))

    def play(self, playing: bool = True) -> None:
        self.block.control["playing"][0] = playing
        self.block.control["play_sequence"][0] += 1

    def seek(self, frame: int) -> None:
        self.block.control["seek_frame"][0] = frame
        self.block.control["seek_sequence"][0] += 1

    def select(self, slot: int) -> None:
        self.block.control["slot"][0] = slot

    def set_speed(self, speed: float) -> None:
        self.block.control["speed"][0] = speed

    def render(self, frames: int, block_frames: int = 256, channels: int = 2) -> Signal:
        """Ask for that many frames in blocks; ``[frames, channels]``."""
        out = np.full((frames, channels), np.nan, np.float32)
        for start in range(0, frames, block_frames):
            self.mixer.render(out[start : start + block_frames])
        return out

    @property
    def position(self) -> float:
        return self.block.read_clock()[0]

    @property
    def ended(self) -> bool:
        state, control = self.block.state, self.block.control
        return bool(state["ended_sequence"][0] == control["play_sequence"][0])


@pytest.fixture
def block() -> Iterator[Block]:
    block = Block.create()
    yield block
    block.remove()


@pytest.fixture
def deck(tmp_path: Path, block: Block) -> Iterator[Deck]:
    deck = Deck(tmp_path, block)
    yield deck
    for source in deck.sources:
        source.close()


@pytest.fixture
def noise() -> Callable[..., Signal]:
    """Stereo noise that differs from seed to seed."""

    def make(frames: int, seed: int = 0, channels: int = 2) -> Signal:
        rng = np.random.default_rng(seed)
        return rng.uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)

    return make

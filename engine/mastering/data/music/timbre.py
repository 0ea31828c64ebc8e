"""Timbres of sustained sounds: wavetables whose rows get brighter, and how a player moves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.mastering.data.music.kernels import CONTROL_FRAMES, Sound, add_noise, add_tone
from engine.mastering.data.music.note import Note, frequency_hz

TABLE_FRAMES = 2048
ROWS = 5

Numbers = NDArray[np.float64]
# (harmonic numbers, frequencies in Hz, brightness 0..1) -> amplitudes
Spectrum = Callable[[Numbers, Numbers, float], Numbers]


@dataclass(frozen=True, slots=True)
class Body:
    """A fixed resonance curve of bumps on a logarithmic frequency axis."""

    centres_hz: tuple[float, ...] = ()
    gains_db: tuple[float, ...] = ()
    widths_octaves: tuple[float, ...] = ()

    def gain(self, hz: Numbers) -> Numbers:
        """Linear gain at frequencies in Hz."""
        octaves = np.log2(np.maximum(hz, 10.0))
        total_db = np.zeros_like(octaves)
        for centre, gain, width in zip(
            self.centres_hz, self.gains_db, self.widths_octaves, strict=True
        ):
            total_db += gain * np.exp(-0.5 * ((octaves - np.log2(centre)) / width) ** 2)
        return np.asarray(10.0 ** (total_db / 20.0))


def random_body(rng: np.random.Generator, strength_db: float, count: int = 7) -> Body:
    """Bumps and dips anywhere between 80 Hz and 9 kHz."""
    return Body(
        tuple(float(v) for v in 80.0 * 2.0 ** rng.uniform(0.0, 6.8, count)),
        tuple(float(v) for v in rng.normal(0.0, strength_db, count)),
        tuple(float(v) for v in rng.uniform(0.12, 0.6, count)),
    )


@dataclass(frozen=True, slots=True)
class Timbre:
    """A sustained sound.

    ``detune_cents`` spreads ``voices`` players per note, over ``width`` of the stereo image.
    ``brightness_by_velocity`` and ``brightness_decay_s`` say how the spectrum follows the playing;
    ``noise`` is bow or breath noise relative to the tone.
    """

    spectrum: Spectrum
    attack_s: float = 0.01
    decay_s: float = 0.3
    sustain: float = 0.8
    release_s: float = 0.1
    brightness: float = 0.5
    brightness_by_velocity: float = 0.3
    brightness_attack: float = 0.0
    brightness_decay_s: float = 1e9
    brightness_wander: float = 0.05
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.0
    vibrato_delay_s: float = 0.3
    jitter_cents: float = 2.0
    tremolo: float = 0.0
    shimmer: float = 0.08
    glide_s: float = 0.0
    voices: int = 1
    detune_cents: float = 0.0
    width: float = 0.0
    noise: float = 0.0
    noise_hz: tuple[float, float] = (1500.0, 6000.0)
    random_phase: bool = True
    body: Body = field(default_factory=Body)


def tables(timbre: Timbre, hz: float, rate: int, seed: int) -> Sound:
    """Rows of one period each, dark to bright, of the harmonics below 0.46 of the rate."""
    count = max(min(int(0.46 * rate / hz), TABLE_FRAMES // 2 - 1), 1)
    numbers = np.arange(1, count + 1, dtype=np.float64)
    frequencies = numbers * hz
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0.0, 2 * np.pi, count) if timbre.random_phase else np.zeros(count)
    rows = np.zeros((ROWS, TABLE_FRAMES + 1), dtype=np.float32)
    body = timbre.body.gain(frequencies)
    for row in range(ROWS):
        spectrum = np.zeros(TABLE_FRAMES // 2 + 1, dtype=np.complex128)
        amplitudes = timbre.spectrum(numbers, frequencies, row / (ROWS - 1)) * body
        spectrum[1 : count + 1] = -1j * amplitudes * np.exp(1j * phases)
        period = np.fft.irfft(spectrum) * TABLE_FRAMES / 2
        rows[row, :-1] = period
    rows /= np.sqrt(np.mean(rows[ROWS // 2] ** 2)) + 1e-9
    rows[:, -1] = rows[:, 0]
    return rows


def _wander(rng: np.random.Generator, count: int, every: int) -> Numbers:
    """Smooth random curve of unit deviation that turns about every ``every`` values."""
    points = rng.standard_normal(count // every + 3)
    return np.asarray(np.interp(np.arange(count) / every, np.arange(len(points)), points))


def noise_loop(rng: np.random.Generator, rate: int, low_hz: float, high_hz: float) -> Sound:
    """1.5 s of noise between two corners (12 dB per octave), unit power, that loops unheard."""
    frames = int(1.5 * rate)
    hz = np.fft.rfftfreq(frames, 1.0 / rate)
    shape = 1.0 / (1.0 + (low_hz / np.maximum(hz, 1.0)) ** 2) / (1.0 + (hz / high_hz) ** 2)
    loop = np.fft.irfft(shape * np.exp(1j * rng.uniform(0.0, 2 * np.pi, len(hz))), frames)
    return np.asarray(loop / (np.std(loop) + 1e-12), dtype=np.float32)


def render_tones(
    timbre: Timbre, notes: list[Note], channels: int, frames: int, rate: int, seed: int
) -> Sound:
    """Play notes on a timbre into a new track ``[channels, frames]``."""
    out = np.zeros((channels, frames), dtype=np.float32)
    rng = np.random.default_rng(seed)
    step_s = CONTROL_FRAMES / rate
    known: dict[int, Sound] = {}
    loop = noise_loop(rng, rate, *timbre.noise_hz) if timbre.noise > 0.0 else None
    before = 0.0
    for note in notes:
        key = round(note.pitch)
        if key not in known:
            known[key] = tables(timbre, frequency_hz(key), rate, seed + key)
        count = int((note.duration_s + timbre.release_s) / step_s) + 2
        t = np.arange(count, dtype=np.float64) * step_s
        shape = _envelope(timbre, t, note.duration_s)
        if timbre.tremolo > 0.0:
            angle = 2 * np.pi * timbre.vibrato_hz * (t + note.start_s)
            shape = shape * (1.0 + timbre.tremolo * np.sin(angle))
        bright = timbre.brightness + timbre.brightness_by_velocity * (note.velocity - 0.6)
        swell = timbre.brightness_attack * np.exp(-t / timbre.brightness_decay_s)
        row = bright + swell + timbre.brightness_wander * _wander(rng, count, 200)
        row = np.clip(row * (0.6 + 0.4 * shape), 0.0, 0.999) * (ROWS - 1)
        onset = np.clip((t - timbre.vibrato_delay_s) / 0.4, 0.0, 1.0)
        shape *= np.maximum(1.0 + timbre.shimmer * _wander(rng, count, 45), 0.0)
        shape[-1] = 0.0
        level = 0.3 + 0.7 * note.velocity
        for voice in range(timbre.voices):
            spread = (voice - (timbre.voices - 1) / 2.0) / max(timbre.voices - 1, 1)
            cents = timbre.detune_cents * 2.0 * spread + timbre.jitter_cents * rng.standard_normal()
            angle = 2 * np.pi * (timbre.vibrato_hz * (1 + 0.06 * spread) * t + rng.random())
            curve = timbre.vibrato_cents * onset * np.sin(angle)
            curve += timbre.jitter_cents * _wander(rng, count, 90)
            if timbre.glide_s > 0.0 and before > 0.0:
                curve += 100.0 * (before - note.pitch) * np.exp(-t / timbre.glide_s)
            pitch = 2.0 ** ((cents + curve + 100.0 * (note.pitch - key)) / 1200.0)
            angle_pan = (1.0 + 2.0 * spread * timbre.width) * np.pi / 4.0
            late = int(rng.uniform(0.0, 0.02) * rate) if timbre.voices > 2 else 0
            add_tone(
                out,
                int(note.start_s * rate) + late,
                known[key],
                frequency_hz(key) / rate,
                np.asarray(shape * level, dtype=np.float32),
                np.asarray(row, dtype=np.float32),
                np.asarray(pitch, dtype=np.float32),
                float(rng.random()),
                float(np.cos(angle_pan)),
                float(np.sin(angle_pan)),
            )
        if loop is not None:
            gains = np.asarray(shape * level * timbre.noise, dtype=np.float32)
            offset = int(rng.integers(len(loop)))
            add_noise(out, int(note.start_s * rate), loop, offset, gains, 0.7, 0.7)
        before = note.pitch
    return out


def _envelope(timbre: Timbre, t: Numbers, duration_s: float) -> Numbers:
    """Attack, decay to the sustain level, release; ends at exactly 0."""
    rise = np.clip(t / timbre.attack_s, 0.0, 1.0)
    rise = rise * rise * (3.0 - 2.0 * rise)
    fall = timbre.sustain + (1.0 - timbre.sustain) * np.exp(
        -np.maximum(t - timbre.attack_s, 0.0) / timbre.decay_s
    )
    rest = np.clip(1.0 - (t - duration_s) / timbre.release_s, 0.0, 1.0)
    shape = rise * fall * rest * rest
    shape[-1] = 0.0
    return np.asarray(shape)

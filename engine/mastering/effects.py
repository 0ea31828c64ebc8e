"""Effects: what each stage of a chain did to a recording, in numbers measured on the audio.

The tone comes from the equalizer's response. What depends on the audio is measured on excerpts
spread over the recording, rendered up to one stage and up to the next: the difference is what
the stage did. Loudness and the limiter's reduction are of the whole recording.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.audio.loudness import Loudness
from engine.audio.store import StoredAudio
from engine.mastering.biquad import response_db
from engine.mastering.chain import ResidualProcessor, render
from engine.mastering.parameters import ChainParameters, Limiter
from engine.tasks import Context

EXCERPTS = 5
EXCERPT_S = 2.4
STEP_S = 0.01
CURVE_POINTS = 240
# Steps further than this under the loudest are pauses: what a compressor does there is not heard.
HEARD_DB = 40.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """One number with its name and unit."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class StageEffect:
    """What one stage did.

    Parameters
    ----------
    stage
        ``tone``, ``residual``, ``dynamics``, ``saturation``, ``width``, ``limiter`` or
        ``loudness``.
    active
        Whether it changed the sound at all; without it there are no measures.
    measures
        The most telling number first.
    """

    stage: str
    active: bool
    measures: tuple[Measure, ...] = ()

    @property
    def text(self) -> str:
        """The measures in a line, as ``side -0.8 dB``."""
        if not self.active:
            return "no change"
        return ", ".join(f"{item.name} {_number(item)}" for item in self.measures)


def effects_of(
    source: StoredAudio,
    applied: ChainParameters,
    before: Loudness,
    after: Loudness,
    reduction_db: float,
    residual: ResidualProcessor | None = None,
    context: Context | None = None,
) -> tuple[StageEffect, ...]:
    """Measure a chain on the recording it was made for.

    Parameters
    ----------
    source, applied
        The recording, and the chain as it was rendered.
    before, after
        Loudness of the recording and of the rendering.
    reduction_db
        The most the limiter took off a peak.
    residual
        The network's stage where the chain has one.
    """
    context = context or Context()
    bands = tuple(band for band in applied.bands if band.active)
    so_far = ChainParameters(bands=bands, limiter=Limiter(enabled=False))
    excerpts = _excerpts(source)

    def heard_after(parameters: ChainParameters) -> Floats:
        context.checkpoint()
        return _joined([render(clip, parameters, residual) for clip in excerpts])

    present = heard_after(so_far) if bands else _joined(excerpts)
    stages = (
        ("residual", applied.residual.active, {"residual": applied.residual}, _added),
        (
            "dynamics",
            applied.compressor.active or applied.multiband.active,
            {"compressor": applied.compressor, "multiband": applied.multiband},
            _gain_moves,
        ),
        ("saturation", applied.saturator.active, {"saturator": applied.saturator}, _distortion),
        ("width", applied.imager.active, {"imager": applied.imager}, _width_change),
    )
    effects = [_tone(applied, source.rate)]
    for name, active, changes, measure in stages:
        if not active:
            effects.append(StageEffect(name, False))
            continue
        so_far = replace(so_far, **changes)
        following = heard_after(so_far)
        measures = measure(present, following, source.rate)
        change_lu = after.range_lu - before.range_lu
        if name == "dynamics" and measures and math.isfinite(change_lu):
            measures = (*measures, Measure("loudness range", change_lu, "LU"))
        effects.append(StageEffect(name, bool(measures), measures))
        present = following
    return (*effects, _limiter(applied.limiter, reduction_db), _loudness(before, after))


def _tone(applied: ChainParameters, rate: int) -> StageEffect:
    """RMS and extreme of the curve over log frequency, and the band that does most."""
    active = [band for band in applied.bands if band.active]
    if not active:
        return StageEffect("tone", False)
    curve_db = response_db(
        applied.bands, np.geomspace(20.0, min(20000.0, 0.49 * rate), CURVE_POINTS), rate
    )
    shape_db = curve_db - curve_db.mean()
    largest = max(active, key=lambda band: abs(band.effective_gain_db))
    return StageEffect(
        "tone",
        True,
        (
            Measure("curve RMS", float(np.sqrt(np.mean(shape_db**2))), "dB"),
            Measure(
                f"largest band ({largest.frequency_hz:.0f} Hz)", largest.effective_gain_db, "dB"
            ),
            Measure("bands", float(len(active)), ""),
        ),
    )


def _limiter(limiter: Limiter, reduction_db: float) -> StageEffect:
    measures = (
        Measure("input gain", limiter.gain_db, "dB"),
        Measure("most off", reduction_db, "dB"),
    )
    return StageEffect("limiter", limiter.gain_db != 0.0 or reduction_db > 0.0, measures)


def _loudness(before: Loudness, after: Loudness) -> StageEffect:
    levels = (before.integrated_lufs, after.integrated_lufs)
    if not all(math.isfinite(level) for level in levels):
        return StageEffect("loudness", False)
    measures = (
        Measure("change", levels[1] - levels[0], "LU"),
        Measure("before", levels[0], "LUFS"),
        Measure("after", levels[1], "LUFS"),
    )
    return StageEffect("loudness", True, measures)


def _added(before: Floats, after: Floats, rate: int) -> tuple[Measure, ...]:
    """Level of what was added, against the signal it was added to."""
    level_db = _ratio_db(np.mean((after - before) ** 2), np.mean(before**2))
    return (Measure("level below the signal", level_db, "dB"),) if math.isfinite(level_db) else ()


def _gain_moves(before: Floats, after: Floats, rate: int) -> tuple[Measure, ...]:
    """Mean and extremes of the gain in steps of 10 ms, where something is heard."""
    step = max(1, round(STEP_S * rate))
    levels = [_step_power(audio, step) for audio in (before, after)]
    heard = levels[0] > levels[0].max(initial=0.0) * 10.0 ** (-HEARD_DB / 10.0)
    if not heard.any():
        return ()
    power = levels[0][heard], np.maximum(levels[1][heard], 1e-30)
    gain_db = 10.0 * np.log10(power[1] / power[0])
    return (
        Measure("mean gain", float(gain_db.mean()), "dB"),
        Measure("most off", float(max(-gain_db.min(), 0.0)), "dB"),
        Measure("most on", float(max(gain_db.max(), 0.0)), "dB"),
    )


def _distortion(before: Floats, after: Floats, rate: int) -> tuple[Measure, ...]:
    """Power of what is no scaled copy of the input, against the output."""
    energy = float(np.sum(before**2))
    if energy == 0.0:
        return ()
    scale = float(np.sum(before * after)) / energy
    share = float(np.mean((after - scale * before) ** 2))
    total = float(np.mean(after**2))
    if share <= 0.0 or total <= 0.0:
        return ()
    level_db = _ratio_db(share, total)
    return (
        Measure("distortion", level_db, "dB"),
        Measure("share", 100.0 * 10.0 ** (level_db / 20.0), "%"),
    )


def _width_change(before: Floats, after: Floats, rate: int) -> tuple[Measure, ...]:
    """Change of the side's level over the mid's."""
    if len(before) != 2:
        return ()
    ratios = [
        _ratio_db(np.mean((each[0] - each[1]) ** 2), np.mean((each[0] + each[1]) ** 2))
        for each in (before, after)
    ]
    if not all(math.isfinite(ratio) for ratio in ratios):
        return ()
    return (Measure("side over mid", ratios[1] - ratios[0], "dB"),)


def _excerpts(source: StoredAudio) -> list[Clip]:
    """Passages spread evenly; the whole of what is short."""
    frames = min(round(EXCERPT_S * source.rate), source.frames)
    if source.frames <= EXCERPTS * frames:
        return [source.clip(0, source.frames)]
    starts = np.linspace(0, source.frames - frames, EXCERPTS + 2)[1:-1]
    return [source.clip(int(start), int(start) + frames) for start in starts]


def _joined(excerpts: list[Clip]) -> Floats:
    """All excerpts one after the other, ``[channels, frames]``."""
    return np.concatenate([clip.samples for clip in excerpts], axis=1).astype(np.float64)


def _step_power(audio: Floats, step: int) -> Floats:
    """Power of each whole step, ``[steps]``."""
    steps = audio.shape[1] // step
    power = (audio[:, : steps * step] ** 2).sum(axis=0)
    return np.asarray(power.reshape(steps, step).mean(axis=1))


def _ratio_db(part: Any, whole: Any) -> float:
    return 10.0 * math.log10(float(part / whole)) if part > 0.0 and whole > 0.0 else -math.inf


def _number(item: Measure) -> str:
    sign = "+" if item.unit in ("dB", "LU") else ""
    places = 0 if not item.unit else 1
    return f"{item.value:{sign}.{places}f} {item.unit}".rstrip()

"""More songs out of few: changes that leave a good song good.

Playing it a little faster or slower, upside down, with its sides swapped, louder or softer, with
a tilt nobody would object to, or with another song underneath.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.audio.clip import Clip
from engine.audio.resample import resample
from engine.mastering.data.curve import SmoothCurve

LONGEST_FILTER_S = 0.05
"""Read beyond what is needed, so that the converter's filter is filled at the end."""


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """How far augmentation goes, and how often it does what it does not always do.

    Parameters
    ----------
    semitones
        Largest change of speed, and of pitch with it, either way.
    gain_db
        Largest change of level, either way.
    tilt_db_per_octave
        Largest tilt, either way; 0.15 is 0.7 dB at the ends of the spectrum.
    polarity_probability, swap_probability
        How often the sign is turned and the sides are swapped.
    mix_probability, mix_gain_db
        How often another part is put under it, and at which levels.
    """

    semitones: float = 1.0
    gain_db: float = 6.0
    tilt_db_per_octave: float = 0.15
    polarity_probability: float = 0.5
    swap_probability: float = 0.5
    mix_probability: float = 0.0
    mix_gain_db: tuple[float, float] = (-18.0, -6.0)


USUAL_SETTINGS = AugmentSettings()


@dataclass(frozen=True, slots=True)
class Augmentation:
    """One change; the defaults change nothing.

    ``speed`` is how much faster the song is played. ``mix_gain_db`` is the level at which another
    part is added, None for none.
    """

    speed: float = 1.0
    inverted: bool = False
    swapped: bool = False
    gain_db: float = 0.0
    tilt_db_per_octave: float = 0.0
    mix_gain_db: float | None = None

    def source_s(self, duration_s: float) -> float:
        """How much of a song it takes to make ``duration_s`` of the changed one."""
        if self.speed == 1.0:
            return duration_s
        return duration_s * self.speed + LONGEST_FILTER_S

    def apply(self, clip: Clip, duration_s: float, partner: Clip | None = None) -> Clip:
        """Change a part of :meth:`source_s` seconds into one of ``duration_s`` seconds.

        Parameters
        ----------
        clip
            The part.
        duration_s
            Of the result, exactly ``round(duration_s * rate)`` frames.
        partner
            What is put under it, of the same rate and as long as ``clip``; needed where
            ``mix_gain_db`` is a number.
        """
        rate = clip.rate
        frames = round(duration_s * rate)
        samples = self._at_speed(clip).samples[:, :frames].astype(np.float64)
        if self.mix_gain_db is not None:
            if partner is None:
                raise ValueError("there is no partner to mix in")
            under = self._at_speed(partner).samples[:, : samples.shape[1]]
            if len(under) != len(samples):  # a mono song under a stereo one, or the reverse
                under = under.mean(axis=0, keepdims=True)
            level = math.pow(10.0, self.mix_gain_db / 20.0)
            samples[:, : under.shape[1]] += level * under
        if self.swapped:
            samples = samples[::-1]
        samples = samples * math.pow(10.0, self.gain_db / 20.0) * (-1.0 if self.inverted else 1.0)
        if self.tilt_db_per_octave:
            tilt = SmoothCurve(tilt_db_per_octave=self.tilt_db_per_octave)
            samples = tilt.apply(samples, rate)
        missing = frames - samples.shape[1]
        samples = np.pad(samples, ((0, 0), (0, max(missing, 0))))
        return Clip(samples.astype(clip.samples.dtype), rate)

    def _at_speed(self, clip: Clip) -> Clip:
        if self.speed == 1.0:
            return clip
        return resample(Clip(clip.samples, round(clip.rate * self.speed)), clip.rate)


def draw_augmentation(
    rng: np.random.Generator, settings: AugmentSettings = USUAL_SETTINGS
) -> Augmentation:
    """Draw a change at random; the same state of ``rng`` gives the same one."""
    semitones = rng.uniform(-settings.semitones, settings.semitones)
    inverted, swapped, mixed = rng.random(3)
    gain_db = rng.uniform(-settings.gain_db, settings.gain_db)
    tilt = rng.uniform(-settings.tilt_db_per_octave, settings.tilt_db_per_octave)
    mix_gain_db = float(rng.uniform(*settings.mix_gain_db))
    return Augmentation(
        speed=float(2.0 ** (semitones / 12.0)),
        inverted=bool(inverted < settings.polarity_probability),
        swapped=bool(swapped < settings.swap_probability),
        gain_db=float(gain_db),
        tilt_db_per_octave=float(tilt),
        mix_gain_db=mix_gain_db if mixed < settings.mix_probability else None,
    )

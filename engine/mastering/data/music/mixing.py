"""The mix: levels and equalizers by role, room, width and tone, all in the frequency domain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from engine.mastering.data.music.kernels import Sound, block_powers
from engine.mastering.data.music.timbre import Body, Numbers

Spectra = NDArray[np.complex64]

# Mean long-term spectrum of commercial recordings in third octaves: 5 dB per octave of density
# from 100 Hz to 4 kHz, steeper above, a hump at 60-100 Hz. After Pestana, Ma, Reiss, Barbosa and
# Black, "Spectral characteristics of popular commercial recordings 1950-2010", AES 135, 2013.
_COMMERCIAL = (
    (20.0, -22.0), (31.5, -11.0), (40.0, -5.5), (50.0, -1.5), (63.0, 0.5), (100.0, 0.0),
    (200.0, -2.5), (1000.0, -8.0), (4000.0, -12.5), (8000.0, -17.0), (12500.0, -21.5),
    (16000.0, -26.0), (20000.0, -36.0),
)  # fmt: skip
TONE_HZ = (40.0, 100.0, 300.0, 1000.0, 4000.0, 12000.0)

_HIGH_PASS_HZ = {
    "kick": 22.0, "snare": 90.0, "kit": 60.0, "bass": 22.0, "guitar": 80.0, "voice": 90.0,
    "pad": 60.0, "arp": 120.0, "choir": 120.0, "chords": 70.0, "lead": 70.0, "fx": 25.0,
    "noise": 20.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Track:
    """A rendered part and how it sits in the mix.

    ``level_db`` is its K-weighted level while it plays; ``send_db`` goes to the room.
    """

    role: str
    samples: Sound
    level_db: float
    pan: float
    send_db: float
    color: Body


def third_octaves_hz(low_hz: float = 25.0, high_hz: float = 16000.0) -> Numbers:
    """Nominal centres 1000 * 2 ** (k / 3)."""
    first = int(np.ceil(3.0 * np.log2(low_hz / 1000.0)))
    last = int(np.floor(3.0 * np.log2(high_hz / 1000.0) + 0.01))
    return np.asarray(1000.0 * 2.0 ** (np.arange(first, last + 1) / 3.0))


def commercial_db(hz: Numbers) -> Numbers:
    """Third-octave level of the average commercial mix, relative to 100 Hz."""
    points_hz, points_db = np.array(_COMMERCIAL).T
    return np.asarray(np.interp(np.log2(hz), np.log2(points_hz), points_db))


def k_weight(hz: Numbers) -> Numbers:
    """Power weight of the K filter, by its analogue shelf and high-pass."""
    high_pass = (hz / 38.1) ** 4 / (1.0 + (hz / 38.1) ** 2) ** 2
    ratio = (hz / 1500.0) ** 2
    return np.asarray(high_pass * (1.0 + 10.0**0.4 * ratio**2) / (1.0 + ratio**2))


def loudness_power(spectra: Spectra, weight: NDArray[np.float32], frames: int) -> float:
    """K-weighted mean square of a signal from its one-sided spectra, summed over channels."""
    power = np.einsum("cf,cf,f->", spectra.real, spectra.real, weight, optimize=True)
    power += np.einsum("cf,cf,f->", spectra.imag, spectra.imag, weight, optimize=True)
    return float(2.0 * power / frames**2)


class Desk:
    """Adds tracks up as spectra: stereo mix and a send to the room."""

    def __init__(self, frames: int, rate: int, longest_tail_s: float) -> None:
        self.rate = rate
        self.size = int(fft.next_fast_len(frames + int(longest_tail_s * rate), real=True))
        self.hz = np.arange(self.size // 2 + 1, dtype=np.float64) * (rate / self.size)
        self.octaves = np.log2(np.maximum(self.hz, 10.0)).astype(np.float32)
        self.weight = k_weight(self.hz).astype(np.float32)
        self.mix = np.zeros((2, len(self.hz)), dtype=np.complex64)
        self.send = np.zeros((2, len(self.hz)), dtype=np.complex64)

    def curve(self, hz: Numbers, gain_db: Numbers) -> NDArray[np.float32]:
        """A gain for every bin from decibels at some frequencies."""
        db = np.interp(self.octaves, np.log2(hz), gain_db)
        return np.asarray(
            np.exp(np.asarray(db, dtype=np.float32) * np.float32(np.log(10.0) / 20.0))
        )

    def add(self, track: Track) -> None:
        """Equalize by role, level while active, pan, and send to the room."""
        spectra = fft.rfft(track.samples, self.size)
        grid = third_octaves_hz(16.0, 20000.0)
        corner_hz = _HIGH_PASS_HZ[track.role]
        color_db = 20.0 * np.log10(track.color.gain(grid))
        color_db -= 10.0 * np.log10(1.0 + (corner_hz / grid) ** 4)
        if track.role == "guitar":
            color_db -= 20.0 * np.log10(1.0 + (grid / 4800.0) ** 4)
        spectra *= self.curve(grid, color_db)
        power = loudness_power(spectra, self.weight, self.size) * self.size
        if power <= 0.0:
            return
        blocks = block_powers(track.samples, int(0.4 * self.rate))
        active = np.count_nonzero(blocks > 0.01 * blocks.max()) * int(0.4 * self.rate)
        gain = np.sqrt(active / power) * 10.0 ** (track.level_db / 20.0)
        if len(spectra) == 1:
            angle = (1.0 + track.pan) * np.pi / 4.0
            sides = [spectra[0] * np.complex64(gain * g) for g in (np.cos(angle), np.sin(angle))]
        else:
            sides = [spectra[0] * np.complex64(gain), spectra[1] * np.complex64(gain)]
        wet = np.complex64(10.0 ** (track.send_db / 20.0))
        for channel, side in enumerate(sides):
            self.mix[channel] += side
            self.send[channel] += wet * side

    def add_room(self, rng: np.random.Generator, seconds: float, damping_hz: float) -> None:
        """Convolve what was sent with decaying noise and add it."""
        frames = int(min(1.3 * seconds, 4.0) * self.rate)
        t = np.arange(frames) / self.rate
        delay = int(rng.uniform(0.0, 0.04) * self.rate)
        for channel in range(2):
            noise = rng.standard_normal(frames).astype(np.float32)
            response = np.zeros(delay + frames, dtype=np.float32)
            early = noise * np.exp(-6.9 * t / (0.5 * seconds))
            response[delay:] = early + np.convolve(noise, np.ones(6) / 6, "same") * np.exp(
                -6.9 * t / seconds
            )
            response *= 1.0 / np.sqrt(np.sum(response**2))
            room = fft.rfft(response, self.size)
            room *= self.curve(
                third_octaves_hz(),
                -10.0 * np.log10(1.0 + (third_octaves_hz() / damping_hz) ** 2)
                - 10.0 * np.log10(1.0 + (70.0 / third_octaves_hz()) ** 4),
            )
            self.mix[channel] += room * self.send[channel]

    def shape_image(
        self, side_db: float, tilt_db: float, mono_below_hz: float, most_db: float = 12.0
    ) -> None:
        """Bring the side signal to a level relative to the mid one between 200 Hz and 6 kHz.

        It is boosted by ``most_db`` at most, gains ``tilt_db`` per octave above 1.5 kHz, fades out
        below ``mono_below_hz``; ``side_db`` -inf is mono.
        """
        mid = 0.5 * (self.mix[0] + self.mix[1])
        if side_db == -np.inf:
            self.mix[0] = self.mix[1] = mid
            return
        side = 0.5 * (self.mix[0] - self.mix[1])
        heard = slice(*np.searchsorted(self.hz, (200.0, 6000.0)))
        ratio = np.sum(np.abs(side[heard]) ** 2) / (np.sum(np.abs(mid[heard]) ** 2) + 1e-20)
        gain_db = min(side_db - 10.0 * np.log10(ratio + 1e-12), most_db)
        grid = third_octaves_hz(16.0, 20000.0)
        mono_db = -10.0 * np.log10(1.0 + (mono_below_hz / grid) ** 4)
        tilted_db = tilt_db * np.maximum(np.log2(grid / 1500.0), 0.0)
        side *= self.curve(grid, gain_db + mono_db + tilted_db)
        self.mix[0], self.mix[1] = mid + side, mid - side

    def band_db(self) -> tuple[Numbers, Numbers]:
        """Centres and levels in dB of the mix in third octaves."""
        centres = third_octaves_hz(25.0, min(20000.0, 0.45 * self.rate))
        edges = np.concatenate([centres / 2 ** (1 / 6), centres[-1:] * 2 ** (1 / 6)])
        index = np.clip((edges * self.size / self.rate).astype(int), 0, len(self.hz) - 1)
        power = np.sum(self.mix.real**2 + self.mix.imag**2, axis=0)
        bands = np.add.reduceat(power, index)[:-1]
        return centres, 10.0 * np.log10(bands + 1e-20)

    def master_tone(
        self, style_db: Numbers, own_db: Numbers, follows: float, most_db: float = 9.0
    ) -> None:
        """Pull the long-term spectrum towards the commercial mean plus a style's offsets.

        ``follows`` 1 would reach that target; boosts and cuts stay within ``most_db``. ``own_db``
        is what is special about this song and comes on top. Offsets are at `TONE_HZ`.
        """
        centres, level_db = self.band_db()
        at, points = np.log2(centres), np.log2(TONE_HZ)
        target_db = commercial_db(centres) + np.interp(at, points, style_db)
        heard = (centres > 80.0) & (centres < 9000.0)
        smooth = np.convolve(np.pad(level_db, 2, mode="edge"), np.full(5, 0.2), "valid")
        off_db = target_db - smooth
        off_db -= np.median(off_db[heard])
        pulled_db = np.clip(follows * off_db, -1.3 * most_db, most_db)
        self.mix *= self.curve(centres, pulled_db + np.interp(at, points, own_db))

    def low_pass(self, corner_hz: float, steep: bool) -> None:
        """End the spectrum: a codec's wall, or a gentle slope."""
        order = 24.0 if steep else 3.0
        grid = np.geomspace(20.0, 0.5 * self.rate, 400)
        self.mix *= self.curve(grid, -10.0 * np.log10(1.0 + (grid / corner_hz) ** (2 * order)))

    def samples(self, frames: int) -> Sound:
        """The mix in time, without DC, at a K-weighted mean square of -23 LUFS."""
        self.mix *= self.curve(
            third_octaves_hz(5.0, 100.0),
            -10.0 * np.log10(1.0 + (16.0 / third_octaves_hz(5.0, 100.0)) ** 6),
        )
        self.mix[:, 0] = 0.0
        power = loudness_power(self.mix, self.weight, self.size) * self.size / frames
        self.mix *= np.float32(10.0 ** ((-23.0 + 0.691) / 20.0) / np.sqrt(power + 1e-20))
        return np.ascontiguousarray(fft.irfft(self.mix, self.size)[:, :frames], dtype=np.float32)

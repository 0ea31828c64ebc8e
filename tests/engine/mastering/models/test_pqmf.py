"""The filter bank against its definition: exact, energy-keeping, in the right bands."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.mastering.models.pqmf import BANDS, Pqmf, kaiser, modulated, prototype

torch.set_num_threads(1)


def noise(frames: int, dtype: torch.dtype = torch.float64, batch: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(batch, frames, dtype=dtype, generator=generator)


def decibels(error: torch.Tensor, signal: torch.Tensor) -> float:
    return float(10.0 * torch.log10((error**2).mean() / (signal**2).mean()))


@pytest.mark.parametrize(("dtype", "bound_db"), [(torch.float64, -270.0), (torch.float32, -125.0)])
@pytest.mark.parametrize("frames", [16, 160, 48000])
def test_bands_join_to_what_was_split(dtype: torch.dtype, bound_db: float, frames: int) -> None:
    bank, audio = Pqmf(), noise(frames, dtype)
    back = bank.to_audio(bank.to_bands(audio))
    assert back.shape == audio.shape
    assert decibels(back - audio, audio) < bound_db


def test_an_impulse_comes_back_at_its_own_frame() -> None:
    bank = Pqmf()
    for frame in range(64, 64 + BANDS):
        audio = torch.zeros(1, 160, dtype=torch.float64)
        audio[0, frame] = 1.0
        back = bank.to_audio(bank.to_bands(audio))
        assert torch.allclose(back, audio, atol=1e-13)


def test_the_bands_have_the_energy_of_the_signal() -> None:
    audio = noise(1600)
    bands = Pqmf().to_bands(audio)
    assert float((bands**2).sum()) == pytest.approx(float((audio**2).sum()), rel=1e-12)


def test_there_are_as_many_band_frames_as_said() -> None:
    bank = Pqmf(8, 4)
    assert bank.to_bands(noise(800)).shape == (2, 8, 100 + bank.overlap_frames)


def test_a_frame_is_seen_through_the_samples_that_are_said() -> None:
    bank = Pqmf()
    audio = torch.zeros(1, 1600, dtype=torch.float64)
    audio[0, 800] = 1.0
    frames = torch.nonzero(bank.to_bands(audio).abs().amax((0, 1)) > 0.0).flatten()
    for frame in frames.tolist():
        start = BANDS * frame - bank.delay_frames
        assert start <= 800 < start + bank.taps
    assert len(frames) == bank.taps // BANDS


@pytest.mark.parametrize("band", range(BANDS))
def test_a_sine_in_the_middle_of_a_band_stays_in_it(band: int) -> None:
    time = torch.arange(16000, dtype=torch.float64)
    sine = torch.sin(np.pi * (band + 0.5) / BANDS * time + 0.3)
    power = (Pqmf().to_bands(sine[None])[0, :, 100:-100] ** 2).mean(-1)
    assert float(10.0 * torch.log10(power[band] / power.sum())) == pytest.approx(0.0, abs=1e-4)


def test_the_stop_band_is_50_db_down() -> None:
    response = np.abs(np.fft.rfft(prototype(BANDS, 8), 65536))
    response /= response[0]
    edge = round(65536 / 2 / BANDS)
    assert 20.0 * np.log10(response[edge:].max()) < -50.0
    assert 20.0 * np.log10(response[round(1.5 * edge) :].max()) < -70.0


def test_the_kaiser_design_alone_misses_the_bar() -> None:
    """Why the prototype goes on from there."""
    filters = modulated(kaiser(BANDS, 8), BANDS)
    frames = np.lib.stride_tricks.sliding_window_view(noise(16000, batch=1).numpy()[0], 256)[
        ::BANDS
    ]
    bands = frames @ filters.T
    back = np.zeros(16000)
    for index, frame in enumerate(bands @ filters):
        back[BANDS * index : BANDS * index + 256] += frame
    signal = noise(16000, batch=1).numpy()[0, 256:-256]
    error_db = 10.0 * np.log10(((back[256:-256] - signal) ** 2).mean() / (signal**2).mean())
    assert -70.0 < error_db < -50.0


def test_a_length_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 16"):
        Pqmf().to_bands(noise(100))


def test_gradients_pass_both_ways() -> None:
    bank = Pqmf(4, 2)
    audio = noise(32, batch=1).requires_grad_(True)
    assert torch.autograd.gradcheck(bank.to_bands, audio)
    bands = bank.to_bands(audio).detach().requires_grad_(True)
    assert torch.autograd.gradcheck(bank.to_audio, bands)

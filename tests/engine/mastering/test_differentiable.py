"""The equalizer's twin against the recursive renderer, and its gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.mastering.biquad import response as exact_response
from engine.mastering.biquad import sections
from engine.mastering.differentiable import (
    BandTensors,
    convolve,
    equalize,
    power_response,
    response,
    split,
)
from engine.mastering.parameters import Band, BandKind

torch.set_num_threads(1)

bands = st.builds(
    Band,
    kind=st.sampled_from(BandKind),
    frequency_hz=st.floats(20.0, 20000.0),
    gain_db=st.floats(-12.0, 12.0),
    q=st.floats(0.3, 6.0),
    gate=st.floats(0.0, 1.0),
    enabled=st.booleans(),
)


def ten_bands(seed: int) -> tuple[Band, ...]:
    rng = np.random.default_rng(seed)
    kinds = [BandKind.LOW_SHELF, *[BandKind.BELL] * 7, BandKind.HIGH_SHELF, BandKind.HIGH_PASS]
    return tuple(
        Band(
            kind,
            float(20.0 * 900.0 ** rng.random()),
            float(rng.uniform(-12.0, 12.0)),
            float(rng.uniform(0.5, 3.0)),
            float(rng.uniform(0.3, 1.0)),
        )
        for kind in kinds
    )


def error_db(got: np.ndarray, wanted: np.ndarray) -> float:
    return 10.0 * float(np.log10(np.mean((got - wanted) ** 2) / np.mean(wanted**2)))


@given(chosen=st.lists(bands, max_size=10), rate=st.sampled_from([8000, 44100, 192000]))
@settings(max_examples=60, deadline=None)
def test_the_response_is_that_of_the_cookbook_sections(chosen: list[Band], rate: int) -> None:
    hz = np.geomspace(10.0, 0.499 * rate, 50)
    tensors = BandTensors.of(tuple(chosen))
    wanted = exact_response(chosen, hz, rate)
    got = response(tensors, torch.from_numpy(hz), rate).numpy()
    assert np.allclose(got, wanted, rtol=1e-9, atol=1e-12)
    power = power_response(tensors, torch.from_numpy(hz), rate).numpy()
    assert np.allclose(power, np.abs(wanted) ** 2, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_filtering_nulls_against_second_order_sections(dtype: torch.dtype, seed: int) -> None:
    from scipy.signal import sosfilt

    chosen = ten_bands(seed)
    audio = np.random.default_rng(seed).standard_normal((2, 132300)) * 0.1
    wanted = sosfilt(sections(chosen, 44100), audio)
    got = equalize(torch.tensor(audio, dtype=dtype), BandTensors.of(chosen), 44100).numpy()
    assert error_db(got, wanted) < -120.0


def test_closed_gates_change_nothing() -> None:
    closed = tuple(Band(kind, 500.0, 9.0, gate=0.0) for kind in BandKind)
    audio = torch.randn(2, 4000, dtype=torch.float64)
    assert torch.allclose(equalize(audio, BandTensors.of(closed), 48000), audio, atol=1e-12)


def test_nyquist_and_zero_are_finite_with_gradients() -> None:
    tensors = BandTensors.of(ten_bands(4))
    tensors.frequency_hz.requires_grad_(True)
    edges = torch.tensor([0.0, 22050.0], dtype=torch.float64)
    power = power_response(tensors, edges, 44100)
    power.sum().backward()
    assert power.isfinite().all()
    assert tensors.frequency_hz.grad is not None
    assert tensors.frequency_hz.grad.isfinite().all()


def test_gradients_are_those_of_finite_differences() -> None:
    plain = BandTensors.of(ten_bands(5))
    hz = torch.linspace(30.0, 20000.0, 40, dtype=torch.float64)

    def curve(*values: torch.Tensor) -> torch.Tensor:
        return power_response(BandTensors(plain.kinds, *values), hz, 44100)

    values = (plain.frequency_hz, plain.gain_db, plain.q, plain.gate)
    assert torch.autograd.gradcheck(
        curve, tuple(value.clone().requires_grad_(True) for value in values), rtol=1e-5
    )


def test_the_gradient_through_audio_is_right_to_five_digits() -> None:
    plain = BandTensors.of(ten_bands(6))
    audio = torch.randn(1, 20000, generator=torch.Generator().manual_seed(0))
    gains = {}
    for dtype in (torch.float32, torch.float64):
        gain_db = plain.gain_db.clone().requires_grad_(True)
        tensors = BandTensors(plain.kinds, plain.frequency_hz, gain_db, plain.q, plain.gate)
        equalize(audio.to(dtype), tensors, 44100).abs().sum().backward()
        gains[dtype] = gain_db.grad
    difference = torch.linalg.vector_norm(gains[torch.float32] - gains[torch.float64])
    assert difference < 1e-5 * torch.linalg.vector_norm(gains[torch.float64])


@pytest.mark.parametrize("frames", [1, 8, 9, 10, 17, 100])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_convolution_is_that_of_numpy_with_gradients(frames: int, shape: tuple[int, ...]) -> None:
    """An impulse of 8 frames: the audio is cut into blocks of 9."""
    generator = torch.Generator().manual_seed(frames)
    audio = torch.randn(*shape, frames, generator=generator, dtype=torch.float64)
    impulse = torch.randn(8, generator=generator, dtype=torch.float64)
    sampled = torch.fft.rfft(impulse).requires_grad_(True)
    out = convolve(audio, sampled)
    rows = audio.reshape(-1, frames).numpy()
    wanted = np.stack([np.convolve(row, impulse.numpy())[:frames] for row in rows])
    np.testing.assert_allclose(out.detach().reshape(-1, frames), wanted, atol=1e-12)
    assert torch.autograd.gradcheck(
        lambda x, h: convolve(x, torch.fft.rfft(h)),
        (audio.requires_grad_(True), impulse.requires_grad_(True)),
    )


def test_a_batch_may_have_a_response_for_each() -> None:
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(3, 2, 40, generator=generator, dtype=torch.float64, requires_grad=True)
    impulses = torch.randn(3, 1, 8, generator=generator, dtype=torch.float64, requires_grad=True)
    together = convolve(audio, torch.fft.rfft(impulses))
    for row in range(3):
        alone = convolve(audio[row], torch.fft.rfft(impulses[row, 0]))
        torch.testing.assert_close(together[row], alone)
    assert torch.autograd.gradcheck(lambda x, h: convolve(x, torch.fft.rfft(h)), (audio, impulses))


def test_the_bands_of_the_crossovers_sum_to_an_all_pass() -> None:
    audio = torch.zeros(1, 32768, dtype=torch.float64)
    audio[0, 0] = 1.0
    low_hz, high_hz = (torch.tensor(hz, dtype=torch.float64) for hz in (150.0, 2500.0))
    together = torch.stack(split(audio, low_hz, high_hz, 44100)).sum(0)
    change_db = 20.0 * torch.log10(torch.fft.rfft(together[0]).abs())
    assert change_db.abs().max() < 1e-9


def test_every_number_of_a_band_has_a_gradient_right_to_five_digits() -> None:
    """Single precision audio, against central differences of double precision filtering."""
    from scipy.signal import sosfilt

    chosen = ten_bands(7)
    audio = np.random.default_rng(0).standard_normal(20000)
    weights = np.random.default_rng(1).standard_normal(20000)

    def objective(bands: tuple[Band, ...]) -> float:
        return float((sosfilt(sections(bands, 44100), audio) * weights).sum())

    tensors = BandTensors.of(chosen)
    names = ("frequency_hz", "gain_db", "q", "gate")
    values = {name: getattr(tensors, name).requires_grad_(True) for name in names}
    out = equalize(torch.tensor(audio, dtype=torch.float32), tensors, 44100)
    (out * torch.tensor(weights, dtype=torch.float32)).sum().backward()
    got, wanted = [], []
    for index, band in enumerate(chosen):
        for name in names:
            value = getattr(band, name)
            step = 1e-4 * max(abs(value), 1e-2)
            sides = []
            for sign in (-1.0, 1.0):
                moved = list(chosen)
                moved[index] = replace(band, **{name: value + sign * step})
                sides.append(objective(tuple(moved)))
            gradient = values[name].grad
            assert gradient is not None
            # Scaled by the value, so that hertz do not drown decibels.
            got.append(float(gradient[index]) * value)
            wanted.append((sides[1] - sides[0]) / (2.0 * step) * value)
    difference = np.linalg.norm(np.array(got) - np.array(wanted))
    assert difference < 1e-5 * np.linalg.norm(wanted)

"""Every loss on audio against a value known beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio.clip import Clip
from engine.audio.loudness import LoudnessMeter, measure
from engine.mastering.train import objectives
from engine.mastering.train.objectives import ObjectiveWeights, Resolution, a_weighting_db

torch.set_num_threads(1)

RATE = 48000
SMALL = (Resolution(1024, 512), Resolution(256, 128))
TERMS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "convergence": lambda a, b: objectives.spectral(a, b, RATE, SMALL).convergence,
    "magnitude": lambda a, b: objectives.spectral(a, b, RATE, SMALL).magnitude,
    "a_weighted": lambda a, b: objectives.spectral(a, b, RATE, SMALL).a_weighted,
    "loudness": lambda a, b: objectives.loudness(a, b, RATE).integrated,
    "contour": lambda a, b: objectives.loudness(a, b, RATE).contour,
    "crest": lambda a, b: objectives.crest_factor(a, b, RATE),
}
every_term = pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)


def noise(
    seconds: float = 1.0, batch: int = 1, channels: int = 2, level: float = 0.1, seed: int = 0
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, channels, round(seconds * RATE))
    return level * torch.randn(shape, generator=generator, dtype=torch.float64)


def sine(hertz: float, amplitude: float, seconds: float, channels: int = 2) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return (amplitude * torch.sin(2.0 * math.pi * hertz * time)).repeat(1, channels, 1)


def gained(audio: torch.Tensor, gain_db: float) -> torch.Tensor:
    return audio * 10.0 ** (gain_db / 20.0)


@every_term
def test_what_is_wanted_costs_nothing(term: Callable[..., torch.Tensor]) -> None:
    assert float(term(noise(), noise())) == pytest.approx(0.0, abs=1e-12)


@every_term
def test_gradients_are_finite_on_silence(term: Callable[..., torch.Tensor]) -> None:
    silence = torch.zeros(2, 2, RATE)
    for target in (silence, noise(batch=2).float()):
        output = silence.clone().requires_grad_(True)
        loss = term(output, target)
        loss.backward()
        assert math.isfinite(float(loss.detach()))
        assert output.grad is not None
        assert bool(output.grad.isfinite().all())


@every_term
def test_gradients_are_finite_where_all_is_right(term: Callable[..., torch.Tensor]) -> None:
    output = noise().float().requires_grad_(True)
    term(output, noise().float()).backward()
    assert output.grad is not None
    assert bool(output.grad.isfinite().all())


@every_term
def test_a_batch_costs_the_mean_of_its_examples(term: Callable[..., torch.Tensor]) -> None:
    output, target = noise(batch=2, seed=1), noise(batch=2, seed=2)
    output[0, :, RATE // 2 :] *= 0.2
    alone = [float(term(output[i : i + 1], target[i : i + 1])) for i in range(2)]
    assert float(term(output, target)) == pytest.approx(sum(alone) / 2.0, rel=1e-9)


@pytest.mark.parametrize("gain_db", [-9.0, -1.0, 0.5, 6.0])
@pytest.mark.parametrize("name", ["magnitude", "a_weighted", "loudness"])
def test_a_gain_costs_its_decibels(name: str, gain_db: float) -> None:
    audio = noise()
    assert float(TERMS[name](gained(audio, gain_db), audio)) == pytest.approx(
        abs(gain_db), rel=1e-3
    )


@pytest.mark.parametrize("gain_db", [0.5, 6.0])
def test_a_boost_costs_its_decibels_in_convergence(gain_db: float) -> None:
    audio = noise()
    assert float(TERMS["convergence"](gained(audio, gain_db), audio)) == pytest.approx(
        gain_db, rel=1e-4
    )


def test_convergence_of_silence_is_one_norm() -> None:
    assert float(TERMS["convergence"](0.0 * noise(), noise())) == pytest.approx(
        20.0 * math.log10(2.0), rel=1e-2
    )


@pytest.mark.parametrize("name", ["contour", "crest"])
def test_a_gain_costs_nothing_where_only_the_course_counts(name: str) -> None:
    audio = noise()
    assert float(TERMS[name](gained(audio, -7.0), audio)) == pytest.approx(0.0, abs=1e-6)


def test_a_gain_of_the_side_counts_by_the_share_of_its_cells() -> None:
    audio = noise()
    mid, side = audio.mean(1), 0.5 * (audio[:, 0] - audio[:, 1])
    wider = torch.stack([mid + 2.0 * side, mid - 2.0 * side], dim=1)
    cost = TERMS["magnitude"](wider, audio)  # 6.02 dB in one of two signals
    assert float(cost) == pytest.approx(0.5 * 20.0 * math.log10(2.0), rel=1e-3)


def test_mono_costs_the_same_in_one_channel_and_in_two() -> None:
    output, target = noise(channels=1, seed=1), noise(channels=1, seed=2)
    for name in ("convergence", "magnitude", "a_weighted", "crest"):
        double = TERMS[name](output.repeat(1, 2, 1), target.repeat(1, 2, 1))
        assert float(double) == pytest.approx(float(TERMS[name](output, target)), rel=1e-3)


def test_what_neither_has_does_not_count() -> None:
    low = sine(500.0, 0.5, 1.0)
    # One bin in a hundred has something; at the floor a few have it after the gain only.
    assert float(TERMS["magnitude"](gained(low, 3.0), low)) == pytest.approx(3.0, rel=0.1)


def test_time_that_passes_unevenly_costs_more_than_a_sample_late() -> None:
    """Magnitudes forgive what phase would not."""
    audio = noise()
    assert float(TERMS["magnitude"](audio.roll(1, -1), audio)) < 1.0
    assert float(TERMS["magnitude"](noise(seed=9), audio)) > 5.0


def test_a_clip_shorter_than_a_window_counts_too() -> None:
    audio = noise(0.02)
    cost = objectives.spectral(gained(audio, 2.0), audio, RATE)
    assert float(cost.magnitude) == pytest.approx(2.0, rel=1e-2)


# IEC 61672-1:2013, Table 3, at nominal frequencies (exact ones are powers of ten of 1/10).
TABLE = {
    *((31.5, -39.4), (63.0, -26.2), (100.0, -19.1), (125.0, -16.1), (250.0, -8.6)),
    *((500.0, -3.2), (1000.0, 0.0), (2000.0, 1.2), (4000.0, 1.0), (8000.0, -1.1)),
    *((16000.0, -6.6), (20000.0, -9.3)),
}


@pytest.mark.parametrize(("hertz", "expected_db"), sorted(TABLE))
def test_the_a_curve_is_that_of_the_standard(hertz: float, expected_db: float) -> None:
    exact = 1000.0 * 10.0 ** (round(10.0 * math.log10(hertz / 1000.0)) / 10.0)
    assert float(a_weighting_db(np.array(exact))) == pytest.approx(expected_db, abs=0.051)


def test_the_a_weighted_loss_hears_3_khz_more_than_60_hz() -> None:
    audio = noise()
    spectrum = torch.fft.rfft(audio)
    hertz = torch.fft.rfftfreq(audio.shape[-1], 1.0 / RATE)

    def boosted(centre: float) -> torch.Tensor:
        octave = (hertz / centre).log2().abs() < 0.5
        return torch.fft.irfft(torch.where(octave, 2.0, 1.0) * spectrum, n=audio.shape[-1])

    heard, unheard = (float(TERMS["a_weighted"](boosted(hz), audio)) for hz in (3000.0, 60.0))
    assert heard > 5.0 * unheard > 0.0


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_the_ebu_tone_reads_minus_23(rate: int) -> None:
    time = torch.arange(20 * rate, dtype=torch.float64) / rate
    tone = (10.0 ** (-23.0 / 20.0) * torch.sin(2.0 * math.pi * 1000.0 * time)).repeat(1, 2, 1)
    energies = objectives.momentary_energies(tone, rate)
    assert float(objectives.integrated_lufs(energies)) == pytest.approx(-23.0, abs=0.02)


def test_a_full_scale_997_hz_sine_in_one_channel_reads_minus_3_01() -> None:
    energies = objectives.momentary_energies(sine(997.0, 1.0, 5.0, channels=1), RATE)
    assert float(objectives.integrated_lufs(energies)) == pytest.approx(-3.01, abs=0.01)


@settings(max_examples=10)
@given(levels=st.lists(st.floats(-70.0, 0.0), min_size=3, max_size=6), seed=st.integers(0, 99))
def test_loudness_is_what_the_meter_reads(levels: list[float], seed: int) -> None:
    """The meter is a recursive filter over sections; the loss a product of spectra."""
    parts = [gained(noise(0.7, seed=seed + i), level) for i, level in enumerate(levels)]
    audio = torch.cat(parts, dim=-1)
    meter = LoudnessMeter(RATE, 2)
    meter.push(audio[0].numpy())
    energies = objectives.momentary_energies(audio, RATE)
    wanted = meter.series.momentary_lufs[3:]
    assert np.abs(objectives.lufs(energies)[0].numpy() - wanted).max() < 0.01
    assert float(objectives.integrated_lufs(energies)) == pytest.approx(
        meter.integrated_lufs, abs=0.01
    )


def test_the_gates_leave_out_pauses() -> None:
    audio = torch.cat([noise(2.0), 1e-3 * noise(2.0)], dim=-1)
    energies = objectives.momentary_energies(audio, RATE)
    reading = measure(Clip(audio[0].numpy(), RATE)).integrated_lufs
    assert float(objectives.integrated_lufs(energies)) == pytest.approx(reading, abs=0.01)
    assert reading > float(objectives.lufs(energies.mean(-1))) + 2.0


def test_what_is_under_the_absolute_gate_still_has_a_direction() -> None:
    output = (1e-5 * noise()).requires_grad_(True)
    loss = objectives.loudness(output, noise(), RATE).integrated
    loss.backward()
    assert output.grad is not None
    assert float((output.grad * output.detach()).sum()) < 0.0  # louder is better


def test_a_step_of_the_level_costs_its_standard_deviation() -> None:
    audio = noise(8.0)
    stepped = audio.clone()
    stepped[..., 4 * RATE :] = gained(stepped[..., 4 * RATE :], -6.0)
    # Half of the blocks 6 dB lower: 3 LU about the mean, but for the few across the step.
    assert float(TERMS["contour"](stepped, audio)) == pytest.approx(3.0, rel=0.03)


def test_the_course_of_pauses_does_not_count() -> None:
    audio = torch.cat([noise(2.0), 1e-3 * noise(2.0)], dim=-1)
    changed = audio.clone()
    changed[..., round(2.4 * RATE) :] *= 0.1
    assert float(TERMS["contour"](changed, audio)) == pytest.approx(0.0, abs=1e-3)


def test_less_than_400_ms_is_refused() -> None:
    with pytest.raises(ValueError, match="400 ms"):
        objectives.momentary_energies(noise(0.39), RATE)


def test_the_crest_of_a_sine_is_3_db_and_of_a_square_none() -> None:
    wave = sine(1000.0, 0.5, 2.0)
    assert float(objectives.crest_db(wave, RATE)) == pytest.approx(3.0103, abs=1e-3)
    square = 0.5 * torch.sign(wave + 1e-9)
    assert float(objectives.crest_db(square, RATE)) == pytest.approx(0.0, abs=1e-9)
    assert float(objectives.crest_factor(wave, square, RATE)) == pytest.approx(3.0103, abs=1e-3)
    assert float(objectives.crest_db(torch.zeros(1, 2, RATE), RATE)) == 0.0


def test_one_click_does_not_change_the_crest() -> None:
    wave = sine(1000.0, 0.1, 4.0)
    wave[..., 10000] = 1.0
    assert float(objectives.crest_db(wave, RATE)) == pytest.approx(3.0103, abs=1e-3)


def test_gradients_are_those_of_finite_differences() -> None:
    target = noise(0.05, seed=1)[..., :700]
    output = noise(0.05, seed=2)[..., :700].requires_grad_(True)
    tiny = (Resolution(64, 64),)

    def spectral(audio: torch.Tensor) -> torch.Tensor:
        return torch.stack(objectives.spectral(audio, target, 8000, tiny))

    def loud(audio: torch.Tensor) -> torch.Tensor:
        return torch.stack(objectives.loudness(audio, 2.0 * target, 1000))

    def peaky(audio: torch.Tensor) -> torch.Tensor:
        return objectives.crest_factor(audio, target, 1000)

    for loss in (spectral, loud, peaky):
        assert torch.autograd.gradcheck(loss, output, eps=1e-7, atol=1e-4, fast_mode=True)


def test_a_random_subset_is_the_generator_s() -> None:
    picks = [
        objectives.some_resolutions(2, torch.Generator().manual_seed(seed)) for seed in range(20)
    ]
    assert picks[3] == objectives.some_resolutions(2, torch.Generator().manual_seed(3))
    assert all(len(set(pick)) == 2 for pick in picks)
    assert len({frozenset(pick) for pick in picks}) == 3


def test_the_total_is_the_weighted_sum() -> None:
    weights = ObjectiveWeights(magnitude=2.0, crest=0.5)
    terms = {"magnitude": torch.tensor(3.0), "crest": torch.tensor(4.0)}
    assert float(weights.total(terms)) == pytest.approx(8.0)


def test_a_term_without_a_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="no weight for magic"):
        ObjectiveWeights().total({"magic": torch.tensor(1.0)})


def test_what_weighs_nothing_is_not_computed() -> None:
    weights = ObjectiveWeights(
        convergence=0.0, magnitude=0.0, a_weighted=0.0, loudness=0.0, contour=0.0, crest=1.0
    )
    terms = objectives.audio_terms(noise(seed=1), noise(seed=2), RATE, weights)
    assert set(terms) == {"crest"}


def test_all_terms_on_audio_have_weights() -> None:
    terms = objectives.audio_terms(noise(seed=1), noise(seed=2), RATE, ObjectiveWeights(), SMALL)
    assert set(terms) == set(TERMS)
    total = ObjectiveWeights().total(terms)
    assert math.isfinite(float(total))
    assert float(total) > 0.0

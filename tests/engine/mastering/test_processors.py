"""What every processor must do, whatever it does to the sound."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from engine.mastering.chain import Chain
from engine.mastering.compressor import CompressorProcessor
from engine.mastering.equalizer import EqualizerProcessor
from engine.mastering.imager import ImagerProcessor
from engine.mastering.limiter import LimiterProcessor
from engine.mastering.multiband import MultibandProcessor
from engine.mastering.parameters import (
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Imager,
    Limiter,
    Multiband,
    Saturator,
)
from engine.mastering.saturator import SaturatorProcessor

RATES = [8000, 11025, 22050, 44100, 48000, 88200, 96000, 176400, 192000]
BANDS = (
    Band(BandKind.HIGH_PASS, 30.0),
    Band(BandKind.LOW_SHELF, 100.0, 3.0),
    Band(BandKind.BELL, 1000.0, -4.0, 2.0),
    Band(BandKind.BELL, 6000.0, 2.0, 0.7, gate=0.5),
    Band(BandKind.HIGH_SHELF, 9000.0, 3.0),
    Band(BandKind.LOW_PASS, 17000.0, gate=0.4),
)


@dataclass(frozen=True)
class Case:
    """A processor, settings in which it works, others to move to, and ones that do nothing."""

    make: Callable[..., Any]
    working: Any
    other: Any
    idle: Any
    crossover_hz: float = math.inf  # below it an all-pass turns the phase


CHAIN = ChainParameters(
    bands=BANDS,
    compressor=Compressor(-30.0, 3.0, lookahead_ms=2.0, makeup_db=2.0),
    multiband=Multiband(
        120.0, 3000.0, Compressor(-30.0, 3.0), Compressor(-30.0, 0.8), Compressor(-40.0, 2.0)
    ),
    saturator=Saturator(6.0),
    imager=Imager(1.3, 120.0),
    limiter=Limiter(6.0),
)
CASES = {
    "equalizer": Case(
        EqualizerProcessor, BANDS, (Band(BandKind.HIGH_PASS, 200.0), *BANDS[1:4]), ()
    ),
    "compressor": Case(
        CompressorProcessor,
        CHAIN.compressor,
        Compressor(-20.0, 8.0, 1.0, 50.0, 0.0, 0.0, 7.0),
        Compressor(),
    ),
    "expander": Case(
        CompressorProcessor,
        Compressor(-30.0, 0.5, makeup_db=-6.0),
        Compressor(-20.0, 0.25, 1.0, 50.0, 0.0, -12.0, 7.0),
        Compressor(),
    ),
    "multiband": Case(
        MultibandProcessor,
        CHAIN.multiband,
        Multiband(400.0, 1500.0, high=Compressor(-30.0, 4.0, lookahead_ms=5.0)),
        Multiband(),
        crossover_hz=3000.0,
    ),
    "saturator": Case(SaturatorProcessor, CHAIN.saturator, Saturator(12.0, 0.5), Saturator()),
    "imager": Case(ImagerProcessor, CHAIN.imager, Imager(0.4), Imager()),
    "limiter": Case(LimiterProcessor, CHAIN.limiter, Limiter(3.0, -6.0, 5.0, 20.0), Limiter()),
    "chain": Case(
        Chain,
        CHAIN,
        replace(CHAIN, bands=BANDS[:2], limiter=Limiter(9.0)),
        ChainParameters(),
        crossover_hz=3000.0,
    ),
}
every_processor = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def noise(frames: int, channels: int = 2, seed: int = 0, level: float = 0.3) -> np.ndarray:
    return level * np.random.default_rng(seed).standard_normal((channels, frames))


def in_blocks(processor: Any, audio: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Process ``audio`` in blocks of ``sizes``, the last one repeated until the end."""
    parts, start, index = [], 0, 0
    while start < audio.shape[1]:
        size = sizes[min(index, len(sizes) - 1)]
        parts.append(processor.process(audio[:, start : start + size]))
        start, index = start + size, index + 1
    return np.concatenate(parts, axis=1)


@every_processor
@pytest.mark.parametrize(
    "sizes",
    [[1] * 700 + [4096], [31], [32], [33], [511, 513], [1, 4096], [64, 7, 1000, 1, 1, 2500]],
    ids=lambda sizes: "-".join(map(str, sizes[-6:])),
)
def test_the_cut_into_blocks_changes_no_bit(case: Case, sizes: list[int]) -> None:
    audio = noise(6000)
    whole = case.make(44100, 2, case.working).process(audio)
    assert np.array_equal(in_blocks(case.make(44100, 2, case.working), audio, sizes), whole)


@every_processor
def test_the_cut_into_blocks_changes_no_bit_while_parameters_move(case: Case) -> None:
    audio = noise(8000)
    results = []
    for sizes in ([4096], [1, 2, 3, 5, 30, 100], [77]):
        processor = case.make(44100, 2, case.working)
        first = in_blocks(processor, audio[:, :2345], sizes)
        processor.set_parameters(case.other)
        second = in_blocks(processor, audio[:, 2345:2800], sizes)
        processor.set_parameters(case.working)
        third = in_blocks(processor, audio[:, 2800:], sizes)
        results.append(np.concatenate([first, second, third], axis=1))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


@every_processor
def test_the_input_is_left_alone_and_the_shape_kept(case: Case) -> None:
    audio = noise(1000)
    before = audio.copy()
    processor = case.make(44100, 2, case.working)
    assert processor.process(audio).shape == audio.shape
    assert np.array_equal(audio, before)
    assert processor.process(audio[:, :0]).shape == (2, 0)


@every_processor
@pytest.mark.parametrize("shape", [(1, 100), (3, 100), (100,), (100, 2)])
def test_a_block_of_another_shape_is_refused(case: Case, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        case.make(44100, 2, case.working).process(np.zeros(shape))


@every_processor
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_silence_stays_silence(case: Case, channels: int) -> None:
    processor = case.make(48000, channels, case.working)
    assert not processor.process(np.zeros((channels, 10000))).any()


@every_processor
def test_after_sound_silence_returns(case: Case) -> None:
    processor = case.make(44100, 2, case.working)
    processor.process(noise(5000))
    processor.process(np.zeros((2, 5 * 44100)))
    assert np.abs(processor.process(np.zeros((2, 1000)))).max() < 1e-9


@every_processor
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_dc_and_a_full_scale_square_stay_finite_at_every_rate(
    case: Case, rate: int, channels: int
) -> None:
    frames = rate // 10
    square = np.where(np.arange(frames) // max(rate // 400, 1) % 2 == 0, 1.0, -1.0)
    for signal in (np.ones(frames), square):
        audio = np.repeat(signal[None], channels, axis=0)
        out = case.make(rate, channels, case.working).process(audio)
        assert np.isfinite(out).all()
        assert 0.0 < np.abs(out).max() < 10.0


@every_processor
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_the_latency_is_what_cross_correlation_finds(case: Case, rate: int) -> None:
    audio = noise(16384, level=0.1)
    processor = case.make(rate, 2, case.working)
    late = processor.latency_frames
    out = processor.process(np.pad(audio, ((0, 0), (0, late))))
    spectrum = np.fft.rfft(out[0], 65536) * np.conj(np.fft.rfft(audio[0], 65536))
    found = int(np.argmax(np.fft.irfft(spectrum)))
    # Far below its frequency a second-order all-pass of Q = 0.707 delays by sqrt(2) / (pi f).
    assert late <= found <= late + math.sqrt(2.0) / (math.pi * case.crossover_hz) * rate


@every_processor
def test_no_setting_changes_the_latency(case: Case) -> None:
    processors = [case.make(44100, 2, p) for p in (case.working, case.other, case.idle)]
    late = {processor.latency_frames for processor in processors}
    processors[0].set_parameters(case.other)
    late.add(processors[0].latency_frames)
    assert len(late) == 1


@every_processor
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_idle_it_passes_every_bit(case: Case, channels: int) -> None:
    audio = np.clip(noise(4000, channels, level=0.2), -0.85, 0.85)
    audio = 0.3 * audio.astype(np.float32).astype(np.float64)
    processor = case.make(44100, channels, case.idle)
    late = processor.latency_frames
    out = processor.process(np.pad(audio, ((0, 0), (0, late))))
    assert np.array_equal(out[:, late:], audio)


@every_processor
def test_moving_to_idle_ends_bit_exact(case: Case) -> None:
    processor = case.make(44100, 2, case.working)
    processor.process(noise(3000))
    processor.set_parameters(case.idle)
    processor.process(np.zeros((2, 5 * 44100)))  # ramps end, gains let go
    audio = noise(3000, level=0.02)
    late = processor.latency_frames
    out = processor.process(np.pad(audio, ((0, 0), (0, late))))
    assert np.array_equal(out[:, late:], audio)


@every_processor
def test_reset_starts_from_nothing(case: Case) -> None:
    processor = case.make(44100, 2, case.working)
    processor.process(noise(3333, seed=1))
    processor.set_parameters(case.other)
    processor.process(noise(100, seed=2))
    processor.reset()
    fresh = case.make(44100, 2, case.other)
    assert np.array_equal(processor.process(noise(4000)), fresh.process(noise(4000)))


@every_processor
def test_eight_threads_at_once_give_the_same_bits(case: Case) -> None:
    audio = noise(20000)
    expected = case.make(44100, 2, case.working).process(audio)
    results: list[np.ndarray | None] = [None] * 8
    barrier = threading.Barrier(8)

    def work(index: int) -> None:
        processor = case.make(44100, 2, case.working)
        barrier.wait()
        results[index] = in_blocks(processor, audio, [100 + index, 512])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(result, expected) for result in results)


@every_processor
def test_a_dying_tail_is_no_slower_than_noise(case: Case) -> None:
    """Denormal numbers would make it ten to a hundred times slower."""
    loud = noise(44100, level=1e-3)
    processor = case.make(44100, 2, case.working)
    processor.process(loud)

    def fastest(audio: np.ndarray) -> float:
        times = []
        for _ in range(4):
            start = time.thread_time()
            processor.process(audio)
            times.append(time.thread_time() - start)
        return min(times)

    loud_s = fastest(loud)
    processor.process(np.zeros((2, 20 * 44100)))
    tiny = loud * 1e-300
    assert fastest(tiny) < 4.0 * loud_s + 1e-3
    processor.process(1e-12 * loud)
    assert fastest(np.zeros((2, 44100))) < 4.0 * loud_s + 1e-3

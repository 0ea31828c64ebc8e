"""The master task from a file to a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from engine.audio.export_format import ExportFormat
from engine.audio.loudness import measure
from engine.audio.probe import probe
from engine.audio.reader import read_clip
from engine.audio.store import StoredAudio, StoreWriter
from engine.cache import Cache
from engine.mastering.chain import render
from engine.mastering.fit_record import FitResult
from engine.mastering.master import MasterSpec, export, master, master_to_file
from engine.mastering.parameters import (
    Amounts,
    Band,
    BandKind,
    ChainParameters,
    Compressor,
    Limiter,
)
from engine.tasks import Cancelled, Context, Failure, Progress

torch.set_num_threads(1)

RATE = 44100


def music(channels: int = 2, seconds: float = 8.0, rate: int = RATE) -> np.ndarray:
    """Falling noise in beats, dull and quiet: there is something to master."""
    rng = np.random.default_rng(3)
    frames = int(seconds * rate)
    hz = np.fft.rfftfreq(frames, 1.0 / rate)
    slope = 10.0 ** (-7.0 * np.log2(np.maximum(hz, 80.0) / 80.0) / 20.0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal((channels, frames))) * slope, n=frames)
    beat = 0.2 + np.exp(-6.0 * (np.arange(frames) / rate % 0.5))
    sound = noise * beat
    return (0.1 * sound / np.abs(sound).max()).T.astype(np.float32)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"), 1 << 30)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "song.wav"
    soundfile.write(path, music(), RATE, "PCM_24")
    return path


def stored(cache: Cache, samples: np.ndarray, key: str, rate: int = RATE) -> StoredAudio:
    with StoreWriter(cache, key, rate, samples.shape[1]) as writer:
        writer.append(samples.T)
        return writer.finish()


def test_loudness_and_ceiling_are_met_and_nothing_else_changes(source: Path, cache: Cache) -> None:
    result = master(MasterSpec(source, cache, lufs=-20.0, ceiling_dbtp=-1.5))
    measured = measure(result.rendered.clip())
    assert measured.integrated_lufs == pytest.approx(-20.0, abs=0.1)
    assert measured.true_peak_dbtp <= -1.5
    assert measured == result.after
    assert (result.rendered.frames, result.rendered.channels, result.rendered.rate) == (
        8 * RATE,
        2,
        RATE,
    )


def test_dull_and_quiet_becomes_brighter_and_louder(source: Path, cache: Cache) -> None:
    result = master(MasterSpec(source, cache))
    before, after = result.balance_before, result.balance_after
    hz = np.array(before.frequencies_hz)
    gained_db = np.array(after.levels_db) - np.array(before.levels_db)
    assert gained_db[hz > 4000.0].mean() > gained_db[hz < 300.0].mean() + 2.0
    assert result.after.integrated_lufs > result.before.integrated_lufs + 6.0


def test_the_parameters_render_the_same_bits_again(source: Path, cache: Cache) -> None:
    result = master(MasterSpec(source, cache))
    applied = ChainParameters.from_json(result.applied.to_json())
    again = render(result.source.clip(), applied)
    assert np.array_equal(again.samples, result.rendered.clip().samples)


def test_a_second_pass_changes_little(source: Path, cache: Cache) -> None:
    first = master(MasterSpec(source, cache))
    second = master(MasterSpec(first.rendered, cache))

    def change_db(result: object) -> float:
        levels = [np.array(b.levels_db) for b in (result.balance_before, result.balance_after)]
        moved = levels[1] - levels[0]
        return float(np.sqrt(np.mean((moved - moved.mean()) ** 2)))

    assert change_db(second) <= 0.5
    assert change_db(second) <= 0.3 * change_db(first)


def test_mono_stays_mono(cache: Cache) -> None:
    result = master(MasterSpec(stored(cache, music(1), "mono"), cache))
    assert result.rendered.channels == 1
    assert not result.parameters.imager.active


def test_equal_channels_stay_equal(cache: Cache) -> None:
    twice = np.repeat(music(1), 2, axis=1)
    out = master(MasterSpec(stored(cache, twice, "twice"), cache)).rendered.clip().samples
    assert np.array_equal(out[0], out[1])


def test_silence_stays_silence_and_is_said(cache: Cache) -> None:
    silence = stored(cache, np.zeros((RATE, 2), np.float32), "silence")
    result = master(MasterSpec(silence, cache))
    assert not result.rendered.clip().samples.any()
    assert result.parameters.limiter.gain_db == 0.0
    assert any("level is left" in warning for warning in result.warnings)


@pytest.mark.parametrize("frames", [1, 2205])
def test_a_blink_of_audio_keeps_its_length(cache: Cache, frames: int) -> None:
    result = master(MasterSpec(stored(cache, music()[:frames], f"blink{frames}"), cache))
    assert result.rendered.frames == frames


@pytest.mark.parametrize("rate", [8000, 192000])
def test_the_rate_is_kept(cache: Cache, rate: int) -> None:
    audio = stored(cache, music(seconds=2.0, rate=rate), f"rate{rate}", rate)
    result = master(MasterSpec(audio, cache))
    assert (result.rendered.rate, result.rendered.frames) == (rate, audio.frames)


def test_amount_zero_leaves_tone_and_width(source: Path, cache: Cache) -> None:
    result = master(MasterSpec(source, cache, amounts=Amounts(overall=0.0)))
    assert not any(band.active for band in result.applied.bands)
    assert any(band.active for band in result.parameters.bands)


def test_given_parameters_are_rendered_without_a_fit(source: Path, cache: Cache) -> None:
    mine = ChainParameters(bands=(Band(BandKind.BELL, 500.0, -2.0),), limiter=Limiter(3.0))
    solved = master(MasterSpec(source, cache, parameters=mine, lufs=-18.0))
    kept = master(MasterSpec(source, cache, parameters=mine, keep_gain=True))
    assert solved.applied.bands == kept.applied.bands == mine.bands
    assert solved.after.integrated_lufs == pytest.approx(-18.0, abs=0.1)
    assert kept.applied.limiter.gain_db == 3.0


def test_a_reference_is_followed(source: Path, cache: Cache, tmp_path: Path) -> None:
    bright = Band(BandKind.HIGH_SHELF, 5000.0, 6.0)
    clip = read_clip(source)
    reference = tmp_path / "reference.wav"
    open_chain = ChainParameters(bands=(bright,), limiter=replace(Limiter(), enabled=False))
    soundfile.write(reference, render(clip, open_chain).samples.T, RATE, "FLOAT")
    result = master(MasterSpec(source, cache, references=(reference,)))
    assert result.target.name == "reference.wav"
    hz = np.array(result.balance_before.frequencies_hz)
    moved = np.array(result.balance_after.levels_db) - np.array(result.balance_before.levels_db)
    lift_db = moved[(hz > 9000.0) & (hz < 16000.0)].mean() - moved[hz < 1000.0].mean()
    assert lift_db == pytest.approx(6.0, abs=0.7)


def test_the_file_keeps_its_tags(source: Path, cache: Cache, tmp_path: Path) -> None:
    tagged = tmp_path / "tagged.flac"
    with soundfile.SoundFile(tagged, "w", RATE, 2, "PCM_24") as file:
        file.title, file.artist = "Opening", "Nobody"
        file.write(music())
    out = tmp_path / "out.flac"
    result, written = master_to_file(MasterSpec(tagged, cache), out, ExportFormat("flac", 24))
    metadata = probe(out).metadata
    assert (metadata["title"], metadata["artist"]) == ("Opening", "Nobody")
    assert written.frames == result.rendered.frames == 8 * RATE


def test_a_float_export_is_the_rendering(source: Path, cache: Cache, tmp_path: Path) -> None:
    result = master(MasterSpec(source, cache))
    export(result, tmp_path / "out.wav", ExportFormat("wav", 32))
    assert np.array_equal(read_clip(tmp_path / "out.wav").samples, result.rendered.clip().samples)


def test_a_cancelled_export_leaves_nothing(source: Path, cache: Cache, tmp_path: Path) -> None:
    context = Context()

    def cancel(progress: Progress) -> None:
        if progress.fraction > 0.3:
            context.cancel_event.set()

    context.on_progress = cancel
    with pytest.raises(Cancelled):
        master_to_file(MasterSpec(source, cache), tmp_path / "out.wav", ExportFormat(), context)
    assert list(tmp_path.iterdir()) == []


def test_progress_runs_forward_once(source: Path, cache: Cache) -> None:
    seen: list[float] = []
    context = Context(lambda progress: seen.append(progress.fraction))
    master(MasterSpec(source, cache, target="bright", lufs=-15.0), context)
    assert seen == sorted(seen)


@pytest.mark.parametrize(("lufs", "compressed"), [(-14.0, False), (-30.0, True)])
def test_compression_is_given_up_only_where_it_costs_the_loudness(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, lufs: float, compressed: bool
) -> None:
    """A slow attack lets clicks through and turns down what lies between them."""
    clicks = 0.15 * np.random.default_rng(5).standard_normal((8 * RATE, 2))
    clicks[:: RATE // 2] = 0.9
    hard = Compressor(threshold_db=-40.0, ratio=4.0, attack_ms=100.0)
    chain = ChainParameters(compressor=hard)
    found = FitResult(chain, (), {"dynamics": "4:1", "level": "a guess"})
    monkeypatch.setattr("engine.mastering.fit.fit", lambda *_: found)
    source = stored(cache, clicks.astype(np.float32), f"clicks{compressed:d}")
    result = master(MasterSpec(source, cache, lufs=lufs))
    assert (result.applied.compressor.ratio > 1.0) == compressed
    assert ("would have cost" in result.explanation["dynamics"]) != compressed
    assert result.after.integrated_lufs == pytest.approx(lufs, abs=0.2)
    gain = f"{result.applied.limiter.gain_db:+.1f} dB into the limiter"
    assert result.explanation["level"].startswith(gain)


def hits(strongest: float, seconds: float = 20.0) -> np.ndarray:
    """Drum hits of many strengths over a bed of noise, ``[frames, 2]``."""
    rng = np.random.default_rng(8)
    frames = int(seconds * RATE)
    since_s = np.arange(frames) / RATE % 0.5
    strengths = np.repeat(rng.uniform(0.1, 1.0, frames // (RATE // 2) + 1), RATE // 2)[:frames]
    sound = strengths * np.exp(-25.0 * since_s) * np.sin(2.0 * np.pi * 180.0 * since_s)
    bed = 0.004 * rng.standard_normal(frames)
    return np.repeat((strongest * (sound + bed))[:, None], 2, axis=1).astype(np.float32)


def test_what_stopped_short_is_not_pressed_again_unless_it_is_asked_for(cache: Cache) -> None:
    spec = MasterSpec(stored(cache, hits(0.8), "hits"), cache, amounts=Amounts(overall=0.0))
    first = master(spec)
    assert first.after.integrated_lufs < first.target.lufs - 1.0
    assert first.limiter_reduction_db == pytest.approx(6.0, abs=0.1)
    second = master(replace(spec, source=first.rendered))
    assert second.after.integrated_lufs == pytest.approx(first.after.integrated_lufs, abs=0.1)
    assert any("limited already" in warning for warning in second.warnings)
    asked = master(replace(spec, source=first.rendered, lufs=first.target.lufs))
    assert asked.after.integrated_lufs > first.after.integrated_lufs + 0.5


def test_a_steady_tone_is_made_louder_as_far_as_there_is_room(cache: Cache) -> None:
    tone = 0.02 * np.sin(2.0 * np.pi * 997.0 * np.arange(8 * RATE) / RATE)
    source = stored(cache, np.repeat(tone[:, None], 2, axis=1).astype(np.float32), "tone")
    result = master(MasterSpec(source, cache))
    assert result.after.integrated_lufs == pytest.approx(-14.0, abs=0.1)


def test_what_is_wrong_with_a_file_is_said_once(cache: Cache, tmp_path: Path) -> None:
    path = tmp_path / "torn.wav"
    soundfile.write(path, music(seconds=2.0), RATE, "PCM_24")
    path.write_bytes(path.read_bytes()[:200_000])
    context = Context()
    from_file = master(MasterSpec(path, cache, parameters=ChainParameters()), context)
    from_store = master(MasterSpec(from_file.source, cache, parameters=ChainParameters()))
    said = [*context.warnings, *from_file.warnings]
    assert sum("ends early" in each for each in said) == 1
    assert sum("ends early" in each for each in from_store.warnings) == 1


def test_a_full_cache_does_not_lose_the_source_while_it_is_mastered(tmp_path: Path) -> None:
    small = Cache(tmp_path, 1)
    result = master(MasterSpec(stored(small, music(seconds=2.0), "small"), small))
    assert result.rendered.frames == 2 * RATE
    assert result.rendered.clip().samples.any()


def test_nonsense_is_refused(source: Path, cache: Cache) -> None:
    with pytest.raises(Failure, match="preset"):
        master(MasterSpec(source, cache, target="nonsense"))
    with pytest.raises(Failure, match="amount"):
        MasterSpec(source, cache, amounts=Amounts(overall=3.0))
    with pytest.raises(Failure, match="as many weights"):
        MasterSpec(source, cache, references=(source,), weights=(1.0, 2.0))

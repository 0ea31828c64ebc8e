"""The loudness meter against FFmpeg and pyloudnorm on real recordings."""

from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyloudnorm
import pytest
import soundfile
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.audio.loudness import LoudnessMeter, measure


def ffmpeg_ebur128(samples: NDArray[np.float32], rate: int) -> dict[str, NDArray[np.float64]]:
    """What FFmpeg's ebur128 filter writes to its metadata, every 100 ms."""
    layout = {1: "mono", 2: "stereo"}[samples.shape[0]]
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate)
    )
    meter = graph.add("ebur128", "metadata=1:peak=true")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    rows: list[dict[str, str]] = []
    hop = rate // 10
    for start in range(0, samples.shape[1] - hop + 1, hop):
        part = np.ascontiguousarray(samples[:, start : start + hop])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, start
        graph.push(frame)
        while True:
            try:
                rows.append(dict(graph.pull().metadata))
            except av.error.BlockingIOError:
                break
    rows = [row for row in rows if "lavfi.r128.I" in row]
    names = {key.removeprefix("lavfi.r128.") for row in rows for key in row}
    return {
        name: np.array([float(row.get(f"lavfi.r128.{name}", "nan")) for row in rows])
        for name in names
    }


def read(path: Path) -> Clip:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return Clip(np.ascontiguousarray(samples.T), rate)


def test_real_music_reads_as_in_ffmpeg(shared_audio: Path) -> None:
    paths = sorted((shared_audio / "music").iterdir())
    assert paths
    for path in paths:
        clip = read(path)
        tenths = min(600, clip.frames * 10 // clip.rate)
        clip = clip.part(0, tenths * (clip.rate // 10))
        theirs = ffmpeg_ebur128(clip.samples, clip.rate)
        meter = LoudnessMeter(clip.rate, clip.channels)
        meter.push(clip.samples)
        ours = meter.result()
        peaks = [theirs[name][-1] for name in theirs if name.startswith("true_peaks_ch")]
        assert ours.integrated_lufs == pytest.approx(theirs["I"][-1], abs=0.1), path.name
        assert ours.true_peak_dbtp == pytest.approx(20 * np.log10(max(peaks)), abs=0.2), path.name
        if clip.duration_s > 10.0:  # with few windows FFmpeg's percentiles are its own
            assert ours.range_lu == pytest.approx(theirs["LRA"][-1], abs=0.1), path.name
        count = min(meter.series.times_s.size, theirs["M"].size)
        momentary = meter.series.momentary_lufs[4:count]
        loud = momentary > -60.0
        assert momentary[loud] == pytest.approx(theirs["M"][4:count][loud], abs=0.1), path.name
        short_term = meter.series.short_term_lufs[30:count]
        loud = short_term > -60.0
        assert short_term[loud] == pytest.approx(theirs["S"][30:count][loud], abs=0.1), path.name


def test_integrated_loudness_and_range_read_as_in_pyloudnorm(shared_audio: Path) -> None:
    # it adds 1.5 s of silence and slides by 90 ms, which the range of a minute hardly feels
    for name in ("tad_cue.mp3", "tad_oceanside.mp3", "tarush-singhal_happy-lofi-day.mp3"):
        clip = read(shared_audio / "music" / name)
        clip = clip.part(0, 60 * clip.rate)
        samples = clip.samples.T.astype(float)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            integrated_lufs = pyloudnorm.Meter(clip.rate).integrated_loudness(samples)
            range_lu = pyloudnorm.Meter(clip.rate).loudness_range(samples)
        ours = measure(clip)
        assert ours.integrated_lufs == pytest.approx(integrated_lufs, abs=0.1), name
        assert ours.range_lu == pytest.approx(range_lu, abs=0.2), name

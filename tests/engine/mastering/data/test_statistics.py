"""Statistics of collections whose numbers are known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.mastering.data.degradation import Kind, Tier
from engine.mastering.data.neutral import third_octaves_hz
from engine.mastering.data.split import Split, split_of
from engine.mastering.data.statistics import (
    Spread,
    StatisticsSettings,
    describe,
    harm,
)
from engine.tasks import Context, Failure

RATE = 44100
QUICK = StatisticsSettings(seconds=5.0, draws=20)


class Given:
    """Songs that are given clips; None cannot be read."""

    def __init__(self, clips: dict[str, Clip | None]) -> None:
        self.names = tuple(clips)
        self._clips = clips

    def group(self, name: str) -> str:
        return name.split("_")[0]

    def duration_s(self, name: str) -> float:
        clip = self._clips[name]
        return 5.0 if clip is None else clip.duration_s

    def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
        clip = self._clips[name]
        if clip is None:
            raise Failure(f"“{name}” cannot be read.")
        return clip.part(round(start_s * rate), round((start_s + duration_s) * rate))


def noise(seed: int, level: float = 0.1, side: float = 1.0, seconds: float = 6.0) -> Clip:
    rng = np.random.default_rng(seed)
    mid, difference = rng.normal(size=(2, round(seconds * RATE)))
    samples = level * np.stack([mid + side * difference, mid - side * difference])
    return Clip(samples.astype(np.float32), RATE)


def collection() -> Given:
    sine = np.sin(2.0 * np.pi * 997.0 * np.arange(6 * RATE) / RATE)
    return Given(
        {
            "a_wide": noise(1),
            "a_narrow": noise(2, side=0.1),
            "b_sine": Clip((0.1 * sine)[None].astype(np.float32), RATE),
            "c_silent": Clip(np.zeros((2, 6 * RATE), np.float32), RATE),
            "d_lost": None,
        }
    )


def test_each_song_is_measured_as_it_is() -> None:
    found = describe(collection(), QUICK)
    songs = {song.name: song for song in found.songs}
    assert set(songs) == {"a_wide", "a_narrow", "b_sine", "c_silent"}
    # noise in mid and side alike, and with a side that is 20 dB lower
    assert songs["a_wide"].side_db == pytest.approx(0.0, abs=0.2)
    assert songs["a_narrow"].side_db == pytest.approx(-20.0, abs=0.2)
    assert songs["b_sine"].side_db is None
    # BS.1770: a 997 Hz sine at 0 dBFS in one channel reads -3.01 LUFS; its peak is 3.01 dB above
    assert songs["b_sine"].lufs == pytest.approx(-23.01, abs=0.05)
    assert songs["b_sine"].crest_db == pytest.approx(3.01, abs=0.1)
    assert songs["b_sine"].spread_lu < 0.2
    peak = int(np.argmax(songs["b_sine"].spectrum_db))
    assert third_octaves_hz()[peak] == pytest.approx(997.0, rel=0.13)
    assert songs["c_silent"].lufs == -math.inf
    assert all(songs[name].split is split_of(name[0], 0) for name in songs)


def test_a_song_that_cannot_be_read_is_told() -> None:
    found = describe(collection(), QUICK)
    assert found.failures == ("“d_lost” cannot be read.",)
    with pytest.raises(Failure, match="None of the songs"):
        describe(Given({"a": None}), QUICK)


def test_counts_groups_and_length() -> None:
    found = describe(collection(), QUICK)
    assert found.groups == 3
    assert found.duration_s == pytest.approx(24.0)
    splits = found.splits()
    assert sum(songs for songs, _ in splits.values()) == 4
    assert sum(groups for _, groups in splits.values()) == 3
    assert set(splits) == set(Split)


def test_silence_spoils_no_mean() -> None:
    found = describe(collection(), QUICK)
    assert len(found.spectra_db) == 3
    loudness = found.measures()["loudness"][1]
    assert loudness is not None and loudness.count == 3 and math.isfinite(loudness.mean)
    assert found.mean_spectrum is not None
    np.testing.assert_allclose(found.mean_spectrum.levels_db, found.spectra_db.mean(axis=0))
    silent = describe(Given({"a": Clip(np.zeros((1, 6 * RATE)), RATE)}), QUICK)
    assert silent.mean_spectrum is None
    json.dumps(silent.to_dict(), allow_nan=False)


def test_the_spread_is_that_of_the_numbers_alone() -> None:
    spread = Spread.of([1.0, 2.0, 3.0, None, math.nan, -math.inf])
    assert spread is not None
    assert (spread.count, spread.mean) == (3, 2.0)
    assert spread.std == pytest.approx(math.sqrt(2.0 / 3.0))
    assert spread.p10 == pytest.approx(1.2)
    assert spread.p90 == pytest.approx(2.8)
    assert Spread.of([None]) is None


def test_gain_leaves_tone_and_contour_alone_and_says_how_much_it_is() -> None:
    found = harm(Kind.GAIN, Tier.STRONG, QUICK, [noise(3)])
    assert found.eq_error_db.mean == 0.0
    assert found.contour_error_lu is not None and found.contour_error_lu.mean < 1e-6
    assert found.change_db is not None and -20.0 <= found.change_db.p10 < found.change_db.p90 <= 6.0


def test_the_tone_of_the_draws_agrees_with_their_error() -> None:
    """Mean square over draws and frequencies is the same whichever is averaged first."""
    found = harm(Kind.EQ, Tier.STRONG, StatisticsSettings(draws=200))
    error = found.eq_error_db
    by_draw = error.mean**2 + error.std**2
    assert np.mean(np.square(found.curve_rms_db)) == pytest.approx(by_draw)
    assert found.contour_error_lu is None and found.change_db is None


def test_everything_is_json_and_the_same_each_time() -> None:
    first, second = (describe(collection(), QUICK).to_dict() for _ in range(2))
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert first["count"] == 4
    assert len(first["degradations"]) == len(Kind) * len(Tier)


def test_progress_reaches_the_end_and_cancelling_stops() -> None:
    seen: list[float] = []
    context = Context(on_progress=lambda progress: seen.append(progress.fraction), interval_s=0.0)
    describe(Given({"a": noise(1)}), QUICK, context)
    assert seen == sorted(seen)
    assert seen[-1] > 0.8


@pytest.mark.parametrize("wrong", [{"seconds": 0.1}, {"draws": 1}, {"limit": 0}])
def test_settings_that_say_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Failure):
        StatisticsSettings(**wrong)  # type: ignore[arg-type]


def test_a_limit_spreads_over_the_collection() -> None:
    clips: dict[str, Clip | None] = {f"{n}": noise(n, seconds=1.0) for n in range(9)}
    settings = StatisticsSettings(seconds=1.0, draws=2, limit=3)
    assert [song.name for song in describe(Given(clips), settings).songs] == ["0", "3", "6"]


def test_a_given_split_is_taken_and_what_is_in_none_is_left_out() -> None:
    parts = {Split.TRAIN: ("b_sine",), Split.TEST: ("a_wide",)}
    found = describe(collection(), QUICK, parts=parts)
    assert {song.name: song.split for song in found.songs} == {
        "b_sine": Split.TRAIN,
        "a_wide": Split.TEST,
    }

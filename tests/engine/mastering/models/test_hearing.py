"""What is heard of a recording: statistics of bands, and how the level moves."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.audio.clip import Clip
from engine.mastering.data.music.song import compose
from engine.mastering.models.features import (
    BANDS,
    FLOOR_DB,
    NORMAL_LUFS,
    SUBFRAMES,
    Features,
    amplified,
    equalized,
    extract,
)
from engine.mastering.models.hearing import (
    DYNAMICS,
    LEAST_SIDE_DB,
    ROWS,
    SHIFTED,
    STATISTICS,
    Statistics,
    dynamics,
    pooled,
    rows_of,
    statistics,
)

RATE = 44100
CURVE_DB = 6.0 * np.sin(np.linspace(0.0, 5.0, BANDS))


@pytest.fixture(scope="module")
def windows() -> list[Features]:
    song = compose(5, 20.0, RATE)
    return [extract(song.part(s * RATE, (s + 6) * RATE)) for s in (0, 6, 12)]


def made(mid_db: NDArray[np.float64], side_db: float = -200.0) -> Features:
    """Features whose mid is ``[BANDS, frames]``."""
    frames = mid_db.shape[1]
    side = np.maximum(mid_db + side_db, FLOOR_DB)
    mel = np.stack([mid_db, side]).astype(np.float32)
    return Features(
        mel,
        np.full(frames * SUBFRAMES, -10.0, np.float32),
        np.full(frames, -15.0, np.float32),
    )


def alternating(low_db: float, high_db: float, frames: int = 200) -> Features:
    row = np.where(np.arange(frames) % 2, high_db, low_db)
    return made(np.broadcast_to(row, (BANDS, frames)), -10.0)


def test_statistics_of_two_levels_are_what_arithmetic_says() -> None:
    rows = statistics(alternating(-46.0, -40.0)).rows
    mean = 10.0 * np.log10(0.5 * (10.0**-4.6 + 10.0**-4.0))
    assert rows.shape == (STATISTICS, BANDS)
    expected = (mean, -46.0, -43.0, -40.0, 3.0, 0.0, -10.0)
    for row, value in zip(rows, expected, strict=True):
        assert row == pytest.approx(value, abs=0.02)


def test_blocks_tell_a_slow_change_from_a_quick_one() -> None:
    frames = 216
    slow = np.repeat([-44.0, -40.0], frames // 2)
    rows = statistics(made(np.broadcast_to(slow, (BANDS, frames)))).rows
    assert rows[5] == pytest.approx(2.0, abs=0.05)
    assert statistics(alternating(-44.0, -40.0)).rows[5] == pytest.approx(0.0, abs=0.05)


def test_pauses_do_not_count() -> None:
    loud = np.full((BANDS, 150), -40.0)
    paused = np.concatenate((loud, np.full((BANDS, 150), -90.0)), axis=1)
    assert statistics(made(paused)).rows == pytest.approx(statistics(made(loud)).rows, abs=1e-4)


def test_mono_has_the_least_side() -> None:
    rows = statistics(made(np.full((BANDS, 50), -40.0))).rows
    assert np.all(rows[6] == LEAST_SIDE_DB)


def test_silence_has_finite_statistics() -> None:
    silent = extract(Clip(np.zeros((2, RATE), np.float32), RATE))
    found = statistics(silent)
    assert np.isfinite(found.rows).all()
    assert np.isfinite(found.normalised().rows).all()
    rows, lufs = rows_of(silent)
    assert np.isfinite(rows).all()
    assert lufs == -70.0


def test_statistics_of_equalized_features_are_equalized_statistics(windows) -> None:
    # loud frames are chosen by loudness, which the curve changes a little
    one = statistics(equalized(windows[1], CURVE_DB)).rows
    other = statistics(windows[1]).equalized(CURVE_DB).rows
    heard = statistics(windows[1]).rows[0] > -90.0
    assert np.median(np.abs(one - other)[:, heard]) < 0.05
    assert np.abs(one - other)[0, heard].max() < 1.0


def test_an_equalizer_adds_its_curve_to_levels_and_leaves_the_rest(windows) -> None:
    before = statistics(windows[0])
    after = before.equalized(CURVE_DB)
    heard = before.rows[:SHIFTED] > FLOOR_DB + 1.0
    moved = (after.rows - before.rows)[:SHIFTED]
    expected = np.broadcast_to(CURVE_DB, moved.shape)
    assert moved[heard] == pytest.approx(expected[heard], abs=1e-4)
    assert np.array_equal(after.rows[SHIFTED:], before.rows[SHIFTED:])


def test_a_band_with_nothing_in_it_does_not_tell_the_equalizer() -> None:
    mid = np.full((BANDS, 60), -40.0)
    mid[80:] = FLOOR_DB
    before = statistics(made(mid))
    after = before.equalized(CURVE_DB)
    assert np.array_equal(after.rows[:, 80:], before.rows[:, 80:])


def test_the_level_does_not_matter_once_normalised(windows) -> None:
    one = statistics(windows[0]).normalised()
    other = statistics(amplified(windows[0], 7.0)).normalised()
    assert one.lufs == pytest.approx(NORMAL_LUFS, abs=0.3)
    heard = one.rows[:SHIFTED] > -80.0
    assert one.rows[:SHIFTED][heard] == pytest.approx(other.rows[:SHIFTED][heard], abs=1e-2)


def test_pooling_one_window_changes_nothing(windows) -> None:
    one = statistics(windows[0])
    assert pooled([one]).rows == pytest.approx(one.rows, abs=1e-4)


def test_the_same_windows_twice_change_nothing(windows) -> None:
    parts = [statistics(window) for window in windows]
    assert pooled(parts + parts).rows == pytest.approx(pooled(parts).rows, abs=1e-4)


def test_a_window_without_weight_is_absent(windows) -> None:
    one, two, three = (statistics(window) for window in windows)
    assert pooled([one, two, three], [1.0, 0.0, 3.0]).rows == pytest.approx(
        pooled([one, three], [0.25, 0.75]).rows, abs=1e-5
    )


def test_pooling_averages_powers_and_adds_what_windows_differ_by() -> None:
    rows = np.zeros((STATISTICS, BANDS), np.float32)
    quiet, loud = rows.copy(), rows.copy()
    quiet[0], loud[0] = -46.0, -40.0
    quiet[5], loud[5] = 3.0, 4.0
    quiet[2], loud[2] = -50.0, -42.0
    together = pooled([Statistics(quiet), Statistics(loud)]).rows
    assert together[0] == pytest.approx(10.0 * np.log10(0.5 * (10.0**-4.6 + 10.0**-4.0)), abs=1e-4)
    assert together[2] == pytest.approx(-46.0, abs=1e-4)
    assert together[5] == pytest.approx(np.sqrt(0.5 * (9.0 + 16.0) + 9.0), abs=1e-4)


def test_the_statistics_loudness_is_the_windows_own_where_nothing_pauses(windows) -> None:
    mono = Features(
        np.stack([windows[0].mel_db[0], np.full_like(windows[0].mel_db[0], FLOOR_DB)]),
        windows[0].envelope_db,
        windows[0].fast_db,
    )
    assert statistics(mono).lufs == pytest.approx(mono.lufs, abs=0.5)


def test_dynamics_of_a_steady_level_are_its_crest_alone() -> None:
    features = made(np.full((BANDS, 80), -40.0))
    momentary, frame, peak, fast = np.split(dynamics(features), 4)
    assert dynamics(features).shape == (DYNAMICS,)
    assert momentary == pytest.approx(0.0, abs=1e-3)
    assert frame == pytest.approx(0.0, abs=1e-3)
    assert peak == pytest.approx(-10.0 - features.lufs, abs=1e-3)
    assert fast == pytest.approx(-15.0 - features.lufs, abs=1e-3)


def test_dynamics_do_not_hear_the_level(windows) -> None:
    assert dynamics(amplified(windows[0], -9.0)) == pytest.approx(dynamics(windows[0]), abs=0.01)


def test_compression_narrows_the_levels(windows) -> None:
    features = windows[1]
    gain = -0.5 * np.maximum(features.loudness - features.lufs + 6.0, 0.0)
    squeezed = Features(
        features.mel_db + gain,
        features.envelope_db + np.repeat(gain, SUBFRAMES),
        features.fast_db + gain,
    )
    wide, narrow = dynamics(features)[7:14], dynamics(squeezed)[7:14]
    assert narrow[-1] - narrow[1] < wide[-1] - wide[1] - 0.3


def test_rows_are_at_minus_23_lufs_and_say_what_the_loudness_was(windows) -> None:
    rows, lufs = rows_of(windows[0])
    assert rows.shape == (ROWS, windows[0].frames)
    assert lufs == pytest.approx(windows[0].lufs)
    louder, level = rows_of(amplified(windows[0], 5.0))
    assert level == pytest.approx(lufs + 5.0, abs=1e-3)
    heard = windows[0].mel_db.reshape(2 * BANDS, -1) > -90.0
    assert rows[: 2 * BANDS][heard] == pytest.approx(louder[: 2 * BANDS][heard], abs=1e-3)
    track = windows[0].loudness + NORMAL_LUFS - lufs
    assert rows[2 * BANDS] == pytest.approx(np.maximum(track, -110.0), abs=1e-4)

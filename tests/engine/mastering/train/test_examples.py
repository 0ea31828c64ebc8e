"""Examples: what was done to a window is what the truth asks to undo."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicSpline

from engine.mastering.data.degradation import Kind, Tier, error_grid_hz
from engine.mastering.models.assembly import Heard
from engine.mastering.models.features import BANDS, FLOOR_DB, NORMAL_LUFS, SUBFRAMES, centres_hz
from engine.mastering.models.hearing import DYNAMICS, ROWS, STATISTICS, Statistics
from engine.mastering.train.examples import (
    COLOUR_POINTS,
    Batch,
    ExampleSettings,
    Wish,
    draw_batch,
    draw_colour,
)

FRAMES = 48
PLAIN = ExampleSettings(frames=FRAMES)
COUNT = 24


def draw(pool, bank, settings=PLAIN, count=COUNT, seed=0, temporal=True, wish=None) -> Batch:
    rng = np.random.default_rng(seed)
    return draw_batch(pool, bank, settings, count, rng, temporal, wish)


def tensors(batch: Batch) -> dict[str, torch.Tensor]:
    parts = {"heard": batch.heard, "reference": batch.reference, "truth": batch.truth}
    return {
        f"{name} {item.name}": getattr(part, item.name)
        for name, part in parts.items()
        for item in fields(part)
        if getattr(part, item.name) is not None
    }


def test_the_same_seed_gives_the_same_batch_and_another_one_another(pool, bank) -> None:
    one, same, other = (tensors(draw(pool, bank, seed=seed)) for seed in (1, 1, 2))
    for name, value in one.items():
        assert torch.equal(value.nan_to_num(), same[name].nan_to_num())
    assert not torch.equal(one["heard statistics"], other["heard statistics"])


def test_shapes_are_as_documented(pool, bank) -> None:
    batch = draw(pool, bank)
    points = len(error_grid_hz())
    for part in (batch.heard, batch.reference):
        assert part.statistics.shape == (COUNT, STATISTICS, BANDS)
        assert part.windows.shape == (COUNT, 1, ROWS, FRAMES)
        assert part.dynamics.shape == (COUNT, DYNAMICS)
        assert part.level.shape == part.present.shape == (COUNT,)
    truth = batch.truth
    assert truth.curve_db.shape == truth.weights.shape == (COUNT, points)
    assert truth.contour.shape == truth.clean_contour.shape == (COUNT, FRAMES)
    assert truth.envelope.shape == (COUNT, FRAMES * SUBFRAMES)
    assert truth.side_db.shape == (COUNT,)
    assert truth.compressor.shape == (COUNT, 4)


def test_all_that_a_network_sees_is_finite(pool, bank) -> None:
    batch = draw(pool, bank, count=60)
    known = {"truth side_db", "truth compressor"}  # NaN where there is no answer
    for name, value in tensors(batch).items():
        assert value.dtype == torch.float32
        assert torch.isfinite(value).all() or name in known


def test_without_the_temporal_half_the_rest_is_the_same(pool, bank) -> None:
    wish = Wish(reference=True)
    one = draw(pool, bank, seed=3, wish=wish)
    other = draw(pool, bank, seed=3, temporal=False, wish=wish)
    assert other.heard.windows is None
    assert other.reference.windows is None
    assert torch.equal(one.heard.statistics, other.heard.statistics)
    assert torch.equal(one.truth.curve_db, other.truth.curve_db)


def test_everything_is_heard_at_one_loudness(pool, bank) -> None:
    heard = draw(pool, bank, count=40).heard
    levels = [Statistics(row.numpy()).lufs for row in heard.statistics]
    assert np.array(levels) == pytest.approx(NORMAL_LUFS, abs=0.05)


def test_the_curve_that_was_added_is_the_one_to_take_away(pool, bank) -> None:
    """Without a colour, what is heard less what was clean is minus the correction."""
    settings = replace(PLAIN, colour_db=0.0, colour_reference_db=0.0)
    wish = Wish(Tier.STRONG, Kind.EQ, False, False)
    for seed in range(4):
        batch = draw(pool[:1], bank, settings, 1, seed, wish=wish)
        heard = batch.heard.statistics[0, 0].numpy()
        # the windows of these songs differ little, so any of them is the clean one
        clean = pool[0].statistics[:, 0].mean(axis=0)
        audible = (clean > clean.max() - 50.0) & (centres_hz() > 40.0) & (centres_hz() < 15000.0)
        added = (heard - clean)[audible]
        asked = np.interp(centres_hz(), error_grid_hz(), batch.truth.curve_db[0].numpy())[audible]
        left = added + asked
        assert np.std(left - left.mean()) < 1.2 < np.std(asked)


def test_a_song_that_nothing_was_done_to_asks_for_nothing(pool, bank) -> None:
    settings = replace(PLAIN, untouched=1.0, spoilt=0.0, reference=0.0)
    truth = draw(pool, bank, settings).truth
    assert not truth.curve_db.any()
    assert torch.equal(truth.contour, truth.clean_contour)
    assert torch.equal(truth.compressor[:, 1], torch.zeros(COUNT))
    assert not truth.side_db.any()


def test_the_shares_are_kept(pool, bank) -> None:
    count = 300
    settings = replace(PLAIN, reference=0.3, spoilt=0.0, untouched=0.4, processed_reference=0.0)
    batch = draw(pool, bank, settings, count, temporal=False)
    assert float(batch.reference.present.mean()) == pytest.approx(0.3, abs=0.08)
    flat = (batch.truth.curve_db.abs().amax(-1) == 0.0).float().mean()
    assert float(flat) == pytest.approx(0.4, abs=0.08)
    pressed = draw(pool, bank, replace(settings, spoilt=1.0), count, temporal=False).truth
    known = (~torch.isnan(pressed.compressor[:, 0])).float().mean()
    assert float(known) == pytest.approx(0.5, abs=0.08)  # two of four kinds compress


def test_a_wish_is_granted_to_all(pool, bank) -> None:
    for reference in (False, True):
        wish = Wish(Tier.MILD, Kind.EQ, reference, False)
        batch = draw(pool, bank, wish=wish, temporal=False)
        assert torch.equal(batch.reference.present, torch.full((COUNT,), float(reference)))
        assert (batch.truth.curve_db.std(-1) > 0.1).all()


def test_a_missing_reference_holds_nothing_of_the_song(pool, bank) -> None:
    batch = draw(pool, bank, wish=Wish(reference=False))
    assert not batch.reference.statistics.any()
    assert not batch.reference.dynamics.any()
    assert torch.equal(batch.reference.windows, torch.full_like(batch.reference.windows, -60.0))


def test_a_reference_is_another_part_in_the_same_colour(pool, bank) -> None:
    """With nothing wrong both parts are one song, and their difference shows no colour."""
    settings = replace(PLAIN, untouched=1.0, spoilt=0.0, processed_reference=0.0)
    strong = replace(settings, colour_reference_db=30.0)
    batch = draw(pool, bank, strong, wish=Wish(reference=True))
    difference = (batch.heard.statistics - batch.reference.statistics)[:, 0, 5:80]
    difference = difference - difference.mean(-1, keepdim=True)
    assert float(difference.abs().mean()) < 1.5
    assert not torch.equal(batch.heard.statistics, batch.reference.statistics)
    assert not batch.truth.curve_db.any()


def test_a_reference_of_its_own_tone_is_to_be_followed(pool, bank) -> None:
    settings = replace(PLAIN, untouched=0.0, spoilt=0.0, reference=1.0, processed_reference=1.0,
                       colour_reference_db=0.0)  # fmt: skip
    batch = draw(pool, bank, settings, 40)
    shown = (batch.reference.statistics - batch.heard.statistics)[:, 0].numpy()
    grid = np.stack([np.interp(error_grid_hz(), centres_hz(), row) for row in shown])
    left = batch.truth.curve_db.numpy() - grid
    inside = slice(8, 50)
    spread = [np.std(row[inside]) for row in left]
    assert np.median(spread) < 1.5
    assert np.median(np.std(batch.truth.curve_db.numpy(), axis=1)) > 2.0


def test_weights_are_1_where_a_song_is_and_0_where_it_is_not(pool, bank) -> None:
    song = pool[0]
    muffled = replace(
        song,
        statistics=np.where(centres_hz() > 5000.0, FLOOR_DB, song.statistics).astype(np.float32),
    )
    truth = draw((muffled,), bank, wish=Wish(spoilt=False), temporal=False).truth
    assert (truth.weights >= 0.0).all()
    assert (truth.weights <= 1.0).all()
    assert (truth.weights[:, error_grid_hz() > 5500.0] == 0.0).all()
    loudest = truth.weights.amax(-1)
    assert torch.equal(loudest, torch.ones_like(loudest))


def test_mono_has_no_wanted_width(pool, bank) -> None:
    mono = []
    for song in pool:
        changed = {
            name: getattr(song, name).copy() for name in ("mel", "spoilt_mel")
        }  # side as a mono file has it
        for rows in changed.values():
            rows[:, 1] = FLOOR_DB
        mono.append(replace(song, **changed))
    truth = draw(tuple(mono), bank).truth
    assert torch.isnan(truth.side_db).all()
    assert torch.isfinite(draw(pool, bank).truth.side_db).all()


def test_the_contour_is_the_spoilt_one_and_the_aim_that_of_its_source(pool, bank) -> None:
    frames = pool[0].mel.shape[-1]
    settings = replace(PLAIN, frames=frames)
    batch = draw(pool[:1], bank, settings, 30, wish=Wish(spoilt=True))
    spoilt = [pool[0].spoilt(i)[0].loudness for i in range(4)]
    for contour, aim in zip(batch.truth.contour, batch.truth.clean_contour, strict=True):
        index = int(np.argmin([np.abs(row - contour.numpy()).max() for row in spoilt]))
        source = int(pool[0].truth[index, 0])
        assert contour.numpy() == pytest.approx(spoilt[index], abs=1e-4)
        assert aim.numpy() == pytest.approx(pool[0].clean(source)[0].loudness, abs=1e-4)


def test_windows_longer_than_the_song_go_round(pool, bank) -> None:
    frames = pool[0].mel.shape[-1]
    batch = draw(pool, bank, replace(PLAIN, frames=2 * frames), 3)
    windows = batch.heard.windows
    assert torch.equal(windows[..., :frames], windows[..., frames:])


def test_a_colour_is_a_spline_through_its_points() -> None:
    rng, same = np.random.default_rng(4), np.random.default_rng(4)
    found = draw_colour(rng, 5.0)
    gains = same.normal(0.0, 5.0, COLOUR_POINTS) * same.random()
    places = np.linspace(np.log(20.0), np.log(20000.0), COLOUR_POINTS)
    expected = CubicSpline(places, gains)(np.log(np.maximum(centres_hz(), 20.0)))
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_batch_moves_as_a_whole(pool, bank) -> None:
    batch = draw(pool, bank, count=2, temporal=False).to("cpu")
    assert isinstance(batch.heard, Heard)
    assert batch.heard.windows is None

"""Matches are kept under a name and found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.audio.clip import Clip
from engine.cache import Cache
from engine.locations import Locations
from engine.mastering import match, targets
from engine.mastering.analysis import Analysis, analyse
from engine.mastering.master import MasterSpec, master
from engine.mastering.targets import Target, from_preset
from engine.tasks import Failure

RATE = 44100


@pytest.fixture
def places(tmp_path: Path) -> Locations:
    return Locations(tmp_path / "config", tmp_path / "cache", tmp_path / "data")


@pytest.fixture(scope="module")
def mine() -> Target:
    return replace(from_preset("warm"), lufs=-11.0, source="Match of a.wav")


def noise(seed: int, falloff_db: float, seconds: float = 8.0) -> Clip:
    rng = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    hz = np.fft.rfftfreq(frames, 1.0 / RATE)
    slope = 10.0 ** (-falloff_db * np.log2(np.maximum(hz, 80.0) / 80.0) / 20.0)
    sound = np.fft.irfft(np.fft.rfft(rng.standard_normal((2, frames))) * slope, n=frames)
    return Clip((0.2 * sound / np.abs(sound).max()).astype(np.float32), RATE)


def heard(seed: int, falloff_db: float) -> Analysis:
    return analyse(noise(seed, falloff_db))


def test_what_was_saved_is_found_and_listed_after_the_built_in_ones(
    places: Locations, mine: Target
) -> None:
    match.save(mine, "My Album", places)
    assert match.find("My Album", places) == replace(mine, name="My Album")
    listed = match.presets(places)
    assert [each.name for each in listed[:-1]] == [each.name for each in targets.presets()]
    assert (listed[-1].name, listed[-1].description) == ("My Album", "Match of a.wav")


def test_built_in_presets_are_found_by_the_same_name(places: Locations) -> None:
    assert match.find("bright", places) == from_preset("bright")


def test_a_name_that_is_taken_is_refused_unless_it_is_to_be_replaced(
    places: Locations, mine: Target
) -> None:
    match.save(mine, "Mine", places)
    for name in ("Mine", "mine", "Balanced"):
        with pytest.raises(Failure, match=r"already|built-in"):
            match.save(mine, name, places)
    match.save(replace(mine, lufs=-9.0), "mine", places, replacing=True)
    assert match.find("Mine", places).lufs == -9.0
    assert len(list((places.data / "presets").iterdir())) == 1


@pytest.mark.parametrize(
    "name", ["", "  ", "../up", "a/b", "a\\b", ".hidden", "a:b", "dot.", "con", "x" * 61, "a\nb"]
)
def test_names_that_no_file_could_have_are_refused(
    places: Locations, mine: Target, name: str
) -> None:
    with pytest.raises(Failure, match="cannot be called"):
        match.save(mine, name, places)
    assert not places.data.exists()


def test_renaming_and_deleting(places: Locations, mine: Target) -> None:
    match.save(mine, "First", places)
    match.save(mine, "Second", places)
    with pytest.raises(Failure, match="already"):
        match.rename("First", "second", places)
    match.rename("First", "Größer (2)", places)
    assert match.find("Größer (2)", places).name == "Größer (2)"
    match.rename("Second", "SECOND", places)
    match.delete("second", places)
    assert [each.name for each in match.presets(places)][-1] == "Größer (2)"
    for name in ("Second", "balanced"):
        with pytest.raises(Failure, match="preset of yours"):
            match.delete(name, places)


def test_a_preset_that_is_not_there_names_those_that_are(places: Locations, mine: Target) -> None:
    match.save(mine, "Mine", places)
    with pytest.raises(Failure, match="no mastering preset") as caught:
        match.find("Other", places)
    assert "balanced" in caught.value.why and "Mine" in caught.value.why


def test_a_damaged_file_is_told_and_does_not_spoil_the_list(
    places: Locations, mine: Target
) -> None:
    match.save(mine, "Mine", places).write_bytes(b"\xff\x00")
    with pytest.raises(Failure, match="could not be read"):
        match.find("Mine", places)
    assert "cannot be read" in match.presets(places)[-1].description


def test_a_match_has_the_balance_of_what_was_heard() -> None:
    target = match.of_references([heard(1, 3.0), heard(2, 6.0)], None, "Both", "a.wav, b.wav")
    middle = match.of_references([heard(3, 4.5)], None, "Middle", "c.wav")
    difference = np.array(target.balance_db) - np.array(middle.balance_db)
    inside = (np.array(difference)[12:54]) - difference[12:54].mean()
    assert np.abs(inside).max() < 1.0
    assert target.source == "Match of a.wav, b.wav"


def test_a_match_keeps_only_to_what_its_recordings_tell() -> None:
    one = match.of_references([heard(1, 4.5)], None, "One", "a.wav")
    four = match.of_references([heard(seed, 4.5) for seed in range(4)], None, "Four", "b.wav")
    assert np.mean(four.detail_tolerance_db) <= np.mean(one.detail_tolerance_db)


def test_a_song_is_mastered_to_a_match(places: Locations, tmp_path: Path) -> None:
    match.save(match.of_references([heard(1, 3.0)], None, "x", "a.wav"), "Bright one", places)
    cache = Cache(tmp_path / "audio", 1 << 28)
    from engine.audio.store import StoreWriter

    with StoreWriter(cache, "dull", RATE, 2) as writer:
        writer.append(noise(2, 6.0).samples)
        dull = writer.finish()
    result = master(MasterSpec(dull, cache, target="Bright one", locations=places))
    hz = np.array(result.balance_before.frequencies_hz)
    moved = np.array(result.balance_after.levels_db) - np.array(result.balance_before.levels_db)
    assert moved[hz > 5000.0].mean() > moved[(hz > 100.0) & (hz < 400.0)].mean() + 1.0
    assert result.target.name == "Bright one"

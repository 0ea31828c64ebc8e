"""Models and presets of one's own: found in a lane, loaded once, and their absence said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.document.state import AUTO_MODEL, NO_MODEL
from app.models import Models, Shelf
from engine.lanes import Lanes
from engine.locations import Locations
from engine.mastering import match
from engine.mastering.models import library
from engine.mastering.targets import from_preset
from engine.tasks import Failure


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    return Locations(tmp_path / "config", tmp_path / "cache", tmp_path / "data")


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Two model folders the library knows; the list is what was loaded."""
    folders = {name: tmp_path / "models" / name for name in ("first", "second")}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
    loaded: list[Path] = []

    def find_model(name: str, _locations: Locations) -> Path:
        if name not in folders:
            raise Failure(f"There is no model “{name}”.")
        return folders[name]

    def load(folder: Path) -> Any:
        loaded.append(folder)
        if (folder / "config.json").read_text() == "damaged":
            raise Failure("The model is damaged.")
        return SimpleNamespace(name=folder.name, model_hash="ab")

    monkeypatch.setattr(library, "default_model", lambda _: folders["first"])
    monkeypatch.setattr(library, "find_model", find_model)
    monkeypatch.setattr(library, "load", load)
    yield loaded


def test_automatic_is_the_default_model_and_a_name_is_that_one(
    locations: Locations, bundles: list[Path]
) -> None:
    shelf = Shelf(locations)
    for choice, name in ((AUTO_MODEL, "first"), ("second", "second")):
        predictor, why = shelf.predictor(choice)
        assert predictor is not None and predictor.name == name
        assert why == ""


def test_a_model_is_loaded_once_until_it_is_trained_again(
    locations: Locations, bundles: list[Path]
) -> None:
    shelf = Shelf(locations)
    first, _ = shelf.predictor(AUTO_MODEL)
    assert shelf.predictor("first")[0] is first
    assert len(bundles) == 1
    (bundles[0] / "config.json").write_text('{"newer": true}')
    os.utime(bundles[0] / "config.json", ns=(1, 1))
    assert shelf.predictor("first")[0] is not first


def test_what_is_missing_or_damaged_is_said(locations: Locations, bundles: list[Path]) -> None:
    shelf = Shelf(locations)
    predictor, why = shelf.predictor("third")
    assert predictor is None
    assert "There is no model “third”." in why
    shelf.predictor("second")
    (bundles[0] / "config.json").write_text("damaged")
    predictor, why = shelf.predictor("second")
    assert predictor is None and "damaged" in why


def test_without_a_model_nothing_is_loaded(
    locations: Locations, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Shelf(locations).predictor(NO_MODEL) == (None, "")
    monkeypatch.setattr(library, "default_model", lambda _: None)
    predictor, why = Shelf(locations).predictor(AUTO_MODEL)
    assert predictor is None and "No model is installed" in why
    assert bundles == []


def test_presets_of_ones_own_are_found_in_a_lane(
    locations: Locations, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "installed", lambda _: ())
    match.save(replace(from_preset("warm"), lufs=-11.0), "Mine", locations)
    (locations.data / "presets" / "Broken.json").write_text("{")
    lanes = Lanes()
    try:
        models = Models(lanes, locations)
        with qtbot.waitSignal(models.changed, timeout=30_000):
            models.refresh()
        assert models.installed is not None
        assert [(preset.name, preset.lufs) for preset in models.installed.presets] == [
            ("Mine", -11.0)
        ]
    finally:
        lanes.shutdown()


def test_only_a_preset_of_ones_own_is_a_custom_target(locations: Locations) -> None:
    match.save(replace(from_preset("warm"), lufs=-11.0), "Mine", locations)
    shelf = Shelf(locations)
    assert shelf.target("balanced") is None
    own = shelf.target("Mine")
    assert own is not None and own.lufs == -11.0
    with pytest.raises(Failure, match="no mastering preset"):
        shelf.target("nobody's")

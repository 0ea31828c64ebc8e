"""Recipes of mastering: the shipped ones are whole, and nothing unknown is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

import resources
from engine.mastering.models.assembly import MasteringNet, Variant
from engine.mastering.train.settings import DataSettings, MasteringSettings
from engine.tasks import Failure
from engine.training.recipe import Recipe, load_recipe, parse_recipe

SHIPPED = sorted((Path(resources.__file__).parent / "recipes").glob("mastering-*.toml"))


def recipe(**tables) -> Recipe:
    return Recipe("mastering", "test", sections=tables)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_can_be_read_and_comes_back(path: Path) -> None:
    found = load_recipe(path)
    settings = MasteringSettings.of(found)
    assert (found.kind, found.name) == ("mastering", path.stem)
    design = path.stem.split("-")[1].upper()
    assert settings.model.variant.value == (design if design in set(Variant) else "1D")
    assert MasteringSettings.of(parse_recipe(found.to_toml())) == settings
    MasteringNet(settings.model)


def test_the_preferred_model_has_a_recipe() -> None:
    assert "mastering-1d" in {path.stem for path in SHIPPED}


def test_an_empty_recipe_is_all_defaults() -> None:
    settings = MasteringSettings.of(recipe())
    assert settings.model.variant is Variant.GREY
    assert settings.data == DataSettings()
    assert settings.temporal_every >= 1


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"exmaples": {}}, "exmaples"),
        ({"data": {"song": 3}}, "data.song"),
        ({"data": {"songs": -1}}, "data.songs"),
        ({"data": {"songs": 0}}, "data"),
        ({"examples": {"reference": 1.5}}, "examples.reference"),
        ({"model": {"variant": "2X"}}, "model.variant"),
        ({"pace": {"temporal_every": 0}}, "pace.temporal_every"),
        ({"audio": {"weights": {"magnitude": -1.0}}}, "audio.weights.magnitude"),
        ({"features": {"tone": "much"}}, "features.tone"),
        ({"pool": {"windows": 1}}, "pool.windows"),
    ],
)
def test_what_it_does_not_know_is_named(tables, named: str) -> None:
    with pytest.raises(Failure, match=f"“{named}”"):
        MasteringSettings.of(recipe(**tables))

"""Which model masters: the named one, the installed one, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.locations import Locations
from engine.mastering.model_choice import choose_model, model_of
from engine.mastering.models import library
from engine.tasks import Failure

PLACES = Locations(Path("config"), Path("cache"), Path("data"))


@dataclass(frozen=True)
class Info:
    name: str
    folder: Path
    hash: str


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """A library of two models; loading gives the folder it was asked for."""
    known = {"one": Path("models/one"), "two": Path("models/two")}

    def load(folder: Path) -> Path:
        if folder.name == "two":
            raise Failure("The weights are damaged.")
        return folder

    infos = tuple(Info(name, folder, f"hash-{name}") for name, folder in known.items())
    monkeypatch.setattr(library, "default_model", lambda locations: known["one"])
    monkeypatch.setattr(library, "find_model", lambda name, locations: known[name])
    monkeypatch.setattr(library, "installed", lambda locations: infos)
    monkeypatch.setattr(library, "load", load)
    return known


def test_auto_takes_the_installed_one(installed: dict[str, Path]) -> None:
    choice = choose_model("auto", PLACES)
    assert (choice.model, choice.note) == (installed["one"], "")


def test_auto_without_any_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "default_model", lambda locations: None)
    choice = choose_model("auto", PLACES)
    assert choice.model is None and "No trained model is installed" in choice.note


def test_auto_goes_on_without_a_damaged_one(
    installed: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "default_model", lambda locations: installed["two"])
    choice = choose_model("auto", PLACES)
    assert choice.model is None and "damaged" in choice.note


def test_none_is_no_shortcoming(installed: dict[str, Path]) -> None:
    choice = choose_model("none", PLACES)
    assert (choice.model, choice.note) == (None, "")


def test_a_named_one_is_loaded_or_fails(installed: dict[str, Path]) -> None:
    assert choose_model("one", PLACES).model == installed["one"]
    with pytest.raises(Failure, match="damaged"):
        choose_model("two", PLACES)


def test_a_residual_finds_its_model_by_the_weights(installed: dict[str, Path]) -> None:
    assert model_of("hash-one", PLACES).model == installed["one"]
    with pytest.raises(Failure, match="not installed"):
        model_of("hash-three", PLACES)

"""The library of models: what is found, what is left out, and which one a name means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine.locations import Locations
from engine.mastering.models import library
from engine.mastering.models.assembly import MasteringNet, ModelSettings, Variant
from engine.mastering.models.library import default_model, find_model, installed, load
from engine.mastering.models.residual import ResidualSettings
from engine.mastering.models.spectral import SpectralSettings
from engine.mastering.models.tcn import TcnSettings
from engine.tasks import Failure
from engine.training.bundle import save_bundle
from engine.training.settings import plain


def settings(variant: Variant) -> ModelSettings:
    return ModelSettings(
        variant,
        TcnSettings(16, (1,)),
        SpectralSettings(16, (1,)),
        ResidualSettings((8, 16), (1,), (1,)),
    )


def put(folder: Path, variant: Variant = Variant.GREY, name: str = "", kind: str = "mastering"):
    """A bundle with weights of chance; gives its hash."""
    torch.manual_seed(len(folder.name))
    model = settings(variant)
    return save_bundle(
        folder,
        MasteringNet(model).state_dict(),
        {"model": plain(model)},
        kind=kind,
        name=name or folder.name,
        scores={},
        card="# What it is\n",
    )


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Locations:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(library, "SHIPPED", shipped)
    return Locations(tmp_path / "config", tmp_path / "cache", tmp_path / "data")


@pytest.fixture
def own(places: Locations) -> Path:
    return places.data / "models"


def test_without_models_there_is_none(places: Locations) -> None:
    assert installed(places) == ()
    assert default_model(places) is None
    with pytest.raises(Failure, match="There is no model “any”") as failure:
        find_model("any", places)
    assert "none" in str(failure.value)


def test_shipped_models_come_first_and_are_told_apart(places: Locations, own: Path) -> None:
    put(own / "a", Variant.PARAMETRIC)
    name_hash = put(library.SHIPPED / "b")
    shipped, trained = installed(places)
    assert (shipped.name, shipped.variant, shipped.shipped, shipped.residual) == (
        "b",
        "1D",
        True,
        True,
    )
    assert (trained.name, trained.variant, trained.shipped, trained.residual) == (
        "a",
        "1A",
        False,
        False,
    )
    assert shipped.hash == name_hash
    assert shipped.card == "# What it is\n"
    sizes = [file.stat().st_size for file in shipped.folder.iterdir()]
    assert shipped.size_bytes == sum(sizes)
    count = sum(w.numel() for w in MasteringNet(settings(Variant.GREY)).parameters())
    assert shipped.parameters == count


def test_the_preferred_model_is_the_default_and_any_is_better_than_none(
    places: Locations, own: Path
) -> None:
    put(own / "mine")
    assert default_model(places) == own / "mine"
    put(library.SHIPPED / "a")
    assert default_model(places) == library.SHIPPED / "a"
    put(library.SHIPPED / library.PREFERRED)
    assert default_model(places) == library.SHIPPED / library.PREFERRED


def test_a_model_is_found_by_name_and_by_path(places: Locations, own: Path, tmp_path: Path) -> None:
    put(own / "mine")
    put(tmp_path / "elsewhere" / "run")
    assert find_model("mine", places) == own / "mine"
    assert find_model(str(tmp_path / "elsewhere" / "run"), places).name == "run"
    with pytest.raises(Failure) as failure:
        find_model("other", places)
    assert "mine" in str(failure.value)


def test_a_model_of_ones_own_goes_before_the_shipped_one_of_its_name(
    places: Locations, own: Path
) -> None:
    put(library.SHIPPED / "same")
    put(own / "same", Variant.ADAPTIVE)
    assert len(installed(places)) == 2
    assert find_model("same", places) == own / "same"


def damage_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 0x40
    path.write_bytes(bytes(data))


def rewrite(change: dict) -> callable:
    def damage(folder: Path) -> None:
        path = folder / "config.json"
        document = json.loads(path.read_text())
        if "model" in change:
            document["config"]["model"] |= change["model"]
        else:
            document |= change
        path.write_text(json.dumps(document))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        damage_weights,
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "config.json").write_text("{"),
        rewrite({"model": {"variant": "1A"}}),
        rewrite({"model": {"variant": "9Z"}}),
        rewrite({"model": {"unknown": 1}}),
        rewrite({"model": {"tcn": {"channels": 12}}}),
        rewrite({"model": {"spectral": {"channels": 7}}}),
        rewrite({"config": 3}),
        rewrite({"kind": "denoiser"}),
        rewrite({"format": 99}),
    ],
    ids=[
        "a flipped bit", "no weights", "no JSON", "other design", "no design", "unknown setting",
        "width for no groups", "odd width", "no settings", "other kind", "other format",
    ],
)  # fmt: skip
def test_a_damaged_model_is_left_out_and_named_when_it_is_loaded(
    places: Locations, own: Path, damage
) -> None:
    put(own / "whole")
    put(own / "broken")
    damage(own / "broken")
    assert [model.name for model in installed(places)] == ["whole"]
    with pytest.raises(Failure, match="broken"):
        load(find_model("broken", places))


def test_a_loaded_model_has_the_weights_of_its_bundle(own: Path) -> None:
    name_hash = put(own / "mine", Variant.ADAPTIVE, name="The mine")
    predictor = load(own / "mine")
    assert (predictor.name, predictor.variant, predictor.model_hash) == (
        "The mine",
        "1C",
        name_hash,
    )
    torch.manual_seed(len("mine"))
    expected = MasteringNet(settings(Variant.ADAPTIVE)).state_dict()
    found = predictor._net.state_dict()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="There is no model"):
        load(tmp_path)

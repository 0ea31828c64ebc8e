"""``audiobench models``: the list, the cards and the bill."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch

from engine.cli import models
from engine.cli.command import DONE
from engine.cli.terminal import Terminal
from engine.mastering.models import cost
from engine.mastering.models.assembly import MasteringNet, ModelSettings, Variant
from engine.mastering.models.cost import Workload
from engine.tasks import Failure
from engine.training.bundle import save_bundle
from engine.training.settings import plain

CARD = "# Test\n\nTrained on nothing for 0 steps.\n"


def called(*words: str, as_json: bool = False) -> int:
    parser = argparse.ArgumentParser()
    models.add_arguments(parser)
    return models.run(parser.parse_args(words), Terminal(as_json=as_json))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No models but those a test installs."""
    monkeypatch.setenv("AUDIOBENCH_HOME", str(tmp_path))
    monkeypatch.setattr("engine.mastering.models.library.SHIPPED", tmp_path / "nowhere")
    return tmp_path


@pytest.fixture
def installed(home: Path) -> MasteringNet:
    settings = ModelSettings(Variant.PARAMETRIC)
    net = MasteringNet(settings)
    save_bundle(
        home / "data" / "models" / "mine",
        net.state_dict(),
        {"model": plain(settings)},
        kind="mastering",
        name="mine",
        scores={},
        card=CARD,
    )
    return net


def test_without_models_it_says_what_happens_then(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called() == DONE
    assert "No trained model is installed" in capsys.readouterr().out


def test_models_are_listed_with_design_and_size(
    installed: MasteringNet, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called() == DONE
    title, row = capsys.readouterr().out.splitlines()
    parameters = sum(item.numel() for item in installed.parameters())
    assert title.split()[:3] == ["Model", "Design", "Parameters"]
    assert row.split()[:3] == ["mine", "1A", f"{parameters:,}"]


def test_the_list_as_json_is_whole(
    home: Path, installed: MasteringNet, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(as_json=True) == DONE
    (model,) = json.loads(capsys.readouterr().out)["models"]
    assert (model["name"], model["variant"], model["card"]) == ("mine", "1A", CARD)
    assert model["folder"] == str(home / "data" / "models" / "mine")
    files = (home / "data" / "models" / "mine").iterdir()
    assert model["size_bytes"] == sum(file.stat().st_size for file in files)
    assert len(model["hash"]) >= 12


def test_a_name_prints_the_card(
    installed: MasteringNet, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called("mine") == DONE
    assert capsys.readouterr().out.strip() == CARD.strip()


def test_an_unknown_name_is_told_with_those_there_are(installed: MasteringNet) -> None:
    with pytest.raises(Failure, match="no model “yours”") as caught:
        called("yours")
    assert "mine" in caught.value.why


def test_cost_prints_a_row_for_each_part(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = torch.nn.Linear(100, 100)
    workload = Workload((layer,), lambda s: lambda: layer(torch.zeros(round(1000 * s), 100)))
    monkeypatch.setattr(cost, "designs", lambda: {"layer": workload})
    assert called("--cost") == DONE
    out = capsys.readouterr().out.splitlines()
    row = next(line for line in out if line.startswith("layer")).split()
    assert row[1:4] == ["10,100", "0.100", "0.600"]
    assert called("--cost", as_json=True) == DONE
    (found,) = json.loads(capsys.readouterr().out)["costs"]
    assert found["gflop"] == [0.1, 0.6]
    assert found["seconds"] == [5.0, 30.0]

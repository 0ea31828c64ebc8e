"""``audiobench train`` with a toy kind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.cli import run
from engine.cli.kinds import KINDS
from engine.training.bundle import load_bundle
from engine.training.run_folder import RunFolder, list_runs, runs_root

ROOT = Path(__file__).resolve().parents[3]
TOY = "tests.engine.training.toy:plain"

RECIPE = """
kind = "toy"
name = "small"

[loop]
steps = 12
batch_size = 8
validate_every = 4
checkpoint_every = 4
preview_every = 0
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A place of their own for runs, and the toy among the kinds."""
    monkeypatch.setenv("AUDIOBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(KINDS, "toy", TOY)
    return tmp_path / "home"


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(RECIPE)
    return str(path)


def train(*arguments: object) -> int:
    return run(["train", *map(str, arguments), "--device", "cpu"])


def listed(*arguments: str) -> int:
    return run(["train", "--list", *arguments])


def test_a_recipe_becomes_a_model(recipe, capsys):
    assert train(recipe, "--json") == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["step"] == 12
    assert load_bundle(result["bundle"], "toy").name == "small"
    (folder,) = list_runs(runs_root())
    assert str(folder.path) == result["run"]
    assert [
        line for line in printed.err.splitlines() if line.startswith("step 12") and "score" in line
    ]


def test_arguments_change_the_recipe(recipe, tmp_path, capsys):
    out = tmp_path / "here"
    assert train(recipe, "--steps", 5, "--name", "other", "--run", out) == 0
    folder = RunFolder(out)
    assert (folder.recipe().loop.steps, folder.recipe().name) == (5, "other")
    assert folder.status().step == 5
    assert "Best score" in capsys.readouterr().out
    assert train("--resume", out, "--steps", 8) == 0
    assert folder.status().step == 8


def test_a_run_is_resumed_by_its_name(recipe):
    assert train(recipe) == 0
    (folder,) = list_runs(runs_root())
    assert train("--resume", folder.name, "--steps", 14) == 0
    assert folder.status().step == 14


def test_runs_and_recipes_are_listed(recipe, capsys):
    assert listed() == 0
    assert "no runs" in capsys.readouterr().out
    train(recipe, "--name", "first")
    train(recipe, "--name", "second")
    capsys.readouterr()
    assert listed("--json") == 0
    document = json.loads(capsys.readouterr().out)
    names = [item["name"].split("-")[2] for item in document["runs"]]
    assert names == ["second", "first"]
    assert {item["state"] for item in document["runs"]} == {"done"}
    assert listed() == 0
    assert "done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give a RECIPE"),
        (("{recipe}", "--resume", "x"), "give a RECIPE"),
        (("--resume", "x", "--run", "y"), "--run makes a new run"),
        (("{recipe}", "--processes", "0"), "--processes"),
    ],
)
def test_wrong_usage_is_code_2(recipe, capsys, arguments, told):
    assert train(*(part.format(recipe=recipe) for part in arguments)) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing-of-that-name",), "no recipe called"),
        (("nothing.toml",), "no recipe"),
        (("{recipe}", "--steps", "0"), "loop.steps"),
        (("{strange}",), "kind “strange”"),
        (("--resume", "nothing"), "no recipe"),
    ],
)
def test_a_failure_is_one_line_and_makes_no_run(recipe, tmp_path, capsys, arguments, told):
    strange = tmp_path / "strange.toml"
    strange.write_text(RECIPE.replace('"toy"', '"strange"'))
    given = (part.format(recipe=recipe, strange=strange) for part in arguments)
    assert train(*given) == 1
    errors = capsys.readouterr().err
    assert told in errors
    assert "Traceback" not in errors
    assert list_runs(runs_root()) == ()


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(recipe, tmp_path):
    code = (
        "import sys; from engine.cli import run; from engine.cli.kinds import KINDS;"
        f"KINDS['toy'] = {TOY!r}; sys.exit(run(sys.argv[1:]))"
    )
    out = tmp_path / "run"
    steps = ("--device", "cpu", "--steps", "1000000")
    child = subprocess.Popen(
        [sys.executable, "-c", code, "train", recipe, *steps, "--run", str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 60
        while (status := RunFolder(out).status()) is None or status.step < 3:
            assert time.monotonic() < end
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        errors = child.communicate(timeout=30)[1]
    finally:
        child.kill()
    assert child.returncode == 130
    assert f"audiobench train --resume {out}" in errors
    assert "Traceback" not in errors
    stopped = RunFolder(out).status()
    assert stopped.state == "stopped"
    assert train("--resume", out, "--steps", stopped.step + 2) == 0

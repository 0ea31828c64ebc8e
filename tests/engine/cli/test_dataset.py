"""``audiobench dataset`` from arguments to exit code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.cli import main
from engine.cli.command import DONE, FAILED, USAGE
from engine.cli.dataset import COMMAND

EXTRA = () if COMMAND in main.COMMANDS else (COMMAND,)


def run(*arguments: str) -> int:
    return main.run(["dataset", *arguments], EXTRA)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    songs = tmp_path / "songs"
    songs.mkdir()
    for seed, name in enumerate(("ann_one", "ann_two", "bob_one")):
        samples = 0.1 * np.random.default_rng(seed).normal(size=(6 * 22050, 2))
        soundfile.write(songs / f"{name}.wav", samples, 22050)
    soundfile.write(songs / "cut.wav", np.zeros(22050), 22050)
    return songs


def test_a_folder_is_described(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--folder", str(folder), "--draws", "5", "--seconds", "3") == DONE
    printed = capsys.readouterr()
    assert "songs: 3 songs of 2 groups, 18.0 s" in printed.out
    assert "EQ compression" in printed.out
    assert "cut.wav" in printed.err and "too short" in printed.err


def test_json_is_one_document(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--folder", str(folder), "--draws", "5", "--seconds", "3", "--json") == DONE
    document = json.loads(capsys.readouterr().out)
    assert document["title"] == "songs"
    assert document["count"] == 3 and document["groups"] == 2
    assert [song["group"] for song in document["songs"]] == ["ann", "ann", "bob"]
    assert document["measures"]["length"]["mean"] == 6.0


def test_a_report_is_written_and_not_replaced_unasked(folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    arguments = ("--folder", str(folder), "--draws", "5", "--seconds", "3", "--report", str(report))
    assert run(*arguments) == DONE
    assert "<svg" in report.read_text()
    report.write_text("mine")
    assert run(*arguments) == FAILED
    assert report.read_text() == "mine"
    assert run(*arguments, "--overwrite") == DONE


def test_songs_are_composed_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--procedural", "2", "--draws", "5", "--seconds", "4", "--json") == DONE
    document = json.loads(capsys.readouterr().out)
    assert document["count"] == 2 and document["duration_s"] == 8.0
    assert all(song["lufs"] is not None for song in document["songs"])


def test_a_recipe_is_described_as_it_would_be_trained_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'kind = "mastering"\nname = "small"\n[data]\nsongs = 2\nfirst_seed = 7\n'
        f"validation_songs = 1\nseconds = 20.0\nfolder = {str(folder)!r}\n"
    )
    options = ("--draws", "2", "--seconds", "2", "--limit", "5", "--json")
    assert run("--recipe", str(recipe), *options) == DONE
    document = json.loads(capsys.readouterr().out)
    assert document["title"] == "small"
    split = {song["name"]: song["split"] for song in document["songs"]}
    assert split["seed-000007"] == split["seed-000008"] == "train"
    assert split["seed-1000000"] == "validation"
    assert split["ann_one.wav"] == split["ann_two.wav"]
    assert len(split) == document["count"] == 5  # of six


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("--procedural", "0"),
        ("--procedural", "2", "--folder", "x"),
        ("--procedural", "2", "--seconds", "0"),
        ("--procedural", "2", "--draws", "1"),
        ("--procedural", "2", "--seed", "-1"),
        ("--procedural", "2", "--limit", "0"),
        ("--procedural", "2", "--report", "x.txt"),
    ],
)
def test_wrong_usage_is_told(wrong: tuple[str, ...]) -> None:
    assert run(*wrong) == USAGE


def test_a_folder_without_songs_fails_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--folder", str(tmp_path)) == FAILED
    assert "no songs that can be used" in capsys.readouterr().err

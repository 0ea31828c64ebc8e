from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.cli import run
from engine.cli.master_eval import COMMAND

RATE = 44100
QUICK = ("--kinds", "eq", "--tiers", "mild", "--references", "none", "--methods", "identity")


def evaluate(*arguments: object) -> int:
    # Where the command is among the built-in ones already, it need not be given again.
    from engine.cli.main import COMMANDS

    return run(["master-eval", *map(str, arguments)], () if COMMAND in COMMANDS else (COMMAND,))


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    for seed in range(2):
        rng = np.random.default_rng(seed)
        audio = 0.1 * rng.standard_normal((int(6.4 * RATE), 2))
        soundfile.write(folder / f"song{seed}.wav", audio, RATE, subtype="PCM_16")
    return folder


def test_every_case_of_every_song_is_in_the_json(songs: Path, capsys) -> None:
    assert evaluate(songs, *QUICK, "--tiers", "mild,strong", "--seeds", 2, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    cases = {(row["song"], row["tier"], row["repeat"]) for row in document["rows"]}
    assert len(cases) == 2 * 2 * 2
    assert all(row["eq_error_db"] > 0.5 for row in document["rows"])


def test_tables_and_bars_are_printed(songs: Path, capsys) -> None:
    assert evaluate(songs, *QUICK, "--methods", "identity,fit", "--limit", 1) == 0
    out = capsys.readouterr().out
    assert "Equalizer error (dB)" in out
    lines = [line.split() for line in out.splitlines()]
    assert any(line[:4] == ["eq", "mild", "none", "fit"] for line in lines)
    assert any(line[:1] == ["6"] and "fit" in line for line in lines)


def test_reports_are_written_and_not_replaced_unasked(songs: Path, tmp_path: Path, capsys) -> None:
    paths = [tmp_path / name for name in ("eval.html", "eval.json", "rows.csv")]
    options = [word for path in paths for word in ("--report", path)]
    assert evaluate(songs, *QUICK, *options) == 0
    assert "<!doctype html>" in paths[0].read_text()
    document = json.loads(paths[1].read_text())
    with paths[2].open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(document["rows"]) == 2
    assert evaluate(songs, *QUICK, *options) == 1
    assert "there already" in capsys.readouterr().err
    assert evaluate(songs, *QUICK, *options, "--overwrite") == 0


def test_the_same_seed_gives_the_same_numbers_and_another_one_others(songs: Path, capsys) -> None:
    def errors(seed: int) -> list[float]:
        assert evaluate(songs, *QUICK, "--seed", seed, "--json") == 0
        return [row["eq_error_db"] for row in json.loads(capsys.readouterr().out)["rows"]]

    first = errors(1)
    assert first == errors(1)
    assert first != errors(2)


@pytest.mark.parametrize(
    "options",
    [
        ("--kinds", "reverb"),
        ("--tiers", ""),
        ("--references", "perfect,none,nobody"),
        ("--methods", "magic"),
        ("--seeds", "0"),
        ("--limit", "0"),
        ("--seconds", "1"),
        ("--seed", "-1"),
        ("--report", "eval.pdf"),
    ],
)
def test_what_it_does_not_know_is_wrong_usage(songs: Path, options, capsys) -> None:
    assert evaluate(songs, *QUICK, *options) == 2
    assert capsys.readouterr().err


def test_a_missing_opponent_is_left_out_with_a_note(songs: Path, tmp_path: Path, capsys) -> None:
    options = ("--methods", "matchering", "--matchering-python", tmp_path / "nowhere")
    assert evaluate(songs, *QUICK, *options) == 0
    assert "left out" in capsys.readouterr().err


def test_a_folder_without_songs_fails_and_says_so(tmp_path: Path, capsys) -> None:
    assert evaluate(tmp_path, *QUICK) == 1
    assert "Choose a folder" in capsys.readouterr().err

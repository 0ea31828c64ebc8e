from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine.cli import run
from engine.mastering.parameters import ChainParameters
from engine.mastering.prediction import Confidence, Prediction

RATE = 44100
CHAIN = ChainParameters().with_band(4, gain_db=1.0)
QUICK = ("--kinds", "eq", "--tiers", "mild", "--references", "none", "--methods", "identity")


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch) -> None:
    """A place without models of anybody's own."""
    monkeypatch.setenv("AUDIOBENCH_HOME", str(tmp_path_factory.mktemp("home")))


def evaluate(*arguments: object) -> int:
    return run(["master-eval", *map(str, arguments)])


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


@pytest.mark.parametrize(
    ("asked", "names"),
    [("1D", {"1D"}), ("mine", {"mine"}), (None, {"1D", "fit"}), ("1D+fit", {"1D+fit"})],
)
def test_a_model_takes_part_by_its_variant_or_its_name(
    songs: Path, asked: str | None, names: set[str], monkeypatch, capsys
) -> None:
    from engine.mastering.models import library

    class Model:
        name, variant, model_hash = "mine", "1D", "0"

        def predict(self, audio, references=(), weights=(), context=None) -> Prediction:
            return Prediction("mine", "1D", "0", CHAIN, Confidence(), False, 1)

    monkeypatch.setattr(library, "find_model", lambda name, locations: Path(name))
    monkeypatch.setattr(library, "load", lambda folder: Model())
    methods = () if asked is None else ("--methods", asked)
    options = (*QUICK[:-2], "--kinds", "gain", "--limit", 1, "--model", "mine")
    assert evaluate(songs, *options, *methods, "--json") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["method"] for row in rows} == names | {"identity"}
    if asked in ("1D", "mine"):
        # 1 dB at 640 Hz where nothing was to be done.
        assert [row["bands"] for row in rows] == [0, 1]
        assert 0.05 < rows[1]["eq_error_db"] < 1.0


def test_a_model_that_is_not_there_fails_and_says_so(songs: Path, capsys) -> None:
    assert evaluate(songs, *QUICK[:-2], "--model", "nobody") == 1
    assert "nobody" in capsys.readouterr().err


def test_a_folder_without_songs_fails_and_says_so(tmp_path: Path, capsys) -> None:
    assert evaluate(tmp_path, *QUICK) == 1
    assert "Choose a folder" in capsys.readouterr().err

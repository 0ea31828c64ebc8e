"""Amounts, models, references, presets and albums on the command line."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pytest
import soundfile

from engine.cli import run
from engine.cli.command import UsageError
from engine.cli.mastering_flags import add_arguments, amounts_of
from engine.mastering.model_choice import ModelChoice
from engine.mastering.parameters import Amounts, Band, BandKind, ChainParameters
from engine.mastering.prediction import Confidence, Prediction
from engine.tasks import Failure


def amounts(*arguments: str) -> Amounts:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return amounts_of(parser.parse_args([*arguments]))


class Stand:
    """A predictor that lifts the treble by 2 dB."""

    name, model_hash = "stand-in", "0123abcd"

    def __init__(self) -> None:
        self.asked = []

    def predict(self, audio, references=(), weights=(), context=None):
        self.asked.append((len(references), tuple(weights)))
        chain = ChainParameters(bands=(Band(BandKind.HIGH_SHELF, 6000.0, 2.0),))
        confidence = Confidence(0.62, 0.0, 0.0)
        return Prediction(self.name, "1D", self.model_hash, chain, confidence, bool(references), 3)


@pytest.fixture
def model(monkeypatch):
    """The model that every call finds."""
    stand = Stand()
    monkeypatch.setattr("engine.cli.master.choose_model", lambda *_: ModelChoice(stand))
    return stand


def test_amounts_are_those_of_the_stages() -> None:
    assert amounts() == Amounts()
    assert amounts("--amount", "0.5", "--tone", "1.2", "--residual", "0.3") == Amounts(
        overall=0.5, tone=1.2, residual=0.3
    )


def test_only_leaves_the_others_out() -> None:
    nothing = Amounts(tone=0, dynamics=0, saturation=0, width=0, residual=0)
    assert amounts("--only", "tone") == Amounts(dynamics=0, saturation=0, width=0)
    both = amounts("--only", "width", "--only", "dynamics", "--width", "0.5")
    assert (both.width, both.dynamics, both.tone) == (0.5, 1.0, nothing.tone)
    with pytest.raises(UsageError, match="leaves no --width"):
        amounts("--only", "tone", "--width", "0.5")


@pytest.mark.parametrize(
    "extra",
    [
        ["--weight", "1"],
        ["--reference", "r.wav", "--weight", "1", "--weight", "2"],
        ["--reference", "r.wav", "--weight", "-1"],
        ["--album"],
        ["--only", "loudness"],
        ["--width", "1.6"],
        ["--refine", "--parameters", "p.json"],
    ],
)
def test_what_does_not_fit_together_is_wrong_usage(extra, capsys) -> None:
    assert run(["master", "a.wav", "b.wav", *extra]) == 2
    assert capsys.readouterr().err.startswith("usage: audiobench master")


def test_several_references_behind_one_flag_are_explained(capsys) -> None:
    assert run(["master", "--reference", "r.wav", "s.wav", "a.wav", "b.wav"]) == 2
    assert "repeat --reference" in capsys.readouterr().err


def test_the_installed_model_decides_unless_a_preset_is_named(song, tmp_path, no_model) -> None:
    source = str(song(seconds=0.3))
    for index, extra in enumerate((["--lufs", "-20"], ["--preset", "warm"], ["--model", "mine"])):
        assert run(["master", source, str(tmp_path / f"{index}.wav"), *extra]) == 0
    assert no_model == ["auto", "none", "mine"]


def test_a_prediction_is_told_with_its_confidence(song, tmp_path, capsys, model) -> None:
    report = tmp_path / "r.json"
    arguments = ["master", str(song()), str(tmp_path / "out.wav"), "--report", str(report)]
    assert run([*arguments, "--tone", "0.5"]) == 0
    text = capsys.readouterr().out
    assert "The model trusts 62% of its tone correction" in text
    assert "Measured on the audio:" in text and "largest band (6000 Hz) +1.0 dB" in text
    document = json.loads(report.read_text())
    assert document["prediction"]["confidence"]["tone"] == 0.62
    assert document["amounts"]["tone"] == 0.5
    assert document["applied"]["bands"][0]["gain_db"] == 1.0


def test_references_go_to_the_model_with_their_weights(song, tmp_path, model) -> None:
    first, second = song("r.wav", seconds=2.0), song("s.wav", seconds=2.5)
    arguments = ["master", str(song()), str(tmp_path / "out.wav"), "--reference", str(first)]
    weights = ["--weight", "2", "--reference", str(second), "--weight", "1"]
    assert run([*arguments, *weights]) == 0
    assert model.asked == [(2, (2.0, 1.0))]


def test_why_there_is_no_model_is_told(song, tmp_path, capsys, monkeypatch) -> None:
    missing = ModelChoice(None, "No trained model is installed.")
    monkeypatch.setattr("engine.cli.master.choose_model", lambda *_: missing)
    assert run(["master", str(song()), str(tmp_path / "out.wav"), "--json"]) == 0
    captured = capsys.readouterr()
    assert "No trained model is installed." in captured.err
    (record,) = json.loads(captured.out)["files"]
    assert "No trained model is installed." in record["warnings"]


def test_a_model_that_is_not_there_fails_before_the_work(song, tmp_path, capsys, monkeypatch):
    def choose(name, locations):
        raise Failure(f"There is no model “{name}”.", "Installed: none.")

    monkeypatch.setattr("engine.cli.master.choose_model", choose)
    output = tmp_path / "out.wav"
    assert run(["master", str(song()), str(output), "--model", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().err and not output.exists()


def test_a_match_is_kept_and_used_as_a_preset(song, tmp_path, capsys) -> None:
    reference, source = song("reference.wav", seconds=4.0), song()
    arguments = ["master", str(source), str(tmp_path / "out.wav"), "--reference", str(reference)]
    assert run([*arguments, "--save-preset", "Mine", "--lufs", "-18"]) == 0
    assert "Kept as the preset Mine" in capsys.readouterr().out
    assert run(["master", "--list-presets", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["presets"]
    assert (listed[-1]["name"], listed[-1]["description"]) == ("Mine", "Match of reference.wav")
    again = ["master", str(source), str(tmp_path / "again.wav"), "--preset", "Mine", "--json"]
    assert run(again) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert (record["target"]["name"], record["target"]["lufs"]) == ("Mine", -18.0)


def test_a_name_that_is_taken_is_told_before_the_work(song, tmp_path, capsys) -> None:
    output = tmp_path / "out.wav"
    arguments = ["master", str(song()), str(output), "--save-preset", "balanced"]
    assert run(arguments) == 1
    assert "built-in" in capsys.readouterr().err and not output.exists()


def test_an_album_keeps_the_distance_of_its_tracks(song, tmp_path, capsys) -> None:
    song("album/a.wav", level=0.1), song("album/b.wav", level=0.2, seconds=2.0)
    out = tmp_path / "out"
    arguments = ["master", str(tmp_path / "album"), "--out-dir", str(out), "--album", "--json"]
    assert run([*arguments, "--lufs", "-24", "--preset", "dynamic"]) == 0
    document = json.loads(capsys.readouterr().out)
    apart = [
        record["after"]["integrated_lufs"] - record["before"]["integrated_lufs"]
        for record in document["files"]
    ]
    assert apart[0] == pytest.approx(apart[1], abs=0.2)
    assert document["album"]["after_lufs"] == pytest.approx(-24.0, abs=0.1)
    lengths = [soundfile.info(out / name).frames for name in ("a.wav", "b.wav")]
    assert lengths == [3 * 44100, 2 * 44100]


def test_an_album_with_a_bad_track_writes_nothing(song, tmp_path, capsys) -> None:
    song("album/a.wav")
    (tmp_path / "album" / "b.wav").write_bytes(b"no audio")
    out = tmp_path / "out"
    assert run(["master", str(tmp_path / "album"), "-o", str(out), "--album"]) == 1
    assert capsys.readouterr().err.count("\n") == 1 and list(out.iterdir()) == []


def test_only_width_leaves_the_tone(song, tmp_path, capsys, model) -> None:
    source, output = song(), tmp_path / "out.wav"
    arguments = ["master", str(source), str(output), "--only", "width", "--lufs", "-24"]
    assert run([*arguments, "--bits", "32"]) == 0
    before, after = soundfile.read(source)[0], soundfile.read(output)[0]
    gain = float(np.vdot(after, before) / np.vdot(before, before))
    assert np.abs(after - gain * before).max() < 1e-4

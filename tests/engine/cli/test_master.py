"""What master writes, says and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from engine.cli import run
from engine.mastering.parameters import ChainParameters, Limiter

RATE = 44100


def test_a_song_is_mastered_to_its_target(song, tmp_path, capsys):
    source, output, report = song(), tmp_path / "out.flac", tmp_path / "r.json"
    arguments = ["master", str(source), str(output), "--lufs", "-18", "--ceiling", "-2"]
    assert run([*arguments, "--report", str(report), "--bits", "16"]) == 0
    assert "Wrote" in capsys.readouterr().out
    info = soundfile.info(output)
    assert (info.frames, info.channels, info.subtype) == (3 * RATE, 2, "PCM_16")
    assert run(["info", str(output), "--json"]) == 0
    (measured,) = json.loads(capsys.readouterr().out)["files"]
    assert measured["integrated_lufs"] == pytest.approx(-18.0, abs=0.2)
    assert measured["true_peak_dbtp"] <= -2.0 + 0.05
    document = json.loads(report.read_text())
    assert document["after"]["integrated_lufs"] == pytest.approx(-18.0, abs=0.2)
    # The report is a recipe: its parameters give the same master again.
    again = tmp_path / "again.flac"
    arguments = ["master", str(source), str(again), "--parameters", str(report), "--bits", "16"]
    assert run([*arguments, "--lufs", "-18", "--ceiling", "-2"]) == 0
    first, second = soundfile.read(output)[0], soundfile.read(again)[0]
    assert np.abs(first - second).max() < 1e-3


def test_the_same_command_writes_the_same_samples(song, tmp_path, parameters):
    source = song()
    outputs = [tmp_path / f"{number}.wav" for number in range(3)]
    for output, seed in zip(outputs, ("5", "5", "6"), strict=True):
        arguments = ["master", str(source), str(output), "--parameters", parameters, "--bits", "16"]
        assert run([*arguments, "--seed", seed]) == 0
    first, second, other = (soundfile.read(output)[0] for output in outputs)
    assert np.array_equal(first, second) and not np.array_equal(first, other)


def test_keep_gain_keeps_the_limiter_as_it_is(song, tmp_path):
    recipe = tmp_path / "p.json"
    recipe.write_text(ChainParameters(limiter=Limiter(gain_db=-6.0)).to_json())
    source, output = song(), tmp_path / "out.wav"
    arguments = ["master", str(source), str(output), "--parameters", str(recipe), "--keep-gain"]
    assert run([*arguments, "--bits", "32"]) == 0
    before, after = soundfile.read(source)[0], soundfile.read(output)[0]
    assert np.abs(after - before * 10 ** (-6 / 20)).max() < 1e-5


def test_a_batch_goes_on_after_a_failure_and_ends_with_1(song, tmp_path, parameters, capsys):
    song("in/a.wav"), song("in/b.wav")
    (tmp_path / "in" / "bad.wav").write_bytes(b"no audio")
    out = tmp_path / "out" / "deep"
    arguments = ["master", str(tmp_path / "in"), "--out-dir", str(out), "--parameters", parameters]
    assert run([*arguments, "--format", "mp3", "--report", "html"]) == 1
    captured = capsys.readouterr()
    assert "2 of 3 mastered" in captured.out and "bad.wav" in captured.err
    assert sorted(path.name for path in out.iterdir()) == ["a.html", "a.mp3", "b.html", "b.mp3"]
    assert "<html" in (out / "a.html").read_text(encoding="utf-8").lower()


def test_a_batch_in_json_has_a_record_for_every_file(song, tmp_path, parameters, capsys):
    good, gone = song(), tmp_path / "gone.wav"
    arguments = ["master", str(gone), str(good), "-o", str(tmp_path / "out"), "--json"]
    assert run([*arguments, "--parameters", parameters]) == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert [record["source"] for record in files] == [str(gone), str(good)]
    assert "error" in files[0] and files[1]["output"].endswith("song.wav")


def test_an_existing_output_needs_overwrite(song, tmp_path, parameters, capsys):
    source, output = song(), tmp_path / "out.wav"
    output.write_bytes(b"precious")
    arguments = ["master", str(source), str(output), "--parameters", parameters]
    assert run(arguments) == 1
    assert "--overwrite" in capsys.readouterr().err and output.read_bytes() == b"precious"
    assert run([*arguments, "--overwrite"]) == 0
    assert soundfile.info(output).frames == 3 * RATE


def test_an_input_is_never_overwritten(song, tmp_path, parameters, capsys):
    source = song()
    before = source.read_bytes()
    link = tmp_path / "link.wav"
    link.symlink_to(source)
    for output in (source, link):
        arguments = ["master", str(source), str(output), "--parameters", parameters]
        assert run([*arguments, "--overwrite"]) == 1
    arguments = ["master", str(source), "-o", str(tmp_path), "--parameters", parameters]
    assert run([*arguments, "--overwrite"]) == 1
    assert source.read_bytes() == before and capsys.readouterr().err.count("input itself") == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["master"],
        ["master", "a.wav"],
        ["master", "a.wav", "b.wav", "c.wav"],
        ["master", "-o", "out"],
        ["master", "a.wav", "b.wav", "--lufs", "3"],
        ["master", "a.wav", "b.wav", "--lufs", "nan"],
        ["master", "a.wav", "b.wav", "--amount", "2"],
        ["master", "a.wav", "b.wav", "--bits", "20"],
        ["master", "a.wav", "b.wav", "--report", "r.txt"],
        ["master", "a.wav", "-o", "out", "--report", "r.html"],
        ["master", "a.wav", "b.wav", "--keep-gain"],
        ["master", "a.wav", "b.wav", "--bit-rate", "fast"],
    ],
)
def test_arguments_that_make_no_sense_are_wrong_usage(arguments, capsys):
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith("usage: audiobench master")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--preset", "nonsense"], "nonsense"),
        (["--parameters", "{tmp}/gone.json"], "gone.json"),
        (["--parameters", "{tmp}/song.wav"], "song.wav"),
        (["--reference", "{tmp}/gone.wav"], "gone.wav"),
        (["--format", "mp3", "--rate", "12345"], "12345"),
    ],
)
def test_what_is_not_there_is_a_failure_that_names_it(extra, words, song, tmp_path, capsys):
    arguments = ["master", str(song()), str(tmp_path / "out.wav")]
    assert run([*arguments, *(part.format(tmp=tmp_path) for part in extra)]) == 1
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "out.wav").exists()


def test_an_output_without_a_folder_is_told_before_the_work(song, tmp_path, capsys):
    assert run(["master", str(song()), str(tmp_path / "no" / "out.wav")]) == 1
    assert "no folder" in capsys.readouterr().err


def test_a_peak_over_the_ceiling_in_the_file_is_told(tmp_path, parameters, capsys):
    # A square wave limited to the ceiling overshoots it once a codec drops its upper partials.
    source = tmp_path / "square.wav"
    square = np.sign(np.sin(2 * np.pi * 441 * (np.arange(2 * RATE) + 0.5) / RATE))
    soundfile.write(source, 0.5 * square, RATE, subtype="FLOAT")
    arguments = ["master", str(source), str(tmp_path / "out.mp3"), "--bit-rate", "64k", "--json"]
    assert run([*arguments, "--parameters", parameters, "--lufs", "-1"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert record["after"]["true_peak_dbtp"] <= -0.95 < record["delivered"]["true_peak_dbtp"]
    assert any("over the ceiling" in text for text in record["warnings"])


def test_the_presets_are_listed(capsys):
    assert run(["master", "--list-presets", "--json"]) == 0
    names = [preset["name"] for preset in json.loads(capsys.readouterr().out)["presets"]]
    assert names[0] == "balanced" and len(set(names)) == len(names) > 1

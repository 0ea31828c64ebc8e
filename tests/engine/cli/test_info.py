"""What info says of a file."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from engine.cli import run

RATE = 44100


def test_info_agrees_with_the_closed_form_of_a_sine(tmp_path, capsys):
    # BS.1770: a 997 Hz sine at -20 dBFS in both channels reads -20 + 3.01 - 3.01 = -20.0 LUFS.
    time_s = np.arange(5 * 48000) / 48000
    sine = 0.1 * np.sin(2 * np.pi * 997 * time_s)
    path = tmp_path / "sine.wav"
    soundfile.write(path, np.stack([sine, sine], axis=1), 48000, subtype="FLOAT")
    assert run(["info", str(path), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert record["integrated_lufs"] == pytest.approx(-20.0, abs=0.05)
    assert record["true_peak_dbtp"] == pytest.approx(-20.0, abs=0.1)
    assert record["sample_peak_dbfs"] == pytest.approx(-20.0, abs=0.01)
    assert record["range_lu"] == pytest.approx(0.0, abs=0.05)
    assert (record["rate"], record["channels"], record["frames"]) == (48000, 2, 240000)
    assert run(["info", str(path)]) == 0
    text = capsys.readouterr().out
    for part in ("48000 Hz", "0:05.000", "-20.0 LUFS", "-20.0 dBTP", "FLOAT32"):
        assert part in text or part.lower() in text


def test_silence_has_no_loudness_and_is_valid_json(tmp_path, capsys):
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    assert run(["info", str(path), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert record["integrated_lufs"] is None and record["true_peak_dbtp"] is None
    assert record["note"]


def test_info_goes_on_after_a_bad_file(song, tmp_path, capsys):
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    good = song()
    assert run(["info", str(bad), str(tmp_path / "gone.wav"), str(good), "--json"]) == 1
    captured = capsys.readouterr()
    files = json.loads(captured.out)["files"]
    assert ["error" in record for record in files] == [True, True, False]
    assert captured.err.count("\n") == 2


def test_info_of_real_music(shared_audio, capsys):
    path = sorted((shared_audio / "music").iterdir())[0]
    assert run(["info", str(path), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["files"]
    assert -60 < record["integrated_lufs"] < 0 and record["frames"] > 0

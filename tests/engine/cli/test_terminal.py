"""Words and numbers for people, and for programs."""

from __future__ import annotations

import json

import pytest

from engine.cli.terminal import Terminal, decibels, duration
from engine.plain_json import finite


def test_infinities_become_null():
    document = {"a": float("-inf"), "b": [1.0, float("nan")], "c": {"d": "x", "e": (1, None)}}
    assert finite(document) == {"a": None, "b": [1.0, None], "c": {"d": "x", "e": [1, None]}}
    json.loads(json.dumps(finite(document), allow_nan=False))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.000"), (59.9996, "1:00.000"), (187.25, "3:07.250"), (3661.5, "1:01:01.500")],
)
def test_lengths_are_written_for_people(seconds, text):
    assert duration(seconds) == text


def test_levels_are_written_for_people():
    assert decibels(-14.04, "LUFS") == "-14.0 LUFS"
    assert decibels(float("-inf"), "LUFS") == "-inf LUFS"
    assert decibels(-0.04, "dBTP") == "0.0 dBTP"


def test_a_table_is_as_wide_as_its_cells(capsys):
    Terminal().table([("a", "1"), ("long name", "200")], right=frozenset((1,)))
    assert capsys.readouterr().out == "a            1\nlong name  200\n"

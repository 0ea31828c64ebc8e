"""Recipes that are shipped, and the code of their kinds."""

from __future__ import annotations

import os
import re

import pytest

from engine.cli.kinds import KINDS, entry_of
from engine.tasks import Failure
from engine.training.entry import load_entry
from engine.training.machine import machine_name
from engine.training.shipped import find_recipe, shipped_recipes


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_can_be_read_and_its_kind_is_known(name):
    recipe = find_recipe(name)
    assert recipe.name == name
    assert recipe.kind in KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_of_every_kind_is_there(kind):
    assert callable(load_entry(entry_of(kind)))


@pytest.mark.parametrize("entry", ["engine.nothing:make", "engine.training.loop:nothing", "", "x"])
def test_code_that_is_not_there_is_told_in_words(entry):
    with pytest.raises(Failure, match="could not be loaded"):
        load_entry(entry)


def test_a_file_comes_before_a_shipped_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in shipped_recipes()[:1]:
        (tmp_path / name).write_text('kind = "other"\nname = "mine"')
        assert find_recipe(name).name == "mine"
    with pytest.raises(Failure, match="no recipe called"):
        find_recipe("nothing-like-that")


def test_a_machine_is_named_by_its_processor_and_cores():
    name = machine_name("cpu")
    cores = int(re.fullmatch(r".+, (\d+) cores", name)[1])
    assert 1 <= cores <= os.cpu_count()

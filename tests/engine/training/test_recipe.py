"""Recipes: read, written and refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tasks import Failure
from engine.training.recipe import (
    LoopSettings,
    Recipe,
    check_sections,
    load_recipe,
    parse_recipe,
    save_recipe,
    section,
)
from engine.training.schedule import learning_rate
from engine.training.settings import Between, SettingError, build, plain

TEXT = """
kind = "toy"
name = "small"
seed = 4

[loop]
steps = 50
learning_rate = 1e-3
precision = "bf16"

[data]
rate = 44100
"""


class Shape(StrEnum):
    ROUND = "round"
    FLAT = "flat"


@dataclass(frozen=True)
class Inner:
    width: Annotated[float, Between(0.0, 1.0)] = 0.5


@dataclass(frozen=True)
class Settings:
    rate: Annotated[int, Between(1)] = 8000
    shape: Shape = Shape.ROUND
    inner: Inner = Inner()
    gains_db: tuple[float, ...] = (0.0,)
    span: tuple[int, int] = (0, 1)
    weights: Mapping[str, float] = field(default_factory=dict)
    folder: Path | None = None
    stages: tuple[Inner, ...] = ()
    loud: bool = False


def test_a_recipe_is_read_as_it_is_written():
    recipe = parse_recipe(TEXT)
    assert (recipe.kind, recipe.name, recipe.seed) == ("toy", "small", 4)
    assert (recipe.loop.steps, recipe.loop.learning_rate) == (50, 1e-3)
    assert recipe.loop.batch_size == LoopSettings().batch_size
    assert section(recipe, "data", Settings).rate == 44100
    assert section(recipe, "absent", Settings) == Settings()


@given(
    st.builds(
        LoopSettings,
        steps=st.integers(1, 10**9),
        learning_rate=st.floats(1e-9, 10.0),
        weight_decay=st.floats(0.0, 1.0),
        precision=st.sampled_from(("float32", "bf16")),
        workers=st.integers(0, 64),
    ),
    st.dictionaries(
        st.sampled_from(("data", "model", "weird key")),
        st.dictionaries(st.text(min_size=1), st.integers() | st.text() | st.booleans()),
    ),
    st.integers(0, 2**63 - 1),
)
def test_what_is_saved_is_read_back(loop, sections, seed):
    recipe = Recipe("toy", "a name – with signs", seed, loop, sections)
    assert parse_recipe(recipe.to_toml()) == recipe


def test_a_recipe_file_is_read_back(tmp_path):
    recipe = parse_recipe(TEXT)
    save_recipe(recipe, tmp_path / "r.toml")
    read = load_recipe(tmp_path / "r.toml")
    assert read == recipe
    assert read.source == tmp_path / "r.toml"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("steps = 50", "steps = 0"), ("loop.steps", "a number from 1")),
        (("steps = 50", "steps = 50.0"), ("loop.steps", "a whole number")),
        (("steps = 50", "steps = true"), ("loop.steps", "a whole number")),
        (("steps = 50", "stepps = 50"), ("loop.stepps", "learning_rate")),
        (("1e-3", "nan"), ("loop.learning_rate", "a finite number")),
        (("1e-3", '"fast"'), ("loop.learning_rate", "a number")),
        (('"bf16"', '"fp8"'), ("loop.precision", "float32, bf16")),
        (("seed = 4", "seed = -1"), ("seed", "from 0")),
        (('kind = "toy"', ""), ("kind", "a text")),
        (('"small"', '"a/b"'), ("name", "can name a file")),
        (("seed = 4", "sead = 4"), ("sead", "seed")),
    ],
)
def test_what_cannot_be_used_is_refused_by_key_allowed_values_and_file(tmp_path, change, told):
    path = tmp_path / "bad.toml"
    path.write_text(TEXT.replace(*change))
    with pytest.raises(Failure) as caught:
        load_recipe(path)
    key, allowed = told
    assert f"“{key}”" in caught.value.what
    assert str(path) in caught.value.what
    assert allowed in caught.value.why


def test_a_missing_file_or_one_that_is_no_toml_is_refused(tmp_path):
    with pytest.raises(Failure, match="no recipe"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("steps = = 3")
    with pytest.raises(Failure, match="no TOML"):
        load_recipe(tmp_path / "bad.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Failure, match="no text"):
        load_recipe(tmp_path / "bad.toml")


def test_a_section_takes_every_type_and_goes_back_to_plain_values():
    table = {
        "shape": "flat",
        "inner": {"width": 1},
        "gains_db": [1, 2.5],
        "span": [3, 4],
        "weights": {"stft": 1, "lufs": 0.5},
        "folder": "songs/good",
        "stages": [{"width": 0.25}, {}],
        "loud": True,
    }
    settings = build(Settings, table)
    assert settings == Settings(
        shape=Shape.FLAT,
        inner=Inner(1.0),
        gains_db=(1.0, 2.5),
        span=(3, 4),
        weights={"stft": 1.0, "lufs": 0.5},
        folder=Path("songs/good"),
        stages=(Inner(0.25), Inner()),
        loud=True,
    )
    assert build(Settings, plain(settings)) == settings
    assert "folder" not in plain(Settings())


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"shape": "square"}, "x.shape"),
        ({"inner": {"width": 1.5}}, "x.inner.width"),
        ({"inner": {"size": 1}}, "x.inner.size"),
        ({"inner": 3}, "x.inner"),
        ({"gains_db": [0.0, "loud"]}, "x.gains_db[1]"),
        ({"span": [1]}, "x.span"),
        ({"span": 1}, "x.span"),
        ({"weights": {"stft": math.inf}}, "x.weights.stft"),
        ({"weights": [1.0]}, "x.weights"),
        ({"folder": 3}, "x.folder"),
        ({"stages": [{}, {"width": -1}]}, "x.stages[1].width"),
        ({"loud": 1}, "x.loud"),
    ],
)
def test_a_wrong_value_is_named_by_where_it_stands(table, key):
    with pytest.raises(SettingError) as caught:
        build(Settings, table, "x")
    assert caught.value.key == key


def test_what_a_dataclass_itself_refuses_is_told_too():
    @dataclass(frozen=True)
    class Even:
        count: int = 2

        def __post_init__(self) -> None:
            if self.count % 2:
                raise ValueError("count is odd")

    recipe = Recipe("toy", "t", sections={"even": {"count": 3}})
    with pytest.raises(Failure, match="count is odd"):
        section(recipe, "even", Even)


def test_a_misspelt_table_is_refused():
    recipe = parse_recipe(TEXT.replace("[data]", "[dtaa]"))
    with pytest.raises(Failure, match="dtaa"):
        check_sections(recipe, ("data", "model"))
    check_sections(parse_recipe(TEXT), ("data", "model"))


def test_changes_of_the_loop_are_checked_like_the_file():
    recipe = parse_recipe(TEXT)
    assert recipe.with_loop(steps=7).loop.steps == 7
    assert recipe.with_loop(steps=7).loop.precision == "bf16"
    with pytest.raises(Failure, match=r"loop\.steps"):
        recipe.with_loop(steps=0)


def test_every_setting_of_the_loop_is_explained():
    text = LoopSettings.__doc__ or ""
    assert not [item.name for item in fields(LoopSettings) if item.name not in text]


@given(st.integers(1, 3000), st.integers(0, 3000))
def test_the_learning_rate_rises_then_falls_to_a_hundredth(steps, warmup):
    settings = LoopSettings(steps=steps, warmup_steps=warmup, learning_rate=1.0)
    rates = [learning_rate(step, settings) for step in range(steps + 1)]
    warmup = min(warmup, steps)
    assert all(0.0 < rate <= 1.0 for rate in rates)
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
    if warmup < steps:
        assert rates[-1] == pytest.approx(0.01)

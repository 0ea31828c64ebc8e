"""One value of a recipe's text changes; everything else stays as it was written."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.recipe_text import set_value

TEXT = """\
# what it is for
kind = "mastering"
name = "a # b"   # said once
seed = 1

[loop]
steps = 100  # short
batch_size = 8

[data]
songs = 40

[data.more]
steps = 7
"""


def test_a_value_is_replaced_and_its_comment_stays() -> None:
    text = set_value(TEXT, "loop", "steps", 250)
    assert text == TEXT.replace("steps = 100  # short", "steps = 250  # short")


def test_a_hash_inside_quotes_is_no_comment() -> None:
    text = set_value(TEXT, "", "name", "c")
    assert 'name = "c"   # said once' in text
    assert tomllib.loads(text)["name"] == "c"


def test_a_key_of_another_table_is_left_alone() -> None:
    table = tomllib.loads(set_value(TEXT, "data", "steps", 9))
    assert table["data"]["steps"] == 9
    assert table["loop"]["steps"] == 100
    assert table["data"]["more"]["steps"] == 7


def test_a_missing_table_and_a_missing_key_are_added() -> None:
    table = tomllib.loads(set_value(TEXT, "pool", "size", 3))
    assert table["pool"] == {"size": 3}
    assert tomllib.loads(set_value(TEXT, "loop", "patience", 5))["loop"]["patience"] == 5


def test_none_takes_a_key_away_and_needs_nothing_to_be_there() -> None:
    assert "seed" not in tomllib.loads(set_value(TEXT, "", "seed", None))
    assert set_value(TEXT, "loop", "patience", None) == TEXT
    assert set_value(TEXT, "nowhere", "patience", None) == TEXT


@given(
    st.sampled_from([("", "name"), ("loop", "steps"), ("data", "folder"), ("new", "key")]),
    st.one_of(
        st.integers(-(2**60), 2**60),
        st.booleans(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20),
    ),
)
def test_what_was_written_is_read_and_nothing_else_changes(place: tuple[str, str], value) -> None:
    table, key = place
    before = tomllib.loads(TEXT)
    after = tomllib.loads(set_value(TEXT, table, key, value))
    (before.setdefault(table, {}) if table else before)[key] = value
    assert after == before


@pytest.mark.parametrize("value", [2e-3, 1e-05, 3.0])
def test_a_learning_rate_stays_a_number_with_a_point(value: float) -> None:
    read = tomllib.loads(set_value(TEXT, "loop", "learning_rate", value))
    assert read["loop"]["learning_rate"] == value
    assert isinstance(read["loop"]["learning_rate"], float)

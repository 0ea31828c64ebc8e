from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from app.document.unknown import merged, pruned, unknown_part

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4)
    ),
    max_leaves=12,
).filter(lambda value: isinstance(value, dict))


def without_unknown_keys(value: object, known: str) -> object:
    if isinstance(value, dict):
        return {k: without_unknown_keys(v, known) for k, v in value.items() if k in known}
    if isinstance(value, list):
        return [without_unknown_keys(item, known) for item in value]
    return value


def in_mixed_list(value: object) -> bool:
    """Whether a list holds records next to other things; the format has no such list."""
    if isinstance(value, dict):
        return any(in_mixed_list(item) for item in value.values())
    if isinstance(value, list):
        kinds = {isinstance(item, dict) for item in value}
        return len(kinds) > 1 or any(in_mixed_list(i) or isinstance(i, list) for i in value)
    return False


@given(documents.filter(lambda value: not in_mixed_list(value)))
def test_what_is_taken_off_comes_back(document):
    known = without_unknown_keys(document, "abc")
    assert merged(known, unknown_part(document, known)) == document


@given(documents)
def test_known_data_leaves_nothing_over(document):
    assert unknown_part(document, json.loads(json.dumps(document))) is None


def test_known_values_win():
    assert merged({"a": 1, "b": {"c": 2}}, {"a": 9, "b": {"d": 3}}) == {
        "a": 1,
        "b": {"c": 2, "d": 3},
    }


def test_pruning_keeps_what_the_template_has():
    data = {"a": 1, "new": 2, "list": [{"x": 1, "new": 2}, {"x": 3}]}
    assert pruned(data, {"a": 0, "list": ({"x": 0},)}) == {"a": 1, "list": [{"x": 1}, {"x": 3}]}

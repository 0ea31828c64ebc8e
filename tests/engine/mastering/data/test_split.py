"""No group in two splits, and no song that moves because another one came."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio.clip import Clip
from engine.mastering.data.split import Shares, Split, divide, split_of
from engine.tasks import Failure

# File names may hold anything but a slash, half of a surrogate pair too.
ANY_TEXT = st.text(st.characters(), max_size=12)


class Named:
    """Songs that are only names and groups."""

    def __init__(self, groups: Mapping[str, str]) -> None:
        self.names = tuple(groups)
        self._groups = groups

    def group(self, name: str) -> str:
        return self._groups[name]

    def duration_s(self, name: str) -> float:
        raise AssertionError("dividing needs no lengths")

    def part(self, name: str, start_s: float, duration_s: float, rate: int) -> Clip:
        raise AssertionError("dividing needs no audio")


@given(st.dictionaries(ANY_TEXT, st.sampled_from("abcdefgh"), max_size=30), st.integers(0, 99))
def test_no_group_is_in_two_splits(groups: dict[str, str], seed: int) -> None:
    parts = divide(Named(groups), seed, Shares(0.3, 0.3))
    seen = [{groups[name] for name in names} for names in parts.values()]
    assert sum(len(each) for each in seen) == len(set(groups.values()))
    assert sorted(name for names in parts.values() for name in names) == sorted(groups)


@given(
    st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=20),
    st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=20),
)
def test_songs_that_come_later_move_no_other(before: dict[str, str], more: dict[str, str]) -> None:
    shares = Shares(0.3, 0.3)
    old = divide(Named(before), 1, shares)
    new = divide(Named({**more, **before}), 1, shares)
    for split, names in old.items():
        assert set(names) <= set(new[split])


def test_the_shares_are_met_on_average() -> None:
    places = [split_of(f"album {number}", 7, Shares(0.2, 0.1)) for number in range(5000)]
    # a binomial count's standard deviation is at most 0.6 % here
    assert places.count(Split.VALIDATION) / 5000 == pytest.approx(0.2, abs=0.025)
    assert places.count(Split.TEST) / 5000 == pytest.approx(0.1, abs=0.025)


def test_another_seed_divides_otherwise() -> None:
    divisions = {tuple(split_of(f"g{n}", seed) for n in range(200)) for seed in range(5)}
    assert len(divisions) == 5


def test_another_process_divides_alike() -> None:
    """Python's own hash differs from process to process; this must not."""
    code = (
        "from engine.mastering.data.split import split_of; "
        "print([split_of(f'g{n}', 3).value for n in range(50)])"
    )
    for hash_seed in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert printed.strip() == str([split_of(f"g{n}", 3).value for n in range(50)])


def test_an_accent_written_either_way_is_the_same_group() -> None:
    one, two = "caf\u00e9", "cafe\u0301"
    assert all(split_of(one, seed) is split_of(two, seed) for seed in range(30))


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.6, 0.5), (float("nan"), 0.1)])
def test_impossible_shares_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(Failure):
        Shares(*shares)

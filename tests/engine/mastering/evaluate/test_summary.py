from __future__ import annotations

import numpy as np
import pytest

from engine.mastering.data.degradation import Kind, Tier
from engine.mastering.evaluate.cases import THREE_BANDS, Listening
from engine.mastering.evaluate.suite import Row
from engine.mastering.evaluate.summary import Bar, bars, groups


def row(
    method: str,
    value: float | None,
    song: str = "song",
    kind: str = Kind.EQ,
    tier: str = Tier.MILD,
    listening: str = Listening.SAME_SONG,
    **numbers: object,
) -> Row:
    return Row(method, song, kind, tier, listening, 0, eq_error_db=value, **numbers)


def pairs(before: list[float], after: list[float], **where: str) -> list[Row]:
    rows = []
    for index, (first, second) in enumerate(zip(before, after, strict=True)):
        rows.append(row("identity", first, f"song {index}", **where))
        rows.append(row("fit", second, f"song {index}", **where))
    return rows


def bar(rows: list[Row], number: int) -> Bar:
    (found,) = (each for each in bars(rows) if each.number == number)
    return found


def test_a_group_has_the_statistics_of_its_rows() -> None:
    after = [0.5, 1.0, 3.0, 2.3, 2.2]
    rows = pairs([2.0] * 5, after)
    group = next(g for g in groups(rows) if g.metric == "eq_error_db" and g.method == "fit")
    assert group.count == 5 and group.failed == 0
    assert group.mean == pytest.approx(np.mean(after))
    assert group.p50 == 2.2
    assert group.p10 == pytest.approx(0.7) and group.p90 == pytest.approx(2.72)
    # 0.5 and 1.0 beat 2.0; only 3.0 is more than 0.3 over it (2.3 is 0.3 over it).
    assert group.better == pytest.approx(0.4)
    assert group.worse == pytest.approx(0.2)


def test_doing_nothing_is_neither_better_nor_worse_than_itself() -> None:
    group = next(g for g in groups(pairs([2.0, 3.0], [1.0, 1.0])) if g.method == "identity")
    assert group.better == 0.0 and group.worse == 0.0


def test_each_case_is_compared_with_the_same_case() -> None:
    rows = [
        *pairs([1.0], [2.0], tier=Tier.MILD),
        *pairs([5.0], [2.0], tier=Tier.STRONG),
    ]
    found = {(g.tier, g.method): g for g in groups(rows) if g.metric == "eq_error_db"}
    assert found[Tier.MILD, "fit"].better == 0.0 and found[Tier.MILD, "fit"].worse == 1.0
    assert found[Tier.STRONG, "fit"].better == 1.0 and found[Tier.STRONG, "fit"].worse == 0.0


def test_failures_are_counted_and_spoil_no_mean() -> None:
    rows = [*pairs([2.0], [1.0]), row("fit", None, "broken", error="no luck")]
    group = next(g for g in groups(rows) if g.metric == "eq_error_db" and g.method == "fit")
    assert (group.count, group.failed, group.mean) == (1, 1, 1.0)


def test_where_all_failed_there_is_no_mean() -> None:
    rows = [row("identity", 2.0), row("fit", None, error="no luck")]
    group = next(g for g in groups(rows) if g.metric == "eq_error_db" and g.method == "fit")
    assert (group.mean, group.p50, group.better, group.failed) == (None, None, None, 1)


@pytest.mark.parametrize(
    ("mild", "strong", "met"),
    [(1.9, 2.8, True), (1.91, 2.8, False), (1.9, 2.81, False)],
)
def test_bar_5_asks_for_both_tiers(mild: float, strong: float, met: bool) -> None:
    rows = [
        *pairs([2.5], [mild], tier=Tier.MILD),
        *pairs([5.0], [strong], tier=Tier.STRONG),
    ]
    assert bar(rows, 5).met is met


def test_bar_5_asks_for_most_cases_to_be_better() -> None:
    assert bar(pairs([2.0] * 20, [1.0] * 17 + [2.1] * 3), 5).met is True
    assert bar(pairs([2.0] * 20, [1.0] * 16 + [2.1] * 4), 5).met is False


def test_bar_6_counts_harm_in_every_kind() -> None:
    none = Listening.NONE
    good = pairs([2.4] * 20, [2.3] * 20, listening=none)
    assert bar(good, 6).met is True
    harmless = pairs([0.0] * 20, [0.0] * 18 + [0.4] * 2, kind=Kind.GAIN, listening=none)
    assert bar(good + harmless, 6).met is True
    harmful = pairs([0.0] * 20, [0.0] * 17 + [0.4] * 3, kind=Kind.GAIN, listening=none)
    assert bar(good + harmful, 6).met is False


def test_bar_7_tells_the_family_from_what_is_out_of_it() -> None:
    perfect = Listening.PERFECT
    inside = pairs([2.0], [0.25], listening=perfect, kind=Kind.EQ_WIDTH)
    outside = pairs([2.0], [0.6], listening=perfect, kind=Kind.OUT_OF_FAMILY)
    assert bar(inside + outside, 7).met is True
    worse = pairs([2.0], [0.26], listening=perfect, kind=Kind.EQ_COMPRESSION)
    assert bar(worse + outside, 7).met is False
    assert bar(inside + pairs([2.0], [0.7], listening=perfect, kind=Kind.OUT_OF_FAMILY), 7).met is (
        False
    )


@pytest.mark.parametrize(("contour", "met"), [(0.99, True), (1.01, False)])
def test_bar_8_is_about_the_loudness_contour(contour: float, met: bool) -> None:
    kind = Kind.EQ_COMPRESSION
    rows = [
        row("identity", 2.0, kind=kind, contour_error_lu=1.5),
        row("fit", 9.0, kind=kind, contour_error_lu=contour),
    ]
    found = bar(rows, 8)
    assert found.met is met
    assert "1.50" in found.reached


@pytest.mark.parametrize(
    ("first", "second", "met"), [(2.0, 0.5, True), (2.0, 0.61, False), (1.0, 0.4, False)]
)
def test_bar_10_limits_the_second_pass_twice(first: float, second: float, met: bool) -> None:
    rows = [row("identity", 2.0), row("fit", 1.0, first_pass_db=first, second_pass_db=second)]
    assert bar(rows, 10).met is met


@pytest.mark.parametrize(("bands", "met"), [((6, 6), True), ((6, 7), False)])
def test_bar_17_counts_bands_where_three_did_the_harm(bands: tuple[int, int], met: bool) -> None:
    rows = [
        row("fit", 1.0, str(index), kind=THREE_BANDS, bands=each)
        for index, each in enumerate(bands)
    ]
    rows.append(row("fit", 1.0, kind=Kind.EQ, bands=10))
    assert bar(rows, 17).met is met


def test_what_was_not_run_is_neither_met_nor_missed() -> None:
    found = bars([row("identity", 2.0, kind=Kind.GAIN), row("fit", 2.0, kind=Kind.GAIN)])
    assert [each.number for each in found] == [5, 6, 7, 8, 10, 17]
    assert {each.met for each in found} == {None}
    assert {each.reached for each in found} == {"not run"}
